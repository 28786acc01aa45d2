"""The WebUI's VAE module pointed at a codec of ours for the length of one job, and back.

Whatever A1111 decodes or encodes (results, hires fix in between, img2img, inpaint, "Full" previews) goes through
`first_stage_model.decode` and `.encode`. Only these two names are shadowed on the object; its weights are never written
to. The shadows look at whose job is running: for any other they are the WebUI's own. After an error no hook is rung,
but the WebUI closes the job, and they go then; where it does not, what is left behind does nothing.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from torch import Tensor

from lib_vaeface.host.stack import running
from lib_vaeface.vae.protocol import Coder, HostVae
from modules import devices, lowvram, sd_vae, shared

CLASSES = ("DiagonalGaussianDistribution", "DiagonalGaussian")


def make_room() -> None:
    """On --medvram and --lowvram one module at a time is on the device; ours is none of those the WebUI knows."""
    if lowvram.is_enabled(shared.sd_model):
        lowvram.send_everything_to_cpu()


@dataclass
class Pointed:
    """One module whose two names are shadowed. `release` takes them away; twice does no harm."""

    module: Any
    coder: Coder
    job: weakref.ref[Any]
    thread: int
    _before: dict[str, Any] = field(default_factory=dict)
    _ours: dict[str, Any] = field(default_factory=dict)

    def ways(self) -> dict[str, Callable[[Tensor], Any]]:
        """Our function for each name that is shadowed; it gives None to leave a call to the WebUI."""
        return {"decode": self._decode, "encode": self._encode}

    def point(self) -> None:
        for name, ours in self.ways().items():
            self._before[name] = vars(self.module).get(name)
            shadow = self._shadow(getattr(self.module, name), ours)
            self._ours[name] = shadow
            setattr(self.module, name, shadow)

    def release(self) -> None:
        for name in self._ours:
            # Another extension's shadow on top of ours keeps ours; with the job over it passes everything through.
            if vars(self.module).get(name) is not self._ours.get(name):
                continue
            if self._before[name] is None:
                delattr(self.module, name)
            else:
                setattr(self.module, name, self._before[name])

    def _shadow(self, host: Callable[..., Any], ours: Callable[[Tensor], Any]) -> Callable[..., Any]:
        def call(value: Tensor, *args: Any, **keywords: Any) -> Any:
            try:
                found = ours(value) if self._is_ours() else None
            except Exception as error:  # the WebUI's own way gives the picture then
                self.coder.failed(error)
                found = None
            return host(value, *args, **keywords) if found is None else found

        return call

    def _is_ours(self) -> bool:
        """Whether the job that is running is the one that this is for."""
        job = self.job()
        return job is not None and running(job, self.thread)

    def _decode(self, raw: Tensor) -> Tensor | None:
        self._make_room()
        return self.coder.decode(raw)

    def _encode(self, images: Tensor) -> Any:
        self._make_room()
        moments = self.coder.moments(images)
        return None if moments is None else posterior(self.module, moments)

    def _make_room(self) -> None:
        if self.coder.computes():
            make_room()


class FirstStage:
    """All modules pointed at us. There is one of it per process."""

    def __init__(self) -> None:
        self._pointed: list[Pointed] = []

    def point(self, job: Any, coder: Coder) -> None:
        """Let the loaded model's VAE be `coder` while `job` runs in this thread."""
        self._release_when_closed(job)
        for pointed in self.pointers(coder, weakref.ref(job), threading.get_ident()):
            for known in [known for known in self._pointed if known.module is pointed.module]:
                known.release()
                self._pointed.remove(known)
            self._pointed.append(pointed)  # first: what fails half-way is released too
            pointed.point()

    def pointers(self, coder: Coder, job: weakref.ref[Any], thread: int) -> Sequence[Pointed]:
        """What is to be pointed of the model that is loaded."""
        return [Pointed(shared.sd_model.first_stage_model, coder, job, thread)]

    def _release_when_closed(self, job: Any) -> None:
        """The WebUI closes a job at its end, also after an error, when no hook is rung."""
        known, thread = weakref.ref(job), threading.get_ident()

        def close() -> None:
            job = known()
            if job is None or running(job, thread):  # a copy of the job is closed, which has this function too
                return
            self.release()
            vars(job).pop("close", None)
            job.close()

        if hasattr(job, "close"):
            job.close = close

    def release(self) -> None:
        """Give every module its own names back."""
        while self._pointed:
            self._pointed[-1].release()
            self._pointed.pop()  # not before: what failed is tried again


def host_vae(job: Any) -> HostVae:
    """The loaded model's own VAE. ValueError: there is none."""
    model = shared.sd_model
    if getattr(model, "first_stage_model", None) is None:
        raise ValueError("No model is loaded. Choose a checkpoint first.")
    module, info = model.first_stage_model, model.sd_checkpoint_info
    tensors = _weights(module)
    loaded = getattr(sd_vae, "loaded_vae_file", None) or ""
    return HostVae(
        checkpoint=str(getattr(info, "name_for_extra", "") or getattr(info, "name", "")),
        file=str(loaded or getattr(info, "filename", "")),
        identity=f"{getattr(info, 'filename', '')}|{getattr(info, 'shorthash', '')}|{loaded}|{id(module)}",
        formats=_formats(model),
        channels=int(getattr(model, "latent_channels", 0) or 4),
        scale=float(getattr(model, "scale_factor", 1.0)),
        shift=float(getattr(model, "shift_factor", 0.0) or 0.0),
        tensors=tensors,
        encode=lambda images: _mean(module.encode(_to(module, images * 2 - 1))),
        decode=lambda raw: (module.decode(_to(module, raw)).float() + 1) / 2,
        device=devices.device,
        circular=bool(getattr(job, "tiling", False)),
        base=sd_vae.get_base_vae(model) if loaded and hasattr(sd_vae, "get_base_vae") else None,
    )


def _weights(module: Any) -> dict[str, Tensor]:
    """As its `state_dict`, without the hooks of training frameworks, which walk all modules of A1111's VAEs."""
    return {
        f"{path}.{name}".lstrip("."): one.detach()
        for path, part in module.named_modules()
        for name, one in chain(part._parameters.items(), part._buffers.items())
        if one is not None
    }


def _formats(model: Any) -> tuple[str, ...]:
    """The latent formats that the model can have; by its kind, never by a file's name."""
    if getattr(model, "is_sdxl", False):
        return ("sdxl",)
    if getattr(model, "is_sd3", False):
        return ("sd3",)
    if getattr(model, "is_sd1", False) or getattr(model, "is_sd2", False):
        return ("sd1",)
    return ()


def posterior(module: Any, moments: Tensor) -> Any:
    """Moments as the module's own `encode` returns them: SDXL's samples at once, others give a distribution."""
    if hasattr(module, "regularization"):
        return module.regularization(moments)[0]
    space = vars(sys.modules[type(module).__module__])
    found = next((space[name] for name in CLASSES if name in space), None)
    if found is None:
        raise TypeError(f"{type(module).__name__}.encode returns something unknown")
    return found(moments)


def _mean(found: Any) -> Tensor:
    mean: Tensor = found.mode() if hasattr(found, "mode") and not isinstance(found, Tensor) else found
    return mean.float()


def _to(module: Any, value: Tensor) -> Tensor:
    parameter = next(module.parameters())
    return value.to(parameter.device if not lowvram.is_enabled(shared.sd_model) else devices.device, parameter.dtype)
