"""Judges of the field's tables, with tiny random weights under the names of the published ones."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("transformers", reason="transformers is not installed (extra: codecs)")

from dialogue_tts.errors import BundleError
from dialogue_tts.evaluation.fairseq import read_weights
from dialogue_tts.evaluation.field import Utmos, WavlmVoices, WespeakerVoices, kaldi_features, with_field_judges
from dialogue_tts.evaluation.judges import Judges

RATE_HZ = 24_000
KERNELS = (10, 3, 3, 3, 3, 2, 2)
CHANNELS, HIDDEN, INNER, LAYERS, HEADS = 6, 128, 20, 3, 4


def sound(seed: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape) / max(1, shape[-1]) ** 0.5


def affine(name: str, outputs: int, *inputs: int) -> dict[str, torch.Tensor]:
    return {f"{name}.weight": random(outputs, *inputs), f"{name}.bias": random(outputs)}


def norm(name: str, size: int) -> dict[str, torch.Tensor]:
    return {f"{name}.weight": torch.ones(size), f"{name}.bias": random(size)}


def batch_norm(name: str, size: int) -> dict[str, torch.Tensor]:
    counted = {f"{name}.running_mean": random(size), f"{name}.running_var": torch.ones(size)}
    return norm(name, size) | counted | {f"{name}.num_batches_tracked": torch.tensor(7)}


def encoder(prefix: str, wavlm: bool) -> dict[str, torch.Tensor]:
    """Names as in fairseq's wav2vec 2.0 base, or unilm's WavLM large."""
    weights = (
        {"mask_emb": random(HIDDEN)} | norm("layer_norm", CHANNELS) | affine("post_extract_proj", HIDDEN, CHANNELS)
    )
    for i, kernel in enumerate(KERNELS):
        weights[f"feature_extractor.conv_layers.{i}.0.weight"] = random(CHANNELS, CHANNELS if i else 1, kernel)
        if wavlm or i == 0:
            weights |= norm(f"feature_extractor.conv_layers.{i}.2" + (".1" if wavlm else ""), CHANNELS)
    weights |= {"encoder.pos_conv.0.bias": random(HIDDEN), "encoder.pos_conv.0.weight_g": torch.ones(1, 1, 8)}
    weights |= {"encoder.pos_conv.0.weight_v": random(HIDDEN, HIDDEN // 16, 8)} | norm("encoder.layer_norm", HIDDEN)
    for i in range(LAYERS):
        layer = f"encoder.layers.{i}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights |= affine(f"{layer}.self_attn.{part}", HIDDEN, HIDDEN)
        weights |= affine(f"{layer}.fc1", INNER, HIDDEN) | affine(f"{layer}.fc2", HIDDEN, INNER)
        weights |= norm(f"{layer}.self_attn_layer_norm", HIDDEN) | norm(f"{layer}.final_layer_norm", HIDDEN)
        if wavlm:
            weights |= affine(f"{layer}.self_attn.grep_linear", 8, HIDDEN // HEADS)
            weights[f"{layer}.self_attn.grep_a"] = torch.ones(1, HEADS, 1, 1)
    if wavlm:
        weights["encoder.layers.0.self_attn.relative_attention_bias.weight"] = random(40, HEADS)
    return {prefix + name: value for name, value in weights.items()}


@pytest.fixture(scope="module")
def utmos() -> dict[str, torch.Tensor]:
    """As in utmos22_strong_step7459_v1.pt."""
    torch.manual_seed(1)
    weights = encoder("wav2vec2.", wavlm=False) | {"domain_emb": random(1, 5), "judge_emb": random(1, 3)}
    for end in ("", "_reverse"):
        weights |= {f"blstm.weight_ih_l0{end}": random(36, HIDDEN + 8), f"blstm.weight_hh_l0{end}": random(36, 9)}
        weights |= {f"blstm.bias_{way}_l0{end}": random(36) for way in ("ih", "hh")}
    return weights | affine("projection.0", 11, 18) | affine("projection.2", 1, 11)


@pytest.fixture(scope="module")
def sim_o() -> dict[str, torch.Tensor]:
    """As in wavlm_large_finetune.pth."""
    torch.manual_seed(2)
    wide, joint = 16, 22
    weights = encoder("feature_extract.model.", wavlm=True) | {"feature_weight": random(LAYERS + 1)}
    weights |= affine("layer1.conv", wide, HIDDEN, 5) | batch_norm("layer1.bn", wide)
    for i in (2, 3, 4):
        for part in (f"layer{i}.Conv1dReluBn1", f"layer{i}.Conv1dReluBn2"):
            weights |= affine(f"{part}.conv", wide, wide, 1) | batch_norm(f"{part}.bn", wide)
        for j in range(7):
            weights |= affine(f"layer{i}.Res2Conv1dReluBn.convs.{j}", 2, 2, 3)
            weights |= batch_norm(f"layer{i}.Res2Conv1dReluBn.bns.{j}", 2)
        weights |= affine(f"layer{i}.SE_Connect.linear1", 4, wide) | affine(f"layer{i}.SE_Connect.linear2", wide, 4)
    weights |= affine("conv", joint, 3 * wide, 1) | affine("pooling.linear1", 6, joint, 1)
    weights |= affine("pooling.linear2", joint, 6, 1) | batch_norm("bn", 2 * joint) | affine("linear", 10, 2 * joint)
    return weights | {"loss_calculator.projection.weight": random(3, 10)}


def field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer."""

    def varint(rest: int) -> bytes:
        return bytes([rest]) if rest < 128 else bytes([rest & 127 | 128]) + varint(rest >> 7)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_file(path: Path, given: str = "feats") -> Path:
    """ONNX of one node: what is given, (B, T, 80), its largest values over T, as `embs` (B, 80)."""

    def tensor(name: str, *dims: bytes) -> bytes:
        shape = b"".join(field(1, dim) for dim in dims)
        return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, shape)))

    def number(name: str, value: int) -> bytes:
        return field(1, name.encode()) + field(3, value) + field(20, 2)

    axes = field(1, b"axes") + field(8, 1) + field(20, 7)
    sizes = (field(2, b"B"), field(2, b"T"), field(1, 80))
    node = field(1, given.encode()) + field(2, b"embs") + field(4, b"ReduceMax")
    node += field(5, axes) + field(5, number("keepdims", 0))
    graph = field(1, node) + field(2, b"tiny") + field(11, tensor(given, *sizes))
    graph += field(12, tensor("embs", sizes[0], sizes[2]))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 13)))
    return path


