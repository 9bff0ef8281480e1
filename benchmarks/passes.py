"""Passes of SoundStorm on its first level against what the judges hear: words, voice, quality, and time.

    python benchmarks/passes.py CORPUS_DIR --judges DIR --json passes.json --plot docs/pictures/passes.png

Recordings of unseen voices are made again from their own semantic tokens and text; the other levels get one pass each.
Borsos et al. 2023 (arXiv 2305.09636, section 4.4) found that more than sixteen passes change little.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from dialogue_tts import DialogueTTS
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.evaluation.judges import load_judges
from dialogue_tts.evaluation.judging import evaluate_recordings
from dialogue_tts.evaluation.sets import load_recordings
from dialogue_tts.evaluation.systems import from_true_semantic_tokens

PASSES = (1, 2, 4, 8, 16, 32)
SHOWN = {"wer_percent": "wrong words, %", "similarity": "similarity to the prompt", "dnsmos": "DNSMOS"}


def measure(corpus: Path, judges: Path, recordings: int) -> list[dict[str, Any]]:
    """A row of figures for each number of passes."""
    bundle, heard = Bundle.load(find_bundle(None)), load_judges(judges)
    spoken = load_recordings(corpus, "test_speaker", recordings)
    config = bundle.config
    rows = []
    for passes in PASSES:
        decoding = replace(config.acoustic_decoding, passes=(passes, *config.acoustic_decoding.passes[1:]))
        tts = DialogueTTS(replace(bundle, config=replace(config, acoustic_decoding=decoding)))
        report = evaluate_recordings(
            {f"{passes}": from_true_semantic_tokens(tts)}, spoken, heard, lambda name, done, total: None
        )
        rows.append({"passes": passes} | report.systems[0].figures())
        sys.stdout.write("  ".join(f"{k} {v:.3f}" for k, v in rows[-1].items() if v is not None) + "\n")
        sys.stdout.flush()
    return rows


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """A panel for each judge."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, label) in zip(figure.subplots(1, len(SHOWN)), SHOWN.items(), strict=True):
        axes.plot([row["passes"] for row in rows], [row[name] for row in rows], marker="o")
        axes.set_xscale("log", base=2)
        axes.set_xticks(PASSES, [str(passes) for passes in PASSES])
        axes.set_xlabel("passes on level 1")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--judges", type=Path, required=True)
    arguments.add_argument("--recordings", type=int, default=60)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--plot", type=Path)
    given = arguments.parse_args()
    rows = measure(given.corpus, given.judges, given.recordings)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
