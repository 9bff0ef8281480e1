"""Programs that run on asyncio: the same sound, a free event loop, and work that ends with who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest

from dialogue_tts.errors import Cancelled, ScriptError, SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig

SCRIPT = "[Anna] Good evening. Tea?\n[Ben] Always.\n[Anna] Here you are."
QUICK = SynthesisConfig(takes=1, sound_takes=1)
LONG = "\n".join(f"[{'AB'[n % 2]}] This is line number {n}." for n in range(300))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


def test_it_is_what_synthesize_makes(tiny_tts: DialogueTTS) -> None:
    whole = tiny_tts.synthesize(SCRIPT, {"Ben": "low"}, 3, QUICK)
    told: list[tuple[int, int]] = []
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    async def work() -> None:
        beating = asyncio.create_task(beat())
        both = [tiny_tts.asynthesize(SCRIPT, {"Ben": "low"}, 3, QUICK, lambda *at: told.append(at)) for _ in range(2)]
        first, second = await asyncio.gather(*both)
        beating.cancel()
        assert first.sha256 == second.sha256 == whole.sha256

    run(work())
    assert sorted(told) == [(1, 3)] * 2 + [(2, 3)] * 2 + [(3, 3)] * 2 and beats > 10


def test_a_stream_is_the_same_sound(tiny_tts: DialogueTTS) -> None:
    whole = tiny_tts.synthesize(SCRIPT, seed=3, config=QUICK)
    told: list[tuple[int, int]] = []

    async def work() -> None:
        async with await tiny_tts.astream(SCRIPT, seed=3, config=QUICK, progress=lambda *at: told.append(at)) as stream:
            with pytest.raises(SettingsError, match="no turn has been spoken yet"):
                stream.dialogue()
            heard = [chunk.waveform async for chunk in stream]
            assert np.concatenate(heard).tolist() == whole.waveform.tolist()
            assert stream.dialogue().sha256 == whole.sha256
        assert [chunk async for chunk in stream] == []

    run(work())
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_work_ends_with_who_waits_for_it(tiny_tts: DialogueTTS) -> None:
    tts = DialogueTTS(tiny_tts.bundle, QUICK)
    done = 0

    def told(turns: int, _: int) -> None:
        nonlocal done
        done = turns

    async def work() -> None:
        task = asyncio.create_task(tts.asynthesize(LONG, progress=told))
        while not done:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stream = await tts.astream(LONG)
        await anext(stream)
        await stream.aclose()
        assert [chunk async for chunk in stream] == []
        assert len(stream.dialogue().turns) == 1
        async with await tts.astream(LONG) as stream:
            await anext(stream)
            tts.scheduler.close()
            with pytest.raises(Cancelled):
                while True:
                    await anext(stream)

    run(work())
    assert 0 < done < 300


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"script": None}, ScriptError, "NoneType is no script; give text, or a Script of turns"),
        ({"script": ["[A] Hi."]}, ScriptError, "list is no script"),
        ({"seed": -1}, SettingsError, "-1 is no seed; give a whole number from 0 to"),
        ({"seed": "x"}, SettingsError, "'x' is no seed"),
        ({"seed": 1.5}, SettingsError, "1.5 is no seed"),
        ({"seed": 1 << 64}, SettingsError, "is no seed"),
        ({"config": {"speed": 2}}, SettingsError, "{'speed': 2} are no settings; give a SynthesisConfig"),
        ({"config": {}}, SettingsError, "{} are no settings"),
        ({"config": []}, SettingsError, "are no settings"),
    ],
)
def test_what_is_of_another_kind_is_told_before_work(
    arguments: dict[str, Any], error: type[Exception], says: str, tiny_tts: DialogueTTS
) -> None:
    for way in (tiny_tts.synthesize, tiny_tts.stream):
        with pytest.raises(error, match=says.replace("(", r"\(").replace("{", r"\{")):
            way(**({"script": "[A] Hi."} | arguments))
    with pytest.raises(error):
        asyncio.run(tiny_tts.asynthesize(**({"script": "[A] Hi."} | arguments)))


def test_numpys_numbers_are_numbers(tiny_tts: DialogueTTS) -> None:
    seed: Any = np.int64(3)
    made = tiny_tts.synthesize("[A] Hi.", seed=seed, config=SynthesisConfig(takes=1, speed=float(np.float32(1.5))))
    assert made.seed == 3 and type(made.seed) is int


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"speed": "fast"}, "speed 'fast' is no number; give 0.25 to 4."),
        ({"speed": None}, "speed None is no number"),
        ({"gap_s": "1"}, "gap '1' is no number; give 0 to 10 s."),
        ({"takes": 2.5}, "takes 2.5 is no whole number; give 1 to 100."),
        ({"takes": True}, "takes True is no number"),
        ({"loudness_lufs": [1]}, r"loudness \[1\] is no number"),
        ({"pronunciations": {"tea": "ti"}}, "pronunciations are pairs of texts"),
        ({"pronunciations": (("tea",),)}, "pronunciations are pairs"),
        ({"pronunciations": ((1, "x"),)}, "pronunciations are pairs"),
    ],
)
def test_settings_of_another_kind(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        SynthesisConfig(**settings)
