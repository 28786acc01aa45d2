"""Prompts of a job, and their encoding with a cache that outlives the job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import devices, extra_networks, processing, prompt_parser, sd_samplers, shared


class PromptMethods:
    """The methods of a job that fill `all_prompts`, `prompts`, `c` and `uc`."""

    prompt: Any
    negative_prompt: Any
    all_prompts: list[str]
    all_negative_prompts: list[str]
    prompts: list[str]
    negative_prompts: list[str]
    styles: list[str]
    batch_size: int
    n_iter: int
    steps: int
    width: int
    height: int
    sampler_name: str
    cached_c: list
    cached_uc: list
    extra_network_data: Any
    extra_generation_params: dict[str, Any]

    def setup_prompts(self) -> None:
        """One prompt and one negative prompt for each picture of the job, styles applied. Raises RuntimeError if
        lists of different lengths were given."""
        count = self.batch_size * self.n_iter
        if isinstance(self.prompt, list):
            self.all_prompts = self.prompt
        else:
            negatives = self.negative_prompt
            self.all_prompts = [self.prompt] * (len(negatives) if isinstance(negatives, list) else count)
        if isinstance(self.negative_prompt, list):
            self.all_negative_prompts = self.negative_prompt
        else:
            self.all_negative_prompts = [self.negative_prompt] * len(self.all_prompts)
        if len(self.all_prompts) != len(self.all_negative_prompts):
            raise RuntimeError(f"there are {len(self.all_prompts)} prompts, but "
                               f"{len(self.all_negative_prompts)} negative prompts")
        self.all_prompts = with_styles(self.all_prompts, self.styles)
        self.all_negative_prompts = with_negative_styles(self.all_negative_prompts, self.styles)
        self.main_prompt, self.main_negative_prompt = self.all_prompts[0], self.all_negative_prompts[0]

    def of_iteration(self, values: list, number: int) -> list:
        """The part of a list over the whole job that belongs to iteration `number`."""
        return values[number * self.batch_size:(number + 1) * self.batch_size]

    def parse_extra_network_prompts(self) -> None:
        """Take `<name:args>` tags out of the prompts of this iteration; `all_prompts` keeps them."""
        self.prompts, self.extra_network_data = extra_networks.parse_prompts(self.prompts)

    def cached_params(self, required_prompts: Any, steps: int, extra_network_data: Any, hires_steps: int | None = None,
                      use_old_scheduling: bool = False) -> tuple:
        """Everything that an encoding depends on."""
        opts = shared.opts
        return (
            required_prompts, steps, hires_steps, use_old_scheduling, opts.CLIP_stop_at_last_layers,
            shared.sd_model.sd_checkpoint_info, extra_network_data, opts.sdxl_crop_left, opts.sdxl_crop_top,
            self.width, self.height, opts.fp8_storage, opts.cache_fp16_weight, opts.emphasis,
        )

    def get_conds_with_caching(self, function: Callable[..., Any], required_prompts: Any, steps: int, caches: list,
                               extra_network_data: Any, hires_steps: int | None = None) -> Any:
        """`function(model, prompts, steps, hires_steps, old)`, or what it gave last time for equal parameters.

        A cache is [parameters, result]; all of `caches` are looked at, the first one is written."""
        old = shared.opts.use_old_scheduling
        if old:
            self._note_old_scheduling(required_prompts, steps, hires_steps)
        key = self.cached_params(required_prompts, steps, extra_network_data, hires_steps, old)
        for cache in caches:
            if cache[0] is not None and key == cache[0]:
                return cache[1]
        cache = caches[0]
        with devices.autocast():
            cache[1] = function(shared.sd_model, required_prompts, steps, hires_steps, old)
        # Written last: an encoding that fails leaves the old key beside the old result.
        cache[0] = key
        return cache[1]

    def _note_old_scheduling(self, prompts: Any, steps: int, hires_steps: int | None) -> None:
        read = prompt_parser.get_learned_conditioning_prompt_schedules
        if read(prompts, steps, hires_steps, False) != read(prompts, steps, hires_steps, True):
            self.extra_generation_params["Old prompt editing timelines"] = True

    def setup_conds(self) -> None:
        """Encode the prompts of this iteration into `c` and `uc`.

        Second-order samplers get a schedule over twice the steps, since the host counts their model calls."""
        size = {"width": self.width, "height": self.height}
        prompts = prompt_parser.SdConditioning(self.prompts, **size)
        negatives = prompt_parser.SdConditioning(self.negative_prompts, is_negative_prompt=True, **size)
        total_steps = total_steps_of(self.sampler_name, self.steps)
        self.step_multiplier = total_steps // self.steps
        self.firstpass_steps = total_steps
        self.uc = self.get_conds_with_caching(prompt_parser.get_learned_conditioning, negatives, total_steps,
                                              [self.cached_uc], self.extra_network_data)
        self.c = self.get_conds_with_caching(prompt_parser.get_multicond_learned_conditioning, prompts, total_steps,
                                             [self.cached_c], self.extra_network_data)

    def get_conds(self) -> tuple[Any, Any]:
        """(c, uc) of the pass that runs now."""
        return self.c, self.uc

    def forget_conds(self) -> None:
        """Let go of the encodings; the class-wide caches too unless the settings keep them."""
        self.c = self.uc = None
        if not shared.opts.persistent_cond_cache:
            processing.StableDiffusionProcessing.cached_c = [None, None]
            processing.StableDiffusionProcessing.cached_uc = [None, None]


def total_steps_of(sampler_name: str, steps: int) -> int:
    config = sd_samplers.find_sampler_config(sampler_name)
    return config.total_steps(steps) if config else steps


def with_styles(prompts: list[str], styles: list[str]) -> list[str]:
    return [shared.prompt_styles.apply_styles_to_prompt(prompt, styles) for prompt in prompts]


def with_negative_styles(prompts: list[str], styles: list[str]) -> list[str]:
    return [shared.prompt_styles.apply_negative_styles_to_prompt(prompt, styles) for prompt in prompts]
