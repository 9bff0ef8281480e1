"""Making requests: what is the same for all turns is found once."""

from __future__ import annotations

from collections.abc import ValuesView

import pytest

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.voice import Voice
from tests.conftest import ONCE


class Counted(dict[str, Voice]):
    """A cast that counts how often somebody goes through all of its voices."""

    gone_through = 0

    def values(self) -> ValuesView[Voice]:  # type: ignore[override]
        self.gone_through += 1
        return super().values()


def test_the_voices_of_a_cast_are_gone_through_once(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "\n".join(f"[Speaker {n}] Yes." for n in range(20))
    low, high = tiny_tts.voice("low"), tiny_tts.voice("high")
    cast = Counted({f"Speaker {n}": high if n % 3 else low for n in range(20)})
    monkeypatch.setattr(tiny_tts, "cast", lambda *_: cast)
    request = tiny_tts.plan.script(script, {}, 0, ONCE)
    assert cast.gone_through == 1
    assert [take.rivals for take in request.wanted[:3]] == [(high,), (low,), (low,)]


def test_what_was_made_before_counts_as_sound_and_not_as_work(tiny_tts: DialogueTTS) -> None:
    dialogue = tiny_tts.synthesize("[A] Good evening.\n[B] Yes.\n[A] It is late.", config=ONCE)
    again = tiny_tts.plan.redo(dialogue, 1, None, None)
    assert again.expected_s > sum(part.take.waveform.size for part in dialogue.turn_takes) / SAMPLE_RATE_HZ
    assert again.unmade_s == again.wanted[0].expected_s
