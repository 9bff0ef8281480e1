"""From finished runs to a bundle, and back."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from dialogue_tts.bundle import CONFIG, VOICES, Bundle, BundleConfig, list_voices
from dialogue_tts.codec.model import Codec
from dialogue_tts.config import from_dict, read_json
from dialogue_tts.errors import BundleError, ConfigError
from dialogue_tts.files import whole_file
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.training import recipes
from dialogue_tts.training.checkpoints import CHECKPOINT
from dialogue_tts.training.pretrained import CODEC, NETWORK, SEMANTIC, CodecPretrainedRecipe

RECIPES = "recipe"  # folder in a bundle: one for each stage


def export_bundle(out: Path, runs: Path, voices: Path, name: str) -> None:
    """Write the bundle `name` into `out` from the averaged weights in `runs`, with the recipes that `restore_runs` needs.

    Where `out` holds a bundle already its decoding settings stay, and each recipe of which there is no run here.

    Raises:
        ConfigError: a stage was not trained; BundleError: no voices.
    """
    if not (voices / VOICES).is_file():
        raise BundleError(f"{voices}: there is no {VOICES}; a bundle needs voices.")
    codec = recipes.trained_codec(runs)
    semantic_tokenizer = recipes.trained_semantic_tokenizer(runs)
    text_to_semantic = recipes.trained_text_to_semantic(runs)
    soundstorm = recipes.trained_soundstorm(runs)
    speaker_embedding = recipes.trained_speaker_embedding(runs)
    config = BundleConfig(
        name=name,
        codec=codec.sizes,  # type: ignore[arg-type]  # the configuration of one of the two
        semantic_tokenizer=semantic_tokenizer.config,
        text_to_semantic=text_to_semantic.config,
        soundstorm=soundstorm.config,
        speaker_embedding=speaker_embedding.config,
    )
    config = _with_decoding(config, out)
    levels = soundstorm.config.levels
    passes = (*config.acoustic_decoding.passes, *[1] * levels)[:levels]  # one for each level
    config = replace(config, acoustic_decoding=replace(config.acoustic_decoding, passes=passes))
    Bundle(
        config,
        codec,
        semantic_tokenizer,
        text_to_semantic,
        soundstorm,
        speaker_embedding,
        recipes.text_tokenizer(runs),
        list_voices(voices),
    ).save(out)
    (out / RECIPES).mkdir(exist_ok=True)
    for stage in recipes.RECIPES:
        kept, written = runs / stage / recipes.RECIPE, out / RECIPES / f"{stage}.json"
        if kept.is_file() and (runs / stage / CHECKPOINT).is_file():  # also over an older one, which fits other weights
            with whole_file(written) as draft:
                shutil.copyfile(kept, draft)


def _with_decoding(config: BundleConfig, out: Path) -> BundleConfig:
    """The decoding settings of the bundle in `out`, which were tuned by the judges, its accents and its measure of speech."""
    if not (out / CONFIG).is_file():
        return config
    old = from_dict(BundleConfig, read_json(out / CONFIG))
    least = old.semantic_tokenizer.least_phones_a_second
    return replace(
        config,
        semantic_tokenizer=replace(config.semantic_tokenizer, least_phones_a_second=least),
        semantic_decoding=old.semantic_decoding,
        acoustic_decoding=old.acoustic_decoding,
        accents=old.accents,
    )


def restore_runs(folder: Path, runs: Path) -> None:
    """Make runs to go on from out of a bundle whose own runs are lost: averaged weights, optimisers start anew.

    Raises:
        BundleError: the bundle cannot be loaded, or carries no recipes.
        ConfigError: `runs` holds one of the runs already.
    """
    bundle = Bundle.load(folder)
    codec, semantic = bundle.codec, bundle.semantic_tokenizer
    networks: dict[str, tuple[str, dict[str, Tensor]]] = {}
    if isinstance(codec, Codec):
        networks["codec-tokens"] = "codec_tokens", {f"codec.{k}": v for k, v in codec.state_dict().items()}
        networks["codec-decoder"] = "codec_decoder", codec.decoder.state_dict()
    else:
        networks[CODEC] = "codec", codec.state_dict()
    networks["semantic" if type(semantic) is SemanticTokenizer else SEMANTIC] = (
        "semantic_tokenizer",
        semantic.state_dict(),
    )
    networks |= {
        "soundstorm": ("soundstorm", bundle.soundstorm.state_dict()),
        "text-to-semantic": ("text_to_semantic", bundle.text_to_semantic.state_dict()),
        "speaker-embedding": (
            "speaker_embedding",
            {f"speaker_embedding.{k}": v for k, v in bundle.speaker_embedding.state_dict().items()},
        ),
    }
    for stage in networks:
        if not (folder / RECIPES / f"{stage}.json").is_file():
            raise BundleError(f"{folder}: there is no recipe/{stage}.json; runs need their recipes.")
        if (runs / stage / CHECKPOINT).exists():
            raise ConfigError(f"{runs / stage}: there is a run already; give another folder.")
    with ExitStack() as whole:  # the checkpoints take their places at the end: one alone would refuse the next try
        for stage, (name, weights) in networks.items():
            recipe = folder / RECIPES / f"{stage}.json"
            tensors = {f"{kind}/{name}/{k}": v.clone() for kind in ("weights", "average") for k, v in weights.items()}
            wanted = recipes.read_recipe(recipe)
            steps = 0 if isinstance(wanted, CodecPretrainedRecipe) else wanted.loop.steps
            state = {"step": str(steps), "epoch": "0", "trained_s": "0.0"}
            (runs / stage).mkdir(parents=True, exist_ok=True)
            _restore_recipe(recipe, runs / stage / recipes.RECIPE)
            if stage in (CODEC, SEMANTIC):
                sizes = bundle.config.codec if stage == CODEC else bundle.config.semantic_tokenizer
                (runs / stage / NETWORK).write_text(json.dumps(asdict(sizes), indent=1) + "\n", encoding="utf-8")
            save_file(tensors, whole.enter_context(whole_file(runs / stage / CHECKPOINT)), metadata=state)
        bundle.text_tokenizer.save(runs / recipes.TEXT_MODEL)


def _restore_recipe(recipe: Path, run: Path) -> None:
    """Write a run's recipe from a bundle's. A bundle's SoundStorm has no qualities any more, see `fold_best_quality`."""
    values = read_json(recipe)
    if isinstance(values, dict) and "quality_edges" in values.get("training", {}):
        del values["training"]["quality_edges"]
        run.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        shutil.copyfile(recipe, run)
