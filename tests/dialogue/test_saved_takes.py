"""Takes as bytes: what comes back is what was saved, or an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.saved_takes import take_from_bytes, take_to_bytes
from dialogue_tts.dialogue.turns import Check, SpokenWord
from dialogue_tts.errors import ProjectError

WORDS = (SpokenWord("Zoë", 0.1, 1 / 3), SpokenWord("naïve", 1 / 3, 2 / 3))
WAVE = np.random.default_rng(5).standard_normal(1_237).astype(np.float32)
TAKE = Take("Zoë, naïve?", 2**63 + 1, WAVE, WORDS, 3, Check(0.1 + 0.2, 1 / 7, -0.25, None))


@pytest.mark.parametrize("take", [TAKE, replace(TAKE, check=replace(TAKE.check, rival_match=0.1), words=())])
def test_a_take_comes_back_bit_for_bit(take: Take) -> None:
    found = take_from_bytes(take_to_bytes(take))
    assert found == take and found.waveform.dtype == np.float32
    assert found.waveform.tobytes() == take.waveform.tobytes()


def test_any_bit_that_falls_over_is_noticed() -> None:
    data = take_to_bytes(TAKE)
    for place in range(0, len(data), 97):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(ProjectError, match="let it be made again"):
            take_from_bytes(bytes(damaged))


@pytest.mark.parametrize("data", [b"", b"RIFF", take_to_bytes(TAKE)[:-1], take_to_bytes(TAKE) + b"\0"])
def test_what_is_no_take_is_refused(data: bytes) -> None:
    with pytest.raises(ProjectError, match="no saved turn"):
        take_from_bytes(data)
