"""Finds what makes the processor wait for the device: reading values, shapes that depend on values, copies between
devices. Python's own conversions are seen as functions, everything else as the operation that reaches the device."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = {"tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "item", "cpu", "synchronize"}
OPERATIONS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "allclose"}
MASKED = {"index", "index_put", "index_put_"}


class _Functions(TorchFunctionMode):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in READS:
            self.found.append(func.__name__)
        return func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        result = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        masks = name in MASKED and any(tensor.dtype in (torch.bool, torch.uint8) for tensor in given[1:])
        places = {tensor.device for tensor in [*given, *made] if tensor.dim() or name in ("_to_copy", "copy_")}
        if name in OPERATIONS or masks or len(places) > 1:
            self.found.append(name)
        return result


class Waits:
    """A context that appends the names of waiting operations to a list."""

    def __init__(self, found: list[str]) -> None:
        self.modes = (_Functions(found), _Operations(found))

    def __enter__(self) -> None:
        for mode in self.modes:
            mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        for mode in reversed(self.modes):
            mode.__exit__(*error)
