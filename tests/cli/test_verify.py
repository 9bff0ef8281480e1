"""`verify` on sound with a mark and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dialogue_tts.audio.io import write_audio
from dialogue_tts.bundle import known_bundle
from dialogue_tts.provenance.mark import Mark, bundle_code

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_dir: Path) -> Path:
    """A folder with a marked sound and a plain one."""
    folder = tmp_path_factory.mktemp("sounds")
    noise = np.random.default_rng(4).standard_normal(4 * 24_000).astype(np.float32)
    noise *= 0.05 * (np.sin(np.arange(noise.size) / 5000) > -0.6)
    mark = Mark(bundle_code(*known_bundle(tiny_bundle_dir)), 5)
    write_audio(
        folder / "ours.flac", mark.applied(noise), 24_000, "Synthetic speech, made by dialogue-tts with bundle tiny."
    )
    write_audio(folder / "theirs.wav", noise, 24_000, "Recorded by a sailor.")
    return folder


def test_a_marked_file(run: CommandLine, sounds: Path) -> None:
    result = run("verify", sounds / "ours.flac")
    assert result.exit_code == 0, result.output
    assert (
        "bundle tiny" in result.stdout and "operator 5" in result.stdout and "the file says: Synthetic" in result.stdout
    )


def test_a_folder_with_a_file_that_is_not_ours(run: CommandLine, sounds: Path) -> None:
    result = run("verify", sounds, "--json")
    assert result.exit_code == 1
    ours, theirs = json.loads(result.stdout)
    assert (ours["marked"], theirs["marked"]) == (True, False)
    assert ours["parts"][0]["mark"]["operator"] == 5 and ours["parts"][0]["bundles"] == ["tiny"]
    assert theirs["parts"] == [] and theirs["comment"] == "" and "does not say" in theirs["says"][0]


def test_what_cannot_be_verified(run: CommandLine, sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run.refused("verify", tmp_path / "empty", said="no sound file in this folder")
    run.refused("verify", tmp_path / "missing.wav", said="no such file")
    run.refused("verify", sounds / "ours.flac", "--bundle", tmp_path, said="this is no bundle", bundle=False)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    result = run("verify", tmp_path / "broken.wav", sounds / "ours.flac")
    assert (
        result.exit_code == 2 and "broken.wav: this is no sound file" in result.stderr and "ours.flac" in result.stdout
    )
