"""From a recipe file to a training run: which networks a stage has, what it learns from, where it lies.

All runs of one bundle lie in one folder, a folder a stage, and later stages find earlier ones there. A recipe is a JSON
object {"stage": ..., "network": {...}, "training": {...}, "loop": {...}}; what it leaves out has the defaults of the
config dataclasses. Each run keeps its recipe, so its folder says how to rebuild its network.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from dialogue_tts.acoustic.model import (
    SoundStorm,
    SoundStormConfig,
    embed_codes_like,
    embed_tokens_like,
    fold_best_quality,
)
from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.codec.model import Codec, CodecConfig
from dialogue_tts.config import from_dict, read_json, strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.semantic.align import PHONE_KINDS
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer
from dialogue_tts.semantic.model import TextToSemantic, TextToSemanticConfig
from dialogue_tts.semantic.tokenizer import SemanticTokenizer, SemanticTokenizerConfig
from dialogue_tts.text.tokenizer import PHONES, TextTokenizer
from dialogue_tts.training.checkpoints import CHECKPOINT, load_ema
from dialogue_tts.training.codec_decoder import CodecDecoderConfig, CodecDecoderTask
from dialogue_tts.training.codec_tokens import CodecTokensConfig, CodecTokensTask
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.loop import Run
from dialogue_tts.training.pretrained import (
    CODEC,
    SEMANTIC,
    CodecPretrainedRecipe,
    SemanticPretrainedRecipe,
    kept_codec,
    kept_tokenizer,
    tokenizer_to_train,
)
from dialogue_tts.training.semantic import SemanticTask, SemanticTrainingConfig
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig
from dialogue_tts.training.speaker_embedding import SpeakerEmbeddingTask, SpeakerEmbeddingTrainingConfig
from dialogue_tts.training.splits import check_enough
from dialogue_tts.training.task import LoopConfig
from dialogue_tts.training.text_to_semantic import TextToSemanticTask, TextToSemanticTrainingConfig
from dialogue_tts.training.tokens import Tokenizers
from dialogue_tts.voices.speaker_embedding import SpeakerEmbedding, SpeakerEmbeddingConfig

RECIPE = "recipe.json"
TEXT_MODEL = "text.model"


@strict
class SemanticRecipe:
    """The semantic tokenizer."""

    loop: LoopConfig
    network: SemanticTokenizerConfig = SemanticTokenizerConfig("".join(PHONES))
    training: SemanticTrainingConfig = SemanticTrainingConfig()
    stage: str = "semantic"


@strict
class CodecTokensRecipe:
    """The codec's encoder and quantiser."""

    loop: LoopConfig
    network: CodecConfig = CodecConfig()
    training: CodecTokensConfig = CodecTokensConfig()
    stage: str = "codec-tokens"


@strict
class CodecDecoderRecipe:
    """The codec's decoder; its network is that of `codec-tokens`."""

    loop: LoopConfig
    training: CodecDecoderConfig = CodecDecoderConfig()
    stage: str = "codec-decoder"


@strict
class SoundStormRecipe:
    """SoundStorm; vocabularies, levels and frame rate are those of the tokenizers, whatever the recipe says."""

    loop: LoopConfig
    network: SoundStormConfig = SoundStormConfig(semantic_vocabulary=0)
    training: SoundStormTrainingConfig = SoundStormTrainingConfig()
    stage: str = "soundstorm"


@strict
class TextToSemanticRecipe:
    """Text-to-semantic; vocabularies are those of the tokenizers, whatever the recipe says."""

    loop: LoopConfig
    network: TextToSemanticConfig = field(default_factory=lambda: TextToSemanticConfig(0, 0))
    training: TextToSemanticTrainingConfig = TextToSemanticTrainingConfig()
    stage: str = "text-to-semantic"


@strict
class SpeakerEmbeddingRecipe:
    """The speaker embedding; the width of latents is the codec's, whatever the recipe says."""

    loop: LoopConfig
    network: SpeakerEmbeddingConfig = SpeakerEmbeddingConfig()
    training: SpeakerEmbeddingTrainingConfig = SpeakerEmbeddingTrainingConfig()
    stage: str = "speaker-embedding"


