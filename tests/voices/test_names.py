"""Speakers' names and the voices that suit them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue_tts.errors import VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.assignment import VoiceResolver
from dialogue_tts.voices.names import MAN, WOMAN, sex_of_name

SEXES = {"clara": WOMAN, "sarah": WOMAN, "nora": WOMAN, "tom": MAN, "ellis": MAN}


@pytest.fixture(scope="module")
def resolver(tiny_tts: DialogueTTS) -> VoiceResolver:
    voice = tiny_tts.bundle.voices["low"]
    voices = {name: replace(voice, name=name, sex=sex) for name, sex in SEXES.items()}
    return VoiceResolver(replace(tiny_tts.bundle, voices=voices), tiny_tts.library)


@pytest.mark.parametrize(
    ("name", "sex"),
    [
        ("Ruth", WOMAN),
        ("ANNA", WOMAN),
        ("Zoë", WOMAN),
        ("Dr. Anna Hill", WOMAN),
        ("Mrs. Leslie", WOMAN),
        ("Old Woman 2", WOMAN),
        ("Grandma", WOMAN),
        ("Ma’am", WOMAN),
        ("Señora Díaz", WOMAN),
        ("Lady Macbeth", WOMAN),
        ("Ben", MAN),
        ("Mr Kim", MAN),
        ("King Lear", MAN),
        ("Piotr", MAN),
        ("Sir Ruth", MAN),
        ("Alex", None),
        ("Narrator", None),
        ("Guard 1", None),
        ("Dr. Watson", None),
        ("Manager", None),
        ("2", None),
        ("安娜", None),
    ],
)
def test_what_a_name_says(name: str, sex: str | None) -> None:
    assert sex_of_name(name) == sex


def test_speakers_get_voices_that_suit_their_names(resolver: VoiceResolver) -> None:
    assigned = resolver.assign(["Ruth", "Ben", "Grandma", "Zork"], {})
    assert [SEXES[str(assigned[name])] for name in ("Ruth", "Ben", "Grandma")] == [WOMAN, MAN, WOMAN]
    assert len(set(assigned.values())) == 4
    assert resolver.assign(["Ruth", "Ben"], {}) == {name: assigned[name] for name in ("Ruth", "Ben")}


def test_a_speaker_has_the_voice_of_that_name(resolver: VoiceResolver) -> None:
    speakers = ["Zork", "Ruth", "Grandma", "NORA", "Tom"]
    assigned = resolver.assign(speakers, {})
    assert (assigned["NORA"], assigned["Tom"]) == ("nora", "tom") and len(set(assigned.values())) == 5
    assert resolver.assign(["Tom", "Ben"], {"Ben": "tom"}) == {"Ben": "tom", "Tom": "ellis"}


def test_where_there_are_none_left_of_a_sort_others_serve(resolver: VoiceResolver) -> None:
    *first, sixth = resolver.assign(["Ben", "Paul", "David", "John", "Peter", "Mark"], {}).values()
    assert set(first) == set(SEXES)
    assert SEXES[str(sixth)] == MAN  # all are free again


def test_a_bundle_without_voices_says_so(resolver: VoiceResolver, tiny_tts: DialogueTTS) -> None:
    bare = VoiceResolver(replace(tiny_tts.bundle, voices={}), tiny_tts.library)
    with pytest.raises(VoiceError, match="Ben: this bundle has no built-in voices; give a recording of one"):
        bare.assign(["Ben"], {})
