"""Stages `diffusion`, `detail`, `xl`, `xl_detail`: text encoder and U-Net together, on latents of a frozen VAE."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..nets import checkpoint
from ..nets.diffusion import LatentDiffusion
from ..nets.text import TextEncoder, load_tokenizer
from ..nets.unet import TransformerBlock
from ..nets.vae import AutoencoderKL
from . import sheets
from .conditioning import conditioning, encoder_of
from .latents import LatentStore
from .loop import Stage
from .pool import Pool
from .reading import Lesson, Reader
from .settings import VAE, XL_TEXT
from .work import Work

DROP_CAPTION = 0.1  # share of empty captions, for classifier-free guidance (Ho & Salimans 2022)
NOISY_CAPTION = 0.1  # share of captions with a few unknown words strewn in, so that such words do little harm
OFFSET_NOISE = 0.1  # per-channel constant in the noise: else flat backgrounds follow the noise's mean, not the text
SNR_CAP = 5.0  # above it steps count less (min-SNR weighting, Hang et al. 2023)

@dataclass(frozen=True)
class Times:
    """Where the times of a batch are drawn from: shares of the noisiest third, where only the text can say what to
    paint, and of the `MIDDLE`, where faces have their place and the colour of an eye can still be told; else anywhere.

    `cap`: how much more the noisiest steps count, at most (as v-prediction weighs them).
    """

    early: float
    middle: float = 0.0
    cap: float = 30.0


MIDDLE = (350, 850)
BEGINNING = Times(early=0.5)
DETAIL = Times(early=0.25, middle=0.55, cap=12.0)
DETAIL_CLOSEUPS = 0.7  # share of batches of close-ups in the detail stages
READ = 16  # captions read beside a batch of the detail stages: else "grey shirt, white background" comes out swapped


class Trained(nn.Module):
    """The modules that learn here, as one (for the averaged weights and the saved state)."""

    def __init__(self, model: LatentDiffusion, reader: Reader | None = None) -> None:
        super().__init__()
        self.unet = model.model.diffusion_model
        self.text = encoder_of(model).transformer
        self.reader = reader


def spoil(tokens: Tensor, encoder: TextEncoder, empty: Tensor, rng: random.Random) -> Tensor:
    """Replace some captions by the empty one, and strew random tokens into some others. tokens [B,77]."""
    tokens = tokens.clone()
    end, words = encoder.tokenizer.eos_token_id, encoder.tokenizer.bos_token_id
    for row in tokens:
        chance = rng.random()
        if chance < DROP_CAPTION:
            row.copy_(empty)
        elif chance < DROP_CAPTION + NOISY_CAPTION:
            length = int((row == end).nonzero()[0])
            extra = [rng.randrange(512, words) for _ in range(rng.randint(1, 4))]
            place = rng.randint(1, length)
            mixed = row[:place].tolist() + extra + row[place:].tolist()
            row.copy_(torch.tensor([*mixed[:76], end]))
    return tokens


def losses(
    model: LatentDiffusion, z: Tensor, places: Tensor, tokens: Tensor, size: tuple[int, int], times: Times = BEGINNING
) -> dict[str, Tensor]:
    """Noise-prediction error of scaled latents z [B,4,h,w], weighted by places [B,1,h,w].

    Plain noise prediction hardly counts the noisiest steps (an error there is divided by the signal), yet colours are
    decided in them: with equal weights a short training never learns to follow the text.
    """
    device = z.device
    t = draw_times(len(z), model.num_timesteps, times).to(device)
    noise = torch.randn_like(z) + OFFSET_NOISE * torch.randn(*z.shape[:2], 1, 1, device=device)
    alphas = model.alphas_cumprod[t][:, None, None, None]
    noisy = alphas.sqrt() * z + (1 - alphas).sqrt() * noise
    with torch.autocast(device.type, torch.bfloat16):
        cond = conditioning(model, encoder_of(model), tokens, size)
        predicted = model.apply_model(noisy.contiguous(memory_format=torch.channels_last), t, cond)
    error = ((predicted.float() - noise).square() * places).mean(dim=(1, 2, 3))
    snr = (model.alphas_cumprod / (1 - model.alphas_cumprod))[t]
    weight = (1 + 1 / snr).clamp(max=times.cap) * (SNR_CAP / snr).clamp(max=1.0)
    return {"loss": (error * weight).mean(), "mse": error.mean().detach()}


def draw_times(count: int, total: int, times: Times) -> Tensor:
    """Times [count] in 0..total-1."""
    drawn = torch.randint(0, total, (count,))
    noisy = torch.randint(total * 2 // 3, total, (count,))
    middle = torch.randint(total * MIDDLE[0] // 1000, total * MIDDLE[1] // 1000, (count,))
    chance = torch.rand(count)
    drawn = torch.where(chance < times.early + times.middle, middle, drawn)
    return torch.where(chance < times.early, noisy, drawn)


def make_model(work: Work, vae: AutoencoderKL, spread: float, xl: bool) -> tuple[LatentDiffusion, dict[str, Any]]:
    """An untrained model around a finished autoencoder, and its yaml."""
    scale = round(1.0 / spread, 5)
    config = (
        checkpoint.xl_config(work.plan.xl_unet, VAE, scale_factor=scale, text=XL_TEXT)
        if xl
        else checkpoint.sd1_config(work.plan.unet, VAE, scale_factor=scale)
    )
    checkpoint.place_tokenizer(work.models, XL_TEXT if xl else None)
    torch.manual_seed(work.seed)
    model = checkpoint.build(config, work.models)
    model.first_stage_model.load_state_dict(vae.state_dict())
    return model, config


@torch.no_grad()
def louder_text(model: LatentDiffusion, tokens: Tensor, gain: float = 4.0) -> None:
    """Make an untrained U-Net hear the text: cross-attention's values and outputs times `gain`, its mean taken out.

    With ordinary starting weights a caption moves the prediction by under 1 %, and a short training settles before it
    finds out that the words mean something. tokens [n,77] are captions, for the mean.
    """
    mean = encoder_of(model).transformer(input_ids=tokens).last_hidden_state.mean((0, 1))
    for block in model.modules():
        if isinstance(block, TransformerBlock):
            value, out = block.attn2.to_v, block.attn2.to_out[0]
            assert isinstance(out, nn.Linear)
            before = out.weight @ (value.weight @ mean)
            value.weight.mul_(gain)
            out.weight.mul_(gain)
            out.bias.add_(before - out.weight @ (value.weight @ mean))


def train(work: Work, name: str, vae: AutoencoderKL, reading: Path | None = None) -> None:
    """Run the stage `diffusion` or `xl`, or `detail` or `xl_detail` on what that one left behind.

    `reading` is the file of the text encoder that the first two begin with. Writes `<models>/pocket.safetensors` (or
    pocket-xl) whenever state is saved, and a sheet at the end.
    """
    xl, detail = name.startswith("xl"), name.endswith("detail")
    tokenizer = load_tokenizer(checkpoint.TOKENIZER)
    store = LatentStore(work.folder / f"latents-{'xl' if xl else 'diffusion'}", Pool(work.pool), tokenizer)
    vae = vae.to(work.device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    store.update(vae, work.device)
    model, config = make_model(work, vae.cpu(), store.spread(), xl)
    file = work.models / ("pocket-xl.safetensors" if xl else "pocket.safetensors")
    model = model.to(work.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    encoder = encoder_of(model)
    if reading:
        encoder.transformer.load_state_dict(torch.load(reading, weights_only=True))
        louder_text(model, store.shards[0].tokens[:64, 0].long().to(work.device))
    if detail:
        Trained(model).load_state_dict(Trained(checkpoint.load(file)).state_dict())
    lesson = Lesson(work.pool, encoder, work.device) if detail else None
    trained = Trained(model, lesson.reader if lesson else None).train()
    stage = Stage(name, work.states, trained, work.budget(name), decay=0.998)
    rng = random.Random(f"{work.seed} {name} {stage.step}")
    empty = torch.tensor(tokenizer("", padding="max_length", max_length=77)["input_ids"])

    def step(index: int) -> dict[str, Tensor]:
        z, places, tokens, size = store.batch(stage.budget.batch, rng, DETAIL_CLOSEUPS if detail else 0.0)
        tokens = spoil(tokens, encoder, empty, rng)
        # What is small, glasses and eyes, is decided later.
        falling = replace(BEGINNING, early=BEGINNING.early * (1.0 - stage.progress) ** 2)
        scaled, places = z.to(work.device) * model.scale_factor, places.to(work.device)
        found = losses(model, scaled, places, tokens.to(work.device), size, DETAIL if detail else falling)
        if lesson is None:
            return found
        read = lesson.losses(READ, rng)
        return {**found, "loss": found["loss"] + read["loss"], "right": read["right"]}

    stage.run(step, lambda: save_averaged(model, stage, config, file))
    save_averaged(model, stage, config, file)
    sheets.paint(file, work.models / f"{name}-sheet.png", device=work.device)


def save_averaged(model: LatentDiffusion, stage: Stage, config: dict[str, Any], file: Any) -> None:
    """Write the checkpoint with the averaged weights in the place of the last ones."""
    current = {key: value.clone() for key, value in stage.module.state_dict().items()}
    stage.module.load_state_dict(stage.average.module.state_dict())
    checkpoint.save(model, config, file)
    stage.module.load_state_dict(current)