Recipe = (
    SemanticRecipe
    | CodecTokensRecipe
    | CodecDecoderRecipe
    | SoundStormRecipe
    | TextToSemanticRecipe
    | SpeakerEmbeddingRecipe
    | SemanticPretrainedRecipe
)
Kept = TypeVar(
    "Kept", SemanticRecipe, CodecTokensRecipe, SoundStormRecipe, TextToSemanticRecipe, SpeakerEmbeddingRecipe
)
RECIPES: dict[str, type[Any]] = {
    "semantic": SemanticRecipe,
    "codec-tokens": CodecTokensRecipe,
    "codec-decoder": CodecDecoderRecipe,
    "soundstorm": SoundStormRecipe,
    "text-to-semantic": TextToSemanticRecipe,
    "speaker-embedding": SpeakerEmbeddingRecipe,
    SEMANTIC: SemanticPretrainedRecipe,
    CODEC: CodecPretrainedRecipe,
}


def read_recipe(path: Path) -> Recipe | CodecPretrainedRecipe:
    """Raises ConfigError for an unknown stage or setting."""
    values = read_json(path)
    stage = values.get("stage") if isinstance(values, dict) else None
    if not isinstance(stage, str) or stage not in RECIPES:
        raise ConfigError(f"{path}: stage must be one of {', '.join(RECIPES)}, not {stage!r}.")
    network = values.get("network", {})
    if not isinstance(network, dict):
        raise ConfigError(f"{path}: network: expected an object, found {network!r}.")
    if stage == "semantic":
        network.setdefault("phones", "".join(PHONES))
    elif stage == "soundstorm":
        network.setdefault("semantic_vocabulary", 0)
    elif stage == "text-to-semantic":
        network |= {"text_vocabulary": 0, "semantic_vocabulary": 0} | network
    if network:
        values["network"] = network
    recipe: Recipe | CodecPretrainedRecipe = from_dict(RECIPES[stage], values, f"{path}: ")
    return recipe


def _kept_recipe(runs: Path, kind: type[Kept]) -> Kept:
    """The recipe that a stage's folder keeps. Raises ConfigError where it is another stage's."""
    path = runs / kind.stage / RECIPE
    recipe = read_recipe(path)
    if not isinstance(recipe, kind):
        raise ConfigError(f"{path}: expected a recipe of {kind.stage}, found one of {recipe.stage}.")
    return recipe


def start(recipe_file: Path, data: Sequence[Path], runs: Path) -> Run:
    """Build the run of a recipe in `runs`/STAGE, or go on with the one that is there.

    Args:
        data: data folders; turns of the splits that are held out are taken from all.

    Raises:
        ConfigError, DataError: the recipe, the data or an earlier stage cannot be used.
    """
    recipe = read_recipe(recipe_file)
    if isinstance(recipe, CodecPretrainedRecipe):
        raise ConfigError(f"{recipe_file}: this codec is taken as it is; there is nothing to train.")
    torch.manual_seed(recipe.loop.seed)
    corpora = [Corpus.open(folder) for folder in data]
    folder = runs / recipe.stage
    folder.mkdir(parents=True, exist_ok=True)
    task = _TASKS[recipe.stage](recipe, corpora, runs)
    # Told now: else the loop would wait for a batch for ever, or its first validation would fail after hours.
    check_enough(recipe.stage, data[0], bool(task.plan(np.random.default_rng(0))), bool(task.held_out))
    run = Run(task, recipe.loop, folder)
    if isinstance(task, CodecTokensTask) and task.config.encoder_only:
        if not run.step:
            raise ConfigError(
                f"{recipe_file}: encoder_only: there is no codec to keep in {folder}; restore a bundle's."
            )
        _keep_codec(run, task)
    if recipe_file.resolve() != (folder / RECIPE).resolve():  # only now: a checkpoint that does not fit keeps its own
        shutil.copyfile(recipe_file, folder / RECIPE)
    return run


def _keep_codec(run: Run, task: CodecTokensTask) -> None:
    """All but the encoder stays as a bundle would have it, the averages; a mel head that is not there yet is fitted."""
    average = run.emas["codec_tokens"]
    kept = {k: v for k, v in average.weights.items() if not k.startswith(("codec.encoder.", "mel_head."))}
    task.network.load_state_dict(kept, strict=False)
    if "codec_tokens" in run.fresh:
        task.fit_mel_head()
        average.adopt(task.network.mel_head, "mel_head.")


