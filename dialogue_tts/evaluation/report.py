"""The report on systems that were judged: one row a system, as JSON, Markdown or terminal table; see `judging`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from dialogue_tts.errors import DataError
from dialogue_tts.evaluation.measures import WordErrors, word_error_rate
from dialogue_tts.evaluation.sets import BROKEN_MIN_WORDS
from dialogue_tts.files import write_text

if TYPE_CHECKING:
    from rich.table import Table

VOICE_MIN_S = 1.0  # below this an embedding says little about the voice


@dataclass(frozen=True)
class TurnResult:
    """One judged turn.

    Attributes:
        id: dialogue and position, or the recording.
        voice: role or speaker that was to speak; `text` what; `heard` what Whisper wrote.
        errors: word errors among `words` words of the text.
        similarity: cosine to the own prompt, in [-1, 1]; `held_out` to a recording of that voice no system heard.
        nearest: voice whose prompt is nearest; `rivals` how many other voices there were to choose from.
        dnsmos, distillmos: overall quality by either judge, 1 to 5.
        high_band_db: level between 4 and 10 kHz under the whole, see `measures.high_band_db`.
        phone_error, draws: the system's own check, as in `TurnAudio`.
        utmos: quality, about 1 to 5; wavlm_similarity, wespeaker_similarity: cosine to the own prompt, and wespeaker_nearest as
            `nearest`, by the judges of `field`; None without them.
    """

    id: str
    voice: str
    text: str
    heard: str
    errors: int
    words: int
    similarity: float
    held_out: float | None
    nearest: str
    rivals: int
    dnsmos: float
    seconds: float
    phone_error: float | None = None
    draws: int | None = None
    distillmos: float | None = None
    high_band_db: float | None = None
    utmos: float | None = None
    wavlm_similarity: float | None = None
    wespeaker_similarity: float | None = None
    wespeaker_nearest: str | None = None

    @property
    def broken(self) -> bool:
        """Over half the words wrong, in a turn long enough to say so."""
        return self.words >= BROKEN_MIN_WORDS and self.errors > self.words / 2


@dataclass(frozen=True)
class SystemResult:
    """All turns of one system; `compute_s` is the time it took to make them, loading not included."""

    name: str
    turns: tuple[TurnResult, ...]
    compute_s: float

    @property
    def word_error_rate(self) -> float | None:
        """Errors per word over all turns (fraction); None where no turn has a text."""
        written = [WordErrors(t.errors, t.words) for t in self.turns if t.text]
        return word_error_rate(written) if written else None

    @property
    def similarity(self) -> float | None:
        """Mean cosine to the own prompt over turns longer than `VOICE_MIN_S`; None without such turns."""
        return _mean(t.similarity for t in self._long())

    @property
    def held_out_similarity(self) -> float | None:
        """The same, to the held-out recordings; None where there are none."""
        return _mean(t.held_out for t in self._long() if t.held_out is not None)

    @property
    def right_voice(self) -> float | None:
        """Share of turns longer than `VOICE_MIN_S`, with rivals, whose nearest prompt is their own (fraction)."""
        return _mean(float(t.nearest == t.voice) for t in self._long() if t.rivals)

    @property
    def dnsmos(self) -> float | None:
        """Mean over all turns."""
        return _mean(t.dnsmos for t in self.turns)

    @property
    def distillmos(self) -> float | None:
        """Mean over all turns."""
        return _mean(t.distillmos for t in self.turns if t.distillmos is not None)

    @property
    def high_band_db(self) -> float | None:
        """Mean over all turns; None for sound without such a band."""
        return _mean(t.high_band_db for t in self.turns if t.high_band_db is not None)

    @property
    def utmos(self) -> float | None:
        """Mean over all turns."""
        return _mean(t.utmos for t in self.turns if t.utmos is not None)

    @property
    def wavlm_similarity(self) -> float | None:
        """As `similarity`, by WavLM."""
        return _mean(t.wavlm_similarity for t in self._long() if t.wavlm_similarity is not None)

    @property
    def wespeaker_similarity(self) -> float | None:
        """As `similarity`, by WeSpeaker."""
        return _mean(t.wespeaker_similarity for t in self._long() if t.wespeaker_similarity is not None)

    @property
    def wespeaker_right_voice(self) -> float | None:
        """As `right_voice`, by WeSpeaker."""
        return _mean(
            float(t.wespeaker_nearest == t.voice) for t in self._long() if t.rivals and t.wespeaker_nearest is not None
        )

    @property
    def broken_turns(self) -> int:
        """Turns of at least `BROKEN_MIN_WORDS` words of which over half are wrong."""
        return sum(t.broken for t in self.turns)

    @property
    def check_agreement(self) -> float | None:
        """Spearman's rank correlation, in [-1, 1], of the system's own check with the share of wrong words, over turns of
        at least `BROKEN_MIN_WORDS` words; None where there is no check or nothing to rank."""
        checked = [t for t in self.turns if t.phone_error is not None and t.words >= BROKEN_MIN_WORDS]
        own, judged = [t.phone_error for t in checked], [t.errors / t.words for t in checked]
        if len(set(own)) < 2 or len(set(judged)) < 2:
            return None
        from scipy.stats import spearmanr

        return float(spearmanr(own, judged).statistic)

    @property
    def draws(self) -> float | None:
        """Mean of how often a turn was drawn."""
        return _mean(t.draws for t in self.turns if t.draws is not None)

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of computing per second of audio."""
        audio_s = sum(t.seconds for t in self.turns)
        return self.compute_s / audio_s if audio_s else None

    def figures(self) -> dict[str, float | int | None]:
        """The row of the report, in the units of its columns."""
        wrong, right, attributed = self.word_error_rate, self.right_voice, self.wespeaker_right_voice
        return {
            "turns": len(self.turns),
            "wer_percent": None if wrong is None else 100 * wrong,
            "similarity": self.similarity,
            "held_out_similarity": self.held_out_similarity,
            "right_voice_percent": None if right is None else 100 * right,
            "dnsmos": self.dnsmos,
            "distillmos": self.distillmos,
            "high_band_db": self.high_band_db,
            "broken_turns": self.broken_turns,
            "draws": self.draws,
            "check_agreement": self.check_agreement,
            "real_time_factor": self.real_time_factor,
            "utmos": self.utmos,
            "wavlm_similarity": self.wavlm_similarity,
            "wespeaker_similarity": self.wespeaker_similarity,
            "wespeaker_right_voice_percent": None if attributed is None else 100 * attributed,
        }

    def _long(self) -> list[TurnResult]:
        return [t for t in self.turns if t.seconds > VOICE_MIN_S]


