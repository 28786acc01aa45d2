"""Weights of a codec, from a file or from memory, made ready for one precision and device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .architecture import Architecture
from .errors import VaeFileError
from .execute import Net, phases
from .header import Identity, identity_of
from .layouts import Naming
from .precision import is_finite
from .program import Attention, Norm, Up

Source = Callable[[], Mapping[str, Tensor]]  # canonical name -> tensor, as stored


def from_file(path: Path, identity: Identity, naming: Naming) -> Source:
    """Reads the tensors of a safetensors file, whenever they are asked for.

    VaeFileError: the file is another one by then. Weights in a further precision so come from the file, not from what
    was rounded before, and nothing is held twice.
    """

    def read() -> dict[str, Tensor]:
        found, cause = {}, ""
        if identity_of(path) == identity:
            try:
                with safe_open(str(path), framework="pt") as file:
                    found = {ours: file.get_tensor(theirs) for ours, theirs in naming.names.items()}
            except (SafetensorError, OSError) as error:
                cause = f"its weights can't be read ({str(error)[:100]}). Download it again or choose another file."
        if identity_of(path) != identity:  # also while it was read
            raise VaeFileError(path, "it was written again since it was chosen. Choose it again.")
        if cause:
            raise VaeFileError(path, cause)
        return found

    return read


class Held:
    """A source that is read once and kept in host memory, so that weights that left a device come back without a file.

    pin: in memory that a GPU copies from directly. Nothing reads it again if the file changes; a codec of the new file
    is another one.
    """

    def __init__(self, source: Source, pin: bool) -> None:
        self._source, self._pin = source, pin
        self._tensors: dict[str, Tensor] = {}

    def __call__(self) -> Mapping[str, Tensor]:
        if not self._tensors:
            read = self._source()
            self._tensors = {name: t.pin_memory() if self._pin else t for name, t in read.items()}
        return self._tensors

    @property
    def nbytes(self) -> int:
        """Bytes that are held now."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._tensors.values())


def from_memory(tensors: Mapping[str, Tensor], naming: Naming) -> Source:
    """Tensors that somebody else holds, for instance the checkpoint's own VAE; they are never written to."""
    return lambda: {ours: tensors[theirs].detach() for ours, theirs in naming.names.items()}


def prepare(
    architecture: Architecture, tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype, circular: bool
) -> Net:
    """Weights as `execute` wants them: norms in fp32, upsampling kernels as four phases, everything else in dtype.

    A tensor that is on the device in that dtype already is shared, not copied.
    """
    ups = {op.name + ".weight" for half in architecture.halves for op in half.ops if isinstance(op, Up)}
    norms = {op.name for half in architecture.halves for op in half.ops if isinstance(op, Norm)}
    norms |= {op.norm.name for half in architecture.halves for op in half.ops if isinstance(op, Attention)}
    ready: dict[str, Tensor] = {}
    for name, shape in (item for half in architecture.halves for item in half.shapes().items()):
        stem = name.rpartition(".")[0]
        tensor = tensors[name].reshape(shape)
        if name in ups:
            ready[stem + ".phases"] = phases(tensor.to(device)).to(dtype)
        else:
            ready[name] = tensor.to(device, torch.float32 if stem in norms else dtype)
    return Net(ready, dtype, device, circular)


def broken(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of tensors with numbers that are none (NaN, infinity)."""
    return [name for name, tensor in tensors.items() if not is_finite(tensor)]
