"""How fast a bundle speaks on this machine, and in how much memory: dialogues of several lengths, each in a process of
its own, so that each has its own peak.
"""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue_tts.errors import AudioError, DialogueTTSError, SettingsError
from dialogue_tts.extras import check_extra
from dialogue_tts.files import write_text
from dialogue_tts.stages import measured

if TYPE_CHECKING:
    from rich.table import Table

LENGTHS_S = (10, 30, 60, 300, 600)
STAGES = ("front end", "text-to-semantic", "SoundStorm", "codec", "self-check")
PLOT_ENDINGS = (".png", ".svg", ".pdf")
LINES = (  # each with a number of its own, so that no two are the same
    "[Anna] Good evening! Is this the queue for number {n}?",
    "[Ben] I hope so. I have been standing here for {n} minutes.",
    "[Anna] Oh dear. Does it always take that long?",
    "[Ben] Only when it rains, and when the baker has to do everything alone.",
    "[Anna] Then I will count the tiles. There are {n} of them in the first row.",
    "[Ben] My daughter counted them too. She said that one of them has a fish on it.",
    "[Anna] A fish? Where? I can only see flowers, {n} or so.",
    "[Ben] It hides behind the door, and you have to close it to see the fish.",
    "[Anna] I am not going to close the door of a shop in the rain.",
    "[Ben] No, of course not. But now you will think of it all the way home.",
)


@dataclass(frozen=True)
class Measurement:
    """One dialogue.

    Attributes:
        asked_s: how long it was meant to be, in seconds; `speech_s`: how long it is.
        load_s: seconds until the bundle was ready, imports included.
        work_s: seconds that it took, of which `stages_s` went into each stage.
        first_sound_s: seconds until the first chunk of a stream of it.
        peak_mb: of the process's memory in use at once; None where the system does not tell.
    """

    asked_s: float
    speech_s: float
    load_s: float
    work_s: float
    first_sound_s: float
    stages_s: dict[str, float]
    peak_mb: float | None

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of speech."""
        return self.work_s / self.speech_s


@dataclass(frozen=True)
class Benchmark:
    """Measurements, and where they were made."""

    bundle: str
    machine: dict[str, Any]
    measurements: tuple[Measurement, ...]

    @property
    def _place(self) -> str:
        return f"{self.bundle}, threads: {self.machine['threads']}, {self.machine['processor']}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; times in seconds, rounded to milliseconds."""
        rows = [_rounded(asdict(found) | {"real_time_factor": found.real_time_factor}) for found in self.measurements]
        return {"bundle": self.bundle, "machine": self.machine, "measurements": rows}

    def save(self, path: Path) -> None:
        """Write `to_dict` as JSON."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def table(self) -> Table:
        """For a terminal."""
        from rich.table import Table

        table = Table(
            title=self._place, caption="Seconds; x is work for a second of speech; first is until a stream sounds."
        )
        for name in ("speech", "work", "x", "first", *STAGES, "rest", "load", "peak MB"):
            table.add_column(name, justify="right")
        for found in self.measurements:
            stages = [found.stages_s.get(name, 0.0) for name in STAGES]
            seconds = [*stages, found.work_s - sum(stages), found.load_s]
            table.add_row(
                f"{found.speech_s:.1f}",
                f"{found.work_s:.2f}",
                f"{found.real_time_factor:.3f}",
                f"{found.first_sound_s:.2f}",
                *(f"{s:.2f}" for s in seconds),
                f"{found.peak_mb:.0f}" if found.peak_mb else "?",
            )
        return table

    def plot(self, path: Path) -> None:
        """Draw work for a second of speech by stage, and memory: a picture in the format of the path's ending.

        Raises:
            AudioError: it cannot be written; see `check_plot` for the rest.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        places = range(len(self.measurements))
        lengths = [f"{found.speech_s:.0f} s" for found in self.measurements]
        floor = [0.0] * len(self.measurements)
        for name in (*STAGES, "rest"):
            share = [_stage_s(found, name) / found.speech_s for found in self.measurements]
            left.bar(places, share, bottom=floor, label=name)
            floor = [low + high for low, high in zip(floor, share, strict=True)]
        left.set(title="Work for a second of speech", ylabel="seconds", xlabel="length of the dialogue")
        left.set_xticks(places, lengths)
        figure.legend(loc="outside lower center", ncols=len(STAGES) + 1, fontsize="small")
        peaks = [found.peak_mb or 0.0 for found in self.measurements]
        right.bar(places, peaks, color="gray")
        right.set(title="Peak memory", ylabel="MB", xlabel="length of the dialogue")
        right.set_xticks(places, lengths)
        figure.suptitle(self._place, fontsize="small")
        try:
            figure.savefig(path)
        except OSError as error:
            raise AudioError(f"{path}: cannot be written ({error.strerror}); choose another place.") from None


