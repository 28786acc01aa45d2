"""Settings about models, VAEs, img2img, speed and old behaviour."""

from __future__ import annotations

from modules import shared, shared_items
from modules.option_tables.kinds import color, dropdown, number, radio, slider
from modules.options import OptionHTML, OptionInfo, options_section


def _checkpoints() -> list[str]:
    return shared_items.list_checkpoint_tiles(shared.opts.sd_checkpoint_dropdown_use_short)


def _emphasis_modes() -> list[str]:
    from modules import sd_emphasis

    return [mode.name for mode in sd_emphasis.options]


def models() -> dict[str, OptionInfo]:
    return options_section(("sd", "Stable Diffusion", "sd"), {
        "sd_model_checkpoint": dropdown(None, "Stable Diffusion checkpoint", _checkpoints,
                                        shared_items.refresh_checkpoints, "Model hash"),
        "sd_checkpoints_limit": slider(1, "Checkpoints loaded at a time", 1, 10, 1),
        "sd_checkpoints_keep_in_cpu": OptionInfo(True, "Keep only one of them on the device"),
        "sd_checkpoint_cache": slider(0, "Checkpoints kept in RAM", 0, 10, 1),
        "sd_unet": dropdown("Automatic", "SD Unet", shared_items.sd_unet_items, shared_items.refresh_unet_list),
        "enable_quantization": OptionInfo(False, "Quantize sigmas of k-diffusion samplers").needs_reload_ui(),
        "emphasis": dropdown("Original", "Emphasis mode", _emphasis_modes, None, "Emphasis"),
        "enable_batch_seeds": OptionInfo(True, "Images of a batch equal single images of the same seed"),
        "comma_padding_backtrack": slider(20, "Prompt word wrap length", 0, 74, 1).info("tokens"),
        "sdxl_clip_l_skip": OptionInfo(False, "Clip skip for SDXL too"),
        "CLIP_stop_at_last_layers": slider(1, "Clip skip", 1, 12, 1, "Clip skip").info("1 = use every layer"),
        "upcast_attn": OptionInfo(False, "32-bit cross attention"),
        "randn_source": radio("GPU", "Source of random numbers", ["GPU", "CPU", "NV"], "RNG"),
        "tiling": OptionInfo(False, "Tiling", infotext="Tiling"),
        "hires_fix_refiner_pass": radio("second pass", "Pass of hires fix that uses the refiner",
                                        ["first pass", "second pass", "both passes"], "Hires refiner"),
    })


def xl() -> dict[str, OptionInfo]:
    return options_section(("sdxl", "Stable Diffusion XL", "sd"), {
        "sdxl_crop_top": OptionInfo(0, "Crop from top"),
        "sdxl_crop_left": OptionInfo(0, "Crop from left"),
        "sdxl_refiner_low_aesthetic_score": number(2.5, "Aesthetic score of the negative prompt"),
        "sdxl_refiner_high_aesthetic_score": number(6.0, "Aesthetic score of the prompt"),
    })


def vae() -> dict[str, OptionInfo]:
    return options_section(("vae", "VAE", "sd"), {
        "sd_vae_explanation": OptionHTML("The VAE turns pictures into latents and latents into pictures."),
        "sd_vae_checkpoint_cache": slider(0, "VAEs kept in RAM", 0, 10, 1),
        "sd_vae": dropdown("Automatic", "SD VAE", shared_items.sd_vae_items, shared_items.refresh_vae_list,
                           "VAE").info("Automatic = a file named like the checkpoint; None = the checkpoint's own"),
        "sd_vae_overrides_per_model_preferences": OptionInfo(True, "The VAE above wins over one set for a checkpoint"),
        "auto_vae_precision_bfloat16": OptionInfo(False, "On NaN retry the VAE in bfloat16"),
        "auto_vae_precision": OptionInfo(True, "On NaN retry the VAE in 32 bits"),
        "sd_vae_encode_method": radio("Full", "VAE for encoding", ["Full", "TAESD"], "VAE Encoder"),
        "sd_vae_decode_method": radio("Full", "VAE for decoding", ["Full", "TAESD"], "VAE Decoder"),
    })


