"""Passes of SoundStorm on its first level against what the judges hear: words, voice, quality, and time.

    python benchmarks/passes.py CORPUS_DIR --judges DIR --json passes.json --plot docs/pictures/passes.png

Recordings of unseen voices are made again from their own semantic tokens and text; the other levels get one pass each.
Borsos et al. 2023 (arXiv 2305.09636, section 4.4) found that more than sixteen passes change little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from judged import Row, judge_all, panels, run

from dialogue_tts import DialogueTTS
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.evaluation.judging import Respeaks
from dialogue_tts.evaluation.systems import from_true_semantic_tokens

PASSES = (1, 2, 4, 8, 16, 32)


def systems(bundle: Bundle) -> Iterator[tuple[Row, Respeaks]]:
    """The bundle with each number of passes."""
    config = bundle.config
    for passes in PASSES:
        decoding = replace(config.acoustic_decoding, passes=(passes, *config.acoustic_decoding.passes[1:]))
        tts = DialogueTTS(replace(bundle, config=replace(config, acoustic_decoding=decoding)))
        yield {"passes": passes}, from_true_semantic_tokens(tts)


def measure(corpus: Path, judges: Path, recordings: int) -> list[Row]:
    """A row of figures for each number of passes."""
    return judge_all(systems(Bundle.load(find_bundle(None))), corpus, judges, recordings)


def plot(rows: list[Row], path: Path) -> None:
    """A panel for each judge."""

    def draw(axes: Any, name: str, label: str) -> None:
        axes.plot([row["passes"] for row in rows], [row[name] for row in rows], marker="o")
        axes.set_xscale("log", base=2)
        axes.set_xticks(PASSES, [str(passes) for passes in PASSES])
        axes.set_xlabel("passes on level 1")
        axes.set_ylabel(label)

    panels(path, draw)


if __name__ == "__main__":
    run(__doc__, measure, plot, recordings=60)
