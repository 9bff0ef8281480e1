"""From finished runs to a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dialogue_tts.bundle import CONFIG, VOICES, Bundle, BundleConfig, list_voices
from dialogue_tts.config import from_dict, read_json
from dialogue_tts.errors import BundleError
from dialogue_tts.training import recipes


def export_bundle(out: Path, runs: Path, voices: Path, name: str) -> None:
    """Write the bundle `name` into `out` from the averaged weights in `runs`.

    Decoding settings stay as they are where `out` holds a bundle already.

    Raises:
        ConfigError: a stage was not trained; BundleError: no voices.
    """
    if not (voices / VOICES).is_file():
        raise BundleError(f"{voices}: there is no {VOICES}; a bundle needs voices.")
    codec = recipes.trained_codec(runs)
    semantic_tokenizer = recipes.trained_semantic_tokenizer(runs)
    text_to_semantic = recipes.trained_text_to_semantic(runs)
    soundstorm = recipes.trained_soundstorm(runs)
    config = BundleConfig(
        name=name,
        codec=codec.config,
        semantic_tokenizer=semantic_tokenizer.config,
        text_to_semantic=text_to_semantic.config,
        soundstorm=soundstorm.config,
    )
    config = _with_decoding(config, out)
    passes = (*config.acoustic_decoding.passes, *[1] * codec.config.levels)[: codec.config.levels]  # one for each level
    config = replace(config, acoustic_decoding=replace(config.acoustic_decoding, passes=passes))
    Bundle(
        config,
        codec,
        semantic_tokenizer,
        text_to_semantic,
        soundstorm,
        recipes.text_tokenizer(runs),
        list_voices(voices),
    ).save(out)


def _with_decoding(config: BundleConfig, out: Path) -> BundleConfig:
    """The decoding settings of the bundle in `out`, which were tuned by the judges."""
    if not (out / CONFIG).is_file():
        return config
    old = from_dict(BundleConfig, read_json(out / CONFIG))
    return replace(config, semantic_decoding=old.semantic_decoding, acoustic_decoding=old.acoustic_decoding)
