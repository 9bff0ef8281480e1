"""What will be said, words said otherwise, and what is found in documents: the studio's answers, without a browser."""

from __future__ import annotations

from pathlib import Path

import soundfile

from dialogue_tts._ui.turns import rows_of, said
from dialogue_tts.script.turns import Turn
from tests.ui.test_handlers import Studio, rows, studio

__all__ = ["studio"]

DIRECTED = "Anna: (laughs) Hello there.\nBen: Yes. (He exits.)\n"


def test_words_are_shown_as_they_are_said(studio: Studio) -> None:
    found = studio.ask("reading", speaker="Anna", text="(laughs) It was $5, Zxqwv!")["words"]
    assert [word["spoken"] for word in found] == ["It", "was", "five dollars", "Zxqwv"]
    assert [word["respelled"] for word in found] == [False, False, True, False] and found[3]["guessed"]
    own = {"words": {"Zxqwv": "zˈO"}, "directions": "spoken"}
    found = studio.ask("reading", speaker="Anna", text="(laughs) Zxqwv!", settings=own)["words"]
    assert [(word["spoken"], word["phonemes"]) for word in found][0][0] == "laughs" and found[1]["phonemes"] == "zˈO"


def test_a_word_is_said_like_another_spelling_and_heard(studio: Studio) -> None:
    like = studio.ask("respell", speaker="Anna", text="zoh")
    assert like["phonemes"]
    heard = studio.ask("hear_word", speaker="Anna", word="Zxqwv", phonemes=like["phonemes"], cast={"Anna": "name:low"})
    assert soundfile.info(heard["file"]).frames > 0
    assert "error" in studio.ask("respell", speaker="Anna", text="[]") and "error" in studio.ask("hear_word", word="")
    assert "error" in studio.ask("hear_word", speaker="Anna", word="Zxqwv", phonemes="?!")
    assert "error" in studio.ask("check", rows=rows(), settings={"words": {"a": "?!"}})


def test_a_dictionary_makes_only_the_turns_with_its_words_anew(studio: Studio) -> None:
    two = rows([("Anna", "Zxqwv is late."), ("Ben", "Is it?")])
    studio.made(rows=two)
    told = studio.ask("make", work="w", rows=two, settings={"words": {"Zxqwv": "zˈO"}})
    assert told["job"]["of"] == 1
    assert studio.wait(told)["result"]["words"] == {"Zxqwv": "zˈO"}


def test_directions_are_left_out_of_what_is_made(studio: Studio) -> None:
    assert said(Turn("Anna", "(laughs) Hello there.")) == Turn("Anna", "Hello there.")
    assert said(Turn("Anna", "(laughs) Hello."), "spoken") == Turn("Anna", "(laughs) Hello.")
    assert said(Turn("Anna", "(laughs)")) is None and said(Turn("Anna", "It is 5 (or 6).")) == Turn(
        "Anna", "It is 5 (or 6)."
    )
    one = rows([("Anna", "(laughs) Hello there.")])
    assert studio.ask("check", rows=one)["said"] == {"0": "Hello there."}
    told = studio.made(rows=one)
    assert told["rows"]["r0"]["takes"][0]["text"] == "Hello there."
    assert studio.ask("make", work="v", rows=one, settings={"directions": "refused"})["where"] == "r0"
    narrated, _ = rows_of(DIRECTED, "narrator")
    assert [row.turn.speaker for row in narrated] == ["Narrator", "Anna", "Ben", "Narrator"]


def test_what_is_found_in_a_document(studio: Studio) -> None:
    pasted = studio.ask("read_document", text=DIRECTED, name="pasted.txt")
    assert [row["text"] for row in pasted["rows"]] == ["Hello there.", "Yes."] and pasted["mistakes"] == 0
    assert all("stage direction" in found["message"] for found in pasted["findings"]) and len(pasted["findings"]) == 2
    path = studio.uploads / "a" / "x.srt"
    path.parent.mkdir()
    path.write_text("1\n00:00:01,000 --> 00:00:03,000\nANNA: Hello there.\n")
    found = studio.ask("read_document", path=str(path), name="x.srt")
    assert [row["text"] for row in found["rows"]] == ["Hello there."] and "times" in found["findings"][0]["message"]
    assert "error" in studio.ask("read_document", path=str(Path(__file__)), name="x.srt")
    path.with_suffix(".docx").write_bytes(b"PK\x03\x04 no")
    assert "error" in studio.ask("read_document", path=str(path.with_suffix(".docx")), name="x.docx")
