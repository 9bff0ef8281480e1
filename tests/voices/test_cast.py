"""Cast files: what is understood, and what is told of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_tts.errors import VoiceError
from dialogue_tts.voices.cast import read_cast


def written(folder: Path, text: str, name: str = "cast.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cast.yaml", "# who speaks\nAnna: clara\n'Dr. No': recordings/no.wav\nNo: 7\nZoë: isla\n"),
        ("cast.yml", '{"Anna": "clara", "Dr. No": "recordings/no.wav", "No": "7", "Zoë": "isla"}'),
        ("cast.json", '{\t"Anna": "clara", "Dr. No": "recordings/no.wav", "No": "7", "Zo\\u00eb": "isla"}'),
    ],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "recordings").mkdir()
    recording = tmp_path / "recordings" / "no.wav"
    recording.touch()
    cast = {"Anna": "clara", "Dr. No": str(recording), "No": "7", "Zoë": "isla"}
    assert read_cast(written(tmp_path, text, name)) == cast


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "pairs of a speaker and a voice"),
        ("- Anna\n- Ben\n", "pairs of a speaker and a voice"),
        ("Anna: [clara, isla]", "pairs of a speaker and a voice"),
        ("Anna: clara\nAnna: isla", "Anna has a voice already"),
        ("Anna:", "'Anna' has no counterpart"),
        ("Anna: 'clara", "this is no cast file"),
        ("{}", "it is empty"),
        ("Anna: &a clara\nBen: *b\n", "this is no cast file"),
    ],
)
def test_what_is_no_cast_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(VoiceError, match="cast.yaml: ") as caught:
        read_cast(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", '{"Anna": 1}', '{"Anna": {}}', '{"Anna": "a", "Anna": "b"}', "{"])
def test_json_that_is_no_cast_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(VoiceError, match="cast.json: "):
        read_cast(written(tmp_path, text, "cast.json"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="none.yaml: the cast file cannot be read"):
        read_cast(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    with pytest.raises(VoiceError, match="this is no cast file"):
        read_cast(tmp_path / "binary.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(VoiceError, match="smaller than 1000 kB"):
        read_cast(tmp_path / "large.yaml")
