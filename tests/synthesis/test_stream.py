"""Streams: the sound of `synthesize` in chunks, early, and only as long as somebody listens."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialogue_tts.codec.model import Codec
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import Cancelled, DialogueTTSError, ScriptError, SettingsError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.scheduler import THREAD
from dialogue_tts.synthesis.synthesizer import Synthesizer
from dialogue_tts.threads import run_in_worker_thread
from tests.conftest import ONCE, TWICE

SCRIPT = """
[Anna] Good evening, Ben. How was the train?
[Ben | overlap 0.2s] Late!
[Anna | overlap 1s] Oh.
[Ben] [pause 0.3s] By forty minutes, and then it rained all the way to the harbour.
[Anna | speed 1.5] Late again.
[Ben] Yes.
"""


def test_chunks_are_the_dialogue_bit_for_bit(tiny_tts: DialogueTTS) -> None:
    whole = tiny_tts.synthesize(SCRIPT, seed=4, config=TWICE)
    chunks = list(tiny_tts.stream(SCRIPT, seed=4, config=TWICE))
    assert np.concatenate([chunk.waveform for chunk in chunks]).tobytes() == whole.waveform.tobytes()
    assert tuple(chunk.turn for chunk in chunks) == whole.turns
    clock = 0
    for chunk in chunks:
        assert chunk.start == pytest.approx(clock / 24_000)
        clock += chunk.waveform.size
    for index, chunk in enumerate(chunks):
        assert chunk.take.marked(tiny_tts.mark).tobytes() == whole.turn_waveform(index).tobytes()


def test_the_first_turn_comes_before_later_ones_are_begun(
    tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    draw = Synthesizer.draw
    monkeypatch.setattr(
        Synthesizer, "draw", lambda self, wanted, *rest: asked.append(len(wanted)) or draw(self, wanted, *rest)
    )
    list(tiny_tts.stream(SCRIPT))
    assert asked[0] == 1 and sum(asked) == 6
    asked.clear()
    tiny_tts.synthesize(SCRIPT)
    assert asked == [6]


def test_a_stream_that_ended_is_the_dialogue(tiny_tts: DialogueTTS) -> None:
    whole = tiny_tts.synthesize(SCRIPT, {"Ben": "high"}, seed=4)
    stream = tiny_tts.stream(SCRIPT, {"Ben": "high"}, seed=4)
    with pytest.raises(SettingsError, match="no turn has been spoken yet"):
        stream.dialogue()
    chunks = list(stream)
    assert next(stream, None) is None
    dialogue = stream.dialogue()
    assert (dialogue.sha256, dialogue.turns, dialogue.seed) == (whole.sha256, whole.turns, 4)
    assert dialogue.script == whole.script and dialogue.provenance == whole.provenance
    assert tiny_tts.redo(dialogue, 1).takes(1)[0].seed == chunks[1].take.seed


def test_a_stream_that_was_closed_is_the_dialogue_so_far(tiny_tts: DialogueTTS) -> None:
    with tiny_tts.stream(SCRIPT, seed=4) as stream:
        first, second = next(stream), next(stream)
    assert list(stream) == []
    dialogue = stream.dialogue()
    assert [turn.text for turn in dialogue.turns] == [first.turn.text, second.turn.text]
    heard = np.concatenate([first.waveform, second.waveform])
    np.testing.assert_allclose(
        dialogue.waveform[: heard.size], heard, atol=1e-6
    )  # behind it comes what the third overlaps
    stream = tiny_tts.stream(SCRIPT, seed=4)
    next(stream)
    stream.close()
    assert list(stream.dialogue().voices) == ["Anna"]


def test_bad_input_is_told_when_the_stream_is_asked_for(tiny_tts: DialogueTTS) -> None:
    with pytest.raises(ScriptError):
        tiny_tts.stream("no speaker")
    with pytest.raises(VoiceError):
        tiny_tts.stream(SCRIPT, {"Anna": "nobody"})


def test_closing_the_stream_stops_the_work(tiny_tts: DialogueTTS) -> None:
    made: list[int] = []
    script = "\n".join(f"[{'AB'[n % 2]}] This is line number {n}." for n in range(40))
    stream = tiny_tts.stream(script, progress=lambda done, total: made.append(done))
    next(stream)
    stream.close()
    assert made == [1] and list(stream) == []
    tiny_tts.scheduler.close()
    assert not working_threads()


@pytest.mark.parametrize("streamed", [False, True])
def test_cancelling_stops_between_turns(tiny_tts: DialogueTTS, streamed: bool) -> None:
    stop = threading.Event()
    made: list[int] = []

    def progress(done: int, total: int) -> None:
        made.append(done)
        if done == 2:
            stop.set()

    with pytest.raises(Cancelled):
        if streamed:
            list(tiny_tts.stream(SCRIPT, progress=progress, cancelled=stop.is_set))
        else:
            tiny_tts.synthesize(SCRIPT, progress=progress, cancelled=stop.is_set)
    assert made == [1, 2]
    assert issubclass(Cancelled, DialogueTTSError)


def test_two_streams_at_once_do_not_disturb_each_other(tiny_tts: DialogueTTS) -> None:
    first, second = tiny_tts.stream(SCRIPT, seed=1), tiny_tts.stream(SCRIPT, seed=2)
    found: tuple[list, list] = ([], [])
    for a, b in zip(first, second, strict=True):
        found[0].append(a.waveform)
        found[1].append(b.waveform)
    for seed, waves in zip((1, 2), found, strict=True):
        assert np.concatenate(waves).tobytes() == tiny_tts.synthesize(SCRIPT, seed=seed).waveform.tobytes()


def test_a_worker_thread_gives_what_is_made_or_what_went_wrong() -> None:
    here = threading.current_thread()
    assert run_in_worker_thread(threading.current_thread) is not here
    with pytest.raises(ZeroDivisionError):
        run_in_worker_thread(lambda: 1 / 0)
    assert not working_threads()


def working_threads() -> list[threading.Thread]:
    """The scheduler's and those of `run_in_worker_thread`; not a server's, which other tests may have left open."""
    return [thread for thread in threading.enumerate() if re.fullmatch(rf"{THREAD}(_\d+)?", thread.name)]


def test_networks_run_in_threads_that_end(
    tiny_tts: DialogueTTS, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or those of the caller would slow down all others."""
    threads: set[threading.Thread] = set()

    def noted(method: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object) -> object:
            threads.add(threading.current_thread())
            return method(*args)

        return run

    for name in ("encode", "decode"):
        monkeypatch.setattr(Codec, name, noted(getattr(Codec, name)))
    dialogue = tiny_tts.synthesize(SCRIPT, {"Ben": recording})
    tiny_tts.redo(dialogue, 0)
    list(tiny_tts.stream("[Anna] Yes."))
    tiny_tts.scheduler.close()
    assert len(threads) >= 2 and threading.current_thread() not in threads
    assert not [thread for thread in threads if thread.is_alive()]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"gap_s": -0.1}, "gap -0.1 is out of range; give 0 to 10 s"),
        ({"speed": 5.0}, "speed 5 is out of range; give 0.25 to 4."),
        ({"speed": float("nan")}, "speed nan"),
        ({"loudness_lufs": 0.0}, "give -40 to -10 LUFS"),
        ({"takes": 0}, "takes 0"),
    ],
)
def test_settings_out_of_range(settings: dict, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        SynthesisConfig(**settings)


def test_speeds_multiply_and_their_product_has_bounds(tiny_tts: DialogueTTS) -> None:
    config = SynthesisConfig(speed=4.0)
    with pytest.raises(ScriptError, match="line 6: speed 1.5 times 4 is 6; keep the product between 0.25 and 4"):
        tiny_tts.synthesize(SCRIPT, config=config)


FAR = "[Anna] It was a long way down to the harbour, and it rained."


@pytest.fixture(scope="module")
def plain(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize(FAR, seed=3, config=ONCE)


@pytest.mark.parametrize("speed", [0.25, 0.8, 1.6, 4.0])
def test_speed_changes_length_and_not_what_is_said(tiny_tts: DialogueTTS, plain: Dialogue, speed: float) -> None:
    changed = tiny_tts.synthesize(FAR, seed=3, config=replace(ONCE, speed=speed))
    assert changed.duration == pytest.approx(plain.duration / speed, abs=0.021)
    for word, usual in zip(changed.turns[0].words, plain.turns[0].words, strict=True):
        assert word.word == usual.word
        assert word.start == pytest.approx(usual.start * changed.duration / plain.duration)
        assert word.end == pytest.approx(usual.end * changed.duration / plain.duration)
    marked = tiny_tts.synthesize(FAR.replace("Anna", f"Anna | speed {speed}"), seed=3, config=ONCE)
    assert marked.waveform.tobytes() == changed.waveform.tobytes()
