"""ECAPA-TDNN (Desplanques et al. 2020, arXiv 2005.07143) on WavLM's hidden states: the network of SIM-o, the similarity that
VALL-E, Seed-TTS, F5-TTS and ZipVoice-Dialog report. Its form is that of `downstreams/speaker_verification` of
microsoft/UniSpeech, whose `wavlm_large_finetune.pth` it loads: ReLU before each batch norm, pooling without global context."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dialogue_tts.errors import BundleError
from dialogue_tts.evaluation.fairseq import encoder_of, load_strictly

SCALE = 8  # parts of a Res2Net block
_WAVLM = "feature_extract.model."  # where UniSpeech keeps the encoder
_TRAINING = "loss_calculator."
_RENAMED = (
    (r"\.Conv1dReluBn1\.", ".before."),
    (r"\.Res2Conv1dReluBn\.", ".within."),
    (r"\.Conv1dReluBn2\.", ".after."),
    (r"\.SE_Connect\.", ".gate."),
    (r"^layer(\d)\.", r"blocks.\1."),
)


class _Conv(nn.Module):
    """Convolution, ReLU, batch norm: (B, C, T) -> (B, C', T)."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.bn(self.conv(x).relu())
        return normalised


class _Res2(nn.Module):
    """Parts of the channels, each but the last convolved together with the result of the one before."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(SCALE - 1)
        )
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(SCALE - 1))

    def forward(self, x: Tensor) -> Tensor:
        *parts, last = x.chunk(SCALE, dim=1)
        done: list[Tensor] = []
        for part, conv, bn in zip(parts, self.convs, self.bns, strict=True):
            done.append(bn(conv(part + done[-1] if done else part).relu()))
        return torch.cat([*done, last], dim=1)


class _Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(channels, bottleneck), nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.linear2(self.linear1(x.mean(dim=2)).relu()).sigmoid()
        return x * gate[..., None]


class _Block(nn.Module):
    def __init__(self, channels: int, bottleneck: int, dilation: int) -> None:
        super().__init__()
        self.before, self.after = _Conv(channels, channels, 1), _Conv(channels, channels, 1)
        self.within = _Res2(channels // SCALE, dilation)
        self.gate = _Gate(channels, bottleneck)

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = x + self.gate(self.after(self.within(self.before(x))))
        return gated


class _Pooling(nn.Module):
    """Attentive mean and standard deviation: (B, C, T) -> (B, 2 C)."""

    def __init__(self, channels: int, attention: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Conv1d(channels, attention, 1), nn.Conv1d(attention, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.linear2(self.linear1(x).tanh()).softmax(dim=2)
        mean = (weights * x).sum(dim=2)
        variance = (weights * x.square()).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-9).sqrt()], dim=1)


class Ecapa(nn.Module):
    """Features (B, D, T) -> embeddings (B, size), not normalised; all sizes are those of the weights it is to load."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        first, joint = weights["blocks.1.conv.weight"], weights["conv.weight"]
        channels, features, kernel = first.shape
        bottleneck = len(weights["blocks.2.gate.linear1.weight"])
        self.feature_weight = nn.Parameter(torch.zeros_like(weights["feature_weight"]))
        self.blocks = nn.ModuleDict({"1": _Conv(features, channels, kernel)})
        self.blocks.update({str(number): _Block(channels, bottleneck, dilation=number) for number in (2, 3, 4)})
        self.instance_norm = nn.InstanceNorm1d(features)
        self.conv = nn.Conv1d(joint.shape[1], joint.shape[0], 1)
        self.pooling = _Pooling(joint.shape[0], len(weights["pooling.linear1.weight"]))
        self.bn = nn.BatchNorm1d(2 * joint.shape[0])
        self.linear = nn.Linear(2 * joint.shape[0], len(weights["linear.weight"]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks["1"](self.instance_norm(x))
        outputs = [x]
        for number in "234":
            outputs.append(self.blocks[number](outputs[-1]))
        embedding: Tensor = self.linear(self.bn(self.pooling(self.conv(torch.cat(outputs[1:], dim=1)).relu())))
        return embedding


class WavlmEcapa(nn.Module):
    """Sound at 16 kHz, float32 (B, samples), -> embeddings (B, size): WavLM's hidden states, all layers in learnt shares,
    behind an instance norm."""

    def __init__(self, weights: Mapping[str, Tensor], source: str | Path) -> None:
        """Raises BundleError: the weights are of another network, or WavLM's own are not among them."""
        super().__init__()
        of_wavlm = {name.removeprefix(_WAVLM): value for name, value in weights.items() if name.startswith(_WAVLM)}
        if not of_wavlm:
            raise BundleError(f"{source}: lacks the fine-tuned WavLM ({_WAVLM}...); give wavlm_large_finetune.pth.")
        others = {_renamed(name): value for name, value in weights.items() if not name.startswith((_WAVLM, _TRAINING))}
        self.wavlm: Any = encoder_of(of_wavlm, source)
        try:
            self.ecapa = Ecapa(others)
        except (KeyError, IndexError, ValueError) as error:
            raise BundleError(f"{source}: no weights of ECAPA-TDNN on WavLM ({error}).") from None
        load_strictly(self.ecapa, others, source)
        if len(self.ecapa.feature_weight) != self.wavlm.config.num_hidden_layers + 1:
            raise BundleError(f"{source}: WavLM has another number of layers than the network on top of it expects.")
        self.eval()

    def forward(self, wave: Tensor) -> Tensor:
        if self.wavlm.config.do_stable_layer_norm:
            wave = nn.functional.layer_norm(wave, wave.shape[-1:])
        found = self.wavlm(wave, output_hidden_states=True)
        *inputs, _ = (
            found.hidden_states
        )  # of each layer; the last output is taken behind the encoder's last norm, as s3prl does
        hidden = torch.stack([*inputs, found.last_hidden_state])  # (layers + 1, B, T, D)
        shares = self.ecapa.feature_weight.softmax(dim=0)
        mixed = torch.einsum("l,lbtd->bdt", shares, hidden)
        embedding: Tensor = self.ecapa(mixed + 1e-6)
        return embedding


def _renamed(name: str) -> str:
    for pattern, other in _RENAMED:
        name = re.sub(pattern, other, name)
    return name
