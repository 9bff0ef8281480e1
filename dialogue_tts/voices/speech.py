"""Whether a recording holds speech: the CTC head of the semantic tokenizer hears phones, and is sure of them, or it does not.

A tone, hum or whistle gives it no phone at all; noise and music a few, of which it is hardly sure, or the same ones again and
again. So different phones are counted: speech has three to five of them a second in prompts of two to eight seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from dialogue_tts.errors import VoiceError
from dialogue_tts.semantic.tokenizer import READ_RATE_HZ, SemanticTokenizer

SURE = 0.5  # probability of a phone that was certainly said
AROUND_S = 0.5  # what lies so near to a sure phone counts as speech: words have gaps, and some phones are unclear
SPEECH_SHARE = 0.5  # of a prompt; below it a warning is due


class Heard(NamedTuple):
    """What is heard in a recording.

    Attributes:
        phones_a_second: how many different ones the head is sure of, for each second of the recording.
        share: of the recording that lies near one of them.
    """

    phones_a_second: float
    share: float


def hear_speech(prompt: Tensor, tokenizer: SemanticTokenizer) -> Heard:
    """prompt float32 (frames * HOP,) at 24 kHz."""
    best, phones = tokenizer.hear(prompt[None])[0].exp().max(-1)
    sure = (phones > 0) & (best > SURE)
    reach = round(AROUND_S * READ_RATE_HZ)
    near = F.max_pool1d(sure.float()[None], 2 * reach + 1, 1, reach)[0]
    return Heard(len(phones[sure].unique()) * READ_RATE_HZ / len(best), float(near.mean()))


def check_speech(prompt: Tensor, tokenizer: SemanticTokenizer) -> Heard | None:
    """What is heard in a prompt, float32 (frames * HOP,); None of a tokenizer that does not know what speech is.

    Raises:
        VoiceError: no speech is heard.
    """
    least = tokenizer.config.least_phones_a_second
    if not least:
        return None
    heard = hear_speech(prompt, tokenizer)
    if heard.phones_a_second < least:
        raise VoiceError("no speech is heard in the recording, but a tone, noise or music; record somebody who speaks.")
    return heard