def trained_semantic_tokenizer(runs: Path) -> SemanticTokenizer:
    """The semantic tokenizer as trained in `runs`, with averaged weights."""
    if _stands_in(runs, SEMANTIC, "semantic"):
        return kept_tokenizer(runs)
    recipe = _kept_recipe(runs, SemanticRecipe)
    network = SemanticTokenizer(recipe.network)
    network.load_state_dict(load_ema(runs / "semantic", "semantic_tokenizer"))
    return network.eval()


def trained_codec(runs: Path) -> AudioCodec:
    """The codec of `runs`, another's or as trained there."""
    return kept_codec(runs) if _stands_in(runs, CODEC, "codec-tokens") else trained_own_codec(runs)


def _stands_in(runs: Path, others: str, own: str) -> bool:
    """Whether another's network lies in `runs`. Raises ConfigError where one of our own does, too."""
    found = [stage for stage in (others, own) if (runs / stage / CHECKPOINT).is_file()]
    if len(found) > 1:
        raise ConfigError(
            f"{runs}: there are {found[0]} and {found[1]}, and only one can be used; move the other away."
        )
    return found == [others]


def trained_own_codec(runs: Path) -> Codec:
    """The codec as trained in `runs`: the decoder's own run, where there is one, goes over the first phase's."""
    codec = Codec(_kept_recipe(runs, CodecTokensRecipe).network)
    weights = load_ema(runs / "codec-tokens", "codec_tokens")
    # Of the decoder, the first phase trains the trunk and the pitch head; the rest is as it was drawn.
    learnt = ("encoder.", "quantizer.", "decoder.enter.", "decoder.trunk.", "decoder.pitch_head.")
    for prefix in learnt:
        found = {k.removeprefix("codec." + prefix): v for k, v in weights.items() if k.startswith("codec." + prefix)}
        codec.get_submodule(prefix[:-1]).load_state_dict(found)
    if (runs / "codec-decoder" / CHECKPOINT).is_file():
        codec.decoder.load_state_dict(load_ema(runs / "codec-decoder", "codec_decoder"))
    return codec.eval()


def tokenizers_of(runs: Path) -> Tokenizers | None:
    """What makes the tokens that any stage may need, on the CPU; None before semantic tokenizer and codec were trained."""
    pairs = (("semantic", SEMANTIC), ("codec-tokens", CODEC))
    if not all(any((runs / stage / CHECKPOINT).is_file() for stage in pair) for pair in pairs):
        return None
    return Tokenizers(trained_semantic_tokenizer(runs), trained_codec(runs), aligned=True, degraded=True)


def trained_soundstorm(runs: Path) -> SoundStorm:
    """SoundStorm as trained in `runs`; where it was told qualities, it says everything in the best."""
    network = _soundstorm(_kept_recipe(runs, SoundStormRecipe), runs)
    network.load_state_dict(load_ema(runs / "soundstorm", "soundstorm"))
    return fold_best_quality(network).eval()


def untrained_soundstorm(recipe: SoundStormRecipe, runs: Path) -> SoundStorm:
    """SoundStorm as its training begins: tokens and codes that are alike in the tokenizers of `runs` look alike."""
    network, grid, codec = _soundstorm(recipe, runs), _grid(runs), trained_codec(runs)
    if isinstance(codec, Codec):
        embed_codes_like(network, codec.quantizer, recipe.loop.seed)
    if grid is not None:
        embed_tokens_like(network, grid.values(torch.arange(grid.size)), recipe.loop.seed)
    return network


def _grid(runs: Path) -> FiniteScalarQuantizer | None:
    """Of the semantic tokens; clusters have none."""
    quantizer = trained_semantic_tokenizer(runs).quantizer
    return quantizer if isinstance(quantizer, FiniteScalarQuantizer) else None


def trained_text_to_semantic(runs: Path) -> TextToSemantic:
    """Text-to-semantic as trained in `runs`."""
    network = _text_to_semantic(_kept_recipe(runs, TextToSemanticRecipe), runs)
    network.load_state_dict(load_ema(runs / "text-to-semantic", "text_to_semantic"))
    return network.eval()


