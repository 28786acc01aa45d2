"""Faces painted again by the WebUI's img2img: one job of ours for many crops, inside the job that painted them.

The job's pictures go in and come out as floats, through the face VAE, and nothing of it is saved or shown. Its runner
of scripts is empty, so it rings nobody's hooks. Crops with a lower strength than the strongest of their batch are held
back at the noised original, by the mask, until their own first step comes.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from lib_vaeface.face.protocol import LatentCoder, Resample
from lib_vaeface.host.first_stage import make_room
from lib_vaeface.host.stack import running
from lib_vaeface.host.unhooked import unhooked
from modules import devices, extra_networks, processing, scripts, sd_samplers, sd_samplers_common, shared

PROGRESS = ("job", "job_no", "job_count", "sampling_step", "sampling_steps", "textinfo")
COPIED = (
    "eta", "s_churn", "s_tmax", "s_tmin", "s_noise", "s_min_uncond", "tiling", "disable_extra_networks",
    "do_not_reload_embeddings", "user", "is_api",
)  # fmt: skip
DOWNSCALE = 8
LEAST_STEPS = 2  # with one the WebUI's img2img begins at full noise, however low the strength
UNPLANNED = ("sample_dpm_adaptive",)


class NoBar:
    """In place of the console's bar over all steps, which knows nothing of ours."""

    def update(self) -> None:
        """One more step."""


class FaceJob(processing.StableDiffusionProcessingImg2Img):
    """`faces` is what it was asked for, `painted` what came out, [n,3,H,W] in 0..1; None where it was stopped."""

    faces: Resample
    coder: LatentCoder
    painted: Tensor | None = None

    def init(self, all_prompts: Any, all_seeds: Any, all_subseeds: Any) -> None:
        self.image_cfg_scale = None
        self.sampler = sd_samplers.create_sampler(self.sampler_name, self.sd_model)
        images = self.faces.images.to(devices.device)
        make_room()
        with torch.no_grad(), devices.without_autocast():
            self.init_latent = self.coder.encode(images).to(devices.device, devices.dtype)
        size = self.init_latent.shape[2:]
        masks: Any = self.faces.masks.to(devices.device).float()
        small = torch.nn.functional.interpolate(masks, size, mode="area")
        self.nmask = small.to(self.init_latent.dtype).expand(-1, self.init_latent.shape[1], -1, -1)
        self.mask = 1 - self.nmask
        self.image_conditioning = self.img2img_image_conditioning(
            images.to(devices.dtype_vae) * 2 - 1, self.init_latent, masks
        )

    def sample(self, *args: Any, **keywords: Any) -> Any:
        latents = super().sample(*args, **keywords)
        if not stopped():
            make_room()
            with torch.no_grad(), devices.without_autocast():
                self.painted = self.coder.decode(latents).float().clamp(0, 1).cpu()
        return processing.DecodedSamples(torch.zeros(3, DOWNSCALE, DOWNSCALE) for _ in self.faces.prompts)

    def hold(self, denoiser: Any) -> None:
        """Before a model call: those whose time has not come are masked as a whole."""
        steps, first = sd_samplers_common.setup_img2img_steps(self)
        order = denoiser.total_steps / max(denoiser.steps, 1)
        waits = [(first - int(min(strength, 0.999) * steps)) * order for strength in self.faces.strengths]
        held = torch.tensor([denoiser.step < wait for wait in waits], device=self.mask.device).view(-1, 1, 1, 1)
        denoiser.mask = torch.where(held, torch.ones_like(self.mask), self.mask)
        denoiser.nmask = 1 - denoiser.mask


