"""How long people wait, or do not, before they speak."""

from __future__ import annotations

from dialogue_tts.script.turns import Turn

GAP_S, AFTER_QUESTION_S, GOING_ON_S = 0.25, 0.18, 0.4  # people answer a question sooner than they take a breath
SPREAD = 0.3  # share by which a natural gap is drawn longer or shorter


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