def trained_speaker_embedding(runs: Path) -> SpeakerEmbedding:
    """The speaker embedding as trained in `runs`."""
    network = _speaker_embedding(_kept_recipe(runs, SpeakerEmbeddingRecipe), trained_codec(runs))
    weights = load_ema(runs / "speaker-embedding", "speaker_embedding")
    network.load_state_dict(
        {k.removeprefix("speaker_embedding."): v for k, v in weights.items() if k.startswith("speaker_embedding.")}
    )
    return network.eval()


def text_tokenizer(runs: Path) -> TextTokenizer:
    """The text tokenizer of `runs`; made at the first call, since the alphabet alone decides it."""
    path = runs / TEXT_MODEL
    return TextTokenizer.load(path) if path.is_file() else TextTokenizer.train([], path)


def _soundstorm(recipe: SoundStormRecipe, runs: Path) -> SoundStorm:
    codec, vocabulary = trained_codec(runs).sizes, trained_semantic_tokenizer(runs).vocabulary
    edges = recipe.training.quality_edges
    qualities = len(edges) + 2 if edges else 0  # below, between and above them, and the unknown one
    levels = codec.levels // codec.rate.codec_frames
    network = replace(recipe.network, levels=levels, codebook_size=codec.codebook_size, rate=codec.rate)
    known: dict[str, Any] = {
        "semantic_vocabulary": vocabulary,
        "phone_kinds": len(PHONE_KINDS) + 1,
        "qualities": qualities,
    }
    return SoundStorm(replace(network, **known))


def _text_to_semantic(recipe: TextToSemanticRecipe, runs: Path) -> TextToSemantic:
    texts, semantic = text_tokenizer(runs).vocab_size, trained_semantic_tokenizer(runs).vocabulary
    return TextToSemantic(replace(recipe.network, text_vocabulary=texts, semantic_vocabulary=semantic))


def _speaker_embedding(recipe: SpeakerEmbeddingRecipe, codec: AudioCodec) -> SpeakerEmbedding:
    return SpeakerEmbedding(replace(recipe.network, latent_width=codec.sizes.encoder_width))


def _semantic_task(recipe: SemanticRecipe, corpora: list[Corpus], runs: Path) -> SemanticTask:
    return SemanticTask(SemanticTokenizer(recipe.network), recipe.training, corpora)


def _semantic_pretrained_task(recipe: SemanticPretrainedRecipe, corpora: list[Corpus], runs: Path) -> SemanticTask:
    return SemanticTask(tokenizer_to_train(recipe, corpora, runs), recipe.training, corpora)


def _codec_tokens_task(recipe: CodecTokensRecipe, corpora: list[Corpus], runs: Path) -> CodecTokensTask:
    return CodecTokensTask(Codec(recipe.network), recipe.training, corpora)


def _codec_decoder_task(recipe: CodecDecoderRecipe, corpora: list[Corpus], runs: Path) -> CodecDecoderTask:
    perceptual = trained_semantic_tokenizer(runs) if recipe.training.perceptual_weight else None
    return CodecDecoderTask(trained_own_codec(runs), recipe.training, corpora, perceptual)


def _soundstorm_task(recipe: SoundStormRecipe, corpora: list[Corpus], runs: Path) -> SoundStormTask:
    return SoundStormTask(untrained_soundstorm(recipe, runs), recipe.training, corpora, _grid(runs))


def _text_to_semantic_task(recipe: TextToSemanticRecipe, corpora: list[Corpus], runs: Path) -> TextToSemanticTask:
    reader = trained_semantic_tokenizer(runs)
    return TextToSemanticTask(_text_to_semantic(recipe, runs), recipe.training, corpora, text_tokenizer(runs), reader)


def _speaker_embedding_task(recipe: SpeakerEmbeddingRecipe, corpora: list[Corpus], runs: Path) -> SpeakerEmbeddingTask:
    codec = trained_codec(runs)
    return SpeakerEmbeddingTask(_speaker_embedding(recipe, codec), codec, recipe.training, corpora)


_TASKS: dict[str, Callable[[Any, list[Corpus], Path], Any]] = {
    "semantic": _semantic_task,
    SEMANTIC: _semantic_pretrained_task,
    "codec-tokens": _codec_tokens_task,
    "codec-decoder": _codec_decoder_task,
    "soundstorm": _soundstorm_task,
    "text-to-semantic": _text_to_semantic_task,
    "speaker-embedding": _speaker_embedding_task,
}
