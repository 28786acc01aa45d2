"""A job's sampling lent to us, and when two samplings give the same latents. Part of every adapter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from lib_vaeface.host import stack
from modules import sd_models, sd_vae, shared

# What a job carries that is made anew for each, or is written by what samples.
MADE = frozenset(
    (
        "c", "uc", "hr_c", "hr_uc", "rng", "sampler", "cached_c", "cached_uc", "cached_hr_c", "cached_hr_uc",
        "comments", "extra_generation_params", "extra_network_data", "hr_extra_network_data", "scripts_value",
        "script_args_value", "latents_after_sampling", "pixels_after_sampling", "extra_result_images",
    )
)  # fmt: skip
Left = tuple[Mapping[str, Any], Mapping[str, Any]]
NO_VAE_NEEDED = ("crossattn", "crossattn-adm", "adm")


def lend(job: Any, work: Callable[[Callable[[], Any]], Any]) -> None:
    """Let the job's next sampling be `work`, which is given the WebUI's own. Only where nobody else has taken it."""
    if "sample" in vars(job):
        return
    own = job.sample

    def sample(*args: Any, **keywords: Any) -> Any:
        owner = stack.current()
        if owner is not job and owner is not None:  # a copy of our job has a copy of our shadow
            return type(owner).sample(owner, *args, **keywords)
        if vars(job).get("sample") is not sample:
            return own(*args, **keywords)
        del job.sample
        return work(lambda: own(*args, **keywords))

    job.sample = sample


def take_back(job: Any) -> None:
    """The job samples by itself again, where it was lent and has not sampled."""
    shadow = vars(job).get("sample")
    if getattr(shadow, "__module__", "") == __name__:
        del job.sample


def key(job: Any, title: str) -> str | None:
    """Equal for two samplings of jobs that give the same latents; None where that can't be told.

    Everything that the job, the settings and the other scripts' arguments hold counts. Only of txt2img without a second
    pass or a second model, whose latents never meet a VAE before they are done. title: of our own script.
    """
    model = shared.sd_model
    if hasattr(job, "init_images") or getattr(job, "enable_hr", False) or getattr(job, "firstpass_image", None):
        return None
    if job.refiner_checkpoint_info is not None or not _unconditioned(model):
        return None
    info = model.sd_checkpoint_info
    of_model = [info.filename, model.sd_model_hash, id(model), getattr(sd_vae, "loaded_vae_file", None), _parts()]
    own = {name: value for name, value in vars(job).items() if name not in MADE and not _ours(name)}
    everything = [type(job).__name__, of_model, own, _arguments(job, title), shared.opts.data]
    return hashlib.sha256(repr(everything).encode("utf8", "replace")).hexdigest() if _plain(everything) else None


def _parts() -> str:
    """The checkpoint and the files that Forge has put together."""
    return str(getattr(sd_models.model_data, "forge_hash", ""))


def _ours(name: str) -> bool:
    return name.startswith("_vaeface") or name in ("sample", "close")


def _unconditioned(model: Any) -> bool:
    """Whether the model is told nothing but texts: an inpainting model is shown an encoded picture in txt2img too."""
    kind = getattr(getattr(model, "model", None), "conditioning_key", None) or "crossattn"
    shown = getattr(model, "is_sdxl_inpaint", False) or getattr(model, "is_inpaint", False)
    return kind in NO_VAE_NEEDED and not shown


def _arguments(job: Any, title: str) -> list[Any]:
    """Of all scripts but ours, whose settings are compared by themselves."""
    args = list(job.script_args or ())
    for script in getattr(job.scripts, "alwayson_scripts", ()):
        if getattr(script, "name", None) == title.lower():  # the title of a stranger may raise
            args[script.args_from : script.args_to] = [None] * (script.args_to - script.args_from)
    return args


def _plain(value: object) -> bool:
    """Whether a value is told in full by its text."""
    if value is None or type(value) in (bool, int, float, str):
        return True
    if isinstance(value, Mapping):
        return all(_plain(name) and _plain(one) for name, one in value.items())
    return type(value) in (list, tuple) and all(_plain(one) for one in value)  # type: ignore[attr-defined]


class Lending:
    """Part of the adapter, see `Host`."""

    def lend_sampling(self, job: Any, work: Callable[[Callable[[], Any]], Any]) -> None:
        lend(job, work)

    def take_sampling_back(self, job: Any) -> None:
        take_back(job)

    def sampling_key(self, job: Any, title: str) -> str | None:
        return key(job, title)

    def watch_sampling(self, job: Any, sample: Callable[[], Any]) -> tuple[Any, Left | None]:
        return watched(job, sample)

    def as_sampled(self, job: Any, latents: Tensor, left: Left) -> Tensor:
        infotext, attributes = left
        job.extra_generation_params.update(infotext)
        vars(job).update(attributes)
        return latents.to(shared.device, copy=True)


class Written(dict[str, Any]):
    """A job's infotext entries that remembers which were written."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.new: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.new[name] = value
        super().__setitem__(name, value)

    def update(self, *args: Any, **keywords: Any) -> None:
        for name, value in dict(*args, **keywords).items():
            self[name] = value


def watched(job: Any, sample: Callable[[], Any]) -> tuple[Any, Left]:
    """What `sample` gives, and what it left on the job: infotext entries and plain attributes."""
    infotext, attributes = job.extra_generation_params, _attributes(job)
    names = set(infotext)
    job.extra_generation_params = written = Written(infotext)
    try:
        latents = sample()
    finally:
        infotext.update(written.new)
        for name in names - set(written):
            infotext.pop(name, None)
        job.extra_generation_params = infotext
    changed = {name: value for name, value in _attributes(job).items() if attributes.get(name, job) != value}
    return latents, (written.new, changed)


def _attributes(job: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(job).items() if name not in MADE and _plain(value)}
