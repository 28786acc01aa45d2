"""Jobs: their own fields, no negative prompt at CFG 1, and hires fix that says twice that its pass begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from backend.text_processing import classic_engine
from modules import devices, extra_networks, processing, prompt_parser, sd_models, shared
from modules.processing import hires, prompts
from modules_forge.behaviour import models
from modules_forge.main_entry import OPTION, modules_change

SAME = "Use same choices"
A1111Txt2Img: Any = processing.StableDiffusionProcessingTxt2Img
A1111Img2Img: Any = processing.StableDiffusionProcessingImg2Img


class Parts:
    """What both kinds of job have."""

    modified_noise: Any = None
    sd_model: Any

    def take_parts(self) -> None:
        """The model as it is with its networks; what scripts have set in it before is lost."""
        self.sd_model.forge_objects = self.sd_model.forge_objects_after_applying_lora.shallow_copy()

    def noise(self, given: Any) -> Any:
        """What scripts want in place of the noise."""
        wanted, self.modified_noise = self.modified_noise, None
        return given if wanted is None else wanted


@dataclass(repr=False)
class StableDiffusionProcessingTxt2Img(Parts, A1111Txt2Img):
    distilled_cfg_scale: float = 3.5
    hr_additional_modules: list | None = None
    hr_cfg: float = 1.0
    hr_distilled_cfg: float = 3.5

    def _find_hr_checkpoint(self) -> None:
        super()._find_hr_checkpoint()
        noted, chosen = self.extra_generation_params, self.hr_additional_modules
        if isinstance(chosen, list):
            shown = [SAME] if SAME in chosen else [os.path.splitext(os.path.basename(name))[0] for name in chosen]
            for number, name in enumerate(shown or ["Built-in"], start=1):
                noted[f"Hires Module {number}"] = name

    def _find_hr_upscaler(self) -> None:
        self.extra_generation_params["Hires CFG Scale"] = self.hr_cfg
        super()._find_hr_upscaler()

    def _first_pass(self, conditioning: Any, unconditional_conditioning: Any) -> Any:
        x, kept = self.rng.next(), (conditioning, unconditional_conditioning)
        self.take_parts()
        if self.scripts is not None:
            self.scripts.process_before_every_sampling(self, x=x, noise=x, c=kept[0], uc=kept[1])
        x = self.noise(x)
        return self.sampler.sample(self, x, *kept, image_conditioning=self.txt2img_image_conditioning(x))

    def load_hr_checkpoint(self) -> None:
        before = getattr(shared.opts, OPTION)
        # As Forge does: without the field an API job ends in a TypeError here.
        if SAME not in self.hr_additional_modules:
            modules_change(self.hr_additional_modules)
        try:
            models.use_checkpoint(self.hr_checkpoint_info)
        finally:
            shared.opts.set(OPTION, before)

    def _second_pass(self, samples: Any, image_conditioning: Any, subseed_strength: float) -> Any:
        runner = self.scripts
        if runner is None:
            return super()._second_pass(samples, image_conditioning, subseed_strength)
        once = runner.process_before_every_sampling

        def twice(p: Any, **kwargs: Any) -> None:
            once(p, **kwargs)
            self.take_parts()
            once(p, **kwargs)

        runner.process_before_every_sampling = twice
        try:
            return super()._second_pass(samples, image_conditioning, subseed_strength)
        finally:
            del runner.process_before_every_sampling

    def setup_conds(self) -> None:
        if self.is_hr_pass:
            self.hr_c = None
            self.calculate_hr_conds()
            return
        setup_conds(self)
        self.hr_uc = self.hr_c = None
        if not self.enable_hr or self.hr_checkpoint_info is not None:
            return
        if shared.opts.hires_fix_use_firstpass_conds:
            self.calculate_hr_conds()
            return
        with devices.autocast():
            extra_networks.activate(self, self.hr_extra_network_data)
        self.calculate_hr_conds()
        with devices.autocast():
            extra_networks.activate(self, self.extra_network_data)

    def calculate_hr_conds(self) -> None:
        super().calculate_hr_conds()
        if self.hr_cfg == 1:
            self.hr_uc = None


@dataclass(repr=False)
class StableDiffusionProcessingImg2Img(Parts, A1111Img2Img):
    distilled_cfg_scale: float = 3.5
    hr_distilled_cfg: float = 3.5

    def _prepared_images(self, mask: Any, region: Any, latent_mask: Any) -> Any:
        if self.scripts is not None:
            self.scripts.before_process_init_images(self, {"crop_region": region, "image_mask": mask})
        return super()._prepared_images(mask, region, latent_mask)

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        self.take_parts()
        return super().sample(*args, **kwargs)


def setup_conds(self: Any) -> None:
    """Texts of this iteration; at CFG 1 nobody reads the negative prompt."""
    more = {"width": self.width, "height": self.height, "distilled_cfg_scale": self.distilled_cfg_scale}
    negatives = SdConditioning(self.negative_prompts, is_negative_prompt=True, **more)
    steps = prompts.total_steps_of(self.sampler_name, self.steps)
    self.step_multiplier, self.firstpass_steps = steps // self.steps, steps
    self.uc = None
    if self.cfg_scale != 1:
        self.uc = self.get_conds_with_caching(
            prompt_parser.get_learned_conditioning, negatives, steps, [self.cached_uc], self.extra_network_data)
    self.c = self.get_conds_with_caching(
        prompt_parser.get_multicond_learned_conditioning, SdConditioning(self.prompts, **more), steps,
        [self.cached_c], self.extra_network_data)


class SdConditioning(prompt_parser.SdConditioning):
    def __init__(self, prompts: Any, is_negative_prompt: bool = False, width: int | None = None,
                 height: int | None = None, copy_from: Any = None, distilled_cfg_scale: float | None = None) -> None:
        super().__init__(prompts, is_negative_prompt, width, height, copy_from)
        source = prompts if copy_from is None else copy_from
        self.distilled_cfg_scale = distilled_cfg_scale or getattr(source, "distilled_cfg_scale", None)


def get_conds_with_caching(self: Any, function: Any, required_prompts: Any, steps: int, caches: list,
                           extra_network_data: Any, hires_steps: int | None = None) -> Any:
    """As A1111, with the encoder told of clip skip, and its remarks kept beside the result."""
    key = self.cached_params(required_prompts, steps, extra_network_data, hires_steps, shared.opts.use_old_scheduling)
    for cache in caches:
        if cache[0] is not None and key == cache[0]:
            shared.sd_model.extra_generation_params.update(cache[2] if len(cache) > 2 else {})
            return cache[1]
    with devices.autocast():
        shared.sd_model.set_clip_skip(int(shared.opts.CLIP_stop_at_last_layers))
        found = function(shared.sd_model, required_prompts, steps, hires_steps, shared.opts.use_old_scheduling)
    remarks = dict(classic_engine.last_extra_generation_params)
    classic_engine.last_extra_generation_params.clear()
    shared.sd_model.extra_generation_params.update(remarks)
    caches[0][:] = [key, found, remarks]
    return found


def cached_params(self: Any, *args: Any, **kwargs: Any) -> tuple:
    return (*_cached_params(self, *args, **kwargs), self.distilled_cfg_scale, self.hr_distilled_cfg)


_cached_params = processing.StableDiffusionProcessing.cached_params


def install() -> None:
    base: Any = processing.StableDiffusionProcessing
    base.setup_conds, base.cached_params = setup_conds, cached_params
    base.get_conds_with_caching = get_conds_with_caching
    names: Any = processing
    names.StableDiffusionProcessingTxt2Img = StableDiffusionProcessingTxt2Img
    names.StableDiffusionProcessingImg2Img = StableDiffusionProcessingImg2Img
    prompt_parser.SdConditioning = SdConditioning  # type: ignore[misc]
    merging: Any = sd_models
    merging.apply_token_merging = hires.sd_models.apply_token_merging = lambda model, ratio: None
