"""Constants that every part shares, and settings: frozen, strict, to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import pydantic.dataclasses
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import dataclass_transform

from dialogue_tts.errors import ConfigError

SAMPLE_RATE_HZ = 24_000
HOP = 960  # samples in a frame
FRAME_RATE_HZ = SAMPLE_RATE_HZ // HOP  # 25: semantic and acoustic tokens alike
LOCAL = "local"  # in place of a Ray cluster's address: one of this machine alone, which ends with the process
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # addresses that only this machine reaches

Config = TypeVar("Config")


def seconds_to_frames(seconds: float) -> int:
    """The nearest whole number of frames."""
    return round(seconds * FRAME_RATE_HZ)


def frames_to_seconds(frames: int) -> float:
    """How long `frames` last."""
    return frames / FRAME_RATE_HZ


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, Field))
def strict(kind: type[Config]) -> type[Config]:
    """A frozen dataclass of settings: values are checked as they come, none is converted, and unknown names are refused."""
    config = ConfigDict(strict=True, extra="forbid")
    # pydantic's annotation forgets which class it was given.
    return pydantic.dataclasses.dataclass(kind, frozen=True, config=config)  # type: ignore[return-value]


def from_dict(kind: type[Config], values: Any, where: str = "") -> Config:
    """Build settings (see `strict`) from JSON values; nested ones and tuples too.

    Raises:
        ConfigError: an unknown or missing key, or a value of another type or out of range; the message gives its place.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(values))  # as JSON, for which a list may be a tuple
    except ValidationError as error:
        raise ConfigError(f"{where}{_told(kind, error)}.") from None


_NAMES = {
    "int_type": "int",
    "int_from_float": "int",
    "float_type": "float",
    "bool_type": "bool",
    "string_type": "str",
    "tuple_type": "a list",
    "dataclass_type": "an object",
}


def _told(kind: type[Any], error: ValidationError) -> str:
    """The first thing that is wrong, with its place."""
    first = error.errors()[0]
    # Of settings that may be of one class or another, pydantic names the class as well.
    place = ".".join(str(part) for part in first["loc"] if not str(part)[:1].isupper()) or kind.__name__
    if first["type"] == "unexpected_keyword_argument":
        return f"{place}: there is no such setting"
    if first["type"] in _NAMES:
        return f"{place}: expected {_NAMES[first['type']]}, found {first['input']!r:.80}"
    if first["type"] in ("missing", "missing_argument"):
        return f"{place}: this is missing"
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def to_dict(config: Any) -> dict[str, Any]:
    """JSON values of a config dataclass."""
    return dataclasses.asdict(config)


def read_json(path: str | Path) -> Any:
    """Raises ConfigError when the file is missing or no JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error}).") from None
