"""`StableDiffusionProcessing`: all parameters and the running state of one job."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modules import shared
from modules.processing.conditioning import ImageConditioning
from modules.processing.prompts import PromptMethods

if TYPE_CHECKING:
    import torch

SAMPLER_OPTIONS = ("s_min_uncond", "s_churn", "s_tmin", "s_noise")


@dataclass(repr=False)
class StableDiffusionProcessing(PromptMethods, ImageConditioning):
    """Fields and their defaults are A1111 1.10.1's. `cached_c` and `cached_uc` belong to the class: they hold the
    last encoded prompts of the whole program, so a job may find its prompts encoded already."""

    sd_model: Any = None
    outpath_samples: str | None = None
    outpath_grids: str | None = None
    prompt: str = ""
    prompt_for_display: str | None = None
    negative_prompt: str = ""
    styles: list[str] | None = None
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    seed_enable_extras: bool = True
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    extra_generation_params: dict[str, Any] | None = None
    overlay_images: list | None = None
    eta: float | None = None
    do_not_reload_embeddings: bool = False
    denoising_strength: float | None = None
    ddim_discretize: str | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    sampler_index: int | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    token_merging_ratio = 0
    token_merging_ratio_hr = 0
    disable_extra_networks: bool = False
    firstpass_image: Any = None

    scripts_value: Any = field(default=None, init=False)
    script_args_value: Any = field(default=None, init=False)
    scripts_setup_complete: bool = field(default=False, init=False)

    cached_uc = [None, None]
    cached_c = [None, None]

    comments: dict | None = None
    sampler: Any = field(default=None, init=False)
    is_using_inpainting_conditioning: bool = field(default=False, init=False)
    paste_to: Any = field(default=None, init=False)

    is_hr_pass: bool = field(default=False, init=False)

    c: Any = field(default=None, init=False)
    uc: Any = field(default=None, init=False)

    rng: Any = field(default=None, init=False)
    step_multiplier: int = field(default=1, init=False)
    color_corrections: Any = field(default=None, init=False)

    all_prompts: Any = field(default=None, init=False)
    all_negative_prompts: Any = field(default=None, init=False)
    all_seeds: Any = field(default=None, init=False)
    all_subseeds: Any = field(default=None, init=False)
    iteration: int = field(default=0, init=False)
    main_prompt: Any = field(default=None, init=False)
    main_negative_prompt: Any = field(default=None, init=False)

    prompts: Any = field(default=None, init=False)
    negative_prompts: Any = field(default=None, init=False)
    seeds: Any = field(default=None, init=False)
    subseeds: Any = field(default=None, init=False)
    extra_network_data: Any = field(default=None, init=False)

    user: Any = field(default=None, init=False)

    sd_model_name: Any = field(default=None, init=False)
    sd_model_hash: Any = field(default=None, init=False)
    sd_vae_name: Any = field(default=None, init=False)
    sd_vae_hash: Any = field(default=None, init=False)

    is_api: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.sampler_index is not None:
            print("sampler_index has no effect; give sampler_name instead", file=sys.stderr)
        self.comments = {}
        self.styles = [] if self.styles is None else self.styles
        self.extra_generation_params = self.extra_generation_params or {}
        self.override_settings = self.override_settings or {}
        self.script_args = self.script_args or {}
        self.sampler_noise_scheduler_override = None
        self.refiner_checkpoint_info = None
        if not self.seed_enable_extras:
            self.subseed, self.subseed_strength = -1, 0
            self.seed_resize_from_h = self.seed_resize_from_w = 0
        # Bound now, so that a job keeps its caches if another job's end replaces them on the class.
        self.cached_uc = StableDiffusionProcessing.cached_uc
        self.cached_c = StableDiffusionProcessing.cached_c

    def fill_fields_from_opts(self) -> None:
        """Sampler parameters that the job does not set come from the settings; a zero s_tmax means no limit."""
        for name in SAMPLER_OPTIONS:
            if getattr(self, name) is None:
                setattr(self, name, getattr(shared.opts, name))
        self.s_tmax = (shared.opts.s_tmax if self.s_tmax is None else self.s_tmax) or float("inf")

    @property
    def sd_model(self) -> Any:  # type: ignore[no-redef]  # noqa: F811
        """The model that is loaded now; assigning does nothing."""
        return shared.sd_model

    @sd_model.setter
    def sd_model(self, value: Any) -> None:
        pass

    @property
    def scripts(self) -> Any:
        return self.scripts_value

    @scripts.setter
    def scripts(self, value: Any) -> None:
        self.scripts_value = value
        self._setup_scripts_once()

    @property
    def script_args(self) -> Any:
        return self.script_args_value

    @script_args.setter
    def script_args(self, value: Any) -> None:
        self.script_args_value = value
        self._setup_scripts_once()

    def _setup_scripts_once(self) -> None:
        if self.scripts_value and self.script_args_value and not self.scripts_setup_complete:
            self.setup_scripts()

    def setup_scripts(self) -> None:
        """Run `setup` of all scripts: as soon as scripts and their arguments are both there."""
        self.scripts_setup_complete = True
        self.scripts.setup_scrips(self, is_ui=not self.is_api)

    def comment(self, text: str) -> None:
        """Show a text to the person under the picture; each text once."""
        self.comments[text] = 1

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        """Prepare the job once, after scripts' `process`."""

    def sample(self, conditioning: Any, unconditional_conditioning: Any, seeds: list[int], subseeds: list[int],
               subseed_strength: float, prompts: list[str]) -> torch.Tensor:
        """Latents [n, 4, h, w] of one iteration, or pictures as DecodedSamples."""
        raise TypeError(f"{type(self).__name__} is a base class; use its Txt2Img or Img2Img subclass")

    def close(self) -> None:
        """Let go of what the job held. Called when it is over, also after an error."""
        self.sampler = None
        self.forget_conds()

    def get_token_merging_ratio(self, for_hr: bool = False) -> float:
        ratio = self.token_merging_ratio or shared.opts.token_merging_ratio
        if for_hr:
            return self.token_merging_ratio_hr or shared.opts.token_merging_ratio_hr or ratio
        return ratio

    def save_samples(self) -> bool:
        """Whether pictures are written to disk."""
        opts, state = shared.opts, shared.state
        complete = not state.interrupted and not state.skipped
        return opts.samples_save and not self.do_not_save_samples and (opts.save_incomplete_images or complete)
