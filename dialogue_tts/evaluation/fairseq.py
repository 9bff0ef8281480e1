"""Speech encoders as fairseq and unilm name their weights, in transformers' classes: wav2vec 2.0 (Baevski et al. 2020, arXiv
2006.11477), of which UTMOS is made, and WavLM (Chen et al. 2022, arXiv 2110.13900). All sizes are read off the weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dialogue_tts.errors import BundleError
from dialogue_tts.extras import check_extra

HEAD_SIZE = 64  # of wav2vec 2.0's attention, base and large; WavLM's weights tell it
_STRIDES = (5, 2, 2, 2, 2, 2, 2)  # of all published ones: 50 frames a second at 16 kHz
_RENAMED = (  # (fairseq, transformers), one after the other
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.0\.", r"\1.conv."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.2\.(?:1\.)?", r"\1.layer_norm."),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"^encoder\.pos_conv\.0\.", "encoder.pos_conv_embed.conv."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.self_attn\.grep_linear\.", ".attention.gru_rel_pos_linear."),
    (r"\.self_attn\.grep_a$", ".attention.gru_rel_pos_const"),
    (r"\.self_attn\.relative_attention_bias\.", ".attention.rel_attn_embed."),
    (r"\.self_attn\.", ".attention."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Weights of a file: safetensors, or what torch.save wrote, of which only tensors in plain containers are read; those under
    "model", where there is such a key.

    Raises:
        BundleError: no such file, or one that holds something else.
    """
    file = Path(path)
    if not file.is_file():
        raise BundleError(f"{path}: there is no such file of weights.")
    try:
        found = load_file(file) if file.suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
    except Exception as error:  # of either reader, and of the unpickler that torch restricts to tensors
        reason = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise BundleError(
            f"{path}: cannot be read as weights alone ({reason}); give a safetensors file, or what torch.save makes of a "
            "state dict."
        ) from None
    found = found.get("model", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise BundleError(f"{path}: holds no weights by name.")
    return {name: value.float() for name, value in found.items()}


def load_strictly(network: nn.Module, weights: Mapping[str, Tensor], source: str | Path) -> None:
    """Raises BundleError if weights are missing, too many, or of other shapes."""
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        told = " ".join(str(error).split())[:300]
        raise BundleError(f"{source}: the weights are those of another network ({told}).") from None


def encoder_of(weights: Mapping[str, Tensor], source: str | Path) -> Any:
    """A transformers Wav2Vec2Model, or WavLMModel where the weights have its gated relative positions.

    Encoders whose convolutions have layer norms, as the large ones, normalise before each block and expect sound of zero
    mean and unit variance; those with one group norm, as the base ones, after each block, and take sound as it is.

    Raises:
        BundleError: the weights are others; DialogueTTSError: transformers is not installed.
    """
    check_extra("codecs", "A judge on wav2vec 2.0 or WavLM")
    from transformers import Wav2Vec2Config, Wav2Vec2Model, WavLMConfig, WavLMModel

    try:
        settings, is_wavlm = _settings(weights)
    except (KeyError, IndexError, ValueError) as error:
        raise BundleError(f"{source}: no weights of wav2vec 2.0 or WavLM as fairseq names them ({error}).") from None
    network: nn.Module = WavLMModel(WavLMConfig(**settings)) if is_wavlm else Wav2Vec2Model(Wav2Vec2Config(**settings))
    load_strictly(network, {_renamed(name): value for name, value in weights.items()}, source)
    return network.eval()


def _settings(weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], bool]:
    convolutions = [
        weights[f"feature_extractor.conv_layers.{i}.0.weight"] for i in range(_count(weights, "conv_layers"))
    ]
    hidden = len(weights["post_extract_proj.weight"])
    positions = weights["encoder.pos_conv.0.weight_v"]  # (hidden, hidden / groups, kernel)
    gates, buckets = (
        weights.get(f"encoder.layers.0.self_attn.{name}") for name in ("grep_a", "relative_attention_bias.weight")
    )
    is_large = "feature_extractor.conv_layers.0.2.1.weight" in weights
    settings = {
        "hidden_size": hidden,
        "num_hidden_layers": _count(weights, r"encoder\.layers"),
        "num_attention_heads": hidden // HEAD_SIZE if gates is None else gates.shape[1],
        "intermediate_size": len(weights["encoder.layers.0.fc1.weight"]),
        "conv_dim": [len(weight) for weight in convolutions],
        "conv_kernel": [weight.shape[2] for weight in convolutions],
        "conv_stride": list(_STRIDES[: len(convolutions)]),
        "conv_bias": "feature_extractor.conv_layers.0.0.bias" in weights,
        "num_conv_pos_embeddings": positions.shape[2],
        "num_conv_pos_embedding_groups": hidden // positions.shape[1],
        "feat_extract_norm": "layer" if is_large else "group",
        "do_stable_layer_norm": is_large,
    }
    if buckets is not None:
        settings["num_buckets"] = len(buckets)
    return settings, gates is not None


def _count(weights: Mapping[str, Tensor], of: str) -> int:
    numbers = {int(found[1]) for name in weights if (found := re.search(rf"{of}\.(\d+)\.", name))}
    return len(numbers)


def _renamed(name: str) -> str:
    for pattern, other in _RENAMED:
        name = re.sub(pattern, other, name)
    return name
