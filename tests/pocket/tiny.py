"""Tiny untrained checkpoints and VAEs, the fixtures that load them, and a job as small as a sampler needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch


@dataclass(frozen=True)
class Files:
    """sd1, other: checkpoints; xl: an SDXL-type one; vae, vae2: fitting VAEs; wrong: one with 16 latent channels."""

    sd1: Path
    other: Path
    xl: Path
    vae: Path
    vae2: Path
    wrong: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    from pocket_webui.nets import checkpoint

    folder = tmp_path_factory.mktemp("tiny")
    return Files(
        sd1=checkpoint.random_checkpoint(folder / "tiny.safetensors", seed=1),
        other=checkpoint.random_checkpoint(folder / "tiny-b.safetensors", seed=2),
        xl=checkpoint.random_checkpoint(folder / "tiny-xl.safetensors", kind="xl", seed=3),
        vae=Path(checkpoint.random_vae(folder / "alt-one.safetensors", seed=4)),
        vae2=Path(checkpoint.random_vae(folder / "alt-two.safetensors", seed=5)),
        wrong=Path(checkpoint.random_vae(folder / "alt-wrong.safetensors", seed=6, z=16)),
    )


def load(path: Path) -> Any:
    """Makes the checkpoint the current model, read from its file again."""
    from modules import sd_models, shared

    shared.state.begin("test")
    with sd_models.SkipWritingToConfig():
        return sd_models.load_model(sd_models.CheckpointInfo(str(path)))


@pytest.fixture(scope="module")
def _sd1(files: Files) -> Iterator[Any]:
    from modules import shared, shared_init

    if shared.opts is None:
        shared_init.initialize()
    from modules import sd_models  # reads the options when it is imported

    yield load(files.sd1)
    sd_models.model_data.__init__()


@pytest.fixture
def sd1(_sd1: Any, host: Any) -> Any:
    """The SD1-type model, loaded once for a test file; options are put back after each test."""
    host.state.begin("test")
    return _sd1


def job(model: Any, prompts: list[str], steps: int, sampler: str, negative: str = "", **fields: Any) -> SimpleNamespace:
    """What a sampler reads of a job, with the conditioning that belongs to it in .c and .uc."""
    from modules import prompt_parser, rng, sd_samplers

    total = sd_samplers.find_sampler_config(sampler).total_steps(steps)
    p = SimpleNamespace(
        steps=steps, sampler_name=sampler, scheduler="Automatic", hr_scheduler=None, is_hr_pass=False, eta=None,
        cfg_scale=7.0, denoising_strength=0.75, sampler=None, scripts=None, extra_generation_params={},
        sampler_noise_scheduler_override=None, refiner_checkpoint_info=None, refiner_switch_at=None,
        s_min_uncond=0.0, s_churn=0.0, s_tmin=0.0, s_tmax=0.0, s_noise=1.0,
        all_seeds=list(range(len(prompts))), iteration=0, batch_size=len(prompts),
    )
    p.__dict__.update(fields)
    p.rng = rng.ImageRNG((4, 8, 8), p.all_seeds)
    p.c = prompt_parser.get_multicond_learned_conditioning(model, prompts, total)
    p.uc = prompt_parser.get_learned_conditioning(
        model, prompt_parser.SdConditioning([negative] * len(prompts), is_negative_prompt=True), total
    )
    return p


def paint(model: Any, p: SimpleNamespace, latent: torch.Tensor | None = None) -> torch.Tensor:
    """Latents [B, 4, 8, 8]: from noise, or from a picture's latent by p.denoising_strength."""
    from modules import sd_samplers

    p.sampler = sd_samplers.create_sampler(p.sampler_name, model)
    noise = p.rng.next()
    image_cond = noise.new_zeros((len(noise), 5, 1, 1))
    with torch.no_grad():
        if latent is None:
            return p.sampler.sample(p, noise, p.c, p.uc, image_conditioning=image_cond)
        return p.sampler.sample_img2img(p, latent, noise, p.c, p.uc, image_conditioning=image_cond)


@pytest.fixture
def calls() -> Iterator[list[SimpleNamespace]]:
    """What on_cfg_denoiser saw, one entry per model call, in order."""
    from modules import script_callbacks

    seen: list[SimpleNamespace] = []

    def note(params: Any) -> None:
        denoiser = params.denoiser
        seen.append(SimpleNamespace(
            step=denoiser.step, total=denoiser.total_steps, sampling_step=params.sampling_step,
            sampling_steps=params.total_sampling_steps, x=params.x.clone(), sigma=params.sigma.clone(),
            text_cond=params.text_cond, text_uncond=params.text_uncond,
        ))

    script_callbacks.on_cfg_denoiser(note)
    yield seen
    script_callbacks.remove_callbacks_for_function(note)
