"""Settings about samplers and about processing after sampling."""

from __future__ import annotations

from modules import shared, shared_items
from modules.option_tables.kinds import dropdown, number, radio, several, slider
from modules.options import OptionInfo, options_section


def _sampler_names() -> list[str]:
    return [sampler.name for sampler in shared_items.list_samplers()]


def _postprocessing_names() -> list[str]:
    return [script.name for script in shared_items.postprocessing_scripts()]


def samplers() -> dict[str, OptionInfo]:
    return options_section(("sampler-params", "Sampler parameters", "sd"), {
        "hide_samplers": several("Samplers to hide", _sampler_names).needs_reload_ui(),
        "eta_ddim": slider(0.0, "Eta for DDIM", 0.0, 1.0, 0.01, "Eta DDIM"),
        "eta_ancestral": slider(1.0, "Eta for k-diffusion samplers", 0.0, 1.0, 0.01, "Eta"),
        "ddim_discretize": radio("uniform", "DDIM timesteps of img2img", ["uniform", "quad"]),
        "s_churn": slider(0.0, "sigma churn", 0.0, 100.0, 0.01, "Sigma churn"),
        "s_tmin": slider(0.0, "sigma tmin", 0.0, 10.0, 0.01, "Sigma tmin"),
        "s_tmax": slider(0.0, "sigma tmax", 0.0, 999.0, 0.01, "Sigma tmax").info("0 = no limit"),
        "s_noise": slider(1.0, "sigma noise", 0.0, 1.1, 0.001, "Sigma noise"),
        "sigma_min": number(0.0, "sigma min", "Schedule min sigma").info("0 = the model's"),
        "sigma_max": number(0.0, "sigma max", "Schedule max sigma").info("0 = the model's"),
        "rho": number(0.0, "rho", "Schedule rho").info("0 = the schedule's default"),
        "eta_noise_seed_delta": number(0, "Eta noise seed delta", "ENSD", precision=0),
        "always_discard_next_to_last_sigma": OptionInfo(False, "Always leave out the next-to-last sigma",
                                                        infotext="Discard penultimate sigma"),
        "sgm_noise_multiplier": OptionInfo(False, "SGM noise multiplier", infotext="SGM noise multiplier"),
        "uni_pc_variant": radio("bh1", "UniPC variant", ["bh1", "bh2", "vary_coeff"], "UniPC variant"),
        "uni_pc_skip_type": radio("time_uniform", "UniPC skip type", ["time_uniform", "time_quadratic", "logSNR"],
                                  "UniPC skip type"),
        "uni_pc_order": slider(3, "UniPC order", 1, 50, 1, "UniPC order").info("less than the number of steps"),
        "uni_pc_lower_order_final": OptionInfo(True, "UniPC lower order final", infotext="UniPC lower order final"),
        "sd_noise_schedule": radio("Default", "Noise schedule", ["Default", "Zero Terminal SNR"], "Noise Schedule"),
        "skip_early_cond": slider(0.0, "Part of the first steps without negative prompt", 0.0, 1.0, 0.01,
                                  "Skip Early CFG"),
        "beta_dist_alpha": slider(0.6, "Beta schedule: alpha", 0.01, 1.0, 0.01, "Beta scheduler alpha"),
        "beta_dist_beta": slider(0.6, "Beta schedule: beta", 0.01, 1.0, 0.01, "Beta scheduler beta"),
    })


def upscaling() -> dict[str, OptionInfo]:
    tiles = options_section(("upscaling", "Upscaling", "postprocessing"), {
        "upscaler_for_img2img": dropdown(None, "Upscaler for img2img", lambda: [x.name for x in shared.sd_upscalers]),
        "set_scale_by_when_changing_upscaler": OptionInfo(False, "Scale follows the upscaler's name"),
    })
    faces = options_section(("face-restoration", "Face restoration", "postprocessing"), {
        "face_restoration": OptionInfo(False, "Restore faces", infotext="Face restoration"),
        "face_restoration_model": dropdown("CodeFormer", "Face restoration model",
                                           lambda: [x.name() for x in shared.face_restorers]),
        "code_former_weight": slider(0.5, "CodeFormer weight", 0, 1, 0.01),
        "face_restoration_unload": OptionInfo(False, "Unload the model afterwards"),
    })
    return {**tiles, **faces}


def postprocessing() -> dict[str, OptionInfo]:
    return options_section(("postprocessing", "Postprocessing", "postprocessing"), {
        "postprocessing_enable_in_main_ui": several("Operations in txt2img and img2img", _postprocessing_names),
        "postprocessing_disable_in_extras": several("Operations not in extras", _postprocessing_names),
        "postprocessing_operation_order": several("Order of operations", _postprocessing_names),
        "upscaling_max_images_in_cache": slider(5, "Upscaled images kept", 0, 10, 1),
        "postprocessing_existing_caption_action": radio("Ignore", "Captions that exist already",
                                                        ["Ignore", "Keep", "Prepend", "Append"]),
    })
