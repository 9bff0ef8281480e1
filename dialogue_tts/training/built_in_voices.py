"""The voices that come with a bundle, made of recordings by a list that says whose they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dialogue_tts.audio.io import read_audio, write_audio
from dialogue_tts.bundle import VOICES, ListedVoice, check_voice_names
from dialogue_tts.config import SAMPLE_RATE_HZ, from_dict, read_json
from dialogue_tts.errors import VoiceError
from dialogue_tts.files import whole_file
from dialogue_tts.voices.voice import cut_prompt


@dataclass(frozen=True)
class RecordedVoice:
    """A voice and its recording.

    Attributes:
        recording: path of the sound file, from the shared folder.
        voice: what voices.json says of it.
    """

    recording: str
    voice: ListedVoice


@dataclass(frozen=True)
class VoicesRecipe:
    """All voices of a bundle, in their order."""

    voices: tuple[RecordedVoice, ...]


def make_voices(recipe: Path, shared: Path, out: Path) -> int:
    """Cut each recording down to the stretch with most speech, at most eight seconds, and write `out`/voices.json and
    `out`/voices/NAME.flac; recordings of other voices there stay. Returns how many.

    Raises:
        ConfigError: the recipe is none; AudioError, VoiceError: a recording cannot serve.
    """
    wanted = from_dict(VoicesRecipe, read_json(recipe), f"{recipe}: ").voices
    listed = [recorded.voice for recorded in wanted]
    check_voice_names(recipe, listed)
    prompts = {}
    for recorded in wanted:
        try:
            prompts[recorded.voice.name] = cut_prompt(read_audio(shared / recorded.recording, SAMPLE_RATE_HZ)).wave
        except VoiceError as error:
            raise VoiceError(f"{recorded.voice.name}, {shared / recorded.recording}: {error}") from None
    (out / "voices").mkdir(parents=True, exist_ok=True)
    for name, prompt in prompts.items():
        write_audio(out / "voices" / f"{name}.flac", prompt.numpy(), SAMPLE_RATE_HZ)
    with whole_file(out / VOICES) as draft:
        values = {"voices": [asdict(voice) for voice in listed]}
        draft.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(listed)
