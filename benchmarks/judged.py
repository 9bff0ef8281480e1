"""What benchmarks of different systems have in common: recordings of unseen voices, the judges, a table, a plot."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dialogue_tts.evaluation.judges import load_judges
from dialogue_tts.evaluation.judging import Respeaks, evaluate_recordings
from dialogue_tts.evaluation.sets import load_recordings

SHOWN = {"wer_percent": "wrong words, %", "similarity": "similarity to the prompt", "dnsmos": "DNSMOS"}
Row = dict[str, Any]


def judge_all(systems: Iterable[tuple[Row, Respeaks]], corpus: Path, judges: Path, recordings: int) -> list[Row]:
    """A row for each system, which speaks so many recordings again: what it is told by, and the judges' figures."""
    heard, spoken = load_judges(judges), load_recordings(corpus, "test_speaker", recordings)
    rows = []
    for told_by, system in systems:
        name = str(next(iter(told_by.values())))
        report = evaluate_recordings({name: system}, spoken, heard, lambda name, done, total: None)
        rows.append(told_by | report.systems[0].figures())
        sys.stdout.write("  ".join(f"{key} {value}" for key, value in rows[-1].items() if value is not None) + "\n")
        sys.stdout.flush()
    return rows


def panels(path: Path, draw: Callable[[Any, str, str], None], **shared: bool) -> None:
    """A plot of a panel for each judge. `draw` is given the axes, the figure's name and what it is called."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, label) in zip(figure.subplots(1, len(SHOWN), **shared), SHOWN.items(), strict=True):
        axes.grid(alpha=0.3)
        draw(axes, name, label)
    figure.savefig(path, dpi=120)


def run(
    told: str, measure: Callable[[Path, Path, int], list[Row]], plot: Callable[[list[Row], Path], None], recordings: int
) -> None:
    """The command line: measure, and write rows and plot where they are wanted."""
    arguments = argparse.ArgumentParser(description=told.splitlines()[0])
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--judges", type=Path, required=True)
    arguments.add_argument("--recordings", type=int, default=recordings)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--plot", type=Path)
    given = arguments.parse_args()
    rows = measure(given.corpus, given.judges, given.recordings)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        plot(rows, given.plot)
