"""Stages tell whoever asks how far a synthesis is."""

from __future__ import annotations

from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.stages import observing


def test_stages_are_told_between_turns_in_the_order_of_the_work(tiny_tts: DialogueTTS) -> None:
    told: list[str | int] = []
    tts = DialogueTTS(tiny_tts.bundle)
    with observing(lambda stage, seconds: told.append(stage)):
        script = "[A] Seventeen gulls on a mast.\n[B] Eighteen, by now."  # that no other test has read
        tts.synthesize(script, {"A": "low", "B": "high"}, progress=lambda done, total: told.append(done))
    tts.synthesize("[A] Three.", {"A": "low"})  # told to nobody
    tts.scheduler.close()
    order = ["front end", "text-to-semantic", "SoundStorm", "codec", 1, 2]
    assert sorted(order, key=told.index) == order
    assert {what for what in told if isinstance(what, str)} == {*order[:4], "self-check"}
    assert told.count("front end") == 2 and told.count("SoundStorm") >= 2
