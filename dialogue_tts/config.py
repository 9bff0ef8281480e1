"""Rates that every stage shares, and strict reading of configurations: frozen dataclasses to JSON and back."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from dialogue_tts.errors import ConfigError

SAMPLE_RATE_HZ = 24_000
HOP = 960  # samples in a frame
FRAME_RATE_HZ = SAMPLE_RATE_HZ // HOP  # 25: semantic and acoustic tokens alike

Config = TypeVar("Config")


def seconds_to_frames(seconds: float) -> int:
    """The nearest whole number of frames."""
    return round(seconds * FRAME_RATE_HZ)


def frames_to_seconds(frames: int) -> float:
    """How long `frames` last."""
    return frames / FRAME_RATE_HZ


def from_dict(kind: type[Config], values: Any, where: str = "") -> Config:
    """Build the dataclass `kind` from JSON values; nested dataclasses and tuples too.

    Raises:
        ConfigError: an unknown or missing key, or a value of another type; the message gives its place.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where or kind.__name__}: expected an object, found {type(values).__name__}.")
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"{where}{unknown[0]}: there is no such setting; known are {', '.join(known)}.")
    hints = typing.get_type_hints(kind)
    built = {name: _convert(hints[name], value, f"{where}{name}") for name, value in values.items()}
    try:
        return kind(**built)
    except TypeError as error:
        raise ConfigError(f"{where or kind.__name__}: {error}.") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, f"{where}.")  # type: ignore[arg-type]
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: expected a list, found {value!r}.")
        return tuple(_convert(arguments[0], item, where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        raise ConfigError(f"{where}: expected {hint.__name__}, found {value!r}.")
    return value


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
