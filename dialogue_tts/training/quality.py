"""How good the recordings of a data folder are, heard once by a judge: SoundStorm is told it, see `quality_edges`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import DataError
from dialogue_tts.training.corpus import Corpus, Utterance, load_wave
from dialogue_tts.training.made import Origin, hash_of, is_made, new_array, record_of

QUALITY = "quality"
HEARD_S = 4.0  # of a recording: a judge needs no more, and takes as long as what it hears
RECORDINGS = 2  # of a speaker: what one is recorded with seldom changes

Scores = Callable[[np.ndarray, int], float]  # mono float32 (samples,), rate in Hz -> mean opinion score, from 1 to 5


def rate(corpus: Corpus, judge: str, scores: Scores, progress: Callable[[int, int], None]) -> None:
    """Make quality.npy (frames,) float32, unless it is there: for all frames of a speaker the mean score of the middle of two
    recordings, the longest and one of median length. `judge` says who scores, in which version."""
    origin = Origin(hash_of(f"{judge} {HEARD_S} {RECORDINGS}"), corpus.sha256(with_text=False))
    if is_made(corpus, QUALITY, origin):
        return
    speakers: dict[str, list[Utterance]] = defaultdict(list)
    for turn in corpus.utterances:
        speakers[turn.speaker].append(turn)
    waves = corpus.waves()
    with new_array(corpus, QUALITY, (), np.float32, origin) as (array, _):
        for number, turns in enumerate(speakers.values()):
            longest_first = sorted(turns, key=lambda turn: -turn.frames)
            heard = [longest_first[0], longest_first[len(turns) // 2]][: min(RECORDINGS, len(turns))]
            score = np.mean([scores(_middle(load_wave(waves, turn).numpy()), SAMPLE_RATE_HZ) for turn in heard])
            for turn in turns:
                array[turn.start_frame : turn.start_frame + turn.frames] = score
            progress(number + 1, len(speakers))


def scores_of(corpus: Corpus) -> np.ndarray | None:
    """(frames,) float32 of a rated folder; None for others. Raises DataError where other recordings were rated."""
    if not corpus.has(QUALITY):
        return None
    if record_of(corpus, QUALITY).get("made_of") != corpus.sha256(with_text=False):
        raise DataError(
            f"{corpus.folder}: {QUALITY}.npy is of other recordings; run `dialogue-tts data rate` on it again."
        )
    return corpus.tokens(QUALITY)


def _middle(wave: np.ndarray) -> np.ndarray:
    spare = max(0, wave.shape[0] - round(HEARD_S * SAMPLE_RATE_HZ))
    return wave[spare // 2 : wave.shape[0] - (spare - spare // 2)]
