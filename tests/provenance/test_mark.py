from __future__ import annotations

import numpy as np
import pytest

from dialogue_tts.errors import SettingsError
from dialogue_tts.provenance.mark import Mark, Marker, bundle_code
from dialogue_tts.provenance.pattern import BANDS, BYTES, CHIPS, SIGNS, code_words, pattern, tiles

MARK = Mark(bundle=77, operator=3)


def test_a_message_comes_back_and_what_is_no_number_of_a_mark_is_refused() -> None:
    assert Mark.of_message(MARK.message) == MARK
    assert bundle_code("tiny", "") != bundle_code("tiny", "ab")
    with pytest.raises(SettingsError, match="operator 256"):
        Mark(0, 256)


def test_code_words_are_orthogonal_and_tiles_are_shared_out_evenly() -> None:
    words = code_words()
    assert (words @ words.T == SIGNS * np.eye(SIGNS)).all()
    which, own = tiles()
    counts = np.bincount(which.reshape(-1), minlength=BYTES * SIGNS)
    assert counts.min() >= CHIPS * BANDS // (BYTES * SIGNS) and counts.max() - counts.min() <= 1
    assert abs(own.mean()) < 0.2
    assert (pattern(MARK.message) * pattern(MARK.message ^ 128) == -1).mean() > 0.4  # the other sign of one byte's word


def test_pieces_are_marked_as_the_whole_and_nothing_before_its_time(speech: np.ndarray) -> None:
    whole = MARK.applied(speech)
    marker = Marker(MARK)
    pieces = [speech[a:b] for a, b in ((0, 7777), (7777, 7779), (7779, 7779), (7779, 100_000), (100_000, None))]
    marked = [marker.add(piece) for piece in pieces]
    assert [one.size for one in marked] == [one.size for one in pieces]
    np.testing.assert_allclose(np.concatenate(marked), whole, atol=1e-6)
    assert whole.dtype == np.float32 and whole.size == speech.size
    changed = speech.copy()
    changed[50_000:] = 0
    np.testing.assert_allclose(MARK.applied(changed)[:50_000], whole[:50_000], atol=1e-6)


def test_marks_of_a_sum_are_sums_of_marks_and_faint(speech: np.ndarray) -> None:
    other = np.roll(speech, 12_345)[::-1]
    np.testing.assert_allclose(MARK.applied(speech + other), MARK.applied(speech) + MARK.applied(other), atol=1e-6)
    difference = MARK.applied(speech) - speech
    assert 0.01 < difference.std() / speech.std() < 0.25
    assert not MARK.applied(np.zeros(5000, np.float32)).any()


def test_the_mark_is_where_a_telephone_hears_it(speech: np.ndarray) -> None:
    difference = np.abs(np.fft.rfft(MARK.applied(speech) - speech))
    hz = np.fft.rfftfreq(speech.size, 1 / 24_000)
    heard = np.square(difference[(hz > 200) & (hz < 3400)]).sum()
    assert heard > 0.98 * np.square(difference).sum()
