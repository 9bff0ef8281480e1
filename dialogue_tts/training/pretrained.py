"""Codecs and semantic tokenizers of others in a folder of runs, in the place of those that are trained there.

runs/codec-pretrained/      recipe.json, network.json (its sizes), checkpoint.safetensors (its weights)
runs/semantic-pretrained/   the same, and what the loop adds as its reader learns
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from dialogue_tts.codec.pretrained import PretrainedCodec, PretrainedCodecConfig
from dialogue_tts.config import frames_to_seconds, from_dict, read_json, strict
from dialogue_tts.errors import ConfigError, DataError
from dialogue_tts.files import whole_file
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.pretrained import (
    PretrainedTokenizer,
    PretrainedTokenizerConfig,
    SpeechFeatures,
    load_features,
)
from dialogue_tts.text.tokenizer import PHONES
from dialogue_tts.training.checkpoints import CHECKPOINT, load_ema
from dialogue_tts.training.corpus import Corpus, load_wave, recordings
from dialogue_tts.training.semantic import SemanticTrainingConfig
from dialogue_tts.training.task import LoopConfig

CODEC, SEMANTIC, NETWORK = "codec-pretrained", "semantic-pretrained", "network.json"
FIT_FRAMES = 4096  # of features that k-means sees at once


@strict
class CodecPretrainedRecipe:
    """A codec that is taken as it is.

    Attributes:
        codec: "encodec", "dac" or "mimi".
        source: its folder, or its id on the Hugging Face hub.
        levels: how many of its levels, from the coarsest.
    """

    codec: str
    source: str
    levels: int = 8
    stage: str = CODEC


@strict
class ClustersConfig:
    """Semantic tokens of features.

    Attributes:
        features: "hubert" or "wavlm"; source: folder or id on the Hugging Face hub; layer: see `PretrainedTokenizerConfig`.
        clusters: semantic tokens there shall be.
        fit_hours: of the training split, from which the means are found.
        reader: Conformer that reads phones from tokens.
    """

    features: str
    source: str
    layer: int
    clusters: int = 1024
    fit_hours: float = 10.0
    reader: ConformerConfig = ConformerConfig(width=192, heads=3, layers=2, hidden=576, kernel=5)


@strict
class SemanticPretrainedRecipe:
    """Features and k means; what is trained is the reader."""

    loop: LoopConfig
    network: ClustersConfig
    training: SemanticTrainingConfig = SemanticTrainingConfig()
    stage: str = SEMANTIC


def take_codec(recipe: CodecPretrainedRecipe, recipe_file: Path, runs: Path) -> PretrainedCodec:
    """Put a codec into `runs`. Raises ConfigError where it cannot be loaded or does not fit."""
    codec = PretrainedCodec.load(recipe.codec, recipe.source, recipe.levels)
    keep_pretrained(runs / CODEC, "codec", codec.config, codec)
    (runs / CODEC / "recipe.json").write_bytes(recipe_file.read_bytes())
    return codec


def keep_pretrained(folder: Path, name: str, config: Any, network: nn.Module) -> None:
    """Write a network as a run that took no steps."""
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / NETWORK) as draft:
        draft.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
    state = network.state_dict().items()
    tensors = {f"{kind}/{name}/{k}": v.clone().contiguous() for kind in ("weights", "average") for k, v in state}
    with whole_file(folder / CHECKPOINT) as draft:
        save_file(tensors, draft, metadata={"step": "0", "epoch": "-1", "trained_s": "0.0"})


def kept_codec(runs: Path) -> PretrainedCodec:
    """The codec that `take_codec` put into `runs`."""
    codec = PretrainedCodec(from_dict(PretrainedCodecConfig, read_json(runs / CODEC / NETWORK)))
    codec.load_state_dict(load_ema(runs / CODEC, "codec"))
    return codec.eval()


def kept_tokenizer(runs: Path) -> PretrainedTokenizer:
    """The semantic tokenizer of `runs`, its reader as trained."""
    config = from_dict(PretrainedTokenizerConfig, read_json(runs / SEMANTIC / NETWORK))
    network = PretrainedTokenizer(config)
    network.load_state_dict(load_ema(runs / SEMANTIC, "semantic_tokenizer"))
    return network.eval()


def tokenizer_to_train(recipe: SemanticPretrainedRecipe, corpora: list[Corpus], runs: Path) -> PretrainedTokenizer:
    """That of `runs`; at the first call the features are fetched and clustered, which takes a while.

    Raises:
        ConfigError: the features cannot be loaded, or others lie there; DataError: too little to cluster.
    """
    wanted = recipe.network
    if (runs / SEMANTIC / CHECKPOINT).is_file():
        network = kept_tokenizer(runs)
        there = (network.sizes.kind, network.vocabulary, network.sizes.layer, network.sizes.reader)
        if there != (wanted.features, wanted.clusters, wanted.layer, wanted.reader):
            raise ConfigError(
                f"{runs / SEMANTIC}: other features, clusters or another reader are there; use a new folder."
            )
        return network
    features, settings, width = load_features(wanted.features, wanted.source, wanted.layer)
    config = PretrainedTokenizerConfig(
        wanted.features,
        settings,
        wanted.layer,
        features.normalized,
        wanted.clusters,
        width,
        "".join(PHONES),
        wanted.reader,
    )
    network = PretrainedTokenizer(config, features)
    centroids = _means(features, corpora, wanted.clusters, wanted.fit_hours, recipe.loop.seed)
    network.quantizer.centroids.copy_(centroids)  # type: ignore[operator]
    keep_pretrained(runs / SEMANTIC, "semantic_tokenizer", config, network)
    return network


def _means(features: SpeechFeatures, corpora: Sequence[Corpus], clusters: int, hours: float, seed: int) -> Tensor:
    """k means of features of the training split, float32 (clusters, width), by batches that fit into memory."""
    from sklearn.cluster import MiniBatchKMeans

    at_once = max(FIT_FRAMES, 3 * clusters)
    fitted = MiniBatchKMeans(clusters, batch_size=at_once, random_state=seed, n_init=1)
    seen = 0
    for batch in _batches(features, corpora, hours, at_once, seed):
        if seen and len(batch) < clusters:
            break  # what is left over at the end
        if len(batch) < clusters:
            raise DataError(
                f"{len(batch)} frames are too few for {clusters} clusters; give more recordings or fewer clusters."
            )
        fitted.partial_fit(batch)
        seen += len(batch)
    if not seen:
        raise DataError("there are no recordings in the training split to find clusters in.")
    return torch.from_numpy(fitted.cluster_centers_).float()


def _batches(
    features: SpeechFeatures, corpora: Sequence[Corpus], hours: float, at_once: int, seed: int
) -> Iterator[np.ndarray]:
    """Features (about `at_once`, width) of turns in random order."""
    turns = recordings(corpora, "train")
    waiting: list[np.ndarray] = []
    left = hours * 3600
    for index in np.random.default_rng(seed).permutation(len(turns)):
        wave = load_wave(*turns[index])
        waiting.append(features(wave.view(1, turns[index][1].frames, -1))[0].numpy())
        left -= frames_to_seconds(turns[index][1].frames)
        if sum(map(len, waiting)) >= at_once or left <= 0:
            yield np.concatenate(waiting)
            waiting = []
        if left <= 0:
            return
    if waiting:
        yield np.concatenate(waiting)
