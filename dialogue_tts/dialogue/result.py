"""The result of a synthesis: who said what when, how it sounds, and what else it could have sounded like.

All values are frozen: choosing another take, or redoing a turn, gives a new `Dialogue` that shares the rest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dialogue_tts.audio.io import check_ending, check_sound_file, write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ, strict
from dialogue_tts.dialogue import subtitles
from dialogue_tts.dialogue.arrangement import MixConfig, Sound
from dialogue_tts.dialogue.likeness import likeness_of
from dialogue_tts.dialogue.mix import PlacedTurn, mix, panned, track
from dialogue_tts.dialogue.notebook import player
from dialogue_tts.dialogue.rendering import Rendering, Voiced, render
from dialogue_tts.dialogue.timing import turn_offsets, turn_starts
from dialogue_tts.dialogue.turns import Check, MixedSound, SpokenTurn, SpokenWord
from dialogue_tts.errors import SettingsError
from dialogue_tts.files import write_text
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import Voice

if TYPE_CHECKING:
    from dialogue_tts.provenance.credentials import ContentSigner

MUSIC = "Music and effects"  # the track beside those of speakers
LATE_S = 0.05  # by so much a turn may start later than it is to before anybody hears it


@dataclass(frozen=True)
class Take:
    """One rendering of a turn.

    Attributes:
        text: what is said, as written.
        seed: the same text, voice, settings and seed give the same sound, whatever stands around it.
        waveform: mono float32 (samples,) in [-1, 1] at 24 kHz, as it goes into the mix, which is marked as a
            whole; alone it goes out as `marked`.
        words: with times from the take's own start.
        draws: how often its sound was drawn until it read back well, or often enough.
        check: what the self-check says of its sound.
    """

    text: str
    seed: int
    waveform: np.ndarray = field(repr=False, compare=False)
    words: tuple[SpokenWord, ...]
    draws: int
    check: Check

    def marked(self, mark: Mark | None) -> np.ndarray:
        """The sound alone, float32 (samples,), with a mark in it; None for none."""
        return mark.applied(self.waveform) if mark else self.waveform

    def doubts(self, config: SynthesisConfig) -> tuple[str, ...]:
        """Why one should listen to it: "words" that read back otherwise, an unusual "pace", another's "voice"."""
        max_pace_ratio = max(self.check.pace, 1 / self.check.pace) > config.max_pace_ratio
        found = (self.check.phone_error > config.warn_phone_error, max_pace_ratio, not self.check.right_voice)
        return tuple(name for name, doubtful in zip(("words", "pace", "voice"), found, strict=True) if doubtful)


@dataclass(frozen=True)
class TurnTakes:
    """A turn of the script with its takes; the chosen one is heard."""

    turn: Turn
    takes: tuple[Take, ...]
    chosen: int = 0

    @property
    def take(self) -> Take:
        """The chosen one."""
        return self.takes[self.chosen]

    def saying(self, text: str, seed: int | None = None) -> TurnTakes | None:
        """With the take chosen that says this, with that seed if one is given; None if there is no such take."""
        fitting = [i for i, take in enumerate(self.takes) if take.text == text and seed in (None, take.seed)]
        if not fitting:
            return None
        return replace(self, chosen=self.chosen if self.chosen in fitting else fitting[-1])

    def with_take(self, take: Take) -> TurnTakes:
        """With one more take, which is chosen."""
        return replace(self, takes=(*self.takes, take), chosen=len(self.takes))

    def spoken(self, index: int, placed: PlacedTurn) -> SpokenTurn:
        """As it is heard at its place."""
        start_s = placed.start / SAMPLE_RATE_HZ
        return SpokenTurn(
            index=index,
            speaker=self.turn.speaker,
            text=self.take.text,
            start=start_s,
            end=(placed.start + self.take.waveform.size) / SAMPLE_RATE_HZ,
            words=tuple(word.moved(start_s) for word in self.take.words),
            seed=self.take.seed,
            draws=self.take.draws,
            check=self.take.check,
        )


