"""Voices: a short recording becomes a prompt, semantic and acoustic tokens, that stands in front of what is spoken.

A voice is kept as one safetensors file: its tokens, and in the metadata its name, its accent and the record of consent.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
import torchaudio
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from dialogue_tts.audio.bandwidth import whole_band
from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import pad_to_frames
from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, from_dict, seconds_to_frames, strict
from dialogue_tts.errors import AudioError, ConfigError, ScriptError, VoiceError
from dialogue_tts.files import whole_file
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.text.accents import AMERICAN, accent_of
from dialogue_tts.voices.speech import check_speech

SHORTEST_S, LONGEST_S = 2.0, 30.0
PROMPT_S = 8.0  # what is kept of a longer recording: SoundStorm learnt with prompts of up to eight seconds
LEVEL_DB = -22.0  # RMS of the speech in a prompt, as the corpus has it
PEAK = 0.95
SILENT_DB = -60.0  # RMS below which a recording holds nothing
PAUSE_DB = -35.0  # below the loudest part: a pause
FORMAT, ENDING = "dialogue-tts voice 1", ".safetensors"
CONSENT_KINDS = ("own", "licensed", "synthetic")


@strict
class Consent:
    """Who agreed, when, and to what.

    Attributes:
        kind: "own": the speaker uses his or her own voice; "licensed": the speaker allowed the use; "synthetic": no
            person's voice.
        who: the person who agreed; for synthetic voices, who made it or what did.
        when: date of the agreement, as 2026-01-31.
        what: what was agreed to, in words.

    Raises:
        VoiceError: something is missing or no date.
    """

    kind: str
    who: str
    when: str
    what: str = ""

    def __post_init__(self) -> None:
        if self.kind not in CONSENT_KINDS:
            raise VoiceError(f"consent {self.kind!r} is not known; give one of {', '.join(CONSENT_KINDS)}.")
        if not self.who.strip():
            raise VoiceError("the consent names nobody; say who agreed.")
        try:
            date.fromisoformat(self.when)
        except ValueError:
            raise VoiceError(f"the consent's date {self.when!r} is no date; write it as 2026-01-31.") from None


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice, encoded once.

    Attributes:
        semantic: int64 (P,), codes: int64 (P, Q): tokens of the prompt, 25 a second, on the CPU.
        encoder: `encoder_id` of the networks that made the tokens; no others understand them.
        consent: None for voices that come with a bundle, whose origin it lists, and for recordings used in passing.
        accent: in which its turns are read, one of `ACCENTS`.

    Raises:
        VoiceError: there is no such accent.
    """

    name: str
    semantic: Tensor
    codes: Tensor
    encoder: str
    consent: Consent | None = None
    accent: str = AMERICAN

    def __post_init__(self) -> None:
        check_accent(self.accent)

    @cached_property
    def sha256(self) -> str:
        """Of the tokens: voices with the same sound alike, whatever accent they are read in."""
        parts = (self.semantic.numpy(), self.codes.numpy())
        return hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the voice and its consent record as one safetensors file.

        Raises:
            VoiceError: the voice has no consent record, or the file cannot be written.
        """
        check_consented(self)
        if not is_saved_voice(path):
            raise VoiceError(f"{path}: a voice's file ends with {ENDING}; name it so.")
        try:
            with whole_file(path) as draft:
                draft.write_bytes(self.to_bytes())
        except OSError as error:
            raise VoiceError(f"{path}: cannot be written ({error.strerror}); choose another place.") from None

    def to_bytes(self) -> bytes:
        """What a file of it holds; `consent` is left out where there is none."""
        record = {"format": FORMAT, "name": self.name, "encoder": self.encoder, "accent": self.accent}
        if self.consent is not None:
            record["consent"] = json.dumps(asdict(self.consent))
        tensors = {"semantic": self.semantic.contiguous(), "codes": self.codes.contiguous()}
        return save_tensors(tensors, record)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Voice:
        """What `to_bytes` gave; errors begin with `where`. Raises VoiceError if the bytes are no voice."""
        try:
            tensors = load_tensors(data)  # which checks the header's length, too
            record = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
        except (SafetensorError, ValueError) as error:
            raise VoiceError(f"{where}: this is no voice ({str(error).splitlines()[0]}); make it again.") from None
        return _checked(where, record, tensors)

    @classmethod
    def load(cls, path: str | Path) -> Voice:
        """Read what `save` wrote.

        Raises:
            VoiceError: the file is missing, damaged, or no voice.
        """
        try:
            with safe_open(path, framework="pt") as file:
                record = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except OSError:
            raise VoiceError(f"{path}: there is no such file; give the path of a voice's file.") from None
        except (SafetensorError, ValueError) as error:
            raise VoiceError(
                f"{path}: this is no voice's file ({str(error).splitlines()[0]}); make it again."
            ) from None
        if "consent" not in record:
            raise VoiceError(f"{path}: the voice's file lacks something, the record of consent; make it again.")
        return _checked(path, record, tensors)


def is_saved_voice(path: str | Path) -> bool:
    """Whether a file is a saved voice rather than a recording, by its name."""
    return Path(path).suffix == ENDING


def _checked(path: str | Path, record: dict[str, str], tensors: dict[str, Tensor]) -> Voice:
    if record.get("format") != FORMAT:
        raise VoiceError(f"{path}: this is no voice's file that is known here ({FORMAT} is); make it again.")
    record = {"accent": AMERICAN} | record  # which files made before voices had accents lack
    if set(record) - {"consent"} != {"format", "name", "encoder", "accent"} or set(tensors) != {"semantic", "codes"}:
        raise VoiceError(f"{path}: the voice's file lacks something or holds something strange; make it again.")
    semantic, codes = tensors["semantic"], tensors["codes"]
    whole = semantic.dtype == codes.dtype == torch.int64 and semantic.ndim == 1 and codes.ndim == 2
    if not whole or semantic.shape[0] != codes.shape[0] or not 0 < semantic.shape[0] <= seconds_to_frames(PROMPT_S):
        raise VoiceError(f"{path}: the voice's tokens are not of the right kind; make it again.")
    if not record["name"].strip():
        raise VoiceError(f"{path}: the voice has no name; make it again.")
    try:
        consent = from_dict(Consent, json.loads(record["consent"])) if "consent" in record else None
        return Voice(record["name"], semantic, codes, record["encoder"], consent, record["accent"])
    except (ValueError, ConfigError) as error:
        raise VoiceError(f"{path}: the consent record cannot be read ({error}); make the voice again.") from None
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from None


def check_consented(voice: Voice) -> None:
    """Raises VoiceError if nobody is known to have agreed that it is kept."""
    if voice.consent is None:
        raise VoiceError(f"{voice.name}: a voice is saved with its consent record; make it with consent=Consent(...).")


def check_accent(name: str) -> None:
    """Raises VoiceError if there is no such accent to read in."""
    try:
        accent_of(name)
    except ScriptError as error:
        raise VoiceError(str(error)) from None


def encoder_id(semantic_tokenizer: SemanticTokenizer, codec: AudioCodec) -> str:
    """SHA-256 of the weights that make tokens of a recording: decoders may learn on, and voices stay good."""
    parts = (semantic_tokenizer.enter, semantic_tokenizer.encoder, semantic_tokenizer.to_grid)
    hashed = hashlib.sha256(repr((semantic_tokenizer.config.levels, codec.sizes.levels)).encode())
    for part in (*parts, *codec.encoding):
        for value in part.state_dict().values():
            hashed.update(value.half().cpu().numpy().tobytes())
    return hashed.hexdigest()


def check_voice(voice: Voice, semantic_tokenizer: SemanticTokenizer, codec: AudioCodec, encoder: str) -> None:
    """Raises VoiceError if the voice was made by other networks than these, whose `encoder_id` is given."""
    if voice.encoder != encoder:
        raise VoiceError(f"{voice.name}: this voice was made with another bundle; make it again from its recording.")
    in_range = int(voice.semantic.max()) < semantic_tokenizer.vocabulary and int(voice.semantic.min()) >= 0
    in_range = in_range and int(voice.codes.max()) < codec.sizes.codebook_size and int(voice.codes.min()) >= 0
    if not in_range or voice.codes.shape[1] != codec.sizes.levels:
        raise VoiceError(f"{voice.name}: the voice's tokens are out of range; make it again from its recording.")


def read_voice(
    path: str | Path,
    semantic_tokenizer: SemanticTokenizer,
    codec: AudioCodec,
    name: str | None = None,
    consent: Consent | None = None,
    accent: str = AMERICAN,
) -> Voice:
    """A voice from a sound file of 2 to 30 s, any sample rate, mono or stereo.

    Raises:
        VoiceError: the file cannot be read or cannot serve; the message says why.
    """
    try:
        wave = read_audio(path, SAMPLE_RATE_HZ, LONGEST_S)
    except AudioError as error:
        raise VoiceError(str(error)) from None
    try:
        return make_voice(name or Path(path).stem, wave, semantic_tokenizer, codec, consent, accent)
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from None


def make_voice(
    name: str,
    wave: Tensor,
    semantic_tokenizer: SemanticTokenizer,
    codec: AudioCodec,
    consent: Consent | None = None,
    accent: str = AMERICAN,
) -> Voice:
    """A voice from mono float32 (samples,) at 24 kHz. Raises VoiceError where that cannot serve, or holds no speech."""
    prompt = prompt_wave(wave)[None]
    check_speech(prompt[0], semantic_tokenizer)
    encoder = encoder_id(semantic_tokenizer, codec)
    return Voice(name, semantic_tokenizer.encode(prompt)[0], codec.encode(prompt)[0], encoder, consent, accent)


class PromptCut(NamedTuple):
    """What of a recording becomes the prompt.

    Attributes:
        wave: float32 (frames * HOP,) of at most PROMPT_S, at LEVEL_DB.
        start: of it in the recording, in samples.
        level_db: RMS of its speech as recorded.
        pause_db: RMS of the recording's quietest tenth.
    """

    wave: Tensor
    start: int
    level_db: float
    pause_db: float


def prompt_wave(wave: Tensor) -> Tensor:
    """Cut a recording down to a prompt: float32 (samples,) -> (frames * HOP,); bands that a telephone took are put back as they
    may have been. Raises VoiceError; see `cut_prompt`."""
    return whole_band(cut_prompt(wave).wave)


def cut_prompt(wave: Tensor) -> PromptCut:
    """Find the part of a recording, float32 (samples,), that becomes the prompt.

    A rumble below 50 Hz goes, silence at the ends goes, and of a longer recording the stretch with most speech stays.

    Raises:
        VoiceError: too short, too long, or silent.
    """
    seconds = wave.shape[-1] / SAMPLE_RATE_HZ
    if seconds < SHORTEST_S:
        raise VoiceError(f"the recording lasts {seconds:.1f} s; record at least {SHORTEST_S:g} s of speech.")
    if seconds > LONGEST_S:
        raise VoiceError(f"the recording lasts {seconds:.0f} s; cut it to at most {LONGEST_S:g} s.")
    wave = torchaudio.functional.highpass_biquad(wave - wave.mean(), SAMPLE_RATE_HZ, 50.0)
    levels_db = _frame_levels_db(wave)
    if float(levels_db.max()) < SILENT_DB:
        raise VoiceError("the recording is silent; record speech closer to the microphone.")
    loud = levels_db > float(levels_db.max()) + PAUSE_DB
    places = loud.nonzero().squeeze(-1)
    first, last = max(0, int(places[0]) - 2), min(loud.shape[0], int(places[-1]) + 3)
    if (last - first) * HOP < SHORTEST_S / 2 * SAMPLE_RATE_HZ:
        spoken = (last - first) * HOP / SAMPLE_RATE_HZ
        raise VoiceError(
            f"only {spoken:.1f} s of the recording are not silent; record at least {SHORTEST_S:g} s of speech."
        )
    first, last = _fullest(loud, first, last, seconds_to_frames(PROMPT_S))
    kept = pad_to_frames(wave[first * HOP : last * HOP], HOP)
    speech = levels_db[first:last][loud[first:last]]
    level_db = float(10 * torch.log10((10 ** (speech / 10)).mean()))
    gain = min(10 ** ((LEVEL_DB - level_db) / 20), PEAK / float(kept.abs().max().clamp_min(1e-6)))
    return PromptCut(kept * gain, first * HOP, level_db, float(levels_db.quantile(0.1)))


def _frame_levels_db(wave: Tensor) -> Tensor:
    """RMS of each whole or begun frame: (samples,) -> (frames,) in dB of full scale."""
    frames: Tensor = pad_to_frames(wave, HOP).unflatten(-1, (-1, HOP))
    return 10 * frames.square().mean(-1).clamp_min(1e-12).log10()


def _fullest(loud: Tensor, first: int, last: int, longest: int) -> tuple[int, int]:
    """The stretch of at most `longest` frames within [first, last) that holds most loud frames; the earliest of them."""
    if last - first <= longest:
        return first, last
    held = loud[first:last].float().unfold(0, longest, 1).sum(-1)
    start = first + int(held.argmax())
    return start, start + longest
