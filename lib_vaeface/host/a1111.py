"""Adapter for AUTOMATIC1111 1.10 and the WebUIs that kept its module names."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lib_vaeface.face.protocol import LatentCoder, Resampler
from lib_vaeface.host import callbacks, first_stage, resample, settings_page, stack
from lib_vaeface.host.conditioning import Redirect
from lib_vaeface.host.page import Page
from lib_vaeface.host.protocol import Listeners, ModelCall, Option
from lib_vaeface.host.sampling import Lending
from lib_vaeface.schedule.protocol import Answer, Request
from lib_vaeface.vae.protocol import Coder, HostVae
from modules import (
    devices,
    errors,
    extra_networks,
    images,
    infotext_utils,
    paths_internal,
    processing,
    script_callbacks,
    scripts,
    scripts_postprocessing,
    sd_models,
    sd_samplers,
    sd_vae,
    shared,
    ui_components,
)


class A1111(Lending, Page):
    """See `Host`. There is one object per process, so its bound methods can be found again and removed."""

    script_class = scripts.Script
    always_visible = scripts.AlwaysVisible
    extras_class = scripts_postprocessing.ScriptPostprocessing

    def __init__(self, name: str = "A1111") -> None:
        self.name = name
        self._listeners: Listeners | None = None
        self._options: Sequence[Option] = ()
        self._redirect = Redirect(self._conditioning, self._conditioning_failed)
        self._first_stage = first_stage.FirstStage()

    def version(self) -> str:
        return processing.program_version() or ""

    def listen(self, listeners: Listeners, options: Sequence[Option]) -> None:
        self._listeners, self._options = listeners, options
        for kind, callback in (
            ("cfg_denoiser", self._cfg_denoiser),
            ("before_token_counter", self._count_tokens),
            ("model_loaded", self._model_loaded),
            ("image_saved", self._image_saved),
            ("ui_settings", self._add_options),
            ("script_unloaded", self._silence),
        ):
            callbacks.register(kind, callback, __file__)

    def redirect_conditioning(self) -> None:
        self._redirect.install()

    def vae_names(self, again: bool = False) -> Sequence[str]:
        if again:
            sd_vae.refresh_vae_list()
        return sorted(sd_vae.vae_dict)

    def has_model(self) -> bool:
        return getattr(sd_models.model_data, "sd_model", None) is not None

    def sampler_names(self) -> Sequence[str]:
        return [sampler.name for sampler in sd_samplers.visible_samplers()]

    def vae_folders(self) -> Sequence[Path]:
        beside = {folder.resolve() for folder in self.checkpoint_folders()}
        listed = {Path(path).parent for path in sd_vae.vae_dict.values()}
        given = getattr(shared.cmd_opts, "vae_dir", None)
        folders = {Path(sd_vae.vae_path), *listed, *([Path(given)] if given else [])}
        return sorted(folder for folder in folders if folder.resolve() not in beside)

    def checkpoint_folders(self) -> Sequence[Path]:
        given = getattr(shared.cmd_opts, "ckpt_dir", None)
        return [Path(sd_models.model_path), *([Path(given)] if given else [])]

    def reachable_from_outside(self) -> bool:
        flags = ("share", "listen", "ngrok")
        if any(getattr(shared.cmd_opts, flag, None) for flag in flags):
            return True
        name = getattr(shared.cmd_opts, "server_name", None)
        if name:  # the WebUI itself takes every name for "non-local"
            return not _this_computer(str(name))
        return bool(getattr(shared.cmd_opts, "webui_is_non_local", None))

    def data_folder(self) -> Path:
        return Path(paths_internal.data_path) / "vaeface"

    def vae(self, job: Any) -> HostVae:
        return first_stage.host_vae(job)

    def point_vae(self, job: Any, coder: Coder) -> None:
        self._first_stage.point(job, coder)

    def decoding(self) -> Hashable | None:
        return stack.decoding()

    def pass_of(self, job: Any) -> str:
        if getattr(job, "is_hr_pass", False):
            return "hires"
        between = getattr(job, "enable_hr", False) and getattr(job, "latent_scale_mode", None) is None
        return "between" if between else "first"

    def second_models(self, job: Any) -> Collection[str]:
        now = shared.sd_model.sd_checkpoint_info
        latent = getattr(job, "enable_hr", False) and getattr(job, "latent_scale_mode", None) is not None
        coming = {
            "hires": getattr(job, "hr_checkpoint_info", None) if latent else None,
            "refiner": getattr(job, "refiner_checkpoint_info", None),
        }
        return {name for name, info in coming.items() if info is not None and info != now}

    def refining(self, job: Any) -> bool:
        info = getattr(job, "refiner_checkpoint_info", None)
        return info is not None and bool(shared.sd_model.sd_checkpoint_info == info)

    def release_vae(self) -> None:
        self._first_stage.release()

    def infotexts(self, processed: Any) -> Sequence[str]:
        return list(processed.infotexts[processed.index_of_first_image :])

    def save_beside(self, job: Any, index: int, image: Image.Image, suffix: str) -> None:
        if job.save_samples():
            job.batch_index = index  # patterns of file names ask for it
            named = (job.seeds[index], job.prompts[index], shared.opts.samples_format)
            images.save_image(image, job.outpath_samples, "", *named, p=job, suffix=suffix)

    def add_pictures(self, processed: Any, images: Sequence[tuple[int, Image.Image]]) -> None:
        # The page saves what it shows by these texts. A1111 has none for the masks of inpainting that it shows.
        texts = list(self.infotexts(processed)) or [""]
        processed.infotexts.extend(texts[-1:] * (len(processed.images) - len(processed.infotexts)))
        for number, image in images:
            text = texts[min(number, len(texts) - 1)]
            processed.images.append(image)
            processed.infotexts.append(text)
            if shared.opts.enable_pnginfo:
                image.info["parameters"] = text

    def texts(self, job: Any) -> Sequence[tuple[str, str, int]]:
        return list(zip(job.prompts, job.negative_prompts, map(int, job.seeds), strict=False))

    def resampler(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> Resampler:
        return resample.A1111Resampler(job, coder, open_session)

    def settle_model(self) -> None:
        sd_models.reload_model_weights()

    def stopped(self) -> bool:
        return resample.stopped()

    def finished(self, job: Any) -> None:
        resample.finished(job)

    def compute_device(self) -> torch.device:
        return torch.device(devices.device)

    def face_folders(self) -> Sequence[Path]:
        # Where facexlib has been told to keep its files: beside the face restorers that use it.
        return [Path(paths_internal.models_path) / name for name in ("GFPGAN", "Codeformer")]

    def face_models(self) -> Mapping[str, Path]:
        folders = [Path(paths_internal.models_path) / name for name in ("adetailer", "yolo")]
        return {path.name: path for folder in folders for path in sorted(folder.glob("*.pt"))}

    def running(self, job: Any) -> bool:
        return stack.running(job)

    def option(self, name: str) -> Any:
        option = next((option for option in self._options if option.name == name), None)
        value = shared.opts.data.get(name)
        if option is None:
            return value
        return option.default if value is None else option.taken(value)

    def report_error(self, message: str) -> None:
        errors.report(message, exc_info=True)

    def comment(self, job: Any, text: str, processed: Any = None) -> None:
        if processed is None:
            job.comment(text)
        else:
            processed.comments += f"{text}\n"

    def parse_infotext(self, text: str) -> Mapping[str, Any]:
        parameters: dict[str, Any] = infotext_utils.parse_generation_parameters(text)
        return parameters

    def input_accordion(self, value: bool, *, label: str, elem_id: str) -> Any:
        return ui_components.InputAccordion(value, label=label, elem_id=elem_id)

    def tool_button(self, symbol: str, *, elem_id: str, tooltip: str) -> Any:
        return ui_components.ToolButton(value=symbol, elem_id=elem_id, tooltip=tooltip)

    def paste_field(self, component: Any, read: Callable[[Mapping[str, Any]], Any]) -> Any:
        # Without `api=`: the API would set that name on its request, which has no such field, and answer HTTP 500.
        return infotext_utils.PasteField(component, read)

    def _conditioning(self, job: Any, make: Callable[[], Request]) -> Answer | None:
        return None if self._listeners is None else self._listeners.conditioning(job, make)

    def _conditioning_failed(self, job: Any, error: Exception) -> None:
        if self._listeners is not None:
            self._listeners.failed(job, "conditioning", error)

    def _cfg_denoiser(self, params: Any) -> None:
        denoiser: Any = getattr(params, "denoiser", None)
        job = getattr(denoiser, "p", None)
        if isinstance(job, resample.FaceJob):
            job.hold(denoiser)
        if job is None or self._listeners is None:
            return
        unmade = _unmade(getattr(denoiser, "sampler", None), job, denoiser.total_steps)
        self._listeners.model_call(
            ModelCall(
                job=job,
                step=denoiser.step,
                total_steps=max(denoiser.total_steps - unmade, 1),
                steps=max(params.total_sampling_steps - unmade, 1),
                hires=bool(getattr(job, "is_hr_pass", False)),
                text_cond=params.text_cond,
                text_uncond=params.text_uncond,
                sigma=lambda: self._sigma(denoiser, params.sigma),
                floor=_floor(getattr(denoiser, "sampler", None)),
                variant=self._variant(denoiser),
            )
        )

    def _variant(self, denoiser: Any) -> tuple[int, ...]:
        """See `ModelCall`."""
        return ()

    def _sigma(self, denoiser: Any, levels: Any) -> float:
        """The noise level of the first image; A1111's timestep samplers hand over numbers of training steps instead."""
        alphas = getattr(denoiser, "alphas", None)
        if alphas is None or self.name != "A1111":
            return float(levels[0])
        alpha = float(alphas[int(levels[0])])
        return math.sqrt((1.0 - alpha) / alpha)

    def _model_loaded(self, model: Any) -> None:
        if self._listeners is not None:
            self._listeners.model_loaded()

    def _image_saved(self, params: Any) -> None:
        if self._listeners is not None and params.p is not None and not Path(params.filename).name.startswith("grid-"):
            self._listeners.image_saved(params.p, params.filename, str(params.pnginfo.get("parameters", "")))

    def _count_tokens(self, params: Any) -> None:
        if self._listeners is not None:
            text, _ = extra_networks.parse_prompt(params.prompt)
            params.prompt = self._listeners.counted(text, params.steps, not params.is_positive, self.count_tokens)

    def _add_options(self) -> None:
        outside = self.reachable_from_outside()
        for option in self._options:
            shared.opts.add_option(option.name, settings_page.entry(option, self.vae_names, outside))

    def _silence(self) -> None:
        # Only this one: taking our "script unloaded" callback out of the list being walked would skip a neighbour's.
        script_callbacks.remove_callbacks_for_function(self._cfg_denoiser)
        script_callbacks.remove_callbacks_for_function(self._count_tokens)
        script_callbacks.remove_callbacks_for_function(self._model_loaded)
        script_callbacks.remove_callbacks_for_function(self._image_saved)
        self._redirect.remove()
        self._first_stage.release()


def _this_computer(name: str) -> bool:
    """Whether only this computer can reach a server of that name or address."""
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name.lower() == "localhost"


def _unmade(sampler: Any, job: Any, planned: int) -> int:
    """Steps that A1111 plans and DDIM does not make: it goes from each of its times to the next one.

    Its times are every (1000 // steps)th of 1000, which may also be more than the steps; in img2img and the second pass
    they are cut to one less than planned.
    """
    if getattr(getattr(sampler, "func", None), "__name__", "") not in ("ddim", "ddim_cfgpp"):
        return 0
    if getattr(job, "is_hr_pass", False) or hasattr(job, "init_images"):
        return 2
    times = len(range(0, 1000, max(1000 // max(planned, 1), 1)))
    return planned - (times - 1)


def _floor(sampler: Any) -> float:
    """Where DPM adaptive ends; a planned number of calls means nothing to it."""
    if getattr(getattr(sampler, "func", None), "__name__", "") != "sample_dpm_adaptive":
        return 0.0
    return float(sampler.model_wrap.sigmas[0])