def test_utmos_by_either_kind_of_file_scores_any_length(tmp_path: Path, utmos: dict[str, torch.Tensor]) -> None:
    torch.save(utmos, tmp_path / "utmos.pt")
    save_file(utmos, tmp_path / "utmos.safetensors")
    one, other = Utmos(tmp_path / "utmos.pt"), Utmos(tmp_path / "utmos.safetensors")
    short, long = sound(0, 0.01), sound(1, 1.1)
    assert one.overall(long, RATE_HZ) == other.overall(long, RATE_HZ) != one.overall(short, RATE_HZ)
    assert np.isfinite(one.overall(short, RATE_HZ))


@pytest.mark.parametrize("wrapped", [True, False])
def test_wavlm_embeds_with_norm_one(tmp_path: Path, sim_o: dict[str, torch.Tensor], wrapped: bool) -> None:
    torch.save({"model": sim_o} if wrapped else sim_o, tmp_path / "sim.pth")
    judge = WavlmVoices(tmp_path / "sim.pth")
    first, second = judge.embed(sound(0, 0.01), RATE_HZ), judge.embed(sound(1, 0.8), RATE_HZ)
    assert first.shape == (10,) and first.dtype == np.float32
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5) and not np.allclose(first, second)
    assert judge.embed(3 * sound(1, 0.8), RATE_HZ) == pytest.approx(
        second, abs=1e-4
    )  # WavLM large normalises its input
    assert not judge.embed(np.zeros(9, np.float32), RATE_HZ).any()


