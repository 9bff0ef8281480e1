"""Bundles on disk: whole ones come back as they were, all others are told apart in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dialogue_tts import bundle as bundles
from dialogue_tts.bundle import FORMAT, Bundle, find_bundle, list_voices, write_sums
from dialogue_tts.errors import BundleError, ConfigError, DialogueTTSError
from dialogue_tts.pipeline import DialogueTTS

FILES = (
    "config.json",
    "codec.safetensors",
    "semantic_tokenizer.safetensors",
    "text_to_semantic.safetensors",
    "soundstorm.safetensors",
    "speaker_embedding.safetensors",
    "text.model",
    "voices.json",
    "voices/low.flac",
    "voices/high.flac",
)


@pytest.fixture
def copy(tiny_bundle_dir: Path, tmp_path: Path) -> Path:
    """A bundle to break."""
    return Path(shutil.copytree(tiny_bundle_dir, tmp_path / "bundle"))


def refusal(folder: Path) -> str:
    """The one line that says why a bundle is not loaded."""
    with pytest.raises(BundleError) as error:
        Bundle.load(folder)
    message = str(error.value)
    assert "\n" not in message and str(folder) in message
    return message


def change(folder: Path, edit: Callable[[dict[str, Any]], object], name: str = "config.json") -> None:
    """Edit a JSON file, and keep the checksums right."""
    values = json.loads((folder / name).read_text(encoding="utf-8"))
    edit(values)
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    write_sums(folder)


def cut_short(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0x10
    path.write_bytes(content)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def test_the_folder_holds_only_formats_that_run_nothing(tiny_bundle_dir: Path) -> None:
    found = {p.relative_to(tiny_bundle_dir).as_posix() for p in tiny_bundle_dir.rglob("*") if p.is_file()}
    assert found == {*FILES, "SHA256SUMS"}


def test_checksums_cover_every_other_file_and_nothing_else(tiny_bundle_dir: Path) -> None:
    lines = (tiny_bundle_dir / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert sorted(line[66:] for line in lines) == sorted(FILES)
    assert all(line[64:66] == "  " and set(line[:64]) <= set("0123456789abcdef") for line in lines)


def test_what_is_saved_comes_back(tiny_tts: DialogueTTS, tmp_path: Path) -> None:
    # A bundle that was loaded has float16 weights already, so that saving it again loses nothing.
    tiny_tts.bundle.save(tmp_path / "again")
    again = Bundle.load(tmp_path / "again")
    assert again.config == tiny_tts.bundle.config
    assert {n: (v.description, v.origin) for n, v in again.voices.items()} == {
        n: (v.description, v.origin) for n, v in tiny_tts.bundle.voices.items()
    }
    for name in bundles.NETWORKS:
        old, new = getattr(tiny_tts.bundle, name).state_dict(), getattr(again, name).state_dict()
        assert set(old) == set(new) and all(torch.equal(old[key], new[key]) for key in old)
    script = "[Anna] Good evening. [Ben] Hello!"
    old, new = (tts.synthesize(script, seed=4) for tts in (tiny_tts, DialogueTTS(again, tiny_tts.config)))
    assert old.waveform.tobytes() == new.waveform.tobytes() and old.turns == new.turns


def test_saving_in_its_own_place_changes_nothing(copy: Path) -> None:
    before = {name: (copy / name).read_bytes() for name in (*FILES, "SHA256SUMS")}
    Bundle.load(copy).save(copy)
    assert {name: (copy / name).read_bytes() for name in before} == before


def test_networks_are_ready_to_run(tiny_tts: DialogueTTS) -> None:
    for name in bundles.NETWORKS:
        network = getattr(tiny_tts.bundle, name)
        assert not any(module.training for module in network.modules())
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("damage", [Path.unlink, cut_short, flip_a_byte, grow])
@pytest.mark.parametrize("name", FILES)
def test_each_file_is_needed_whole(copy: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(copy / name)
    message = refusal(copy)
    assert f"{name} is {'missing' if damage is Path.unlink else 'damaged'}" in message
    assert "fetch the bundle again" in message


@pytest.mark.parametrize("name", ["config.json", "voices.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"name": 3}'])
def test_json_files_that_say_nothing_useful(copy: Path, name: str, content: bytes) -> None:
    (copy / name).write_bytes(content)
    write_sums(copy)
    refusal(copy)


@pytest.mark.parametrize("name", [n for n in FILES if n.endswith((".safetensors", ".model"))])
@pytest.mark.parametrize("damage", [cut_short, lambda path: path.write_bytes(b""), lambda p: p.write_bytes(b"x" * 99)])
def test_weights_that_cannot_be_read_though_checksums_agree(
    copy: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(copy / name)
    write_sums(copy)
    message = refusal(copy)
    assert name in message or (name == "text.model" and "text tokens" in message)


def test_weights_of_another_network(copy: Path) -> None:
    shutil.copyfile(copy / "codec.safetensors", copy / "soundstorm.safetensors")
    write_sums(copy)
    assert "soundstorm.safetensors" in refusal(copy)


def test_weights_of_another_size(copy: Path) -> None:
    change(copy, lambda c: c["codec"].update(encoder_hidden=22))
    assert "codec.safetensors" in refusal(copy)


def test_checksums_must_be_there_and_name_every_file(copy: Path) -> None:
    path = copy / "SHA256SUMS"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for name in FILES:
        path.write_text("".join(line for line in lines if not line.endswith(f"  {name}\n")), encoding="utf-8")
        assert f"SHA256SUMS lacks {Path(name).name}" in refusal(copy)
    for content in (b"", b"no sums\n", b"\xff\xfe\n", "".join(lines)[:-4].encode()):
        path.write_bytes(content)
        assert "SHA256SUMS lacks" in refusal(copy) or "is missing" in refusal(copy)
    path.unlink()
    assert "SHA256SUMS is missing" in refusal(copy)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(colour="red"), "colour: there is no such setting"),
        (lambda c: c["soundstorm"].update(depth=3), "soundstorm.depth: there is no such setting"),
        (lambda c: c["codec"]["views"][0].update(bands=3), "codec.views"),
        (lambda c: c.pop("codec"), "codec"),
        (lambda c: c["codec"].update(levels="three"), "codec.levels: expected int"),
        (lambda c: c["codec"].update(levels=True), "codec.levels: expected int"),
        (lambda c: c.update(format=FORMAT + 1), f"format {FORMAT + 1} is not known"),
        (lambda c: c.update(format=0), "format 0 is not known"),
    ],
)
def test_settings_that_are_not_known(copy: Path, edit: Callable[[dict[str, Any]], object], message: str) -> None:
    change(copy, edit)
    assert message in refusal(copy)


def test_a_later_format_says_so_whatever_else_is_new(copy: Path) -> None:
    change(copy, lambda c: c.update(format=FORMAT + 1, vocoder={}))
    assert "update dialogue-tts" in refusal(copy)


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda c: c["soundstorm"].update(semantic_vocabulary=13), "semantic tokens"),
        (lambda c: c["text_to_semantic"].update(semantic_vocabulary=11), "semantic tokens"),
        (lambda c: c["semantic_tokenizer"].update(levels=[3, 5]), "semantic tokens"),
        (lambda c: c["soundstorm"].update(levels=2), "codec levels"),
        (lambda c: c["codec"].update(levels=4), "codec levels"),
        (lambda c: c["acoustic_decoding"].update(passes=[3, 2]), "codec levels"),
        (lambda c: c["soundstorm"].update(codebook_size=18), "codebook sizes"),
        (lambda c: c["text_to_semantic"].update(text_vocabulary=50), "text tokens"),
    ],
)
def test_stages_that_do_not_agree(copy: Path, edit: Callable[[dict[str, Any]], object], what: str) -> None:
    change(copy, edit)
    message = refusal(copy)
    assert "the stages do not fit together" in message and what in message


def test_voices_are_listed_with_their_recordings(tiny_bundle_dir: Path) -> None:
    voices = list_voices(tiny_bundle_dir)
    assert list(voices) == ["low", "high"]
    assert voices["low"].recording == tiny_bundle_dir / "voices" / "low.flac" and voices["low"].recording.is_file()
    assert (voices["low"].description, voices["low"].origin) == ("a low tone", "made by a test")


@pytest.mark.parametrize("name", ["../config", "a/b", "", "/etc/passwd"])
def test_voice_names_stay_in_the_folder(copy: Path, name: str) -> None:
    change(copy, lambda v: v["voices"][0].update(name=name), "voices.json")
    with pytest.raises(ConfigError):
        list_voices(copy)
    refusal(copy)


def test_a_listed_voice_needs_its_recording(copy: Path) -> None:
    change(copy, lambda v: v["voices"][0].update(name="medium"), "voices.json")
    assert "medium" in refusal(copy)


def test_bundles_are_found_by_folder_and_by_name(
    tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_bundle(tiny_bundle_dir) == tiny_bundle_dir
    assert find_bundle(str(tiny_bundle_dir)) == tiny_bundle_dir
    # A wheel has the bundles inside the package, a checkout a link to models/.
    shutil.copytree(tiny_bundle_dir, tmp_path / "models" / bundles.DEFAULT_NAME)
    monkeypatch.setattr(bundles, "__file__", str(tmp_path / "dialogue_tts" / "bundle.py"))
    (tmp_path / "dialogue_tts").mkdir()
    (tmp_path / "dialogue_tts" / "_models").symlink_to(Path("..") / "models")
    assert find_bundle() == find_bundle(bundles.DEFAULT_NAME) == tmp_path / "models" / bundles.DEFAULT_NAME
    (tmp_path / "dialogue_tts" / "_models").unlink()
    (tmp_path / "models").rename(tmp_path / "dialogue_tts" / "_models")
    assert find_bundle() == tmp_path / "dialogue_tts" / "_models" / bundles.DEFAULT_NAME


@pytest.mark.parametrize("name", ["xx-huge", "no such bundle", "./none/here", "/none/here", "a/b/c", "../models"])
def test_a_bundle_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    with pytest.raises(BundleError) as error:
        Bundle.load(find_bundle(name))
    assert "\n" not in str(error.value) and "give a bundle's folder" in str(error.value)


def test_a_hub_id_the_hub_does_not_give(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def fetch(name: str, allow_patterns: list[str]) -> str:
        assert name == "somebody/voices" and not any(p in allow_patterns for p in ("*", "*.bin", "*.pt", "*.py"))
        assert not any(p.startswith("*") for p in allow_patterns), "they would take in checkpoints of an adapted bundle"
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    with pytest.raises(BundleError, match="the hub does not give it") as error:
        find_bundle("somebody/voices")
    assert "\n" not in str(error.value)


def test_a_hub_id_that_is_no_hub_id() -> None:
    with pytest.raises(DialogueTTSError):  # the hub's own rule, told before anything is asked of it
        find_bundle("some body/voi ces")


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    assert "no bundle" in refusal(tmp_path)


def test_a_bundle_may_be_without_voices(tiny_tts: DialogueTTS, tmp_path: Path) -> None:
    replace(tiny_tts.bundle, voices={}).save(tmp_path / "mute")
    assert Bundle.load(tmp_path / "mute").voices == {}
