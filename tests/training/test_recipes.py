"""From recordings to a bundle that speaks, through the command line alone: tiny networks, a few steps each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import training_speed
from click.testing import Result
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from dialogue_tts.bundle import Bundle
from dialogue_tts.cli import app
from dialogue_tts.errors import ConfigError, DataError
from dialogue_tts.semantic.align import PhoneSequence
from dialogue_tts.semantic.model import TextToSemanticConfig
from dialogue_tts.training.checkpoints import load_ema
from dialogue_tts.training.codec_decoder import CodecDecoderConfig, CodecDecoderTask
from dialogue_tts.training.corpus import Corpus, write_turns
from dialogue_tts.training.recipes import (
    RECIPES,
    read_recipe,
    start,
    trained_codec,
    trained_semantic_tokenizer,
    trained_soundstorm,
    trained_speaker_embedding,
    trained_text_to_semantic,
)

RATE_HZ = 24_000
MAX_ADVANCE = TextToSemanticConfig(0, 0).max_advance
TURNS = (  # speaker, split, dialogue, text
    ("Ann", "train", "d1", "Good evening, have you been here long?"),
    ("Bob", "train", "d1", "No, I came a minute ago."),
    ("Ann", "train", "d1", "Then we can go and find a table."),
    ("Bob", "train", "d1", "Fine. I am hungry."),
    ("Ann", "train", "d2", "What shall we eat tonight?"),
    ("Bob", "train", "d2", "Soup and bread, as always."),
    ("Ann", "train", "d2", "You never change, my friend."),
    ("Bob", "train", "d2", "Why should I? It is good soup."),
    ("Ann", "train", "d3", "Look, it has begun to rain."),
    ("Bob", "train", "d3", "We will stay until it stops."),
    ("Ann", "test_text", "d4", "The train was late again this morning."),
    ("Bob", "test_text", "d4", "Mine never came at all, so I walked."),
    ("Cleo", "test_speaker", "d5", "Is there any coffee left for me?"),
    ("Cleo", "test_speaker", "d6", "I would rather have some tea."),
)
PITCH_HZ = {"Ann": 210.0, "Bob": 115.0, "Cleo": 170.0}

CONFORMER = {"width": 16, "heads": 2, "layers": 1, "hidden": 22, "kernel": 3}
LOOP = {"threads": 1, "warmup": 1, "log_every": 1, "validate_every": 2}
SMALL: dict[str, dict[str, Any]] = {
    "codec-tokens": {
        "network": {
            "views": [
                {"n_fft": 256, "n_mels": 6, "per_frame": 2},
                {"n_fft": 512, "n_mels": 10, "per_frame": 1},
            ],
            "levels": 3,
            "codebook_size": 19,
            "code_width": 4,
            "encoder_width": 14,
            "encoder_hidden": 21,
            "encoder_blocks": 1,
            "decoder_width": 18,
            "decoder_hidden": 26,
            "trunk_blocks": 1,
            "wave_blocks": 2,
        },
        "training": {"crop_frames": 20, "rows": 3},
        "loop": {"steps": 4},
    },
    "codec-decoder": {
        "training": {
            "crop_frames": 4,
            "context_frames": 2,
            "rows": 2,
            "adversarial_from": 1,
            "discriminators": {
                "periods": [2, 3],
                "period_channels": [4, 6],
                "windows": [240],
                "spectrum_channels": 3,
            },
        },
        "loop": {"steps": 3},
    },
    "semantic": {
        "network": {
            "levels": [3, 4],
            "n_mels": 12,
            "n_fft": 512,
            "shape_mels": 7,
            "encoder": CONFORMER,
            "reader": CONFORMER | {"hidden": 20},
        },
        "training": {"frames_per_batch": 200, "masked_mels": 3},
        "loop": {"steps": 3},
    },
    "soundstorm": {
        "network": {"slots": 2, "conformer": CONFORMER | {"hidden": 34}},
        "training": {"frames_per_batch": 300, "shortest_prompt": 10, "longest_prompt": 30, "longest_frames": 150},
        "loop": {"steps": 3},
    },
    "text-to-semantic": {
        "network": {"encoder": CONFORMER, "decoder_layers": 1, "decoder_hidden": 30},
        "training": {"frames_per_batch": 200},
        "loop": {"steps": 2},
    },
    "speaker-embedding": {
        "network": {"size": 9},
        "training": {"rows": 6, "shortest": 10, "longest": 30, "validation_frames": 20},
        "loop": {"steps": 3},
    },
}


def murmur(text: str, speaker: str, number: int) -> np.ndarray:
    """A buzz at the speaker's pitch, a syllable for every three letters, with some breath; float32 (samples,)."""
    samples = round(RATE_HZ * (0.4 + 0.055 * len(text)))
    t = np.arange(samples) / RATE_HZ
    pitch = PITCH_HZ[speaker] * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t + number))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tones = sum(np.sin(k * phase) / k * (1 + np.cos(2 * np.pi * (1 + k % 3) * t)) for k in range(1, 10))
    breath = np.random.default_rng(number).standard_normal(samples)
    return (np.sin(2 * np.pi * 3 * t) ** 2 * (0.08 * tones + 0.01 * breath)).astype(np.float32)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def recipe_file(folder: Path, stage: str, **changes: Any) -> Path:
    """A tiny recipe; `changes` go over its entries, one level deep."""
    values = {"stage": stage} | SMALL[stage] | {"loop": LOOP | SMALL[stage]["loop"]}
    for key, value in changes.items():
        values[key] = values.get(key, {}) | value if isinstance(value, dict) else value
    path = folder / f"{stage}.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def steps_of(runs: Path, stage: str) -> int:
    with safe_open(runs / stage / "checkpoint.safetensors", "pt") as file:
        return int(file.metadata()["step"])


