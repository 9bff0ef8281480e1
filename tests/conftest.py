"""A tiny random bundle whose sizes all differ, and sound to prompt it with."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import typer.testing

from dialogue_tts.acoustic.generate import DecodingConfig
from dialogue_tts.acoustic.model import SoundStorm, SoundStormConfig
from dialogue_tts.bundle import BuiltInVoice, Bundle, BundleConfig
from dialogue_tts.codec.model import Codec, CodecConfig, MelView
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.semantic.align import PHONE_KINDS
from dialogue_tts.semantic.generate import SemanticDecodingConfig
from dialogue_tts.semantic.model import TextToSemantic, TextToSemanticConfig
from dialogue_tts.semantic.tokenizer import SemanticTokenizer, SemanticTokenizerConfig
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.candidates import AcousticCandidate, SemanticCandidate
from dialogue_tts.text.tokenizer import PHONES, TextTokenizer
from dialogue_tts.voices.library import FOLDER_VARIABLE
from dialogue_tts.voices.speaker_embedding import SpeakerEmbedding, SpeakerEmbeddingConfig

RATE_HZ = 24_000
ONCE = SynthesisConfig(takes=1, sound_takes=1)
TWICE = replace(ONCE, takes=2, sound_takes=2)  # what does not read back well, as nothing does here, is drawn once more
# Processes that begin with everything imported, which takes longer than what most of them do. Where there are none, as on
# Windows, they import it themselves.
FORKS = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
IMPORTED = ["dialogue_tts.pipeline", "dialogue_tts.batch.workers", "dialogue_tts.evaluation.benchmark"]
FORKS.set_forkserver_preload(IMPORTED)  # what counts is what was said last before the first process begins
# The tree of commands, once: every `CliRunner().invoke` makes it anew, which takes longer than most commands.
typer.testing._get_command = cache(typer.testing._get_command)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, the files of tests in a browser stay together: one process starts it and a studio, not each."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        @staticmethod
        @cache
        def _uses_browser(file: str) -> bool:
            return "from tests.ui.browsing import" in (config.rootpath / file).read_text(encoding="utf-8")

        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "browser" if self._uses_browser(file) else file

    return Scheduling(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Random weights are the same whichever tests ran before in the process; those of a file's fixtures, too."""
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests in a browser come first: they take longest, and at the end one process would wait for another's. Those
    of tests/ui without one come when the browser is closed: it keeps an event loop, beside which they could not run theirs.

    A test in a browser that fails is run once more, and the summary says so: what a page does in real time depends on what else
    the machine does."""
    in_browser = [item for item in items if "browser" in getattr(item, "fixturenames", ())]
    for item in in_browser:
        item.add_marker(pytest.mark.flaky(reruns=1))
    first = {item.path for item in in_browser}
    items.sort(key=lambda item: item.path not in first)


def buzz(seconds: float, hz: float = 140.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A vowel-like tone with pauses, float32 (samples,)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12))
    return (0.1 * tones * (np.sin(2 * np.pi * 1.3 * t) > -0.8)).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def no_voices_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may keep voices; they stay out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("kept") / "voices"))
        yield


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that the package starts are of `FORKS`; of each kind, some test starts one as users do."""
    monkeypatch.setattr(multiprocessing, "get_context", lambda method=None: FORKS)


@pytest.fixture(scope="session")
def tiny_bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle's folder with random weights and two voices."""
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(3)
    text = TextTokenizer.train([], folder / "text.model")
    codec = CodecConfig(
        views=(MelView(256, 6, 2), MelView(512, 10, 1)),
        levels=3,
        codebook_size=19,
        code_width=4,
        encoder_width=14,
        encoder_hidden=21,
        encoder_blocks=1,
        decoder_width=18,
        decoder_hidden=26,
        trunk_blocks=1,
        wave_blocks=2,
    )
    semantic = SemanticTokenizerConfig(
        phones="".join(PHONES),
        levels=(3, 4),
        n_mels=12,
        n_fft=512,
        shape_mels=7,
        encoder=ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3),
        reader=ConformerConfig(width=16, heads=2, layers=1, hidden=20, kernel=3),
    )
    text_to_semantic = TextToSemanticConfig(
        text_vocabulary=text.vocab_size,
        semantic_vocabulary=12,
        encoder=ConformerConfig(width=24, heads=3, layers=1, hidden=28, kernel=3),
        decoder_layers=2,
        decoder_hidden=30,
    )
    soundstorm = SoundStormConfig(
        semantic_vocabulary=12,
        levels=3,
        codebook_size=19,
        slots=2,
        conformer=ConformerConfig(width=32, heads=4, layers=1, hidden=34, kernel=3),
        phone_kinds=len(PHONE_KINDS) + 1,
    )
    speaker_embedding = SpeakerEmbeddingConfig(latent_width=14, size=9)
    config = BundleConfig(
        "tiny",
        codec,
        semantic,
        text_to_semantic,
        soundstorm,
        speaker_embedding,
        SemanticDecodingConfig(max_dwell_frames=3),
        DecodingConfig(passes=(3, 2, 1)),
    )
    voices = {}
    for name, hz in (("low", 110.0), ("high", 220.0)):
        soundfile.write(folder / f"{name}.flac", buzz(3.0, hz), RATE_HZ)
        voices[name] = BuiltInVoice(name, folder / f"{name}.flac", f"a {name} tone", "made by a test")
    networks = (
        Codec(codec),
        SemanticTokenizer(semantic),
        TextToSemantic(text_to_semantic),
        SoundStorm(soundstorm),
        SpeakerEmbedding(speaker_embedding),
    )
    with torch.no_grad():  # else chance alone draws codes, and two voices may sound alike
        for head in networks[3].heads:
            head.weight *= 10
    made = folder / "made"
    Bundle(config, *networks, text, voices).save(made)
    return made


@pytest.fixture(scope="session")
def tiny_tts(tiny_bundle_dir: Path) -> DialogueTTS:
    """The pipeline on the tiny bundle: what it says is noise, how it says it is real. Nothing reads back well, so everything
    would be drawn as often as it may be; whoever looks at that says how often."""
    return DialogueTTS.from_pretrained(tiny_bundle_dir, ONCE)


@pytest.fixture(scope="module")
def all_reads_well() -> Iterator[None]:
    """Nothing is drawn twice, whatever the settings: for who runs what users run, on random networks."""
    with pytest.MonkeyPatch.context() as patch:
        for candidate in (SemanticCandidate, AcousticCandidate):
            patch.setattr(candidate, "will_do", lambda *_: True)
        yield


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three seconds of tone in a WAV file."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, buzz(3.0), RATE_HZ)
    return path
