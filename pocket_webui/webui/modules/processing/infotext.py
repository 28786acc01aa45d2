"""The text with all parameters that is written into each picture."""

from __future__ import annotations

from typing import Any

from modules import devices, errors, infotext_utils, processing, shared
from modules.sd_samplers_common import is_sampler_using_eta_noise_seed_delta


def program_version() -> str | None:
    """Version of the program for the infotext, None if it is not known."""
    import launch

    tag = launch.git_tag()
    return None if tag == "<none>" else tag


def create_infotext(p: Any, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int],
                    comments: list[str] | None = None, iteration: int = 0, position_in_batch: int = 0,
                    use_main_prompt: bool = False, index: int | None = None,
                    all_negative_prompts: list[str] | None = None) -> str:
    """Prompt, negative prompt and parameters of one picture.

    `index` counts in the given lists; without it, it is worked out from iteration and position. `use_main_prompt` is
    for grids. Entries of `p.extra_generation_params` may be text, a list with one value per picture, or a function
    called with this function's arguments and `p`, `index`, `prompt_text`, `negative_prompt`; None leaves them out.
    An entry that fails is reported and left out."""
    if use_main_prompt:
        index = 0
    elif index is None:
        index = position_in_batch + iteration * p.batch_size
    if all_negative_prompts is None:
        all_negative_prompts = p.all_negative_prompts
    prompt_text = p.main_prompt if use_main_prompt else all_prompts[index]
    negative_prompt = p.main_negative_prompt if use_main_prompt else all_negative_prompts[index]
    seed = p.all_seeds[0] if use_main_prompt else all_seeds[index]
    subseed = p.all_subseeds[0] if use_main_prompt else all_subseeds[index]
    generation_params = _parameters(p, seed, subseed)
    known = dict(locals())
    for key, value in generation_params.items():
        generation_params[key] = _resolved(key, value, index, known)
    parameters = ", ".join(_entry(key, value) for key, value in generation_params.items() if value is not None)
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    return f"{prompt_text}{negative}\n{parameters}".strip()


def _resolved(key: str, value: Any, index: int, known: dict[str, Any]) -> Any:
    try:
        if isinstance(value, list):
            return value[index]
        return value(**known) if callable(value) else value
    except Exception:
        errors.report(f'Infotext entry "{key}" could not be made; it is left out', exc_info=True)
        return None


def _entry(key: str, value: Any) -> str:
    return key if key == value else f"{key}: {infotext_utils.quote(value)}"


def _parameters(p: Any, seed: int, subseed: int) -> dict[str, Any]:
    """All entries in their order; None where one does not apply."""
    opts = shared.opts
    return {
        "Steps": p.steps,
        "Sampler": p.sampler_name,
        "Schedule type": p.scheduler,
        "CFG scale": p.cfg_scale,
        "Image CFG scale": getattr(p, "image_cfg_scale", None),
        "Seed": seed,
        "Face restoration": opts.face_restoration_model if p.restore_faces else None,
        "Size": f"{p.width}x{p.height}",
        **_model_parameters(p),
        **_seed_parameters(p, subseed),
        "Denoising strength": p.extra_generation_params.get("Denoising strength"),
        **_switch_parameters(p),
        **p.extra_generation_params,
        "Version": processing.program_version() if opts.add_version_to_infotext else None,
        "User": p.user if opts.add_user_name_to_info else None,
    }


def _model_parameters(p: Any) -> dict[str, Any]:
    opts = shared.opts
    return {
        "Model hash": p.sd_model_hash if opts.add_model_hash_to_info else None,
        "Model": p.sd_model_name if opts.add_model_name_to_info else None,
        "FP8 weight": opts.fp8_storage if devices.fp8 else None,
        "Cache FP16 weight for LoRA": opts.cache_fp16_weight if devices.fp8 else None,
        "VAE hash": p.sd_vae_hash if opts.add_vae_hash_to_info else None,
        "VAE": p.sd_vae_name if opts.add_vae_name_to_info else None,
    }


def _seed_parameters(p: Any, subseed: int) -> dict[str, Any]:
    varied = p.subseed_strength != 0
    resized = p.seed_resize_from_w > 0 and p.seed_resize_from_h > 0
    return {
        "Variation seed": subseed if varied else None,
        "Variation seed strength": p.subseed_strength if varied else None,
        "Seed resize from": f"{p.seed_resize_from_w}x{p.seed_resize_from_h}" if resized else None,
    }


def _switch_parameters(p: Any) -> dict[str, Any]:
    opts = shared.opts
    clip_skip = getattr(p, "clip_skip", opts.CLIP_stop_at_last_layers)
    mask_weight = getattr(p, "inpainting_mask_weight", opts.inpainting_mask_weight)
    uses_ensd = opts.eta_noise_seed_delta != 0 and is_sampler_using_eta_noise_seed_delta(p)
    merging_hr = p.get_token_merging_ratio(for_hr=True) if getattr(p, "enable_hr", False) else 0
    return {
        "Conditional mask weight": mask_weight if p.is_using_inpainting_conditioning else None,
        "Clip skip": clip_skip if clip_skip > 1 else None,
        "ENSD": opts.eta_noise_seed_delta if uses_ensd else None,
        "Token merging ratio": p.get_token_merging_ratio() or None,
        "Token merging ratio hr": merging_hr or None,
        "Init image hash": getattr(p, "init_img_hash", None),
        "RNG": opts.randn_source if opts.randn_source != "GPU" else None,
        "Tiling": "True" if p.tiling else None,
    }
