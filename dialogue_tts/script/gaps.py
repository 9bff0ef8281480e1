"""How long people wait, or do not, before they speak, and how fast they speak to be over in time."""

from __future__ import annotations

from dialogue_tts.script.turns import FASTEST, Turn

GAP_S, AFTER_QUESTION_S, GOING_ON_S = 0.25, 0.18, 0.4  # people answer a question sooner than they take a breath
SPREAD = 0.3  # share by which a natural gap is drawn longer or shorter

HURRY = 1.5  # how much faster than it would be a turn is spoken at most to end when it is to


def fitted_speed(turn: Turn, speed: float, sound_s: float, pauses_s: float) -> float:
    """How fast a turn is spoken so that it ends by its `end_s`, where it has one: at `speed` if that will do, else faster,
    within bounds. It may still be too long.

    Args:
        speed: the turn's own times that of the settings.
        sound_s: how long it sounds at speed 1, without its pauses; pauses_s: those.
    """
    if turn.room_s is None:
        return speed
    room_s = turn.room_s - pauses_s
    wanted = sound_s / room_s if room_s > 0 else FASTEST
    return max(speed, min(wanted, HURRY * speed, FASTEST))


def offset_s(previous: Turn | None, turn: Turn, chance: float, gap_s: float | None) -> float:
    """From the end of what is heard so far to a turn's start, in seconds; negative where it overlaps.

    Args:
        previous: the turn in front; None for the first.
        chance: in [0, 1); where in its range a natural gap lies.
        gap_s: between turns; None for a natural one.
    """
    if turn.overlap_s:
        return -turn.overlap_s
    if previous is None:
        return turn.pause_s
    if gap_s is None:
        question = previous.text.rstrip(" \"'”’)").endswith("?")
        usual_s = GOING_ON_S if turn.speaker == previous.speaker else AFTER_QUESTION_S if question else GAP_S
        gap_s = usual_s * (1 + SPREAD * (2 * chance - 1))
    return gap_s + turn.pause_s
