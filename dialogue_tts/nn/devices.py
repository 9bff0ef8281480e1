"""Where networks compute, and in which precision."""

from __future__ import annotations

import torch
from torch import nn

from dialogue_tts.errors import SettingsError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def known_devices() -> tuple[str, ...]:
    """What this machine has, as `find_device` takes it: "cpu", and "cuda:0", "mps:0" or the like."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None:
        return ("cpu",)
    return ("cpu", *(f"{accelerator.type}:{number}" for number in range(torch.accelerator.device_count())))


def find_device(name: str | torch.device) -> torch.device:
    """A device of this machine: "cpu", "cuda", "cuda:1", "mps" or what else PyTorch knows; without a number the first.

    Raises:
        SettingsError: it is no device's name, or this machine has no such device.
    """
    known = known_devices()
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise SettingsError(f"device {name!r} is not known; this machine has {', '.join(known)}.") from None
    found = "cpu" if device.type == "cpu" and not device.index else f"{device.type}:{device.index or 0}"
    if found not in known:
        raise SettingsError(f"device {str(name)!r} is not on this machine, which has {', '.join(known)}.")
    return torch.device(found)


def find_dtype(name: str | torch.dtype) -> torch.dtype:
    """A precision that generators can have, by its name or PyTorch's own. Raises SettingsError for another."""
    dtype = DTYPES.get(str(name).removeprefix("torch."))
    if dtype is None:
        raise SettingsError(f"dtype {str(name)!r} is not known; give one of {', '.join(DTYPES)}.")
    return dtype


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights lie."""
    return next(network.parameters()).device
