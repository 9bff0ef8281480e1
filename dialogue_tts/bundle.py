"""A bundle: one folder with everything trained, and what rebuilds it.

    config.json                 sizes of the networks, decoding settings
    codec.safetensors           and semantic_tokenizer, text_to_semantic, soundstorm, speaker_embedding: weights, float16
    text.model                  SentencePiece model
    voices.json, voices/*.flac  built-in voices: recordings and what is known of them
    SHA256SUMS                  of all of these
Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from dialogue_tts.acoustic.generate import DecodingConfig
from dialogue_tts.acoustic.model import SoundStorm, SoundStormConfig
from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.codec.model import Codec, CodecConfig
from dialogue_tts.codec.pretrained import PretrainedCodec, PretrainedCodecConfig
from dialogue_tts.config import from_dict, read_json, strict, to_dict
from dialogue_tts.errors import BundleError, ConfigError, ScriptError
from dialogue_tts.nn.devices import find_device, find_dtype
from dialogue_tts.semantic.generate import SemanticDecodingConfig
from dialogue_tts.semantic.model import TextToSemantic, TextToSemanticConfig
from dialogue_tts.semantic.pretrained import PretrainedTokenizer, PretrainedTokenizerConfig
from dialogue_tts.semantic.tokenizer import SemanticTokenizer, SemanticTokenizerConfig
from dialogue_tts.text.accents import AMERICAN, accent_of
from dialogue_tts.text.tokenizer import TextTokenizer
from dialogue_tts.voices.speaker_embedding import SpeakerEmbedding, SpeakerEmbeddingConfig

FORMAT = 2
DEFAULT_NAME = "en-small"
CONFIG, SUMS, TEXT_MODEL, VOICES = "config.json", "SHA256SUMS", "text.model", "voices.json"
GENERATORS = ("text_to_semantic", "soundstorm")
NETWORKS = ("codec", "semantic_tokenizer", "text_to_semantic", "soundstorm", "speaker_embedding")
CARD = "README.md"
# What goes to the hub and comes from it. A star there takes in slashes: "*.safetensors" would be checkpoints, too.
ON_HUB = (
    *(CONFIG, SUMS, TEXT_MODEL, VOICES, *(f"{name}.safetensors" for name in NETWORKS)),
    *("voices/*.flac", "recipe/*.json", CARD, "TRAINING.md"),
)


@strict
class BundleConfig:
    """config.json.

    Attributes:
        accents: whose sounds the networks learnt. What is read in another is put into American sounds.
    """

    name: str
    codec: CodecConfig | PretrainedCodecConfig
    semantic_tokenizer: SemanticTokenizerConfig | PretrainedTokenizerConfig
    text_to_semantic: TextToSemanticConfig
    soundstorm: SoundStormConfig
    speaker_embedding: SpeakerEmbeddingConfig
    semantic_decoding: SemanticDecodingConfig = SemanticDecodingConfig()
    acoustic_decoding: DecodingConfig = DecodingConfig()
    accents: tuple[str, ...] = (AMERICAN,)
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name in self.accents:
            try:
                accent_of(name)
            except ScriptError as error:
                raise ConfigError(f"accents: {error}") from None


@dataclass(frozen=True)
class BuiltInVoice:
    """A voice that comes with a bundle.

    Attributes:
        recording: FLAC file of 3 to 10 s.
        description: who one hears, in a few words.
        origin: where the recording comes from.
        sex: "woman" or "man"; age: in words or years; accent: a language tag, as en-GB, in which the voice is read
            where the front end has it, and else in en-US; licence: of the recording. Empty where it is not known.
        sample: what the voice says when somebody wants to hear it; empty for any sentence.
    """

    name: str
    recording: Path
    description: str
    origin: str
    sex: str = ""
    age: str = ""
    accent: str = ""
    licence: str = ""
    sample: str = ""


@dataclass(frozen=True)
class Bundle:
    """Trained networks, ready to run, in evaluation mode.

    Attributes:
        sha256: of SHA256SUMS, and so of all files; "" for a bundle that was not loaded from a folder.
    """

    config: BundleConfig
    codec: AudioCodec
    semantic_tokenizer: SemanticTokenizer
    text_to_semantic: TextToSemantic
    soundstorm: SoundStorm
    speaker_embedding: SpeakerEmbedding
    text_tokenizer: TextTokenizer
    voices: dict[str, BuiltInVoice] = field(default_factory=dict)
    sha256: str = ""

    @classmethod
    def load(
        cls, folder: str | Path, device: str | torch.device = "cpu", dtype: str | torch.dtype = torch.float32
    ) -> Bundle:
        """Read a bundle's folder.

        Args:
            device: where the networks will lie, see `find_device`.
            dtype: of the generators (text-to-semantic and SoundStorm): float32, bfloat16 or float16. The others stay in
                float32, so that a recording has the same tokens whatever is chosen.

        Raises:
            BundleError: a file is missing or damaged, or the parts do not belong together.
            SettingsError: no such device or dtype.
        """
        device, dtype = find_device(device), find_dtype(dtype)
        folder = Path(folder)
        if not folder.is_dir():
            raise BundleError(
                f"{folder}: there is no such folder; give a bundle's folder, such as models/{DEFAULT_NAME}."
            )
        whole = _check_sums(folder)
        try:
            values = read_json(folder / CONFIG)
            _check_format(values, folder)  # first, since a later format has settings that are not known here
            config = from_dict(BundleConfig, values)
            voices = list_voices(folder)
        except ConfigError as error:
            raise BundleError(f"{folder}: {error} Fetch the bundle again.") from None
        for voice in voices.values():
            if voice.recording not in whole:
                raise BundleError(f"{folder}: {SUMS} lacks {voice.recording.name}; fetch the bundle again.")
        text_tokenizer = TextTokenizer.load(folder / TEXT_MODEL)
        _check_agreement(config, text_tokenizer, folder)
        bundle = cls(
            config,
            build_codec(config.codec),
            build_semantic_tokenizer(config.semantic_tokenizer),
            TextToSemantic(config.text_to_semantic),
            SoundStorm(config.soundstorm),
            SpeakerEmbedding(config.speaker_embedding),
            text_tokenizer,
            voices,
            sha256=_sum(folder / SUMS),
        )
        for name in NETWORKS:
            network: nn.Module = getattr(bundle, name)
            _load_weights(network, folder / f"{name}.safetensors")
            network.to(device, dtype if name in GENERATORS else torch.float32)
        return bundle

    def save(self, folder: str | Path) -> None:
        """Write the bundle's files; built-in voices' recordings are copied."""
        folder = Path(folder)
        (folder / "voices").mkdir(parents=True, exist_ok=True)
        for name in NETWORKS:
            weights = {key: value.half().contiguous().cpu() for key, value in getattr(self, name).state_dict().items()}
            save_file(weights, folder / f"{name}.safetensors")
        self.text_tokenizer.save(folder / TEXT_MODEL)
        _write_json(folder / CONFIG, to_dict(self.config))
        known = [{f.name: getattr(v, f.name) for f in fields(ListedVoice)} for v in self.voices.values()]
        listed = [ListedVoice(**values) for values in known]
        _write_json(folder / VOICES, to_dict(_Voices(tuple(listed))))
        for voice in self.voices.values():
            target = folder / "voices" / f"{voice.name}.flac"
            if voice.recording.resolve() != target.resolve():
                target.write_bytes(voice.recording.read_bytes())
        write_sums(folder)


def build_codec(config: CodecConfig | PretrainedCodecConfig) -> AudioCodec:
    """With random weights. Raises ConfigError where another's codec needs transformers, and it is not installed."""
    return Codec(config) if isinstance(config, CodecConfig) else PretrainedCodec(config)


