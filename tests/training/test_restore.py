"""A bundle gives runs to go on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.errors import BundleError, ConfigError
from dialogue_tts.training import export, recipes
from dialogue_tts.training.export import restore_runs


def test_restored_runs_hold_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its SoundStorm was told qualities, of which a bundle's has none; and after a try that was killed."""
    folder = Path(shutil.copytree(find_bundle(), tmp_path / "bundle"))
    recipe = folder / "recipe" / "soundstorm.json"
    values = json.loads(recipe.read_text())
    recipe.write_text(json.dumps(values | {"training": values.get("training", {}) | {"quality_edges": [3.2, 4.0]}}))
    bundle, tmp_path = Bundle.load(folder), tmp_path / "runs"
    with monkeypatch.context() as killed:
        writes, written = export.save_file, []

        def dies(*given: object, **settings: object) -> None:
            written.append(given)
            if len(written) == 3:
                raise KeyboardInterrupt
            writes(*given, **settings)  # type: ignore[arg-type]

        killed.setattr(export, "save_file", dies)
        with pytest.raises(KeyboardInterrupt):
            restore_runs(folder, tmp_path)
    restore_runs(folder, tmp_path)
    pairs = (
        (recipes.trained_codec(tmp_path), bundle.codec),
        (recipes.trained_semantic_tokenizer(tmp_path), bundle.semantic_tokenizer),
        (recipes.trained_text_to_semantic(tmp_path), bundle.text_to_semantic),
        (recipes.trained_soundstorm(tmp_path), bundle.soundstorm),
        (recipes.trained_speaker_embedding(tmp_path), bundle.speaker_embedding),
    )
    for restored, original in pairs:
        assert restored.config == original.config
        weights = original.state_dict()
        for key, value in restored.state_dict().items():
            assert torch.equal(value, weights[key]), key
    with pytest.raises(ConfigError, match="there is a run already"):
        restore_runs(folder, tmp_path)


def test_a_bundle_without_recipes_is_told(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no recipe"):
        restore_runs(tiny_bundle_dir, tmp_path)
    assert not list(tmp_path.iterdir())
