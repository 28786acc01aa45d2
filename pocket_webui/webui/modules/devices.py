"""Device, number types and NaN checks of the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from modules import errors, shared

# put here by modules.rng, where other code does not look for them
randn: Callable[..., torch.Tensor]
randn_local: Callable[..., torch.Tensor]
randn_like: Callable[..., torch.Tensor]
randn_without_seed: Callable[..., torch.Tensor]
manual_seed: Callable[[int], None]

cpu: torch.device = torch.device("cpu")
fp8: bool = False
force_fp16: bool = False
device: torch.device = cpu
device_interrogate: torch.device = cpu
device_gfpgan: torch.device = cpu
device_esrgan: torch.device = cpu
device_codeformer: torch.device = cpu
dtype: torch.dtype = torch.float32
dtype_vae: torch.dtype = torch.float32
dtype_unet: torch.dtype = torch.float32
dtype_inference: torch.dtype = torch.float32
unet_needs_upcast: bool = False
nv_rng: Any = None


def has_mps() -> bool:
    return torch.backends.mps.is_available()


def has_xpu() -> bool:
    return False


def get_cuda_device_string() -> str:
    wanted = shared.cmd_opts.device_id
    return "cuda" if wanted is None else f"cuda:{wanted}"


def get_optimal_device_name() -> str:
    """cuda where there is one, then mps, else cpu."""
    if torch.cuda.is_available():
        return get_cuda_device_string()
    return "mps" if has_mps() else "cpu"


def get_optimal_device() -> torch.device:
    return torch.device(get_optimal_device_name())


def get_device_for(task: str) -> torch.device:
    """The device for a task ("sd", "esrgan", ...), the CPU where --use-cpu names the task or `all`."""
    return cpu if task in shared.cmd_opts.use_cpu or "all" in shared.cmd_opts.use_cpu else get_optimal_device()


def torch_gc() -> None:
    """Give unused GPU memory back to the driver."""
    if torch.cuda.is_available() and device.type == "cuda":
        with torch.cuda.device(get_cuda_device_string()):
            torch.cuda.empty_cache()
            torch.cuda.ipc_collect()


def enable_tf32() -> None:
    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True


errors.run(enable_tf32, "Enabling TF32")


def cond_cast_unet(input: torch.Tensor) -> torch.Tensor:
    return input.to(dtype_unet) if unet_needs_upcast else input


def cond_cast_float(input: torch.Tensor) -> torch.Tensor:
    return input.float() if unet_needs_upcast else input


def autocast(disable: bool = False) -> contextlib.AbstractContextManager:
    """A context in which half-precision models may be called with mixed types; does nothing for 32-bit models."""
    if disable or force_fp16 or torch.float32 in (dtype, dtype_inference):
        return contextlib.nullcontext()
    return torch.autocast(device.type)


def without_autocast(disable: bool = False) -> contextlib.AbstractContextManager:
    """A context that switches `autocast` off inside it."""
    active = torch.is_autocast_enabled() and not disable
    return torch.autocast(device.type, enabled=False) if active else contextlib.nullcontext()


class NansException(Exception):
    """A result of the UNet or the VAE is not a number."""


def test_for_nans(x: torch.Tensor, where: str) -> None:
    """Raise NansException if the first value of `x` is NaN; `where` is "unet" or "vae". Off by --disable-nan-check."""
    if shared.cmd_opts.disable_nan_check or not torch.isnan(x[(0,) * x.ndim]):
        return
    place = {"unet": "the UNet", "vae": "the VAE"}.get(where, where or "the model")
    remedy = "" if dtype == torch.float32 else " Half precision may be too coarse for it: try --no-half."
    raise NansException(f"{place} produced NaN instead of a picture.{remedy} "
                        "--disable-nan-check switches this check off.")


test_for_nans.__test__ = False  # type: ignore[attr-defined]  # its name makes pytest take it for a test


@lru_cache
def first_time_calculation() -> None:
    """Run two tiny layers, so that the libraries behind torch are loaded before the first picture."""
    torch.nn.Linear(1, 1).to(device, dtype)(torch.zeros((1, 1), device=device, dtype=dtype))
    torch.nn.Conv2d(1, 1, (3, 3)).to(device, dtype)(torch.zeros((1, 1, 3, 3), device=device, dtype=dtype))