def build_semantic_tokenizer(config: SemanticTokenizerConfig | PretrainedTokenizerConfig) -> SemanticTokenizer:
    """With random weights. Raises ConfigError as `build_codec` does."""
    return SemanticTokenizer(config) if isinstance(config, SemanticTokenizerConfig) else PretrainedTokenizer(config)


@strict
class ListedVoice:
    """What voices.json says of a voice, see `BuiltInVoice`."""

    name: str
    description: str
    origin: str
    sex: str = ""
    age: str = ""
    accent: str = ""
    licence: str = ""
    sample: str = ""


@strict
class _Voices:
    """voices.json."""

    voices: tuple[ListedVoice, ...]


def list_voices(folder: Path) -> dict[str, BuiltInVoice]:
    """What voices.json of a folder lists, by name. Raises ConfigError."""
    listed = from_dict(_Voices, read_json(folder / VOICES)).voices
    check_voice_names(folder / VOICES, listed)
    return {v.name: BuiltInVoice(recording=folder / "voices" / f"{v.name}.flac", **to_dict(v)) for v in listed}


def check_voice_names(path: Path, listed: Sequence[ListedVoice]) -> None:
    """Raises ConfigError for a name that can be no file's, or that two voices of the list in `path` have."""
    names = [voice.name for voice in listed]
    for name in names:
        if not name or Path(name).name != name:
            raise ConfigError(f"{path}: {name!r} cannot be the name of a voice.")
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two voices are called {name!r}.")


