"""How much the mark outlives: python benchmarks/mark.py OURS OTHERS.

OURS: a folder of sound files that a bundle spoke with the mark switched off; they are marked here, changed in each of the ways
below, and cut into windows of 3 s at places that chance draws. OTHERS: a folder of recordings without a mark, for false alarms.
Needs ffmpeg.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dialogue_tts.audio.io import FORMATS, read_audio, resample
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.provenance.detect import FALSE_ALARMS, WINDOW_S, Found, find_mark
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.provenance.network import RATE_HZ

MARK = Mark(bundle=77, operator=3)
QUIET_DB = -35.0  # frames of 20 ms so far below the loudest are pauses
MOST_PAUSES = 0.5  # of a window
Attack = Callable[[np.ndarray, int], np.ndarray]
"""(float32 (samples,) at 24 kHz, a number to draw by) -> the same, changed"""


def rms(wave: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.square(wave).mean()))


def ffmpeg(wave: np.ndarray, encode: list[str], form: str) -> np.ndarray:
    """Through an encoder and back; `form` is what ffmpeg calls the file's format."""
    raw = ["-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1"]
    quiet = ["ffmpeg", "-v", "error", "-threads", "1"]
    data = (np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()
    coded = subprocess.run(
        [*quiet, *raw, "-i", "-", *encode, "-f", form, "-"], input=data, capture_output=True, check=True
    )
    back = [*quiet, "-f", "aac" if form == "adts" else form, "-i", "-", *raw, "-"]
    done = subprocess.run(back, input=coded.stdout, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<i2").astype(np.float32) / 32768


def at_rate(wave: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Resampled."""
    return resample(torch.from_numpy(np.ascontiguousarray(wave, np.float32)), from_hz, to_hz).numpy()


def telephone(wave: np.ndarray, _: int) -> np.ndarray:
    """300 to 3400 Hz at 8 kHz, with 8-bit mu-law (ITU-T G.711)."""
    spectrum = np.fft.rfft(at_rate(wave, SAMPLE_RATE_HZ, 8000))
    hz = np.fft.rfftfreq(2 * (spectrum.size - 1), 1 / 8000)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    narrow = np.fft.irfft(spectrum)
    coded = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    return at_rate(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255, 8000, SAMPLE_RATE_HZ)


def noise(wave: np.ndarray, number: int) -> np.ndarray:
    """White, 20 dB below."""
    drawn = np.random.default_rng(number).standard_normal(wave.size)
    return np.asarray(wave + 0.1 * rms(wave) * drawn, np.float32)


def music(wave: np.ndarray, number: int) -> np.ndarray:
    """Chords of decaying tones with a drum on each beat, 10 dB below."""
    rng = np.random.default_rng(number)
    played = np.zeros(wave.size)
    beat = SAMPLE_RATE_HZ * 60 // int(rng.integers(80, 130))
    for start in range(0, wave.size, beat):
        seconds = np.arange(min(2 * beat, wave.size - start)) / SAMPLE_RATE_HZ
        root = rng.choice([48, 50, 53, 55, 57])
        for above in (0, 4, 7, 12, rng.choice([16, 19, 21])):
            hz = 440 * 2 ** ((root + above - 69) / 12)
            for k in range(1, 9):
                tone = np.sin(2 * np.pi * hz * k * seconds + rng.uniform(0, 6)) * np.exp(-seconds * (1.5 + 0.4 * k))
                played[start : start + seconds.size] += tone / k**1.2
        played[start : start + seconds.size] += 1.5 * rng.standard_normal(seconds.size) * np.exp(-40 * seconds)
    return np.asarray(wave + 10**-0.5 * rms(wave) * played / rms(played), np.float32)


ATTACKS: dict[str, Attack] = {
    "untouched": lambda wave, _: wave,
    "MP3, 64 kbit/s": lambda wave, _: ffmpeg(wave, ["-c:a", "libmp3lame", "-b:a", "64k"], "mp3"),
    "Opus, 24 kbit/s": lambda wave, _: ffmpeg(wave, ["-c:a", "libopus", "-b:a", "24k"], "ogg"),
    "AAC, 64 kbit/s": lambda wave, _: ffmpeg(wave, ["-c:a", "aac", "-b:a", "64k"], "adts"),
    "telephone band, mu-law": telephone,
    "16 kHz": lambda wave, _: at_rate(at_rate(wave, SAMPLE_RATE_HZ, 16_000), 16_000, SAMPLE_RATE_HZ),
    "white noise, 20 dB": noise,
    "5 % faster and higher": lambda wave, _: at_rate(wave, 21, 20),
    "5 % faster, pitch kept": lambda wave, _: ffmpeg(wave, ["-af", "atempo=1.05", "-c:a", "pcm_s16le"], "wav"),
    "music under it, -10 dB": music,
}


def windows(wave: np.ndarray, count: int, number: int) -> list[np.ndarray]:
    """Up to `count` windows at the detector's rate, cut where chance says, with speech in half of each."""
    low = at_rate(wave, SAMPLE_RATE_HZ, RATE_HZ)
    size, frame = round(WINDOW_S * RATE_HZ), RATE_HZ // 50
    if low.size < size:
        return []
    levels = np.square(low[: low.size // frame * frame].reshape(-1, frame)).mean(axis=1)
    loud = levels > levels.max() * 10 ** (QUIET_DB / 10)
    starts = np.random.default_rng(number).integers(0, low.size - size + 1, 5 * count)
    kept = [at for at in starts if loud[at // frame : (at + size) // frame].mean() > 1 - MOST_PAUSES]
    return [low[at : at + size] for at in kept[:count]]


def sounds_in(folder: Path, most: int) -> list[np.ndarray]:
    """The sounds of a folder at 24 kHz, evenly chosen."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    chosen = paths[:: max(1, len(paths) // most)][:most]
    return [read_audio(path, SAMPLE_RATE_HZ).numpy() for path in chosen]


def middle(wave: np.ndarray, seconds: float | None) -> np.ndarray:
    """So much of a sound, from its middle; all of it for None."""
    size = wave.size if seconds is None else min(wave.size, round(seconds * SAMPLE_RATE_HZ))
    return wave[(wave.size - size) // 2 :][:size]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path)
    parser.add_argument("others", type=Path, nargs="+")
    parser.add_argument("--sounds", type=int, default=200, help="of each kind")
    parser.add_argument("--windows", type=int, default=1, help="of each sound")
    parser.add_argument("--seconds", type=float, help="of each of OURS, from its middle; else all of it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ours = [middle(sound, arguments.seconds) for sound in sounds_in(arguments.ours, arguments.sounds)]
    began = time.process_time()
    marked = [MARK.applied(sound) for sound in ours]
    took, seconds = time.process_time() - began, sum(sound.size for sound in ours) / SAMPLE_RATE_HZ
    print(f"marking 30 s takes {1000 * took * 30 / seconds:.0f} ms of one core ({len(ours)} sounds, {seconds:.0f} s)\n")
    print(
        "| what happened to it | windows of 3 s | found | message right where found |\n|---|---:|---:|---:|", flush=True
    )
    for name, attack in ATTACKS.items():
        found = [f for n, wave in enumerate(marked) for f in looked_at(attack(wave, n), arguments.windows, n)]
        sure = [one for one in found if one.sure]
        right = sum(one.mark == MARK for one in sure) / max(1, len(sure))
        print(f"| {name} | {len(found)} | {len(sure) / len(found):.1%} | {right:.1%} |", flush=True)
    plain = [sound for folder in arguments.others for sound in sounds_in(folder, arguments.sounds)]
    found = [f for n, wave in enumerate(plain) for f in looked_at(wave, arguments.windows, n)]
    alarms = sum(one.sure for one in found)
    lowest = min(one.chance for one in found)
    print(f"\nwithout a mark: {alarms} of {len(found)} windows taken for marked ({FALSE_ALARMS:.1%} allowed);", end=" ")
    print(
        f"the least of their chances is {lowest:.2g}, and below a tenth are {np.mean([f.chance < 0.1 for f in found]):.1%}"
    )


def looked_at(wave: np.ndarray, count: int, number: int) -> list[Found]:
    """What is found in its windows, at any speed."""
    return [find_mark(window) for window in windows(wave, count, number)]


if __name__ == "__main__":
    main()
