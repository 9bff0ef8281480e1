"""Systems that speak on a CPU, on one machine, with one script: seconds, memory, words, quality.

    python benchmarks/side_by_side.py --judges DIR --kokoro DIR --piper FILE.onnx --json side.json --plot side.png

Half a minute of dialogue is spoken by each system in a process of its own, with so many threads as `--threads` says, after
two lines that are not counted. Ours is given the whole dialogue, as its users give it; the others know only lines.
Systems that are not there are left out, and said to be:

- ours: this package, with its own checks and redraws as by default;
- kokoro: pip install kokoro-onnx; DIR holds kokoro-v1.0*.onnx and voices.npz;
- hibari: comes with this package, one voice;
- piper: pip install piper-tts; any of its voices, with its .onnx.json beside it;
- flite, espeak-ng: the commands of these names.

`cpu` is the processor's time, which tells systems apart even where other work goes on; judges listen afterwards.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dialogue_tts.evaluation.benchmark import LINES, peak_memory_mb

Sounds = list[tuple[np.ndarray, int]]  # float32 (samples,), rate in Hz
Speak = Callable[[Sequence[str]], Sounds]  # lines, by two speakers in turn
SPEAKERS = ("Anna", "Ben")
SPEECH_S = 30.0


class Missing(Exception):
    """A system that is not there; the message says what it needs."""


@dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
        load_s: until it can speak; work_s, cpu_s: for all lines; peak_mb: of its process, or for a
            command, of the largest one.
        wrong_words: share; similarity: to the voices' prompts, for systems that have them; None without judges.
    """

    system: str
    voices: int
    speech_s: float
    load_s: float
    work_s: float
    cpu_s: float
    peak_mb: float | None
    wrong_words: float | None = None
    dnsmos: float | None = None
    distillmos: float | None = None
    similarity: float | None = None


def ours(options: argparse.Namespace) -> Speak:
    import torch

    from dialogue_tts.pipeline import DialogueTTS

    torch.set_num_threads(options.threads)
    tts = DialogueTTS.from_pretrained()

    def speak(lines: Sequence[str]) -> Sounds:
        script = "\n".join(f"[{SPEAKERS[number % 2]}] {line}" for number, line in enumerate(lines))
        dialogue = tts.synthesize(script)
        return [(dialogue.turn_waveform(number), tts.sample_rate) for number in range(len(lines))]

    return speak


def line_by_line(speak: Callable[[str, int], tuple[np.ndarray, int]]) -> Speak:
    """Of a system that takes a line and its speaker, from 0."""
    return lambda lines: [speak(line, number % 2) for number, line in enumerate(lines)]


def kokoro(options: argparse.Namespace) -> Speak:
    folder = options.kokoro
    weights = sorted(folder.glob("kokoro*.onnx")) if folder else []
    if not weights:
        raise Missing("give --kokoro DIR")
    import onnxruntime
    from kokoro_onnx import Kokoro

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(weights[0]), session_options, providers=["CPUExecutionProvider"])
    tts = Kokoro.from_session(session, str(folder / "voices.npz"))
    # The model takes (1, width), and picks it by the length of the line.
    styles = [tts.get_voice_style(name).reshape(-1, 1, 256) for name in ("af_heart", "am_michael")]
    return line_by_line(lambda line, speaker: tts.create(line, voice=styles[speaker]))


def hibari(options: argparse.Namespace) -> Speak:
    from hibari import Hibari

    tts = Hibari(threads=options.threads)
    return line_by_line(lambda line, speaker: (np.asarray(tts(line), np.float32), tts.sample_rate))


def piper(options: argparse.Namespace) -> Speak:
    if not options.piper:
        raise Missing("give --piper FILE.onnx")
    from piper import PiperVoice

    voice = PiperVoice.load(str(options.piper))

    def speak(line: str, speaker: int) -> tuple[np.ndarray, int]:
        chunks = list(voice.synthesize(line))
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate

    return line_by_line(speak)


def command(*words: str) -> Callable[[argparse.Namespace], Speak]:
    """A program that writes a WAV file; {voice}, {text} and {file} stand for what it is told."""

    def make(options: argparse.Namespace) -> Speak:
        if not shutil.which(words[0]):
            raise Missing(f"there is no {words[0]}")

        def speak(line: str, speaker: int) -> tuple[np.ndarray, int]:
            with tempfile.TemporaryDirectory() as folder:
                told = {"{voice}": VOICES[words[0]][speaker], "{text}": line, "{file}": f"{folder}/line.wav"}
                subprocess.run([told.get(word, word) for word in words], check=True, capture_output=True)
                return soundfile.read(told["{file}"], dtype="float32")

        return line_by_line(speak)

    return make


VOICES = {"flite": ("slt", "rms"), "espeak-ng": ("en-us+f3", "en-us+m3")}
SYSTEMS: dict[str, tuple[Callable[[argparse.Namespace], Speak], int]] = {
    "ours": (ours, 2),
    "kokoro": (kokoro, 2),
    "hibari": (hibari, 1),
    "piper": (piper, 1),
    "flite": (command("flite", "-voice", "{voice}", "-t", "{text}", "-o", "{file}"), 2),
    "espeak-ng": (command("espeak-ng", "-v", "{voice}", "-w", "{file}", "{text}"), 2),
}


def lines_of(seconds: float) -> list[str]:
    """Lines of a dialogue of about that length, Anna and Ben in turn; at some 14 characters a second."""
    found: list[str] = []
    while sum(map(len, found)) < 14 * seconds:
        found.append(LINES[len(found) % len(LINES)].format(n=len(found) + 2).partition("] ")[2])
    return found


