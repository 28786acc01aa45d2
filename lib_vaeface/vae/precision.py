"""The precision ladder: the VAE's best dtype, then bf16, then fp32, for exactly what came out not finite.

fp16 ends at 65504, which activations of some VAEs (SDXL's first) exceed; bf16 has fp32's range with fewer digits. Every
picture, region and tile is looked at as a whole; one that holds NaN or infinity is computed again a rung higher, from
the file's weights, and nothing else is. Nothing global changes; the rung that was needed is remembered for the file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

RUNGS = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
NAMES = {dtype: name for name, dtype in RUNGS.items()}
# SD1's activations stay far below fp16's end; of other families fp16 is tried only where bf16 is missing and the caller
# asks for it.
FITS_FP16 = ("sd1",)

Result = TypeVar("Result")
log = logging.getLogger("vaeface")


class NotFiniteError(ValueError):
    """Not even fp32 gave numbers, or the input held none; the text says where the fault lies."""


@dataclass(frozen=True)
class Climb:
    """One computation that was done again. what: "picture 2 of 4", "region", "tile at 0,64"; names of dtypes."""

    what: str
    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.what}: {self.low} gave values that are no numbers, decoded again in {self.high}"


def best_dtype(device: torch.device, space: str = "") -> torch.dtype:
    """Where to start for a latent space: bf16 on devices that have it, fp16 for SD1 on others, else fp32."""
    if device.type == "cpu":
        return torch.float32
    if has_bf16(device):
        return torch.bfloat16
    return torch.float16 if space in FITS_FP16 else torch.float32


def has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type in ("cpu", "xpu")


def is_finite(x: Tensor) -> bool:
    """Whether every single value is a number."""
    # A sum is finite only if every value is, and takes a twentieth of the time; one that overflowed decides nothing.
    wide = x if x.dtype.itemsize > 1 else x.float()
    total = wide.sum(dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    return bool(torch.isfinite(total)) or bool(torch.isfinite(wide).all())


class Ladder:
    """The rungs of one VAE on one device, and what is remembered of them.

    remembered: anything that maps texts to texts, for instance a table kept in a file; under `key` (the file's
    identity) the rung to start from is read and written. told: called with every Climb; by default it is logged.
    """

    def __init__(
        self,
        first: torch.dtype,
        device: torch.device,
        key: str = "",
        remembered: MutableMapping[str, str] | None = None,
        told: Callable[[Climb], None] | None = None,
    ) -> None:
        self._remembered = {} if remembered is None else remembered
        self._key = f"{key}@{device.type}"
        self._told = told or (lambda climb: log.warning("VAE: %s", climb))
        order = list(RUNGS)
        higher = order[order.index(NAMES[first]) + 1 :]
        self.rungs = (NAMES[first], *(name for name in higher if name != "bf16" or has_bf16(device)))

    @property
    def start(self) -> torch.dtype:
        """The dtype that the next picture is tried in."""
        name = self._remembered.get(self._key, "")
        return RUNGS[name if name in self.rungs else self.rungs[0]]

    @property
    def raised(self) -> bool:
        """Whether a higher precision was needed than the one to try first, now or at an earlier time."""
        return NAMES[self.start] != self.rungs[0]

    def climb(
        self,
        attempt: Callable[[torch.dtype], Result],
        finite: Callable[[Result], bool],
        what: str,
        first: torch.dtype | None = None,
        failed: torch.dtype | None = None,
    ) -> Result:
        """The first finite result of `attempt`, from rung `first` (or `start`) upwards, or from above `failed`.

        NotFiniteError: fp32 gave none either.
        """
        name = NAMES[failed or first or self.start]
        low = self.rungs.index(name) if name in self.rungs else 0
        for rung in self.rungs[low + 1 if failed else low :]:
            result = attempt(RUNGS[rung])
            if finite(result):
                if rung != self.rungs[low]:
                    self._remembered[self._key] = rung
                    self._told(Climb(what, self.rungs[low], rung))
                return result
            del result
        raise NotFiniteError(f"{what}: {', '.join(self.rungs[low:])} gave values that are no numbers")
