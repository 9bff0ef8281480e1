"""Tags, chapters, covers, reports, transcripts, and projects in one file."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dialogue_tts.audio.tagged import CODECS, Picture
from dialogue_tts.dialogue.archive import load_archive, save_archive
from dialogue_tts.dialogue.arrangement import Bed, MixConfig, Sound
from dialogue_tts.dialogue.publication import Chapter, Publication, acx_report, chapters_of, read_publication
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.saved_takes import take_to_bytes
from dialogue_tts.dialogue.transcript import transcript
from dialogue_tts.errors import AudioError, ConfigError, ProjectError, SettingsError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.mark import Mark, bundle_code
from dialogue_tts.provenance.verify import verify_file
from dialogue_tts.script.parser import parse_draft
from dialogue_tts.voices.voice import Consent

RATE = 24_000


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([180, 90, 40]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    from io import BytesIO

    held = BytesIO()
    with av.open(held, "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")
        file.mux(stream.encode(frame.reformat(format="yuvj420p")))
        file.mux(stream.encode(None))
    return held.getvalue()


@pytest.fixture(scope="module")
def spoken(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize("[Anna] Good evening.\n[Ben] It is <b>ten</b> past five.\n[Anna] Is it?", seed=2)


ABOUT = Publication(
    title="Ärger & Co.",
    author="The two of us",
    show="Evenings",
    episode=7,
    date="2026-11-01",
    chapters=(Chapter(0, "Hello"), Chapter(2, "Who knows")),
    cover=base64.b64encode(png(48, 32)).decode(),
)


@pytest.mark.parametrize("ending", sorted(CODECS))
def test_tags_chapters_and_cover_are_in_the_file(spoken: Dialogue, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"episode{ending}"
    ABOUT.save(spoken, path)
    with av.open(str(path)) as file:
        sound = file.streams.audio[0]
        told = {key.lower(): value for key, value in {**sound.metadata, **file.metadata}.items()}
        assert {told["title"], told["artist"], told["album"]} == {"Ärger & Co.", "The two of us", "Evenings"}
        assert told["track"] == "7" and told["date"].startswith("2026") and "Synthetic speech" in told["comment"]
        assert sound.rate == (48_000 if ending == ".opus" else 44_100)
        assert file.duration / 1e6 == pytest.approx(spoken.duration, abs=0.1)
        marks = [(mark["metadata"]["title"], mark["start"] * float(mark["time_base"])) for mark in file.chapters()]
        assert [title for title, _ in marks] == ["Hello", "Who knows"]
        assert [start for _, start in marks] == pytest.approx([0, spoken.turns[2].start], abs=0.002)
        cover = next(file.demux(file.streams.video[0]))
        assert bytes(cover) == base64.b64decode(ABOUT.cover)
    if ending in (".mp3", ".flac", ".opus"):
        found = verify_file(path)
        assert found.marked and found.comment == spoken.provenance


def test_a_jpeg_is_a_cover_and_a_letter_is_none(spoken: Dialogue, tmp_path: Path) -> None:
    picture = Picture.parse(jpeg(64, 48))
    assert (picture.mime, picture.width, picture.height) == ("image/jpeg", 64, 48)
    replace(ABOUT, cover=base64.b64encode(picture.data).decode()).save(spoken, tmp_path / "a.m4a")
    with av.open(str(tmp_path / "a.m4a")) as file:
        assert file.streams.video[0].codec_context.name == "mjpeg"
    for data in (b"Dear Anna", png(48, 32)[:20], b"\xff\xd8\xff\xe0", png(5000, 1)):
        with pytest.raises(AudioError, match="no JPEG or PNG"):
            Picture.parse(data)
    with pytest.raises(AudioError, match="damaged"):
        replace(ABOUT, cover="?").picture()


def test_what_cannot_be_published_is_told_before_anything_is_written(spoken: Dialogue, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="begins with turn 3, but there are 3"):
        replace(ABOUT, chapters=(Chapter(3, "Late"),)).save(spoken, tmp_path / "a.mp3")
    with pytest.raises(AudioError, match="names no format with tags"):
        ABOUT.save(spoken, tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


def test_a_publication_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text(json.dumps({"title": "Tea", "cover": "tea.png", "chapters": [{"turn": 0, "title": "Hello"}]}))
    with pytest.raises(AudioError, match="tea.png: the cover cannot be read"):
        read_publication(path)
    (tmp_path / "tea.png").write_bytes(png(8, 8))
    found = read_publication(path)
    assert found.picture() == Picture.parse(png(8, 8)) and found.chapters == (Chapter(0, "Hello"),)
    path.write_text(json.dumps({"date": "last week"}))
    with pytest.raises(ConfigError, match="date"):
        read_publication(path)


def test_headings_are_chapters() -> None:
    text = "# a note\n## Hello\n[Anna] One.\n[Ben] Two.\n\n### The\n## Harbour\n[Anna] Three.\n## behind"
    assert chapters_of(parse_draft(text)) == (Chapter(0, "Hello"), Chapter(2, "The, Harbour"))
    play = "ACT I\n\nScene 2: The quay\n\nAnna: One.\nBen: Two.\n\nScene 3\n\nAnna: Three."
    assert chapters_of(parse_draft(play)) == (Chapter(0, "ACT I, Scene 2: The quay"), Chapter(2, "Scene 3"))
    assert chapters_of(parse_draft("Anna: One.")) == ()


def test_the_report_for_audiobooks(spoken: Dialogue) -> None:
    hum = (0.02 * np.sin(np.arange(3 * RATE) / 9) * (np.arange(3 * RATE) > RATE)).astype(np.float32)
    part = spoken.turn_takes[0]
    quiet = replace(spoken, turn_takes=(replace(part, takes=(replace(part.take, waveform=hum),)),))
    assert not acx_report(quiet, ABOUT)[0].passed
    book = quiet.arranged(MixConfig(master="audiobook"))
    told = {measure.name: measure for measure in acx_report(book, replace(ABOUT, bitrate_kbps=192))}
    assert all(told[name].passed for name in ("RMS", "peak", "noise floor", "length", "bit rate", "sample rate"))
    assert told["RMS"].says.endswith("dB; -23 to -18 dB is asked for")
    assert not {m.name: m for m in acx_report(book, ABOUT)}["bit rate"].passed


def test_the_transcript_is_a_page_and_runs_nothing_that_was_written(spoken: Dialogue) -> None:
    page = transcript(spoken, "episode.mp3", "<script>", "Me & you", ABOUT.marks(spoken))
    assert page.count('class="turn"') == 3 and page.count("<h2>") == 2 and 'src="episode.mp3"' in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "&lt;b&gt;" in page
    assert page.count("<script>") == 1


def archived(tts: DialogueTTS, dialogue: Dialogue, path: Path) -> tuple[str, ...]:
    rain = Sound("rain", np.full(RATE, 0.125, np.float32))
    return save_archive(dialogue.arranged(MixConfig(bed=Bed("rain")), {"rain": rain}), path, ABOUT)


def test_a_project_in_one_file_opens_with_the_same_bytes_and_computes_nothing(
    tiny_tts: DialogueTTS, spoken: Dialogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = tiny_tts.redo(spoken, 1)
    path = tmp_path / "talk.dialogue"
    assert archived(tiny_tts, spoken, path) == ("Anna", "Ben")  # they come with the bundle
    monkeypatch.setattr(tiny_tts, "scheduler", None)
    again = tiny_tts.open(path)
    assert again.sha256 == load_archive(path).project.sha256 != spoken.sha256
    assert [part.takes for part in again.turn_takes] == [part.takes for part in spoken.turn_takes]
    assert again.arranged(MixConfig()).sha256 == spoken.sha256
    assert load_archive(path).publication == ABOUT
    monkeypatch.setattr(tiny_tts, "mark", Mark(bundle_code("newer", "0" * 64), 7))
    elsewhere = tiny_tts.open(path).mark
    assert spoken.mark and elsewhere == Mark(spoken.mark.bundle, 7) != tiny_tts.mark  # who made it, and who hands it on


def test_voices_go_along_where_somebody_agreed(tiny_tts: DialogueTTS, spoken: Dialogue, tmp_path: Path) -> None:
    voice = replace(tiny_tts.voice("low"), name="My own", consent=Consent("own", "Anna", "2026-01-31"))
    talk = tiny_tts.synthesize("[Anna] Good evening.", {"Anna": voice})
    assert archived(tiny_tts, talk, tmp_path / "own.dialogue") == ()
    assert tiny_tts.open(tmp_path / "own.dialogue").voices["Anna"].name == "My own"
    talk = tiny_tts.synthesize("[Anna] Good evening.", {"Anna": replace(voice, consent=None)})
    assert archived(tiny_tts, talk, tmp_path / "other.dialogue") == ("Anna",)
    with pytest.raises(ProjectError, match="the voice 'My own' is neither built in nor kept"):
        tiny_tts.open(tmp_path / "other.dialogue")
    assert tiny_tts.open(tmp_path / "other.dialogue", {"Anna": voice}).duration > 0


def changed(path: Path, target: Path, parts: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (data := parts.get(name, old.read(name))) is not None:
                new.writestr(name, data)
    return target


def test_damaged_archives_are_told(tiny_tts: DialogueTTS, spoken: Dialogue, tmp_path: Path) -> None:
    path = tmp_path / "talk.dialogue"
    archived(tiny_tts, spoken, path)
    for parts, told in (
        ({"takes/0-0.safetensors": None}, "0-0.safetensors is missing"),
        ({"takes/0-0.safetensors": b"RIFF"}, "damaged"),
        ({"takes/0-0.safetensors": take_to_bytes(spoken.takes(1)[0])}, "the take of another turn"),
        ({"project.json": b"{}"}, "no project file"),
    ):
        with pytest.raises(ProjectError, match=told):
            load_archive(changed(path, tmp_path / "bad.dialogue", parts))
    shutil.copyfile(__file__, tmp_path / "text.dialogue")
    with pytest.raises(ProjectError, match="no project in one file"):
        load_archive(tmp_path / "text.dialogue")


def test_a_wrong_voice_is_told(tiny_tts: DialogueTTS, spoken: Dialogue, tmp_path: Path) -> None:
    archived(tiny_tts, spoken, tmp_path / "talk.dialogue")
    with pytest.raises((ProjectError, VoiceError), match="is not the"):
        tiny_tts.open(tmp_path / "talk.dialogue", {"Anna": "high", "Ben": "high"})