def find_bundle(name: str | Path | None = None) -> Path:
    """The folder of a bundle: a path, the name of one that comes with the package, or an id on the Hugging Face hub.

    Raises:
        BundleError: nothing is found under that name.
    """
    name = DEFAULT_NAME if name is None else name
    if Path(name).is_dir():
        return Path(name)
    own = Path(__file__).parent / "_models" / str(name)  # in a checkout a link to models/
    if (own / CONFIG).is_file():
        return own.resolve()
    if str(name).count("/") == 1 and not str(name).startswith((".", "/")):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        try:
            return Path(snapshot_download(str(name), allow_patterns=list(ON_HUB)))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            raise BundleError(
                f"{name}: no such folder, and the hub does not give it ({type(error).__name__})."
            ) from None
    raise BundleError(f"{name}: there is no such bundle; give a bundle's folder, or leave it out for {DEFAULT_NAME}.")


def known_bundle(folder: Path) -> tuple[str, str]:
    """A bundle's name, and the SHA-256 of its list of checksums, without its weights. Raises BundleError if it is none."""
    try:
        name = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["name"]
        return str(name), _sum(folder / SUMS)
    except (OSError, ValueError, KeyError, TypeError):
        raise BundleError(f"{folder}: this is no bundle; fetch the bundle again.") from None


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS, readable by `sha256sum --check`."""
    kept = [folder / CONFIG, folder / TEXT_MODEL, folder / VOICES]
    kept += [folder / f"{name}.safetensors" for name in NETWORKS]
    kept += sorted((folder / "voices").glob("*.flac"))
    lines = [f"{_sum(path)}  {path.relative_to(folder).as_posix()}\n" for path in kept]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _check_sums(folder: Path) -> set[Path]:
    """The files whose checksums agree; all but the voices' must be among them."""
    path = folder / SUMS
    if not path.is_file():
        raise BundleError(f"{folder}: {SUMS} is missing, so this is no bundle; fetch the bundle again.")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    sums = {name: wanted for wanted, _, name in (line.partition("  ") for line in lines)}
    needed = {CONFIG, TEXT_MODEL, VOICES, *(f"{name}.safetensors" for name in NETWORKS)}
    if not needed <= set(sums):
        raise BundleError(f"{folder}: {SUMS} lacks {min(needed - set(sums))}; fetch the bundle again.")
    for name, wanted in sums.items():
        if not (folder / name).is_file():
            raise BundleError(f"{folder}: {name} is missing; fetch the bundle again.")
        if _sum(folder / name) != wanted:
            raise BundleError(f"{folder}: {name} is damaged (its checksum differs); fetch the bundle again.")
    return {folder / name for name in sums}


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_format(values: object, folder: Path) -> None:
    found = values.get("format", FORMAT) if isinstance(values, dict) else FORMAT
    if found != FORMAT:
        raise BundleError(f"{folder}: format {found} is not known here ({FORMAT} is); update dialogue-tts.")


def _check_agreement(config: BundleConfig, text_tokenizer: TextTokenizer, folder: Path) -> None:
    vocabulary = math.prod(config.semantic_tokenizer.levels)
    pairs = {
        "text tokens": (text_tokenizer.vocab_size, config.text_to_semantic.text_vocabulary),
        "semantic tokens": (
            vocabulary,
            config.soundstorm.semantic_vocabulary,
            config.text_to_semantic.semantic_vocabulary,
        ),
        "codec levels": (
            config.codec.levels // config.codec.rate.codec_frames,
            config.soundstorm.levels,
            len(config.acoustic_decoding.passes),
        ),
        "frame rates": (config.codec.rate, config.soundstorm.rate),
        "codebook sizes": (config.codec.codebook_size, config.soundstorm.codebook_size),
        "widths of latents": (config.codec.encoder_width, config.speaker_embedding.latent_width),
    }
    for what, numbers in pairs.items():
        if len(set(numbers)) > 1:
            raise BundleError(f"{folder}: the stages do not fit together ({what}: {numbers}); fetch the bundle again.")


def _load_weights(network: nn.Module, path: Path) -> None:
    try:
        weights = load_file(path)
        network.load_state_dict({key: value.float() for key, value in weights.items()}, strict=True, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path}: cannot be loaded ({reason}); fetch the bundle again.") from None
    network.eval().requires_grad_(False)


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
