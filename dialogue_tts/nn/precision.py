"""Where bfloat16 pays."""

from __future__ import annotations

import torch


def multiplies_bf16_fast(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 beat float32 on the device; on a processor without them they are slower."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
