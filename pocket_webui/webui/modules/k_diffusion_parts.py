"""k-diffusion's `sampling` and `external`, the real files, without the rest of the package.

`import k_diffusion` also imports its training code (wandb, torchvision, clip ...), none of which samplers need. So the
two files are imported from the installed package's folder under a name of our own; only `utils`, of which they use one
function, is replaced. `k_diffusion` itself stays as it was for everyone else.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import torch

_NAME = "pocket_k_diffusion"


def append_dims(x: torch.Tensor, target_dims: int) -> torch.Tensor:
    """x with dimensions of size 1 added at its end, target_dims in all. Raises ValueError if it has more already."""
    if x.ndim > target_dims:
        raise ValueError(f"a tensor of {x.ndim} dimensions cannot become one of {target_dims}")
    return x[(...,) + (None,) * (target_dims - x.ndim)]


def _package() -> ModuleType:
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("k-diffusion is not installed: install the requirements of the pocket WebUI.")
    package: Any = ModuleType(_NAME, __doc__)
    package.__path__ = list(spec.submodule_search_locations)
    utils: Any = ModuleType(f"{_NAME}.utils")
    utils.append_dims = append_dims
    package.utils = utils
    sys.modules.update({_NAME: package, utils.__name__: utils})
    return package


_package()
sampling: Any = importlib.import_module(f"{_NAME}.sampling")
external: Any = importlib.import_module(f"{_NAME}.external")
