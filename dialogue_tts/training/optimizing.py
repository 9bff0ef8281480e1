"""What steps a network's weights and averages them, and how its blocks are run while they learn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dialogue_tts.training.muon import StackedMuon
from dialogue_tts.training.task import LoopConfig


class EMA:
    """Exponential moving average of a network's weights, kept in float32.

    Every process keeps its own: they step the same weights, so that the averages are the same, too.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        self.adopt(network)

    def adopt(self, network: nn.Module, prefix: str = "") -> None:
        """Take a network's weights, or those of its part that `prefix` names, as they are."""
        self.weights |= {prefix + name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the network's weights; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        state = network.state_dict()
        moving = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in moving], [state[name] for name in moving], 1 - decay)
        for name in state.keys() - set(moving):
            self.weights[name].copy_(state[name])


def make_optimizers(network: nn.Module, config: LoopConfig) -> list[torch.optim.Optimizer]:
    """What steps the parameters of a network: each is in one of the list's groups."""
    parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    matrices = _block_matrices(network) & set(parameters) if config.optimizer == "muon" else set()
    others = [p for name, p in parameters.items() if name not in matrices]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    first_beta, second_beta = config.betas
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.learning_rate, betas=(first_beta, second_beta), fused=True)
    ]
    if matrices:
        stepped = [p for name, p in parameters.items() if name in matrices]
        decay = config.weight_decay
        found.append(StackedMuon(stepped, lr=config.learning_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return found


def _block_matrices(network: nn.Module) -> set[str]:
    """Names of the weights of linear layers inside stacks of blocks: hidden layers, neither the first nor the last."""
    return {
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and any(part.isdigit() for part in name.split("."))
    }


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    """Of every stack, those that are made of layers themselves."""
    for stack in network.modules():
        for block in stack if isinstance(stack, nn.ModuleList) else ():
            if any(True for _ in block.children()):
                yield block


def compile_blocks(network: nn.Module) -> None:
    """Let every block of a stack be compiled for any number of rows and frames; names of weights stay."""
    for block in _blocks(network):
        block.compile(dynamic=True)


def checkpoint_blocks(network: nn.Module) -> None:
    """Let every block of a stack keep its input alone for the backward pass; names of weights stay."""
    for block in _blocks(network):
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