class A1111Resampler:
    """See `face.protocol.Resampler`. For one iteration of `job`, whose prompts, sampler and seeds it starts from."""

    def __init__(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> None:
        """open_session: lets a job have the schedule of the one it is for."""
        self.job, self.coder, self.open_session = job, coder, open_session
        self.native = native_size()

    def stopped(self) -> bool:
        return stopped()

    def progress(self, done: int, total: int) -> None:
        shared.state.textinfo = f"Faces: {done} of {total}" if done < total else None

    def __call__(self, request: Resample) -> list[Tensor | None]:
        out: list[Tensor | None] = [None] * len(request.prompts)
        for rows in self._alike(request):
            painted = self._paint(_rows(request, rows))
            if painted is None:
                break
            for row, view in zip(rows, painted, strict=True):
                out[row] = view
        return out

    def _alike(self, request: Resample) -> list[list[int]]:
        """Rows that can share one call: the same extra networks, and the same strength for samplers where holding back
        would not work: those that blend the clean original in before the model call, or that plan no calls."""
        sampler = sd_samplers.create_sampler(self._sampler(request), shared.sd_model)
        before = getattr(sampler.model_wrap_cfg, "mask_before_denoising", False)
        holds = not before and getattr(sampler.func, "__name__", "") not in UNPLANNED
        groups: dict[Any, list[int]] = {}
        for row, (prompt, strength) in enumerate(zip(request.prompts, request.strengths, strict=True)):
            found = extra_networks.parse_prompt(prompt)[1]
            tags = tuple((name, tuple(tuple(one.items) for one in found[name])) for name in sorted(found))
            groups.setdefault((tags, 0.0 if holds else strength), []).append(row)
        return list(groups.values())

    def _sampler(self, request: Resample) -> str:
        return request.sampler or self.job.sampler_name

    def _paint(self, request: Resample) -> Tensor | None:
        job = self._make(request)
        with _undisturbed(), unhooked():
            try:
                processing.process_images_inner(job)
            finally:
                job.close()
        return job.painted

    def _make(self, request: Resample) -> FaceJob:
        height, width = request.images.shape[2:]
        values: dict[str, Any] = {
            "sd_model": shared.sd_model,
            "prompt": list(request.prompts),
            "negative_prompt": list(request.negatives),
            "seed": list(request.seeds),
            "subseed": list(request.seeds),
            "sampler_name": self._sampler(request),
            "scheduler": request.scheduler or getattr(self.job, "scheduler", None),
            "batch_size": len(request.prompts),
            "steps": max(LEAST_STEPS, request.steps or self.job.steps),
            "cfg_scale": request.cfg or self.job.cfg_scale,
            "width": width,
            "height": height,
            "restore_faces": False,
            "do_not_save_samples": True,
            "do_not_save_grid": True,
            "init_images": [],
            "denoising_strength": max(request.strengths),
        }
        job = FaceJob(**values)
        for name in COPIED:
            setattr(job, name, getattr(self.job, name, getattr(job, name, None)))
        job.faces, job.coder = request, self.coder
        job.scripts = scripts.ScriptRunner()  # an empty one: listeners of other extensions expect that there is one
        self.open_session(job)
        return job


def stopped() -> bool:
    state = shared.state
    return bool(state.interrupted or state.skipped)


def finished(job: Any) -> None:
    """The pictures of this iteration are whole: who stops now stops what is added to them, and they are saved."""
    shared.state.skipped = False
    usual = getattr(type(job), "save_samples", None)
    if shared.state.interrupted and usual is not None:
        wanted = bool(shared.opts.samples_save and not job.do_not_save_samples)
        me = weakref.ref(job)
        job.save_samples = lambda: wanted if running(me()) else usual(me())


def native_size() -> int:
    """The size in pixels that the loaded model was trained at, from its configuration."""
    model = shared.sd_model
    if getattr(model, "is_sd2", False) and getattr(model, "parameterization", "") == "v":
        return 768
    size = getattr(model, "image_size", None)  # in latent pixels; classes of SDXL and SD3 do not have it
    if isinstance(size, int):
        return size * DOWNSCALE
    return 1024 if getattr(model, "is_sdxl", False) or getattr(model, "is_sd3", False) else 512


def _rows(request: Resample, rows: Sequence[int]) -> Resample:
    names = ("prompts", "negatives", "seeds", "strengths")
    parts: dict[str, Any] = {name: tuple(getattr(request, name)[row] for row in rows) for name in names}
    index = torch.tensor(rows)
    return replace(request, images=request.images[index], masks=request.masks[index], **parts)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """What the WebUI shows and keeps of the picture's own job stays: progress, "last prompt" file, random numbers."""
    state, options, bar, quiet = shared.state, shared.cmd_opts, shared.total_tqdm, cast(Any, NoBar())
    before = {name: getattr(state, name, None) for name in PROGRESS}
    no_history = getattr(options, "no_prompt_history", False)
    options.no_prompt_history = True
    shared.total_tqdm = quiet
    last = getattr(state, "stopping_generation", False)  # "finish this picture": its faces are part of it
    state.stopping_generation = False
    try:
        with torch.random.fork_rng(devices=[devices.device] if devices.device.type == "cuda" else []):
            yield
    finally:
        options.no_prompt_history, shared.total_tqdm = no_history, bar
        state.stopping_generation = state.stopping_generation or last
        for name, value in before.items():
            setattr(state, name, value)