_COLUMNS = {  # heading: (figure, format)
    "turns": ("turns", "d"),
    "WER %": ("wer_percent", ".1f"),
    "similarity to prompt": ("similarity", ".3f"),
    "to held-out": ("held_out_similarity", ".3f"),
    "right voice %": ("right_voice_percent", ".1f"),
    "DNSMOS": ("dnsmos", ".2f"),
    "DistillMOS": ("distillmos", ".2f"),
    "4–10 kHz dB": ("high_band_db", ".1f"),
    "broken turns": ("broken_turns", "d"),
    "draws": ("draws", ".2f"),
    "check": ("check_agreement", ".2f"),
    "real-time factor": ("real_time_factor", ".3f"),
}
_FIELD_COLUMNS = {  # only where a judge of the field listened
    "UTMOS": ("utmos", ".2f"),
    "SIM-o WavLM": ("wavlm_similarity", ".3f"),
    "SIM WeSpeaker": ("wespeaker_similarity", ".3f"),
    "ACC WeSpeaker %": ("wespeaker_right_voice_percent", ".1f"),
}
_NOTE = (
    f"Similarity and right voice: turns over {VOICE_MIN_S:g} s. Right: the nearest prompt among the dialogue's "
    "speakers; for recordings, among all speakers judged. Telephone prompts are judged by the clean ones. Broken: over "
    f"half the words wrong, in turns of {BROKEN_MIN_WORDS} words or more. 4–10 kHz: level of that band under the whole. "
    "Check: rank correlation of the system's own phone errors with word errors."
)


@dataclass(frozen=True)
class Report:
    """Results of several systems; `+` joins two reports."""

    systems: tuple[SystemResult, ...]

    def __add__(self, other: Report) -> Report:
        return Report(self.systems + other.systems)

    def rows(self) -> list[list[str]]:
        """Name and formatted figures of each system, in the order of the headings; a dash for what was not measured."""
        columns, figures = self._columns(), [s.figures() for s in self.systems]
        return [[s.name, *_formatted(row, columns)] for s, row in zip(self.systems, figures, strict=True)]

    def markdown(self) -> str:
        """A table and one line that explains it."""
        lines = [["system", *self._columns()], ["---"] + ["---:"] * len(self._columns()), *self.rows()]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{_NOTE}\n"

    def table(self) -> Table:
        """The same for a terminal."""
        from rich.table import Table

        table = Table(caption=_NOTE, caption_justify="left")
        table.add_column("system")
        for heading in self._columns():
            table.add_column(heading, justify="right")
        for row in self.rows():
            table.add_row(*row)
        return table

    def _columns(self) -> dict[str, tuple[str, str]]:
        """Those of `_FIELD_COLUMNS` too, of which a system has figures."""
        figures = [s.figures() for s in self.systems]
        field = {
            head: column for head, column in _FIELD_COLUMNS.items() if any(f[column[0]] is not None for f in figures)
        }
        return _COLUMNS | field

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: figures and every turn of every system."""
        return {"systems": [{"name": s.name, "figures": s.figures(), **asdict(s)} for s in self.systems]}

    def save(self, path: str | Path) -> None:
        """Write `to_dict` as JSON. Raises AudioError if the place cannot be written to."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")

    @staticmethod
    def load(path: str | Path) -> Report:
        """Read what `save` wrote; figures are computed anew.

        Raises:
            DataError: not a report.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            systems = [
                SystemResult(s["name"], tuple(TurnResult(**turn) for turn in s["turns"]), s["compute_s"])
                for s in data["systems"]
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: this is no evaluation report ({error}).") from None
        return Report(tuple(systems))


def _formatted(figures: Mapping[str, float | int | None], columns: Mapping[str, tuple[str, str]]) -> list[str]:
    values = ((figures[key], spec) for key, spec in columns.values())
    return ["–" if value is None else format(value, spec) for value, spec in values]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None
