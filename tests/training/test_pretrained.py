"""Codecs and semantic tokenizers of others: the real classes of transformers, tiny and random."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn
from typer.testing import CliRunner

from dialogue_tts.bundle import Bundle
from dialogue_tts.cli import app
from dialogue_tts.codec.pretrained import PretrainedCodec
from dialogue_tts.config import HOP, from_dict
from dialogue_tts.errors import ConfigError
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.recipes import start, trained_codec, trained_semantic_tokenizer
from dialogue_tts.training.tokens import Tokenizers
from tests.conftest import buzz

transformers = pytest.importorskip("transformers", reason="others' networks (extra: codecs)")
pytest.importorskip("sklearn", reason="k-means (extra: codecs)")

CONFORMER = {"width": 16, "heads": 2, "layers": 1, "hidden": 22, "kernel": 3}
LOOP = {"threads": 1, "warmup": 1, "log_every": 1, "validate_every": 9, "steps": 1, "bf16": False}


def encodec() -> nn.Module:
    sizes = {"upsampling_ratios": [8, 5, 4, 2], "hidden_size": 10, "num_filters": 2, "codebook_dim": 10}
    more = {"codebook_size": 16, "num_lstm_layers": 1, "sampling_rate": 24_000, "target_bandwidths": [1.125, 2.25]}
    return transformers.EncodecModel(transformers.EncodecConfig(**sizes, **more))


def dac() -> nn.Module:
    sizes = {"downsampling_ratios": [2, 4, 5, 8], "upsampling_ratios": [8, 5, 4, 2], "encoder_hidden_size": 2}
    more = {"decoder_hidden_size": 32, "n_codebooks": 4, "codebook_size": 16, "codebook_dim": 3, "hidden_size": 32}
    return transformers.DacModel(transformers.DacConfig(**sizes, **more, sampling_rate=24_000))


def mimi() -> nn.Module:
    sizes = {"hidden_size": 16, "num_filters": 2, "codebook_size": 16, "codebook_dim": 6, "num_quantizers": 4}
    more = {"num_hidden_layers": 1, "intermediate_size": 20, "num_attention_heads": 2, "num_key_value_heads": 2}
    more |= {"head_dim": 8, "vector_quantization_hidden_dimension": 6, "upsample_groups": 16}
    return transformers.MimiModel(transformers.MimiConfig(**sizes, **more))


def hubert(kind: str) -> nn.Module:
    sizes: dict[str, Any] = {
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 14,
    }
    sizes |= {"conv_dim": [6] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
    if kind == "hubert":
        return transformers.HubertModel(transformers.HubertConfig(**sizes))
    return transformers.WavLMModel(transformers.WavLMConfig(**sizes))


CODECS: dict[str, tuple[Callable[[], nn.Module], int]] = {"encodec": (encodec, 3), "dac": (dac, 3), "mimi": (mimi, 1)}


@pytest.mark.parametrize("kind", CODECS)
def test_a_codec_keeps_its_codes_at_any_frame_rate(kind: str, tmp_path: Path) -> None:
    make, beside = CODECS[kind]
    torch.manual_seed(0)
    make().save_pretrained(tmp_path)
    codec = PretrainedCodec.load(kind, str(tmp_path), 2)
    assert codec.sizes.levels == 2 * beside and codec.sizes.codebook_size == 16
    wave = torch.from_numpy(buzz(0.6))[None, : 13 * HOP]
    codes = codec.encode(wave)
    assert codes.shape == (1, 13, 2 * beside) and codes.dtype == torch.int64 and 0 <= codes.min() <= codes.max() < 16
    own = codec.sizes.rate.own_frames(codes)
    assert own.shape == (1, 13 * beside if kind != "mimi" else 7, 2)
    if kind == "mimi":
        assert torch.equal(codes[:, 0], codes[:, 1]), "a frame of the codec stands for two of ours"
    else:
        assert torch.equal(codes[0, 2, :beside], own[0, 6:9, 0]), "the coarsest level comes first"
    made = codec.decode(codes)
    assert made.shape == wave.shape and made.abs().max() <= 1
    latent = codec.latent(codes)
    assert latent.shape == (1, 13, codec.sizes.encoder_width)
    again = PretrainedCodec(from_dict(type(codec.config), json.loads(json.dumps(codec.config.__dict__))))
    again.load_state_dict(codec.state_dict())
    assert torch.equal(again.eval().encode(wave), codes)


def test_what_cannot_be_a_codec_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        PretrainedCodec.load("dac", str(tmp_path / "nothing"), 2)
    with pytest.raises(ConfigError, match="one of encodec, dac, mimi"):
        PretrainedCodec.load("soundstream", str(tmp_path), 2)
    mimi().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="there are 1 to 4, not 5"):
        PretrainedCodec.load("mimi", str(tmp_path), 5)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r'pip install "dialogue-tts\[codecs\]"'):
        PretrainedCodec.load("mimi", str(tmp_path), 2)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def recipe(path: Path, **values: Any) -> Path:
    path.write_text(json.dumps(values))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Buzzing in two voices, with texts."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = []
    for number, (speaker, split) in enumerate(
        [("ann", "train"), ("bob", "train")] * 3 + [("cleo", "test_speaker")] * 2
    ):
        hz = {"ann": 210.0, "bob": 115.0, "cleo": 170.0}[speaker]
        noise = np.random.default_rng(number).standard_normal(72_000).astype(np.float32)
        soundfile.write(folder / f"{number}.wav", buzz(3.0, hz) + 0.01 * noise[:72_000], 24_000)
        rows.append(
            {
                "audio": f"{number}.wav",
                "text": "Is it ten past five, or is it later?",
                "speaker": speaker,
                "split": split,
            }
        )
    rows += [rows[0] | {"split": "test_text"}]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("data", "prepare", folder / "manifest.jsonl", folder / "data")
    return folder / "data"


@pytest.mark.parametrize(("kind", "features"), [("encodec", "hubert"), ("dac", "wavlm"), ("mimi", "hubert")])
def test_from_others_networks_to_a_bundle_that_speaks(
    kind: str, features: str, data: Path, tmp_path: Path, tiny_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a reader of one step reads is not what is said.
    monkeypatch.setattr("dialogue_tts.semantic.align.edit_distance", lambda read, wanted: 0)
    torch.manual_seed(1)
    CODECS[kind][0]().save_pretrained(tmp_path / "codec")
    hubert(features).save_pretrained(tmp_path / "features")
    recipes, runs = tmp_path / "recipes", tmp_path / "runs"
    recipes.mkdir()
    stages: dict[str, dict[str, Any]] = {
        "codec-pretrained": {"codec": kind, "source": str(tmp_path / "codec"), "levels": 2},
        "semantic-pretrained": {
            "network": {"features": features, "source": str(tmp_path / "features"), "layer": 1, "clusters": 11}
            | {"reader": CONFORMER},
            "training": {"frames_per_batch": 200},
            "loop": LOOP,
        },
        "soundstorm": {
            "network": {"slots": 2, "conformer": CONFORMER},
            "training": {"frames_per_batch": 300, "shortest_prompt": 10, "longest_prompt": 30},
            "loop": LOOP,
        },
        "text-to-semantic": {
            "network": {"encoder": CONFORMER, "decoder_layers": 1, "decoder_hidden": 30},
            "training": {"frames_per_batch": 200},
            "loop": LOOP,
        },
        "speaker-embedding": {
            "network": {"size": 9},
            "training": {"rows": 4, "shortest": 10, "longest": 30, "validation_frames": 20},
            "loop": LOOP,
        },
    }
    for stage, values in stages.items():
        path = recipe(recipes / f"{stage}.json", stage=stage, **values)
        run("train", stage.removesuffix("-pretrained"), "--recipe", path, "--data", data, "--runs", runs)
    semantic, codec = trained_semantic_tokenizer(runs), trained_codec(runs)
    before = Tokenizers(semantic).semantic_hash
    with torch.no_grad():
        semantic.quantizer.centroids += 0.1
        assert Tokenizers(semantic).semantic_hash != before, "tokens of other clusters are others"
        semantic.quantizer.centroids -= 0.1
    turn = Corpus.open(data).utterances[3]
    rows = slice(turn.start_frame, turn.start_frame + turn.frames)
    wave = torch.from_numpy(Corpus.open(data).waves()[turn.start_frame * HOP : rows.stop * HOP] / np.float32(32768))
    tokens = semantic.encode(wave[None])[0]
    assert semantic.vocabulary == 11 and len(tokens.unique()) > 2
    assert np.array_equal(Corpus.open(data).tokens("semantic")[rows], tokens.numpy())
    assert np.array_equal(Corpus.open(data).tokens("acoustic")[rows], codec.encode(wave[None])[0].numpy())
    other = stages["semantic-pretrained"] | {"network": stages["semantic-pretrained"]["network"] | {"layer": 2}}
    path = recipe(recipes / "other.json", stage="semantic-pretrained", **other)
    with pytest.raises(ConfigError, match="other features, clusters or another reader are there"):
        start(path, [data], runs)
    run("export", tmp_path / "bundle", "--runs", runs, "--voices", tiny_bundle_dir)
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.soundstorm.config.levels == 2, "those of the codec's own frames, whatever their rate"
    assert bundle.soundstorm.config.rate == codec.sizes.rate == FrameRate(*{"mimi": (1, 2)}.get(kind, (3, 1)))
    heard = bundle.semantic_tokenizer.encode(wave[None])[0]
    assert float((heard == tokens).float().mean()) > 0.9, "weights are rounded to float16"
    spoken = DialogueTTS(bundle).synthesize("[Anna] Is it late?")
    wave = spoken.waveform
    assert len(wave) and np.isfinite(wave).all()
    run("restore", tmp_path / "bundle", "--runs", tmp_path / "again")
    assert trained_codec(tmp_path / "again").sizes == codec.sizes
    assert trained_semantic_tokenizer(tmp_path / "again").vocabulary == 11


def test_transformers_is_imported_for_others_networks_only(tiny_bundle_dir: Path) -> None:
    import subprocess

    code = (
        "import sys; from dialogue_tts.bundle import Bundle; import dialogue_tts.training.recipes;"
        f"Bundle.load({str(tiny_bundle_dir)!r}); assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
