"""`process_images`: settings are overridden, the job runs, settings are put back."""

from __future__ import annotations

from typing import Any

from modules import processing, sd_models, sd_samplers, sd_vae, shared


def process_images(p: Any) -> Any:
    """Run a job: `before_process` of scripts, overrides, everything else, overrides back. Returns a Processed."""
    if p.scripts is not None:
        p.scripts.before_process(p)
    stored = stored_options(p)
    try:
        apply_overrides(p)
        sd_models.apply_token_merging(p.sd_model, p.get_token_merging_ratio())
        sd_samplers.fix_p_invalid_sampler_and_scheduler(p)
        return processing.process_images_inner(p)
    finally:
        sd_models.apply_token_merging(p.sd_model, 0)
        if p.override_settings_restore_afterwards:
            restore_options(stored)


def stored_options(p: Any) -> dict[str, Any]:
    """Values to put back after the job. An option that was never saved is not among them, so its override sticks:
    A1111 does so, and extensions must live with it."""
    return {key: shared.opts.data[key] for key in p.override_settings if key in shared.opts.data}


def apply_overrides(p: Any) -> None:
    """Set the job's options, and load the checkpoint and the VAE they name. Without a (known) checkpoint among them
    the one of the settings is loaded again if, for example, a refiner replaced it. An unknown key raises KeyError."""
    if sd_models.checkpoint_aliases.get(p.override_settings.get("sd_model_checkpoint")) is None:
        p.override_settings.pop("sd_model_checkpoint", None)
        sd_models.use_checkpoint()
    for key, value in p.override_settings.items():
        shared.opts.set(key, value, is_api=True, run_callbacks=False)
        if key == "sd_model_checkpoint":
            sd_models.use_checkpoint()
        if key == "sd_vae":
            sd_vae.reload_vae_weights()


def restore_options(stored: dict[str, Any]) -> None:
    """Put options back. A checkpoint is not loaded here but at the start of the next job, a VAE is."""
    for key, value in stored.items():
        setattr(shared.opts, key, value)
        if key == "sd_vae":
            sd_vae.reload_vae_weights()