def check_plot(path: Path) -> None:
    """Raises SettingsError if a plot cannot be drawn in such a file, or matplotlib is not installed."""
    if path.suffix.lower() not in PLOT_ENDINGS:
        raise SettingsError(f"{path}: the ending names no picture; use {', '.join(PLOT_ENDINGS)}.")
    check_extra("plot", "--plot", error=SettingsError)


def benchmark(
    bundle: str | None = None,
    lengths_s: Sequence[float] = LENGTHS_S,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    device: str = "cpu",
) -> Benchmark:
    """Speak a dialogue of each length, in a new process each.

    Args:
        threads: PyTorch's; None leaves its own number.
        progress: called after each with (done, in all).
        device: where the networks lie.

    Raises:
        DialogueTTSError: the bundle cannot be loaded, there is no such device, or a process died.
    """
    if not lengths_s or any(not 1 <= length <= 7200 for length in lengths_s):
        raise SettingsError("lengths go from 1 to 7200 seconds; give at least one.")
    found: list[Measurement] = []
    told: dict[str, Any] = {}
    for length_s in lengths_s:
        told, measurement = _in_a_new_process(bundle, length_s, threads, device)
        found.append(measurement)
        if progress:
            progress(len(found), len(lengths_s))
    return Benchmark(told.pop("bundle"), told, tuple(found))


def dialogue_of(length_s: float, expected_s: Callable[[str], float]) -> str:
    """A script of about that length; `expected_s` tells how long one will be."""
    count = len(LINES)
    for _ in range(2):  # later lines have longer numbers
        count = max(1, round(count * length_s / expected_s(_first(count))))
    return _first(count)


def _first(count: int) -> str:
    return "\n".join(LINES[i % len(LINES)].format(n=i + 2) for i in range(count))


def _in_a_new_process(
    bundle: str | None, length_s: float, threads: int | None, device: str
) -> tuple[dict[str, Any], Measurement]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(there, bundle, length_s, threads, device), daemon=True)
    process.start()
    there.close()
    try:
        found: tuple[dict[str, Any], Measurement] | DialogueTTSError = here.recv()
    except EOFError:
        process.join()
        died = f"the process died (exit code {process.exitcode}), perhaps for lack of memory"
        raise DialogueTTSError(f"{length_s:g} s of dialogue: {died}; leave longer ones out.") from None
    finally:
        process.terminate()
        process.join()
    if isinstance(found, DialogueTTSError):
        raise found
    return found


def _measure(connection: Connection, bundle: str | None, length_s: float, threads: int | None, device: str) -> None:
    try:
        connection.send(measure(bundle, length_s, threads, device))
    except DialogueTTSError as error:
        connection.send(error)


def measure(
    bundle: str | None, length_s: float, threads: int | None, device: str = "cpu"
) -> tuple[dict[str, Any], Measurement]:
    """One measurement, in this process, and where it was made."""
    began = time.perf_counter()
    import torch

    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.script.lint import expected_s
    from dialogue_tts.script.parser import parse_script
    from dialogue_tts.text.phonemes import TextFrontend

    if threads:
        torch.set_num_threads(threads)
    tts = DialogueTTS.from_pretrained(bundle, device=device)
    load_s = time.perf_counter() - began
    tts.synthesize("[Anna] Now, then. [Ben] Ready when you are.")  # voices are encoded, memory is there
    other = TextFrontend()  # `tts` has not seen the script when its time runs
    script = dialogue_of(length_s, lambda text: expected_s(parse_script(text).turns, other, tts.config))
    began = time.perf_counter()
    with measured() as stages:
        dialogue = tts.synthesize(script)
    work_s = time.perf_counter() - began
    peak_mb = peak_memory_mb()
    began = time.perf_counter()
    with tts.stream(script, seed=1) as chunks:
        next(chunks)
        first_sound_s = time.perf_counter() - began
    told = {
        "bundle": tts.bundle_id.name,
        "bundle_sha256": tts.bundle_id.sha256,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
    }
    return told, Measurement(length_s, dialogue.duration, load_s, work_s, first_sound_s, stages, peak_mb)


def peak_memory_mb() -> float | None:
    """Of this process, so far; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage counts what the parent held when it started this process
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3 * 1.024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _stage_s(found: Measurement, name: str) -> float:
    return found.work_s - sum(found.stages_s.values()) if name == "rest" else found.stages_s.get(name, 0.0)


def _rounded(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _rounded(value) for key, value in values.items()}
    return round(values, 3) if isinstance(values, float) else values