def measure(connection: Connection, system: str, options: argparse.Namespace, place: Path) -> None:
    """Speak all lines, leave them as files in `place`, and tell what it took."""
    try:
        began = time.perf_counter()
        speak = SYSTEMS[system][0](options)
        speak(["Now, then.", "Ready when you are."])
        load_s = time.perf_counter() - began
        began, cpu = time.perf_counter(), _cpu_s()
        heard = speak(lines_of(SPEECH_S))
        work_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
    except (Missing, ImportError) as error:
        connection.send(str(error))
        return
    for number, (wave, rate) in enumerate(heard):
        soundfile.write(place / f"{system}-{number}.wav", wave, rate, subtype="FLOAT")
    commands_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3 * 1.024
    peak_mb = commands_mb if system in VOICES else peak_memory_mb()
    speech_s = sum(len(wave) / rate for wave, rate in heard)
    connection.send(Row(system, SYSTEMS[system][1], speech_s, load_s, work_s, cpu_s, peak_mb))


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def in_a_new_process(system: str, options: argparse.Namespace, place: Path) -> Row | str:
    """Its row, or why there is none."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(there, system, options, place), daemon=True)
    process.start()
    there.close()
    try:
        found: Row | str = here.recv()
    except EOFError:
        return "its process died"
    finally:
        process.join()
    return found


def judged(row: Row, folder: Path, place: Path) -> Row:
    """With what the judges say of its files."""
    import distillmos
    import torch
    from jiwer import wer
    from whisper_normalizer.english import EnglishTextNormalizer

    from dialogue_tts.audio.io import resample
    from dialogue_tts.evaluation.judges import load_judges
    from dialogue_tts.pipeline import DialogueTTS

    judges, plain = load_judges(folder), EnglishTextNormalizer()
    mos = distillmos.ConvTransformerSQAModel().eval()
    lines = lines_of(SPEECH_S)
    said, dnsmos, distilled, alike = [], [], [], []
    prompts: dict[int, np.ndarray] = {}
    if row.system == "ours":
        tts = DialogueTTS.from_pretrained()
        for number, voice in enumerate(tts.assign(SPEAKERS, {}).values()):
            wave, rate = soundfile.read(tts.bundle.voices[str(voice)].recording, dtype="float32")
            prompts[number] = judges.voices.embed(wave, rate)
    for number in range(len(lines)):
        wave, rate = soundfile.read(place / f"{row.system}-{number}.wav", dtype="float32")
        said.append(plain(judges.words.transcribe(wave, rate)))
        dnsmos.append(judges.quality.overall(wave, rate))
        with torch.inference_mode():
            distilled.append(float(mos(resample(torch.from_numpy(wave), rate, 16_000)[None])))
        if prompts:
            alike.append(float(judges.voices.embed(wave, rate) @ prompts[number % 2]))
    means = {
        "dnsmos": np.mean(dnsmos),
        "distillmos": np.mean(distilled),
        "wrong_words": wer([plain(x) for x in lines], said),
    }
    found = {name: round(float(value), 4) for name, value in means.items()}
    return Row(**(asdict(row) | found | {"similarity": float(np.mean(alike)) if alike else None}))


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    names = "system|voices|speech, s|work, s|processor, s|x real time|load, s|peak, MB"
    names += "|wrong words, %|DNSMOS|DistillMOS|similarity"
    lines = [f"| {names.replace('|', ' | ')} |", "|---" + "|---:" * (names.count("|")) + "|"]
    for row in rows:
        judged_by = [
            "" if row.wrong_words is None else f"{100 * row.wrong_words:.1f}",
            *("" if value is None else f"{value:.2f}" for value in (row.dnsmos, row.distillmos)),
            "" if row.similarity is None else f"{row.similarity:.3f}",
        ]
        seconds = f"{row.speech_s:.1f} | {row.work_s:.2f} | {row.cpu_s:.2f} | {row.speech_s / row.work_s:.1f}"
        peak = "" if row.peak_mb is None else f"{row.peak_mb:,.0f}"
        cells = [row.system, str(row.voices), seconds, f"{row.load_s:.1f}", peak, *judged_by]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Processor's seconds against wrong words, and memory as the size of the dots."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for row in rows:
        x, y = row.cpu_s / row.speech_s, 100 * (row.wrong_words or 0.0)
        axes.scatter([x], [y], s=[(row.peak_mb or 100.0) / 3], alpha=0.5)
        axes.annotate(row.system, (x, y), textcoords="offset points", xytext=(6, 6))
    axes.margins(x=0.2, y=0.1)
    axes.set(xscale="log", xlabel="processor's seconds for a second of speech", ylabel="wrong words, %")
    axes.set_title("One script on one machine; the size of a dot is memory", fontsize="medium")
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which, with commas")
    parser.add_argument("--threads", type=int, default=2)
    for name in ("kokoro", "piper", "judges", "json", "plot"):
        parser.add_argument(f"--{name}", type=Path)
    options = parser.parse_args()
    asked = options.systems.split(",")
    if unknown := set(asked) - set(SYSTEMS):
        parser.error(f"there is no system {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        for system in asked:
            found = in_a_new_process(system, options, Path(folder))
            if isinstance(found, str):
                sys.stderr.write(f"{system} is left out: {found}\n")
                continue
            rows.append(judged(found, options.judges, Path(folder)) if options.judges else found)
            sys.stderr.write(f"{rows[-1]}\n")
    print(table(rows))
    if options.json:
        told: dict[str, Any] = {"threads": options.threads, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