def test_wavlm_of_transformers_in_a_folder(tmp_path: Path) -> None:
    from transformers import WavLMConfig, WavLMForXVector

    layers = {"tdnn_dim": [8, 9], "tdnn_kernel": [3, 1], "tdnn_dilation": [1, 1], "xvector_output_dim": 7}
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12}
    positions = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    convolutions = {"conv_dim": [6, 5], "conv_kernel": [10, 3], "conv_stride": [5, 2]}
    WavLMForXVector(WavLMConfig(**layers, **sizes, **positions, **convolutions)).save_pretrained(tmp_path / "sv")
    embedded = WavlmVoices(tmp_path / "sv").embed(sound(0, 0.6), RATE_HZ)
    assert embedded.shape == (7,) and np.linalg.norm(embedded) == pytest.approx(1, abs=1e-5)
    with pytest.raises(BundleError, match="WavLMForXVector"):
        WavlmVoices(tmp_path)


def test_wespeaker_is_given_kaldi_features_without_their_mean(tmp_path: Path) -> None:
    judge = WespeakerVoices(onnx_file(tmp_path / "tiny.onnx"))
    wave = sound(0, 0.7)
    features = kaldi_features(torch.from_numpy(sound(2, 0.7)[:16_000])[None])
    assert features.shape[1] == 80 and features.mean(dim=0).abs().max() < 1e-4
    embedded = judge.embed(wave, RATE_HZ)
    assert embedded.shape == (80,) and np.linalg.norm(embedded) == pytest.approx(1, abs=1e-5)
    assert judge.embed(wave / 8, RATE_HZ) == pytest.approx(embedded, abs=1e-3)  # louder is no other voice
    assert not judge.embed(np.zeros(9, np.float32), RATE_HZ).any()


def test_only_the_judges_that_are_given_listen(tmp_path: Path, utmos: dict[str, torch.Tensor]) -> None:
    judge = WespeakerVoices(onnx_file(tmp_path / "tiny.onnx"))
    save_file(utmos, tmp_path / "utmos.safetensors")
    base = Judges(words=judge, voices=judge, quality=judge, naturalness=judge)  # type: ignore[arg-type]
    judges = with_field_judges(base, utmos=tmp_path / "utmos.safetensors")
    assert isinstance(judges.utmos, Utmos) and judges.wavlm is judges.wespeaker is None
    assert list(judges.of_voices) == ["voices"]


def test_files_that_would_run_code_are_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"model": Evil()}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(BundleError, match="safetensors"):
            read_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("judge", [Utmos, WavlmVoices, WespeakerVoices])
def test_other_files_are_named(tmp_path: Path, judge: type, sim_o: dict[str, torch.Tensor]) -> None:
    with pytest.raises(BundleError, match="there is no such"):
        judge(tmp_path / "nothing.pt")
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("text.pt", "other.pt", "list.pt"):
        with pytest.raises(BundleError, match=name):
            judge(tmp_path / name)


def test_weights_of_another_network(tmp_path: Path, sim_o: dict[str, torch.Tensor]) -> None:
    for missing in ("feature_weight", "feature_extract.model.mask_emb", "layer3.SE_Connect.linear1.bias"):
        torch.save({name: value for name, value in sim_o.items() if name != missing}, tmp_path / "less.pth")
        with pytest.raises(BundleError, match=r"less\.pth"):
            WavlmVoices(tmp_path / "less.pth")
    torch.save(sim_o | {"feature_weight": torch.zeros(9)}, tmp_path / "more.pth")
    with pytest.raises(BundleError, match="number of layers"):
        WavlmVoices(tmp_path / "more.pth")
    with pytest.raises(BundleError, match="takes feats"):
        WespeakerVoices(onnx_file(tmp_path / "other.onnx", given="wave"))