def img2img() -> dict[str, OptionInfo]:
    return options_section(("img2img", "img2img", "sd"), {
        "inpainting_mask_weight": slider(1.0, "Strength of the mask of inpainting models", 0.0, 1.0, 0.01,
                                         "Conditional mask weight"),
        "initial_noise_multiplier": slider(1.0, "Noise multiplier", 0.0, 1.5, 0.001, "Noise multiplier"),
        "img2img_extra_noise": slider(0.0, "Extra noise for img2img and hires fix", 0.0, 1.0, 0.01, "Extra noise"),
        "img2img_color_correction": OptionInfo(False, "Match colours of the result to the input"),
        "img2img_fix_steps": OptionInfo(False, "Make exactly as many steps as asked for")
        .info("otherwise fewer, with less denoising"),
        "img2img_background_color": color("#ffffff", "Colour behind transparent inputs"),
        "img2img_editor_height": slider(720, "Height of the image editor", 80, 1600, 1).needs_reload_ui(),
        "img2img_sketch_default_brush_color": color("#ffffff", "Brush colour of sketch").needs_reload_ui(),
        "img2img_inpaint_mask_brush_color": color("#ffffff", "Brush colour of the mask").needs_reload_ui(),
        "img2img_inpaint_sketch_default_brush_color": color("#ffffff", "Brush colour of inpaint sketch"),
        "return_mask": OptionInfo(False, "Show the mask among the results"),
        "return_mask_composite": OptionInfo(False, "Show the masked composite among the results"),
        "img2img_batch_show_results_limit": slider(32, "Batch results to show", -1, 1000, 1),
        "overlay_inpaint": OptionInfo(True, "Lay the original over what was not inpainted"),
    })


def speed() -> dict[str, OptionInfo]:
    return options_section(("optimizations", "Optimizations", "sd"), {
        "cross_attention_optimization": dropdown("Automatic", "Cross attention",
                                                 shared_items.cross_attention_optimizations),
        "s_min_uncond": slider(0.0, "Negative Guidance minimum sigma", 0.0, 15.0, 0.01, "NGMS"),
        "s_min_uncond_all": OptionInfo(False, "The same on all steps, not every other", infotext="NGMS all steps"),
        "token_merging_ratio": slider(0.0, "Token merging ratio", 0.0, 0.9, 0.1, "Token merging ratio"),
        "token_merging_ratio_img2img": slider(0.0, "Token merging ratio for img2img", 0.0, 0.9, 0.1),
        "token_merging_ratio_hr": slider(0.0, "Token merging ratio for hires fix", 0.0, 0.9, 0.1,
                                         "Token merging ratio hr"),
        "pad_cond_uncond": OptionInfo(False, "Pad prompts to equal length", infotext="Pad conds"),
        "pad_cond_uncond_v0": OptionInfo(False, "Pad or cut the negative prompt to the prompt's length",
                                         infotext="Pad conds v0"),
        "persistent_cond_cache": OptionInfo(True, "Keep encoded prompts between generations"),
        "batch_cond_uncond": OptionInfo(True, "Prompt and negative prompt in one batch"),
        "fp8_storage": radio("Disable", "FP8 weight", ["Disable", "Enable for SDXL", "Enable"]),
        "cache_fp16_weight": OptionInfo(False, "Keep FP16 weights beside FP8 ones"),
    })


def compatibility() -> dict[str, OptionInfo]:
    return options_section(("compatibility", "Compatibility", "sd"), {
        "auto_backcompat": OptionInfo(True, "Old behaviour for pasted parameters of old versions"),
        "use_old_karras_scheduler_sigmas": OptionInfo(False, "Old Karras sigmas (0.1 to 10)"),
        "no_dpmpp_sde_batch_determinism": OptionInfo(False, "DPM++ SDE depends on the batch size"),
        "use_old_hires_fix_width_height": OptionInfo(False, "Width and height are hires fix's final size"),
        "hires_fix_use_firstpass_conds": OptionInfo(False, "Hires fix reuses the first pass's encoded prompts"),
        "use_old_scheduling": OptionInfo(False, "Old prompt editing timelines",
                                         infotext="Old prompt editing timelines"),
        "use_downcasted_alpha_bar": OptionInfo(False, "alphas_cumprod in 16 bits", infotext="Downcast alphas_cumprod"),
        "refiner_switch_by_sample_steps": OptionInfo(False, "Refiner switch counts steps, not timesteps",
                                                     infotext="Refiner switch by sampling steps"),
    })
