"""`Processed`: what a generation returns."""

from __future__ import annotations

import json
from typing import Any

from modules import processing, shared

# Attributes copied from the job as they are, and those among all of them that the page's JSON shows, in its order.
COPIED = (
    "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size", "restore_faces",
    "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash", "seed_resize_from_w", "seed_resize_from_h",
    "extra_generation_params", "styles", "token_merging_ratio", "token_merging_ratio_hr", "eta", "ddim_discretize",
    "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond", "sampler_noise_scheduler_override",
    "is_using_inpainting_conditioning",
)
SHOWN = (
    "seed", "all_seeds", "subseed", "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale",
    "steps", "batch_size", "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name",
    "sd_vae_hash", "seed_resize_from_w", "seed_resize_from_h", "denoising_strength", "extra_generation_params",
    "index_of_first_image", "infotexts", "styles", "job_timestamp", "clip_skip", "is_using_inpainting_conditioning",
    "version",
)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _number(seed: Any) -> int:
    seed = _first(seed)
    return -1 if seed is None else int(seed)


class Processed:
    """Pictures (`images`), their `infotexts`, and the parameters that made them.

    `images[:index_of_first_image]` are grids; masks may be among the rest."""

    def __init__(self, p: Any, images_list: list[Any], seed: Any = -1, info: str = "", subseed: Any = None,
                 all_prompts: list[str] | None = None, all_negative_prompts: list[str] | None = None,
                 all_seeds: list[int] | None = None, all_subseeds: list[int] | None = None,
                 index_of_first_image: int = 0, infotexts: list[str] | None = None, comments: str = "") -> None:
        for name in COPIED:
            setattr(self, name, getattr(p, name))
        self.images = images_list
        self.info = info
        self.comments = "".join(f"{comment}\n" for comment in p.comments)
        self.prompt, self.negative_prompt = _first(p.prompt), _first(p.negative_prompt)
        self.seed, self.subseed = _number(seed), _number(subseed)
        self.image_cfg_scale = getattr(p, "image_cfg_scale", None)
        self.denoising_strength = getattr(p, "denoising_strength", None)
        self.face_restoration_model = shared.opts.face_restoration_model if p.restore_faces else None
        self.index_of_first_image = index_of_first_image
        self.job_timestamp = shared.state.job_timestamp
        self.clip_skip = shared.opts.CLIP_stop_at_last_layers
        self.all_prompts = all_prompts or p.all_prompts or [self.prompt]
        self.all_negative_prompts = all_negative_prompts or p.all_negative_prompts or [self.negative_prompt]
        self.all_seeds = all_seeds or p.all_seeds or [self.seed]
        self.all_subseeds = all_subseeds or p.all_subseeds or [self.subseed]
        self.infotexts = infotexts or [info] * len(images_list)
        self.version = processing.program_version()

    def js(self) -> str:
        """The parameters as JSON; what has no JSON form becomes null."""
        shown: dict[str, Any] = {
            "prompt": self.all_prompts[0], "all_prompts": self.all_prompts,
            "negative_prompt": self.all_negative_prompts[0], "all_negative_prompts": self.all_negative_prompts,
        }
        shown.update((name, getattr(self, name)) for name in SHOWN)
        return json.dumps(shown, default=lambda _: None)

    def infotext(self, p: Any, index: int) -> str:
        """Infotext of the picture with this number in the whole job, from the prompts of the whole job."""
        return processing.create_infotext(
            p, self.all_prompts, self.all_seeds, self.all_subseeds, comments=[],
            position_in_batch=index % self.batch_size,  # type: ignore[attr-defined]
            iteration=index // self.batch_size)  # type: ignore[attr-defined]

    def get_token_merging_ratio(self, for_hr: bool = False) -> float:
        return self.token_merging_ratio_hr if for_hr else self.token_merging_ratio  # type: ignore[attr-defined]
