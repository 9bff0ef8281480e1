"""A dialogue in a notebook: a player, and its turns, each of which plays from its start."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import numpy as np

from dialogue_tts.audio.encode import SoundEncoder
from dialogue_tts.dialogue.turns import SpokenTurn

PLAYS_FROM = "var a=this.closest('div').querySelector('audio');a.currentTime={start};a.play()"


def player(waveform: np.ndarray, sample_rate_hz: int, turns: Sequence[SpokenTurn], doubtful: Sequence[int]) -> str:
    """HTML of its own, with the sound in it as MP3 (10 kB a second).

    Args:
        waveform: mono float32 (samples,) in [-1, 1].
        doubtful: turns, from 0, that the self-check doubts; they are marked.
    """
    encoder = SoundEncoder("mp3", sample_rate_hz)
    sound = base64.b64encode(encoder.add(waveform) + encoder.finish()).decode("ascii")
    rows = "".join(_row(turn, turn.index in doubtful) for turn in turns)
    return (
        f'<div><audio controls preload="auto" src="data:audio/mpeg;base64,{sound}"></audio>'
        f"<table><tbody>{rows}</tbody></table></div>"
    )


def _row(turn: SpokenTurn, doubtful: bool) -> str:
    mark = ' title="listen to it: the self-check doubts it"' if doubtful else ""
    play = (
        f'<button type="button" onclick="{PLAYS_FROM.format(start=round(turn.start, 2))}">{turn.start:.1f} s</button>'
    )
    text = f"{escape(turn.text)}{' ?' if doubtful else ''}"
    return f'<tr{mark}><td>{play}</td><td>{escape(turn.speaker)}</td><td style="text-align:left">{text}</td></tr>'