def log_of(runs: Path, stage: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (runs / stage / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def align_evenly(corpus: Corpus) -> None:
    """PhoneSequence of equal length, in place of the alignment that an untrained tokenizer cannot give."""
    owners = np.full(sum(u.frames for u in corpus.utterances), -1, np.int16)
    for turn in corpus.utterances:
        count = len(PhoneSequence.of(turn.phonemes).characters)
        owners[turn.start_frame : turn.start_frame + turn.frames] = np.arange(turn.frames) * count // turn.frames
    np.save(corpus.folder / "phones.npy", owners)


class Trained:
    """What a training session leaves, stage by stage, and what the commands said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data, self.varied, self.runs = folder / "data", folder / "varied", folder / "runs"
        self.bundle = folder / "bundle"
        self.said: dict[str, Result] = {}

    def run(self, step: str, *arguments: object) -> None:
        self.said[step] = run(*arguments)
        assert self.said[step].exit_code == 0, self.said[step].output

    def train(self, stage: str, *recipes: Path, data: tuple[Path, ...]) -> None:
        options = [part for path in recipes for part in ("--recipe", path)]
        options += [part for path in data for part in ("--data", path)]
        self.run(stage, "train", stage, *options, "--runs", self.runs)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Every stage, as the README trains them."""
    made = Trained(tmp_path_factory.mktemp("training"))
    folder, both = made.folder, (made.data, made.varied)
    rows = []
    for number, (speaker, split, dialogue, text) in enumerate(TURNS):
        soundfile.write(folder / f"{number}.flac", murmur(text, speaker, number), RATE_HZ)
        rows.append(
            {"id": f"t{number}", "audio": f"{number}.flac", "text": text, "speaker": speaker}
            | {"split": split, "dialogue": dialogue, "turn": number}
        )
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    made.run("prepare", "data", "prepare", folder / "manifest.jsonl", made.data)
    made.run("vary", "data", "vary", made.data, made.varied, "--seed", 4)
    recipes = {stage: recipe_file(folder, stage) for stage in SMALL}
    made.train("codec", recipes["codec-tokens"], recipes["codec-decoder"], data=both)
    made.train("semantic", recipes["semantic"], data=both)
    made.train("soundstorm", recipes["soundstorm"], data=both)
    for place in both:
        (place / "phones.npy").rename(place / "phones-found.npy")
        align_evenly(Corpus.open(place))
    made.train("text-to-semantic", recipes["text-to-semantic"], data=both)
    made.train("speaker-embedding", recipes["speaker-embedding"], data=both)
    voices = folder / "voices"
    (voices / "voices").mkdir(parents=True)
    soundfile.write(voices / "voices" / "ann.flac", murmur("a" * 60, "Ann", 1), RATE_HZ)
    listed = {"voices": [{"name": "ann", "description": "a murmur", "origin": "made by a test"}]}
    (voices / "voices.json").write_text(json.dumps(listed), encoding="utf-8")
    made.run("export", "export", made.bundle, "--runs", made.runs, "--voices", voices, "--name", "tiny")
    return made


def test_prepare_writes_real_phonemes(trained: Trained) -> None:
    corpus = Corpus.open(trained.data)
    assert [(u.speaker, u.split, u.text) for u in corpus.utterances] == [(s, p, t) for s, p, _, t in TURNS]
    assert "ˈivnɪŋ," in corpus.utterances[0].phonemes and corpus.utterances[0].phonemes.endswith("lˈɔŋ?")
    assert all(10 <= len(PhoneSequence.of(u.phonemes).phones) < 1.6 * u.frames for u in corpus.utterances)
    assert f"{trained.data}: 0.01 h in 14 recordings" in trained.said["prepare"].stdout


def test_vary_makes_other_speakers_of_the_training_split(trained: Trained) -> None:
    varied = Corpus.open(trained.varied)
    assert [u.text for u in varied.utterances] == [t for _, split, _, t in TURNS if split == "train"]
    assert not {u.speaker for u in varied.utterances} & set(PITCH_HZ)
    assert "in 10 recordings" in trained.said["vary"].stdout


@pytest.mark.parametrize("stage", SMALL)
def test_each_stage_trains_to_its_last_step(trained: Trained, stage: str) -> None:
    steps = SMALL[stage]["loop"]["steps"]
    assert steps_of(trained.runs, stage) == steps
    log = log_of(trained.runs, stage)
    assert {line["step"] for line in log} == set(range(1, steps + 1))
    assert all(np.isfinite(value) for line in log for value in line.values())
    assert read_recipe(trained.runs / stage / "recipe.json").stage == stage
    assert list((trained.runs / stage / "tensorboard").glob("events*"))


@pytest.mark.parametrize(
    ("stage", "figures"),
    [
        ("codec-tokens", {"l1_1", "l1_3", "pitch_1", "pitch_3", "perplexity_1", "perplexity_3"}),
        ("codec-decoder", {"mel"}),
        ("semantic", {"phone_error", "shape", "perplexity"}),
        ("soundstorm", {"level_1", "level_2", "level_3"}),
        ("text-to-semantic", {"token", "tempo", "phone_error", "length"}),
        ("speaker-embedding", {"own"}),  # one voice has no rival
    ],
)
def test_each_stage_is_validated(trained: Trained, stage: str, figures: set[str]) -> None:
    validations = [line for line in log_of(trained.runs, stage) if any(k.startswith("valid/") for k in line)]
    steps = SMALL[stage]["loop"]["steps"]
    assert [line["step"] for line in validations] == sorted({*range(2, steps, 2), steps})
    for line in validations:
        assert {k.removeprefix("valid/") for k in line if k.startswith("valid/")} == figures


def test_critics_join_at_their_step(trained: Trained) -> None:
    lines = [line for line in log_of(trained.runs, "codec-decoder") if "mel" in line]
    assert ["discriminators" in line and "fooled" in line for line in lines] == [False, True, True]


def test_the_decoder_learns_under_frozen_tokens(trained: Trained, tmp_path: Path) -> None:
    codec = trained_codec(trained.runs)
    wave = torch.from_numpy(murmur("a" * 40, "Cleo", 3)[: 60 * 960])[None]
    shutil.copytree(trained.runs / "codec-tokens", tmp_path / "codec-tokens")
    first_phase = trained_codec(tmp_path)
    assert torch.equal(codec.encode(wave), first_phase.encode(wave))
    # Both phases train the decoder's trunk: the second went on from the first.
    before, after = first_phase.decoder.trunk.state_dict(), codec.decoder.trunk.state_dict()
    assert all(torch.allclose(before[key], after[key], atol=0.05) for key in before)
    assert any(not torch.equal(before[key], after[key]) for key in before)


def test_tokens_lie_beside_the_data(trained: Trained) -> None:
    codec, semantic_tokenizer = trained_codec(trained.runs), trained_semantic_tokenizer(trained.runs)
    for folder in (trained.data, trained.varied):
        corpus = Corpus.open(folder)
        frames = sum(u.frames for u in corpus.utterances)
        turn = corpus.utterances[3]
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        samples = corpus.waves()[rows.start * 960 : rows.stop * 960].astype(np.float32) / 32768
        wave = torch.from_numpy(samples)[None]
        assert corpus.tokens("acoustic").shape == (frames, 3) and corpus.tokens("semantic").shape == (frames,)
        assert np.array_equal(corpus.tokens("acoustic")[rows], codec.encode(wave)[0].numpy())
        assert np.array_equal(corpus.tokens("semantic")[rows], semantic_tokenizer.encode(wave)[0].numpy())


def test_the_decoder_may_learn_from_guessed_fine_codes(trained: Trained, runs: Path, tmp_path: Path) -> None:
    data = smaller(trained, tmp_path / "some", lambda u: True)
    changes = {"training": SMALL["codec-decoder"]["training"] | {"predicted": 1.0}, "loop": {"steps": 4}}
    recipe = recipe_file(tmp_path, "codec-decoder", **changes)
    for name in ("semantic", "phones"):  # which SoundStorm predicts from
        (data / f"{name}.npy").unlink(missing_ok=True)
    result = run("train", "codec", "--recipe", recipe, "--data", data, "--runs", runs)
    assert result.exit_code == 0, result.output
    assert steps_of(runs, "codec-decoder") == 4
    corpus = Corpus.open(data)
    true, predicted = corpus.tokens("acoustic"), corpus.tokens("predicted")
    assert np.array_equal(predicted[:, 0], true[:, 0]), "the first level is true"
    for turn in corpus.utterances:
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        assert np.array_equal(predicted[rows], true[rows]) == (turn.split != "train")
    assert predicted.min() >= 0 and predicted.max() < 19


def test_the_decoder_may_listen_to_what_it_makes(trained: Trained, runs: Path, tmp_path: Path) -> None:
    changes = {"training": SMALL["codec-decoder"]["training"] | {"perceptual_weight": 2.0}, "loop": {"steps": 5}}
    recipe = recipe_file(tmp_path, "codec-decoder", **changes)
    result = run("train", "codec", "--recipe", recipe, "--data", trained.data, "--runs", runs)
    assert result.exit_code == 0, result.output
    heard = [line["heard"] for line in log_of(runs, "codec-decoder") if "heard" in line]
    assert len(heard) == 2 and min(heard) > 0, "steps 4 and 5: those before did not listen"


def test_what_is_heard_in_a_wave_leads_back_to_it_and_to_nothing_else(trained: Trained) -> None:
    config = CodecDecoderConfig(crop_frames=4, context_frames=2, perceptual_weight=1.0)
    perceptual = trained_semantic_tokenizer(trained.runs)
    task = CodecDecoderTask(trained_codec(trained.runs), config, [Corpus.open(trained.data)], perceptual)
    wave = torch.from_numpy(np.stack([murmur("hear me", "Ann", 1), murmur("see you", "Bob", 2)])[:, : 8 * 960])
    assert float(task._heard_otherwise(wave, wave)) < 1e-5
    made = (0.5 * wave.flip(0)).requires_grad_()
    task._heard_otherwise(made, wave).backward()
    assert made.grad is not None and bool((made.grad.unflatten(1, (8, 960)).abs().sum(-1) > 0).all())
    assert all(p.grad is None for p in (*perceptual.parameters(), *task.codec.parameters()))


def test_nothing_is_heard_without_a_listener(trained: Trained) -> None:
    with pytest.raises(ConfigError, match="perceptual_weight"):
        CodecDecoderTask(trained_codec(trained.runs), CodecDecoderConfig(perceptual_weight=1.0), [])


def test_alignments_are_whole_or_rejected(trained: Trained) -> None:
    for folder in (trained.data, trained.varied):
        corpus = Corpus.open(folder)
        found = np.load(folder / "phones-found.npy")
        for turn in corpus.utterances:
            owners = found[turn.start_frame : turn.start_frame + turn.frames]
            last = len(PhoneSequence.of(turn.phonemes).characters) - 1
            steps = np.diff(owners)
            aligned = owners[0] == 0 and owners[-1] == last and steps.min() >= 0 and steps.max() <= MAX_ADVANCE
            assert aligned or (owners == -1).all()


def test_networks_take_their_sizes_from_earlier_stages(trained: Trained) -> None:
    soundstorm = trained_soundstorm(trained.runs).config
    assert (soundstorm.semantic_vocabulary, soundstorm.levels, soundstorm.codebook_size) == (12, 3, 19)
    assert soundstorm.slots == 2
    text_to_semantic = trained_text_to_semantic(trained.runs).config
    assert text_to_semantic.semantic_vocabulary == 12 and text_to_semantic.text_vocabulary > 60


def test_the_exported_bundle_speaks(trained: Trained, tmp_path: Path) -> None:
    out, times = tmp_path / "out.wav", tmp_path / "times.json"
    script = tmp_path / "script.txt"
    script.write_text("[Ann] Good evening. [Ben] Is it late?", encoding="utf-8")
    result = run("synthesize", script, "-o", out, "--timestamps", times, "--bundle", trained.bundle, "--seed", 1)
    assert result.exit_code == 0, result.output
    wave, rate = soundfile.read(out)
    assert rate == RATE_HZ and wave.size > RATE_HZ // 10 and np.isfinite(wave).all()
    assert [t["speaker"] for t in json.loads(times.read_text(encoding="utf-8"))["turns"]] == ["Ann", "Ben"]
    assert run("voices", "--bundle", trained.bundle).stdout == "ann\ta murmur\n"


def test_the_bundle_holds_the_averaged_weights(trained: Trained) -> None:
    bundle = Bundle.load(trained.bundle)
    assert bundle.config.name == "tiny" and len(bundle.config.acoustic_decoding.passes) == 3
    for found, wanted in (
        (bundle.codec, trained_codec(trained.runs)),
        (bundle.semantic_tokenizer, trained_semantic_tokenizer(trained.runs)),
        (bundle.soundstorm, trained_soundstorm(trained.runs)),
        (bundle.text_to_semantic, trained_text_to_semantic(trained.runs)),
        (bundle.speaker_embedding, trained_speaker_embedding(trained.runs)),
    ):
        weights = wanted.state_dict()
        assert all(torch.equal(value, weights[key].half().float()) for key, value in found.state_dict().items())


def test_exporting_again_keeps_tuned_decoding(trained: Trained, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.bundle, tmp_path / "bundle"))
    bundle = Bundle.load(folder)
    tuned = replace(bundle.config.acoustic_decoding, passes=(5, 2, 1), temperature=0.5)
    replace(bundle, config=replace(bundle.config, acoustic_decoding=tuned)).save(folder)
    (folder / "recipe" / "semantic.json").write_text("{}")
    (folder / "recipe" / "data.json").write_text("{}")
    assert run("export", folder, "--runs", trained.runs, "--name", "second").exit_code == 0
    again = Bundle.load(folder)
    assert again.config.acoustic_decoding == tuned and again.config.name == "second"
    assert list(again.voices) == ["ann"]
    kept = (trained.runs / "semantic" / "recipe.json").read_text()
    assert (folder / "recipe" / "semantic.json").read_text() == kept, "the one that fits the weights"
    assert (folder / "recipe" / "data.json").read_text() == "{}"


def test_the_encoder_may_learn_alone(trained: Trained, tmp_path: Path) -> None:
    before = trained_codec(trained.runs)
    recipe = recipe_file(tmp_path, "codec-tokens", training={"encoder_only": True}, loop={"steps": 7})
    options = ["--recipe", recipe, "--data", trained.data, "--runs", tmp_path / "runs"]
    refused(run("train", "codec", *options), "there is no codec to keep", "restore a bundle's")
    restored = tmp_path / "runs" / "codec-tokens"
    weights = load_file(trained.runs / "codec-tokens" / "checkpoint.safetensors")
    kept = {key: value for key, value in weights.items() if "mel_head" not in key and "optimizer" not in key}
    save_file(kept, restored / "checkpoint.safetensors", {"step": "4", "epoch": "0", "trained_s": "0.0"})
    task = start(recipe, [trained.data], tmp_path / "runs").task
    fitted = task.validate(task.networks)["l1_3"]
    torch.nn.init.normal_(task.network.mel_head[1].weight, std=0.1)
    assert fitted < 0.9 * task.validate(task.networks)["l1_3"], "the mel head was fitted"
    assert run("train", "codec", *options).exit_code == 0
    after = trained_codec(tmp_path / "runs").state_dict()
    for name, value in before.state_dict().items():
        if not name.startswith("decoder."):  # `before` has the decoder's second phase
            assert torch.equal(value, after[name]) == (not name.startswith("encoder.")), name
    trunk = load_ema(trained.runs / "codec-tokens", "codec_tokens")
    assert all(torch.equal(value, trunk[f"codec.{name}"]) for name, value in after.items() if "decoder.trunk" in name)


@pytest.fixture
def runs(trained: Trained, tmp_path: Path) -> Path:
    """A copy of the runs to go on with."""
    return Path(shutil.copytree(trained.runs, tmp_path / "runs"))


def test_training_again_goes_on_where_it_stopped(trained: Trained, runs: Path, tmp_path: Path) -> None:
    longer = recipe_file(tmp_path, "soundstorm", loop={"steps": 5})
    before = len(log_of(runs, "soundstorm"))
    options = ["--recipe", longer, "--data", trained.data, "--data", trained.varied, "--runs", runs]
    assert run("train", "soundstorm", *options).exit_code == 0
    assert steps_of(runs, "soundstorm") == 5
    assert {line["step"] for line in log_of(runs, "soundstorm")[before:]} == {4, 5}
    weights = [trained_soundstorm(place).state_dict() for place in (trained.runs, runs)]
    assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_finished_stage_stays_as_it_is(trained: Trained, runs: Path) -> None:
    checkpoint = runs / "semantic" / "checkpoint.safetensors"
    before = checkpoint.read_bytes()
    options = ["--recipe", trained.folder / "semantic.json", "--data", trained.data, "--runs", runs]
    assert run("train", "semantic", *options).exit_code == 0
    assert checkpoint.read_bytes() == before


def test_out_of_time_leaves_a_checkpoint(trained: Trained, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, "codec-tokens")
    options = ["--recipe", recipe, "--data", trained.data, "--runs", tmp_path / "runs"]
    assert run("train", "codec", *options, "--minutes", 0).exit_code == 0
    assert steps_of(tmp_path / "runs", "codec-tokens") == 1
    assert run("train", "codec", *options).exit_code == 0
    assert steps_of(tmp_path / "runs", "codec-tokens") == 4


def refused(result: Result, *said: str) -> None:
    """Exit code 2 and one line on standard error."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("dialogue-tts: ")
    for part in said:
        assert part in lines[0]


@pytest.mark.parametrize("stage", ["codec", "semantic", "vocoder", "codec-tokens"])
def test_a_recipe_of_another_stage(trained: Trained, tmp_path: Path, stage: str) -> None:
    recipe = recipe_file(tmp_path, "soundstorm")
    options = ["--recipe", recipe, "--data", trained.data, "--runs", tmp_path / "runs"]
    refused(run("train", stage, *options), f"this recipe is for soundstorm, not for {stage}")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r.update(optimizer="adam"), "optimizer: there is no such setting"),
        (lambda r: r["network"].update(depth=3), "network.depth: there is no such setting"),
        (lambda r: r["training"].update(rows=3), "training.rows: there is no such setting"),
        (lambda r: r["loop"].update(steps="many"), "loop.steps: expected int"),
        (lambda r: r["loop"].pop("steps"), "steps"),
        (lambda r: r.pop("loop"), "loop"),
        (lambda r: r.update(network=[3]), "network: expected an object"),
        (lambda r: r.update(network=None), "network: expected an object"),
        (lambda r: r.update(stage="vocoder"), "stage must be one of semantic, codec-tokens"),
        (lambda r: r.update(stage=["semantic"]), "stage must be one of"),
        (lambda r: r.pop("stage"), "stage must be one of"),
    ],
)
def test_recipes_that_are_not_understood(
    trained: Trained, tmp_path: Path, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = recipe_file(tmp_path, "semantic")
    values = json.loads(path.read_text(encoding="utf-8"))
    edit(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ConfigError):
        read_recipe(path)
    refused(
        run("train", "semantic", "--recipe", path, "--data", trained.data, "--runs", tmp_path / "runs"), str(path), said
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("content", ["", "[]", "3", "{"])
def test_recipes_that_are_no_recipes(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content, encoding="utf-8")
    refused(run("train", "semantic", "--recipe", path, "--data", tmp_path), str(path))
    refused(run("train", "semantic", "--recipe", tmp_path / "none.json", "--data", tmp_path), "no such file")


@pytest.mark.parametrize("stage", SMALL)
def test_data_folders_that_are_not_there(trained: Trained, runs: Path, tmp_path: Path, stage: str) -> None:
    command = stage.removesuffix("-tokens").removesuffix("-decoder")
    options = ["--recipe", trained.folder / f"{stage}.json", "--runs", runs]
    refused(run("train", command, *options, "--data", tmp_path / "none"), "none: no turns.jsonl there")


@pytest.mark.parametrize("stage", ["codec-decoder", "soundstorm", "text-to-semantic"])
def test_a_stage_before_those_it_builds_on(trained: Trained, tmp_path: Path, stage: str) -> None:
    command = stage.removesuffix("-decoder")
    options = ["--recipe", trained.folder / f"{stage}.json", "--data", trained.data, "--runs", tmp_path / "runs"]
    refused(run("train", command, *options), "recipe.json: there is no such file")


def test_a_checkpoint_of_another_size(trained: Trained, runs: Path, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, "semantic", network={"n_mels": 14})
    options = ["--recipe", recipe, "--data", trained.data, "--runs", runs]
    refused(run("train", "semantic", *options), "another size of network")
    assert trained_semantic_tokenizer(runs).config.n_mels == 12, "the recipe of what was trained stays"


def smaller(trained: Trained, folder: Path, keep: Callable[[Any], bool]) -> Path:
    """The data without some of its turns."""
    shutil.copytree(trained.data, folder)
    write_turns(folder, [u for u in Corpus.open(folder).utterances if keep(u)])
    return folder


@pytest.mark.parametrize("stage", SMALL)
def test_data_without_held_out_turns_is_told_at_once(trained: Trained, runs: Path, tmp_path: Path, stage: str) -> None:
    data = smaller(trained, tmp_path / "small", lambda u: u.split == "train")
    with pytest.raises(DataError, match=f"no recordings to validate {stage} with"):
        start(trained.folder / f"{stage}.json", [data], runs)


@pytest.mark.parametrize("stage", SMALL)
def test_data_that_fill_no_batch_are_told_at_once(trained: Trained, runs: Path, tmp_path: Path, stage: str) -> None:
    data = smaller(trained, tmp_path / "small", lambda u: u.split != "train")
    with pytest.raises(DataError, match=f"too few recordings to train {stage}"):
        start(trained.folder / f"{stage}.json", [data], runs)


@pytest.mark.parametrize("stage", SMALL)
def test_what_the_folders_lack_is_told_before_tokens_are_made(
    trained: Trained, runs: Path, tmp_path: Path, stage: str
) -> None:
    for number, (split, told) in enumerate((("train", "no recordings to validate"), ("test", "too few recordings"))):
        data = smaller(trained, tmp_path / str(number), lambda u: True)
        write_turns(data, [replace(u, split=split) for u in Corpus.open(data).utterances])
        for name in ("semantic", "acoustic"):
            (data / f"{name}.npy").unlink()
        options = ["--recipe", trained.folder / f"{stage}.json", "--data", data, "--runs", runs]
        refused(run("train", stage.split("-")[0] if stage.startswith("codec") else stage, *options), told)
        assert not (data / "semantic.npy").exists() and not (data / "acoustic.npy").exists()


def test_one_held_out_turn_is_enough_for_soundstorm(trained: Trained, runs: Path, tmp_path: Path) -> None:
    data = smaller(trained, tmp_path / "small", lambda u: u.split == "train" or u.id == "t12")
    figures = start(trained.folder / "soundstorm.json", [data], runs).validate()
    assert set(figures) == {"level_1", "level_2", "level_3"} and all(map(np.isfinite, figures.values()))


def test_text_to_semantic_makes_the_alignment_and_tells_when_it_rejects_all(
    trained: Trained, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = smaller(trained, tmp_path / "small", lambda u: True)
    (data / "phones.npy").unlink()
    monkeypatch.setattr("dialogue_tts.semantic.align.edit_distance", lambda read, wanted: len(wanted))
    options = ["--recipe", trained.folder / "text-to-semantic.json", "--data", data, "--runs", runs]
    refused(run("train", "text-to-semantic", *options), "too few recordings to train text-to-semantic")
    assert (np.load(data / "phones.npy") == -1).all()


@pytest.mark.parametrize("stage", ["semantic", "codec-tokens"])
def test_tokenizers_learn_from_all_folders(trained: Trained, tmp_path: Path, stage: str) -> None:
    one, both = (
        start(trained.folder / f"{stage}.json", folders, tmp_path / str(len(folders))).task
        for folders in ([trained.data], [trained.data, trained.varied])
    )
    assert len(both.turns) == 2 * len(one.turns) > 0 and [turn for _, turn in both.held_out] == [
        turn for _, turn in one.held_out
    ]


@pytest.mark.parametrize("stage", SMALL)
def test_the_benchmark_of_speed_counts_the_frames_of_every_stage(
    trained: Trained, runs: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    times = iter(range(100))
    monkeypatch.setattr(training_speed.time, "process_time", lambda: next(times))
    found = training_speed.speed(stage, runs, [trained.data, trained.varied], steps=2, threads=1)
    training = SMALL[stage]["training"]
    most = training.get("frames_per_batch") or training["rows"] * training.get("crop_frames", 30)
    assert 0 < found <= most + 4 * training.get("context_frames", 0), "a second a step"


def test_every_stage_has_a_recipe_here() -> None:
    assert set(RECIPES) - {"codec-pretrained", "semantic-pretrained"} == set(SMALL)
