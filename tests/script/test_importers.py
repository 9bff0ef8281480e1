"""Files that are damaged, locked, too large or made to harm: each one sentence, and nothing of them is spoken."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dialogue_tts.dialogue.archive import ENDING as ARCHIVE
from dialogue_tts.errors import ScriptError
from dialogue_tts.script import documents
from dialogue_tts.script.documents import READERS, read_draft, read_script
from dialogue_tts.script.importers import archive
from dialogue_tts.script.importers.plain import decode

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "documents"
FILES = sorted(path for path in FOLDER.iterdir() if path.with_name(f"{path.name}.json").is_file())
ZIPPED = [path for path in FILES if path.suffix in (".docx", ".odt", ".epub")]
LAUGHS = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>'


def rezipped(path: Path, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The archive with its parts changed; None leaves one out."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return made.getvalue()


def refused(data: bytes, name: str) -> str:
    with pytest.raises(ScriptError) as error:
        read_draft(data, name).script()
    message = str(error.value)
    assert "\n" not in message and "Traceback" not in message and len(message) < 300
    return message


def test_every_format_has_a_document() -> None:
    assert {path.suffix for path in FILES} >= set(READERS) - {".text", ".markdown", ".spmd"}


def test_every_format_is_offered_by_the_page() -> None:
    page = (ROOT / "ui" / "page" / "incoming.js").read_text(encoding="utf-8")
    offered = re.search(r'DOCUMENTS = "([^"]*)"', page)
    assert offered and {kind for kind in offered[1].split(",") if kind.startswith(".")} == {*READERS, ARCHIVE}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_a_file_cut_off_is_an_error_or_less_of_the_same(path: Path, share: float) -> None:
    data = path.read_bytes()
    whole = " ".join(read_draft(data, path.name).lines)
    try:
        draft = read_draft(data[: int(share * len(data))], path.name)
    except ScriptError as error:
        assert len(str(error)) < 300
        return
    words = {word.strip("*_()[]") for turn in draft.turns for word in turn.text.split()}
    assert len([word for word in words if word not in whole]) <= 1  # the one that was cut


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bytes_of_something_else_are_an_error(path: Path) -> None:
    refused(bytes(range(256)) * 40, path.name)


@pytest.mark.parametrize("path", ZIPPED, ids=lambda path: path.name)
def test_archives_made_to_harm_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = {".docx": "word/document.xml", ".odt": "content.xml", ".epub": "OEBPS/content.opf"}[path.suffix]
    laughing = rezipped(path, lambda name, data: LAUGHS.encode() if name == main else data)
    assert "entities" in refused(laughing, path.name)
    assert "damaged" in refused(rezipped(path, lambda name, data: None if name == main else data), path.name)
    assert "damaged" in refused(rezipped(path, lambda name, data: data[:50] if name == main else data), path.name)
    monkeypatch.setattr(archive, "MOST_UNPACKED", 2**20)
    bomb = rezipped(path, lambda name, data: data + b" " * 2**22 if name == main else data)
    assert len(bomb) < 100_000 and "unpacks to more than 1 MB" in refused(bomb, path.name)


def test_what_says_it_is_small_is_not_unpacked_further() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("content.xml", b" " * 2**24)
    data = made.getvalue().replace((2**24).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert "damaged" in refused(data, "x.odt")


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    assert "larger than" in refused(b"[Anna] Hi. " * 100, "x.txt")
    monkeypatch.setattr(documents, "MOST_BYTES", 2000)
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 1000)
    assert "longer than 1000 characters" in refused(b"[Anna] Hi. " * 100, "x.txt")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.pdf", b"%PDF-1.7", ".pdf files are not read"),
        ("x.doc", b"\xd0\xcf\x11\xe0", ".doc files are not read"),
        ("x.txt", b"PK\x03\x04....", "zipped file, not text"),
        ("x.rtf", b"Anna: Hi.", "no rich text"),
        ("x.srt", b"Anna: Hi.", "no SubRip subtitles"),
        ("x.srt", b"", "no cues"),
        ("x.vtt", b"Anna: Hi.", "no WebVTT subtitles"),
        ("x.vtt", b"WEBVTT\n\n00:01 --> soon\nHi.", "no cues"),
        ("x.json", b"[1, 2", "this is not JSON"),
        ("x.json", b"[1, 2]", "no messages"),
        ("x.json", b"[" * 100_000, "this is not JSON"),
        ("x.txt", "Anna: Hi.".encode("utf-16")[:-1], "no whole UTF-16 text"),
        ("x.txt", b"Anna\0: Hi.\0\0\0", "no text that can be read"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(name: str, data: bytes, said: str) -> None:
    assert said in refused(data, name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"none\.docx: the script cannot be read \(No such file"):
        read_script(tmp_path / "none.docx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding: str) -> None:
    text = "Anna: Grüße aus Kraków!\r\nBen: Zażółć."
    assert decode(text.encode(encoding)) == (text, None)


def test_an_encoding_that_had_to_be_told_is_a_finding() -> None:
    text = "Zoé: Où est le café, déjà fermé à cette heure? C'est très étrange, n'est-ce pas?"
    draft = read_draft(text.encode("cp1252"), "x.txt")
    assert draft.turns[0].text.startswith("Où est le café") and "was read as" in draft.findings[0].message


def test_every_shape_of_chat() -> None:
    message = {"role": "user", "content": "Hi."}
    node = {
        "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hi."]}},
        "parent": None,
    }
    shapes = [
        [message],
        {"messages": [message]},
        {"conversations": [{"from": "user", "value": "Hi."}]},
        [{"title": "x", "mapping": {"a": node}, "current_node": "a"}],
        [{"speaker": "user", "text": "Hi."}],
        {"segments": [{"speaker": "user", "text": " Hi.", "start": 0.0}]},
        {"choices": [{"message": message}], "messages": [message]},
    ]
    for shape in shapes:
        (turn,) = read_draft(json.dumps(shape).encode(), "x.json").turns
        assert (turn.speaker, turn.text) == ("User", "Hi.")


def test_a_prose_document_is_read_by_a_narrator() -> None:
    draft = read_draft(b"It rained.\n\nNobody came (nobody at all).", "x.txt")
    assert [(turn.speaker, turn.text) for turn in draft.turns] == [
        ("Narrator", "It rained."),
        ("Narrator", "Nobody came (nobody at all)."),
    ]
    assert draft.findings[0].severity == "warning" and "names no speaker" in draft.findings[0].message


@pytest.mark.parametrize("name", ["x.txt", "x.md", "x.fountain", "x.srt", "x.rtf"])
def test_long_documents_are_read_in_time(name: str) -> None:
    unit = {
        "x.fountain": "ANNA\nIt was a long way down.\n\n",
        "x.srt": "1\n00:00:01,000 --> 00:00:02,000\nAnna: It was a long way down.\n\n",
    }.get(name, "Anna: It was a long way down.\n\n")
    count = 100_000 // len(unit)
    text = "".join(unit.replace("long", f"long, {n},") for n in range(count))
    data = text.encode() if name != "x.rtf" else b"{\\rtf1 " + text.replace("\n", "\\par\n").encode() + b"}"
    began = time.process_time()
    assert len(read_draft(data, name).turns) == count
    assert time.process_time() - began < 6  # 2 s where nothing else runs


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("x.srt", part) for part in ("\t ", "1", "\xa0", "  \n", "1 ", "1\n", "00:00:01,0")),
        *(("x.fountain", part) for part in ("[", "[[a ", "/* a ", "/*", "A (", "\t ")),
        *(("x.vtt", part) for part in ("\t ", "1", "00:01.000 ")),
    ],
)
def test_what_a_pattern_may_look_at_again_and_again_is_read_in_time(name: str, part: str) -> None:
    """Or refused. Half a million characters of it took minutes."""
    text = ("WEBVTT\n\n" if name == "x.vtt" else "") + part * (100_000 // len(part))
    began = time.process_time()
    with contextlib.suppress(ScriptError):
        read_draft(text.encode(), name)
    assert time.process_time() - began < 4
