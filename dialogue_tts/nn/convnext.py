"""ConvNeXt blocks over time (Liu et al. 2022, arXiv 2201.03545), as Vocos uses them (Siuzdak 2023, arXiv 2306.00814)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNextBlock(nn.Module):
    """Depthwise convolution, norm, two linear layers with GELU, scaled residual."""

    def __init__(self, width: int, hidden: int, kernel: int = 7, scale: float = 0.1) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, hidden)
        self.fall = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        out: Tensor = x + self.scale.to(x.dtype) * self.fall(F.gelu(self.rise(y)))
        return out