@strict
class BundleId:
    """Which bundle: its name, and the SHA-256 of its list of checksums ("" for one that was never saved)."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Chunk:
    """What `DialogueTTS.stream` yields: one turn, and the sound that is final with it.

    Attributes:
        waveform: mono float32 (samples,) in [-1, 1] at 24 kHz; all chunks one after the other are the dialogue.
        start: of `waveform`, in seconds.
        turn: its end lies behind the chunk's where the next turn overlaps it.
        turn_takes: the turn with its takes; `Dialogue([...], ...)` puts those of a stream together.
    """

    waveform: np.ndarray = field(repr=False)
    start: float
    turn: SpokenTurn
    turn_takes: TurnTakes

    @property
    def take(self) -> Take:
        """The turn's own sound."""
        return self.turn_takes.take


@dataclass(frozen=True, eq=False)
class Dialogue:
    """A spoken script.

    Attributes:
        turn_takes: turns in order, with their takes.
        voices: of each speaker.
        seed: which, with the same script, voices, settings and bundle, gives this sound again.
        config: settings it was made with.
        mark: in all sound that comes out of it; None for none.
        findings: what the script's reading left out, or understood in an uncommon form; none of a project.
        mix: levels, music, effects and loudness of the whole; sounds: those it names. See `arranged`.
    """

    turn_takes: tuple[TurnTakes, ...]
    voices: Mapping[str, Voice]
    seed: int
    config: SynthesisConfig
    bundle: BundleId
    mark: Mark | None
    sample_rate: int = SAMPLE_RATE_HZ
    findings: tuple[Finding, ...] = ()
    mix: MixConfig = MixConfig()
    sounds: Mapping[str, Sound] = field(default_factory=dict)

    def __repr__(self) -> str:
        speakers = ", ".join(self.voices)
        return f"<Dialogue: {len(self.turn_takes)} turns of {speakers}, {self.duration:.2f} s, seed {self.seed}>"

    def _repr_html_(self) -> str:
        """What notebooks show: a player, and the turns."""
        return player(self.waveform, self.sample_rate, self.turns, self.doubtful)

    @cached_property
    def _placed(self) -> tuple[PlacedTurn, ...]:
        if self._rendering:
            return self._rendering.placed
        return tuple(mix((part.take.waveform for part in self.turn_takes), *self._places, self.mark))

    @property
    def _places(self) -> tuple[list[int], list[int | None]]:
        offsets = turn_offsets(list(self.script.turns), [part.take.seed for part in self.turn_takes], self.config)
        return offsets, turn_starts(part.turn for part in self.turn_takes)

    @cached_property
    def _rendering(self) -> Rendering | None:
        """With all that is beside speech; None where there is nothing, and the sound is that of a stream."""
        if self.mix == MixConfig():
            return None
        turns = [Voiced(part.turn.speaker, part.take.waveform) for part in self.turn_takes]
        return render(turns, *self._places, self.mix, self.sounds, self.mark)

    @cached_property
    def waveform(self) -> np.ndarray:
        """Mono float32 (samples,) in [-1, 1] at `sample_rate` Hz."""
        if self._rendering:
            return self._rendering.waveform
        return np.concatenate([placed.samples for placed in self._placed])

    @cached_property
    def turns(self) -> tuple[SpokenTurn, ...]:
        """In order, with times in seconds."""
        return tuple(part.spoken(i, p) for i, (part, p) in enumerate(zip(self.turn_takes, self._placed, strict=True)))

    @property
    def pieces(self) -> tuple[MixedSound, ...]:
        """Intro, bed and effects, as they are heard."""
        found = self._rendering.pieces if self._rendering else ()
        return tuple(MixedSound(p.kind, p.name, p.start / SAMPLE_RATE_HZ, p.end / SAMPLE_RATE_HZ) for p in found)

    @property
    def script(self) -> Script:
        """As it is spoken, with the texts of the chosen takes."""
        return Script(tuple(replace(part.turn, text=part.take.text) for part in self.turn_takes))

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.waveform.size / self.sample_rate

    @property
    def doubtful(self) -> tuple[int, ...]:
        """Turns, from 0, whose chosen take has `doubts`: listen to them."""
        return tuple(i for i, part in enumerate(self.turn_takes) if part.take.doubts(self.config))

    @property
    def late(self) -> tuple[int, ...]:
        """Turns, from 0, that start later than they are to, since what is in front of them takes too long."""
        pairs = enumerate(zip(self.turn_takes, self.turns, strict=True))
        return tuple(i for i, (part, turn) in pairs if turn.start > (part.turn.start_s or turn.start) + LATE_S)

    @property
    def sha256(self) -> str:
        """Of the waveform's bytes."""
        return hashlib.sha256(self.waveform.tobytes()).hexdigest()

    def turn_waveform(self, index: int) -> np.ndarray:
        """The sound of one turn alone, float32 (samples,)."""
        return self.turn_takes[index].take.marked(self.mark)

    def takes(self, index: int) -> tuple[Take, ...]:
        """All renderings of a turn, in the order they were made."""
        return self.turn_takes[self._checked(index)].takes

    def choose(self, index: int, take: int) -> Dialogue:
        """The dialogue with another take of a turn. Raises SettingsError if there is no such turn or take."""
        part = self.turn_takes[self._checked(index)]
        if not 0 <= take < len(part.takes):
            raise SettingsError(f"turn {index} has no take {take}; it has {len(part.takes)}, counted from 0.")
        return self._with_part(index, replace(part, chosen=take))

    def with_take(self, index: int, take: Take) -> Dialogue:
        """The dialogue with one more take of a turn, which is chosen."""
        part = self.turn_takes[self._checked(index)]
        return self._with_part(index, part.with_take(take))

    def _with_part(self, index: int, part: TurnTakes) -> Dialogue:
        return replace(self, turn_takes=(*self.turn_takes[:index], part, *self.turn_takes[index + 1 :]))

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self.turn_takes):
            raise SettingsError(f"there is no turn {index}; there are {len(self.turn_takes)}, counted from 0.")
        return index

    def arranged(self, mix: MixConfig, sounds: Mapping[str, Sound] | None = None) -> Dialogue:
        """The dialogue in another mix. Raises SettingsError if a sound it names is not among `sounds`."""
        needed = {name: sound for name, sound in (sounds or {}).items() if name in mix.sound_names}
        mix.check(len(self.turn_takes), needed)
        return replace(self, mix=mix, sounds=needed)

    def tracks(self) -> dict[str, np.ndarray]:
        """One track a speaker, float32 (samples,) each as long as the dialogue, and one more, `MUSIC`, where there is more than
        speech; their sum is the dialogue."""
        tracks, music = self._speakers_tracks(), self._music_track()
        if music is not None:
            tracks[MUSIC if MUSIC not in tracks else f"{MUSIC}, not spoken"] = music
        return tracks

    def _speakers_tracks(self) -> dict[str, np.ndarray]:
        placed: dict[str, list[tuple[int, float, np.ndarray]]] = {}
        for part, at in zip(self.turn_takes, self._placed, strict=True):
            placed.setdefault(part.turn.speaker, []).append((at.start, at.gain, part.take.waveform))
        gain = self._rendering.gain if self._rendering else None
        return {who: track(waves, self.waveform.size, self.mark, gain) for who, waves in placed.items()}

    def _music_track(self) -> np.ndarray | None:
        made = self._rendering
        if made is None or not made.music.any():
            return None
        return track([(0, 1.0, made.music)], self.waveform.size, self.mark, made.gain)

    def stereo(self) -> np.ndarray:
        """float32 (samples, 2): the first speaker left, the last right, others between; one alone, and music, in the middle."""
        sides, music = panned(list(self._speakers_tracks().values())), self._music_track()
        return sides if music is None else sides + panned([music])

    @property
    def provenance(self) -> str:
        """A sentence for the files' metadata: that the speech is synthetic, and what made it."""
        voices = ", ".join(f"{speaker}: {voice.name} ({voice.sha256[:12]})" for speaker, voice in self.voices.items())
        bundle = f"{self.bundle.name} ({self.bundle.sha256[:12]})" if self.bundle.sha256 else self.bundle.name
        return f"Synthetic speech, made by dialogue-tts with bundle {bundle}, voices {voices}, seed {self.seed}."

    def save(self, path: str | Path, stereo: bool = False, signer: ContentSigner | None = None) -> None:
        """Write the sound in the format the path's ending names: .wav, .flac, .mp3, .ogg, .opus.

        The file's comment is `provenance`.

        Args:
            signer: puts Content Credentials into it: .wav, .flac and .mp3.

        Raises:
            AudioError: unknown ending, or the place cannot be written to; SettingsError: such files cannot be signed.
        """
        self._write(Path(path), self.stereo() if stereo else self.waveform, signer)

    def save_tracks(self, folder: str | Path, ending: str = ".wav", signer: ContentSigner | None = None) -> list[Path]:
        """Write one file a speaker, such as `1-Anna.wav`, into a folder that is made if need be. `signer` and errors as in
        `save`."""
        folder = Path(folder)
        paths = [folder / name for name in track_names(list(self.tracks()), ending)]
        folder.mkdir(exist_ok=True)
        for path in paths:
            check_sound_file(path)
        for path, wave in zip(paths, self.tracks().values(), strict=True):
            self._write(path, wave, signer)
        return paths

    def _write(self, path: Path, wave: np.ndarray, signer: ContentSigner | None) -> None:
        sign = signer.signs(path) if signer else None
        write_audio(path, wave, self.sample_rate, self.provenance, sign)

    def timestamps(self) -> dict[str, Any]:
        """Times of turns and words in seconds, rounded to milliseconds, ready for JSON."""
        turns = [turn_times(turn) for turn in self.turns]
        return {"sample_rate": self.sample_rate, "duration": round(self.duration, 3), "turns": turns}

    def facts(self) -> dict[str, Any]:
        """What it is in short, ready for JSON: length, seed, turns and which are doubtful, voices and how much they sound like
        their recordings, bundle, hash, findings."""
        return {
            "duration_s": round(self.duration, 3),
            "seed": self.seed,
            "turns": len(self.turn_takes),
            "doubtful": self.doubtful,
            "voices": {speaker: voice.name for speaker, voice in self.voices.items()},
            "likeness": {speaker: round(found.match, 3) for speaker, found in likeness_of(self.turns).items()},
            "bundle": self.bundle.name,
            "sha256": self.sha256,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def save_timestamps(self, path: str | Path) -> None:
        """Write `timestamps` as JSON."""
        write_text(path, json.dumps(self.timestamps(), indent=1, ensure_ascii=False) + "\n")

    def save_srt(self, path: str | Path) -> None:
        """Write subtitles as SubRip; every cue names its speaker."""
        write_text(path, subtitles.srt(self.turns))

    def save_vtt(self, path: str | Path) -> None:
        """Write subtitles as WebVTT, with voice tags for speakers and a time for every word."""
        write_text(path, subtitles.webvtt(self.turns))

    def save_labels(self, path: str | Path) -> None:
        """Write a label track for Audacity, one label a turn."""
        write_text(path, subtitles.labels(self.turns))


def turn_times(turn: SpokenTurn) -> dict[str, Any]:
    """A turn of `Dialogue.timestamps`."""
    return {
        "index": turn.index,
        "speaker": turn.speaker,
        "text": turn.text,
        "start": round(turn.start, 3),
        "end": round(turn.end, 3),
        "words": [{"word": w.word, "start": round(w.start, 3), "end": round(w.end, 3)} for w in turn.words],
    }


def track_names(speakers: list[str], ending: str) -> list[str]:
    """A file name for each speaker's track. Raises AudioError for an ending that names no format."""
    check_ending(f"track{ending}")
    safe = [re.sub(r"[^\w .-]", "_", speaker) for speaker in speakers]
    return [f"{number}-{name}{ending}" for number, name in enumerate(safe, start=1)]
