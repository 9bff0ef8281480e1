"""A list of modules of one class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


class Stack(nn.ModuleList, Generic[Layer]):
    """`nn.ModuleList` that says what class its modules are of; names of weights are the same."""

    def __init__(self, modules: Iterable[Layer]) -> None:
        super().__init__(modules)

    if TYPE_CHECKING:  # at run time they are ModuleList's

        def __iter__(self) -> Iterator[Layer]: ...

        @overload
        def __getitem__(self, idx: slice) -> Stack[Layer]: ...

        @overload
        def __getitem__(self, idx: int) -> Layer: ...

        def __getitem__(self, idx: int | slice) -> Layer | Stack[Layer]: ...
