"""Muon for many matrices of a few shapes at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import overload

import torch
from torch import Tensor

from dialogue_tts.nn.precision import multiplies_bf16_fast


class StackedMuon(torch.optim.Muon):
    """`torch.optim.Muon` whose Newton-Schulz steps run once for all matrices of a shape, with nesterov momentum and rates as
    of `adjust_lr_fn="match_rms_adamw"`.

    Forty-eight matrices, as SoundStorm of en-small has, need 720 small products one after the other otherwise, which an
    accelerator computes faster than a processor starts them. State and results are torch's, up to rounding.
    """

    @overload
    def step(self, closure: None = ...) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """See `torch.optim.Optimizer.step`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                gradients = [p.grad for p in parameters if p.grad is not None]
                momenta = [self._momentum(p) for p in parameters]
                torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
                updates = torch.stack(torch._foreach_lerp(gradients, momenta, group["momentum"]))
                updates = orthogonal(updates, group["ns_coefficients"], group["ns_steps"], group["eps"])
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(parameters, list(updates.to(parameters[0].dtype).unbind()), alpha=-rate)
        return loss

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum_buffer"]
        return momentum


def orthogonal(matrices: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Each of (N, rows, columns) with its singular values moved to about 1 (Jordan et al. 2024); in bfloat16 where fast."""
    if matrices.shape[-2] > matrices.shape[-1]:
        return orthogonal(matrices.mT, coefficients, steps, eps).mT
    a, b, c = coefficients
    # On a processor that only imitates bfloat16 these products took a third of a step's time.
    x = matrices.bfloat16() if multiplies_bf16_fast(matrices.device) else matrices.float()
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
