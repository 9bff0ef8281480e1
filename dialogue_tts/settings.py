"""Settings of one synthesis: the same names and ranges in the library, over HTTP, on the command line and in project files."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import ClassVar, SupportsFloat, SupportsIndex

from pydantic import ConfigDict

from dialogue_tts.errors import ScriptError, SettingsError
from dialogue_tts.script.turns import FASTEST, MAX_PAUSE_S, SLOWEST, Turn

MOST_SEEDS = 1 << 64
MOST_DRAWS = 10  # of a take, that whoever asks over a network may have
QUIETEST_LUFS, LOUDEST_LUFS = -40.0, -10.0
RANGES: dict[str, tuple[float, float, str]] = {
    "gap_s": (0.0, MAX_PAUSE_S, "s"),
    "speed": (SLOWEST, FASTEST, ""),
    "loudness_lufs": (QUIETEST_LUFS, LOUDEST_LUFS, "LUFS"),
    "takes": (1, 100, ""),
    "max_phone_error": (0.0, 1.0, ""),
    "max_pace_ratio": (1.0, 100.0, ""),
    "sound_takes": (1, 100, ""),
    "max_ctc_nll": (-100.0, 100.0, "nats"),
    "warn_phone_error": (0.0, 1.0, ""),
    "temperature": (0.0, 2.0, ""),
    "guidance": (0.0, 10.0, ""),
}
"""Setting -> least, most, unit."""
MAY_BE_NONE = ("gap_s", "loudness_lufs", "temperature", "guidance")


@dataclass(frozen=True)
class SynthesisConfig:
    """Settings of one call.

    Attributes:
        gap_s: silence between turns, beside what the script asks for with `[pause]`; None for gaps as people leave
            them: shorter after a question, longer where the same speaker goes on.
        speed: of all turns, 0.25 to 4; a turn's own speed multiplies it. Pitch stays.
        loudness_lufs: of every turn (EBU R128), so that voices match; true peaks stay below -1 dB, before the
            mark. None leaves turns
            as loud as the networks make them.
        pronunciations: (written word, phonemes) pairs, as if each were written `[word](/phonemes/)`.
        takes: semantic tokens that do not read back as their text are drawn again, up to so many times in all.
        max_phone_error: share of the phones that may read back wrong from them.
        max_pace_ratio: factor by which they may be faster or slower than the voice's prompt before they are drawn again.
        sound_takes: acoustic tokens, whose sound is read back, are drawn up to so many times in all.
        max_ctc_nll: how much less likely than what is heard the text may be before they are drawn again, in nats a phone
            (see `unlikelihood`). One turn in fifteen is above.
        warn_phone_error: share of the phones that may read back wrong from the sound before one is told to listen to it.
            The CTC head misreads 7 % of recordings.
        temperature: of semantic tokens, that is of what is said how; 0 takes the likeliest. None for the bundle's own.
        guidance: weight of what a voice's prompt adds (classifier-free guidance); 0 for none, which is faster. None for the
            bundle's own.

    Raises:
        SettingsError: a number is out of its range, or something is of another kind.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")  # where it comes as JSON

    gap_s: float | None = None
    speed: float = 1.0
    loudness_lufs: float | None = -23.0
    pronunciations: tuple[tuple[str, str], ...] = ()
    takes: int = 4
    max_phone_error: float = 0.1
    max_pace_ratio: float = 1.8
    sound_takes: int = 3
    max_ctc_nll: float = 0.3
    warn_phone_error: float = 0.2
    temperature: float | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        _check_pairs(self.pronunciations)
        for name, (least, most, unit) in RANGES.items():
            value, short = getattr(self, name), name.removesuffix("_s").removesuffix("_lufs")
            if name in ("takes", "sound_takes"):
                _whole(short, value, int(least), int(most))
            elif value is not None or name not in MAY_BE_NONE:
                _within(short, value, least, most, unit)


def checked_config(config: SynthesisConfig | None, usual: SynthesisConfig) -> SynthesisConfig:
    """The settings of a call; `usual` where it gives none. Raises SettingsError for what are none."""
    if config is None:
        return usual
    if not isinstance(config, SynthesisConfig):
        raise SettingsError(
            f"{config!r:.60} are no settings; give a SynthesisConfig, such as SynthesisConfig(speed=1.2)."
        )
    return config


def checked_seed(seed: int) -> int:
    """A seed as a plain int, also one of NumPy's. Raises SettingsError for what is none."""
    if isinstance(seed, bool) or not isinstance(seed, SupportsIndex) or not 0 <= operator.index(seed) < MOST_SEEDS:
        raise SettingsError(f"{seed!r:.60} is no seed; give a whole number from 0 to {MOST_SEEDS - 1}.")
    return operator.index(seed)


def turn_speed(turn: Turn, config: SynthesisConfig) -> float:
    """The turn's own speed times that of the settings. Raises ScriptError if that is out of range."""
    speed = turn.speed * config.speed
    if not SLOWEST <= speed <= FASTEST:
        raise ScriptError(
            f"line {turn.line}: speed {turn.speed:g} times {config.speed:g} is {speed:g}; "
            f"keep the product between {SLOWEST:g} and {FASTEST:g}."
        )
    return speed


def _within(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise SettingsError(f"{name} {value!r:.60} is no number; give {least:g} to {most:g} {unit}".rstrip() + ".")
    if not (math.isfinite(value) and least <= value <= most):
        raise SettingsError(f"{name} {value:g} is out of range; give {least:g} to {most:g} {unit}".rstrip() + ".")


def _whole(name: str, value: int, least: int, most: int) -> None:
    _within(name, value, least, most)
    if value != int(value):
        raise SettingsError(f"{name} {value:g} is no whole number; give {least} to {most}.")


def _check_pairs(pairs: object) -> None:
    good = isinstance(pairs, tuple | list) and all(
        isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in pairs
    )
    if not good:
        raise SettingsError('pronunciations are pairs of texts; give for example (("tomato", "təmˈAto"),).')
