"""Checkpoints on disk: one `.safetensors` in SD1's (or SDXL's) names, and the `.yaml` beside it that says the sizes."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .diffusion import LatentDiffusion, LatentDiffusionXL
from .vae import AutoencoderKL

MODELS = Path(__file__).resolve().parent.parent / "models"
TOKENIZER = MODELS / "pocket-clip"
HOST_FOLDER = "models/Stable-diffusion/"  # where A1111, started in its own folder, finds what lies beside a checkpoint
TIED = ("position_ids",)

TINY_VAE = {
    "embed_dim": 4,
    "ddconfig": {
        "double_z": True,
        "z_channels": 4,
        "resolution": 64,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 32,
        "ch_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
}


class CheckpointError(ValueError):
    """A checkpoint that can't be used: the message names the file, what is wrong and what to do."""


def read_yaml(path: Path) -> dict[str, Any]:
    """`model` of the yaml beside a checkpoint. Raises CheckpointError if there is none."""
    config = path.with_suffix(".yaml")
    if not config.is_file():
        raise CheckpointError(f"{path.name}: no {config.name} beside it; the pocket WebUI needs it to know the sizes.")
    return yaml.safe_load(config.read_text(encoding="utf8"))["model"]


def read_state(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path.name} is missing: run `python dev.py train`, or put the file back.") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is not a readable safetensors file: {error}") from None


def build(config: dict[str, Any], folder: Path) -> LatentDiffusion:
    """An untrained model from the `model` part of a yaml; XL where the yaml has a `conditioner_config`."""
    params = config["params"]
    kind = LatentDiffusionXL if "conditioner_config" in params else LatentDiffusion
    return kind(params, folder)


def load(path: Path | str) -> LatentDiffusion:
    """The model of a checkpoint, in float32, in eval mode. Every tensor must fit, else CheckpointError."""
    path = Path(path)
    state = read_state(path)
    model = build(read_yaml(path), path.parent)
    missing, unexpected = model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    missing = [key for key in missing if not key.endswith(TIED)]
    if missing or unexpected:
        raise CheckpointError(
            f"{path.name} does not fit {path.with_suffix('.yaml').name}: "
            f"{len(missing)} tensors missing, {len(unexpected)} unknown, e.g. {(missing + unexpected)[:3]}"
        )
    return model.eval().requires_grad_(False)


def save(
    model: LatentDiffusion,
    config: dict[str, Any],
    path: Path,
    dtype: torch.dtype = torch.float16,
    metadata: dict[str, str] | None = None,
) -> None:
    """Write model and yaml. Tensors go to `dtype`."""
    state = {
        key: value.detach().to(dtype).contiguous().cpu()
        for key, value in model.state_dict().items()
        if not key.endswith(TIED)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, metadata=metadata or {"format": "pt"})
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"model": config}, sort_keys=False), encoding="utf8")


def save_vae(
    vae: AutoencoderKL, path: Path, dtype: torch.dtype = torch.float16, metadata: dict[str, str] | None = None
) -> None:
    """Write a whole VAE file in the LDM layout (no prefix), as VAE files are passed around."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: value.detach().to(dtype).contiguous().cpu() for key, value in vae.state_dict().items()},
        path,
        metadata=metadata or {"format": "pt"},
    )


def load_vae_state(path: Path | str) -> dict[str, Tensor]:
    """Tensors of a VAE file, without the `first_stage_model.` that whole checkpoints put before the names."""
    prefix = "first_stage_model."
    state = read_state(Path(path))
    inner = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    return inner or state


def sd1_config(
    unet: dict[str, Any],
    vae: dict[str, Any],
    *,
    scale_factor: float = 0.18215,
    text: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The `model` part of an SD1-type yaml, with the class names that A1111's loader resolves.

    `text` are sizes of the text encoder that differ from the shipped config.json; see `place_tokenizer`.
    """
    return {
        "target": "ldm.models.diffusion.ddpm.LatentDiffusion",
        "params": {
            "linear_start": 0.00085,
            "linear_end": 0.012,
            "num_timesteps_cond": 1,
            "log_every_t": 200,
            "timesteps": 1000,
            "first_stage_key": "jpg",
            "cond_stage_key": "txt",
            "image_size": 32,
            "channels": 4,
            "cond_stage_trainable": False,
            "conditioning_key": "crossattn",
            "scale_factor": scale_factor,
            "use_ema": False,
            "unet_config": {"target": "ldm.modules.diffusionmodules.openaimodel.UNetModel", "params": unet},
            "first_stage_config": {
                "target": "ldm.models.autoencoder.AutoencoderKL",
                "params": {**vae, "lossconfig": {"target": "torch.nn.Identity"}},
            },
            "cond_stage_config": {
                "target": "ldm.modules.encoders.modules.FrozenCLIPEmbedder",
                "params": {"version": HOST_FOLDER + tokenizer_name(text)},
            },
        },
    }


def xl_config(
    unet: dict[str, Any],
    vae: dict[str, Any],
    *,
    scale_factor: float = 0.13025,
    text: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The `model` part of an SDXL-type yaml (one text encoder and three size embedders)."""
    encoder = {
        "target": "sgm.modules.encoders.modules.FrozenCLIPEmbedder",
        "input_key": "txt",
        "params": {"version": HOST_FOLDER + tokenizer_name(text)},
    }
    sizes = [
        {"target": "sgm.modules.encoders.modules.ConcatTimestepEmbedderND", "input_key": key, "params": {"outdim": 256}}
        for key in ("original_size_as_tuple", "crop_coords_top_left", "target_size_as_tuple")
    ]
    return {
        "target": "sgm.models.diffusion.DiffusionEngine",
        "params": {
            "linear_start": 0.00085,
            "linear_end": 0.012,
            "timesteps": 1000,
            "scale_factor": scale_factor,
            "network_config": {"target": "sgm.modules.diffusionmodules.openaimodel.UNetModel", "params": unet},
            "conditioner_config": {
                "target": "sgm.modules.GeneralConditioner",
                "params": {"emb_models": [encoder, *sizes]},
            },
            "first_stage_config": {"target": "sgm.models.autoencoder.AutoencoderKL", "params": vae},
        },
    }


def tiny_unet(width: int) -> dict[str, Any]:
    return {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 32,
        "num_res_blocks": 1,
        "attention_resolutions": [2],
        "channel_mult": [1, 2],
        "num_heads": 2,
        "context_dim": width,
        "use_spatial_transformer": True,
        "transformer_depth": 1,
        "use_checkpoint": False,
        "legacy": False,
    }


def tokenizer_name(text: dict[str, Any] | None) -> str:
    """The folder of a text encoder's tokenizer and sizes: one for each width."""
    return f"{TOKENIZER.name}-{text['hidden_size']}" if text else TOKENIZER.name


def place_tokenizer(folder: Path, text: dict[str, Any] | None = None) -> None:
    """Put the tokenizer, with `text`'s sizes in its config.json, beside a checkpoint, where its yaml looks for it."""
    target = folder / tokenizer_name(text)
    if target.resolve() == TOKENIZER.resolve():
        return
    shutil.copytree(TOKENIZER, target, dirs_exist_ok=True)
    sizes = json.loads((TOKENIZER / "config.json").read_text(encoding="utf8")) | (text or {})
    (target / "config.json").write_text(json.dumps(sizes, indent=1), encoding="utf8")


def random_checkpoint(path: Path | str, kind: str = "sd1", seed: int = 0, width: int = 64) -> Path:
    """Write a tiny untrained checkpoint for tests. kind: "sd1" or "xl"; width: text width, a multiple of 32."""
    path = Path(path)
    text = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": 2}
    unet = tiny_unet(width)
    if kind == "xl":
        unet |= {"adm_in_channels": width + 1536, "num_classes": "sequential"}
    config = {"sd1": sd1_config, "xl": xl_config}[kind](unet, copy.deepcopy(TINY_VAE), text=text)
    place_tokenizer(path.parent, text)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(config, path.parent)
        wake(model)
    save(model, config, path, dtype=torch.float32)
    return path


def wake(model: torch.nn.Module) -> None:
    """Give the layers that start at zero small weights: an untrained model must still react to its inputs.

    Hosts divide by the mean of the text vectors, which an untrained final norm makes zero, so that gets an offset."""
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
        elif name.endswith("final_layer_norm.bias"):
            torch.nn.init.normal_(parameter, mean=0.1, std=0.05)


def random_vae(path: Path | str, seed: int = 0, z: int = 4) -> Path:
    """Write a tiny untrained VAE file with `z` latent channels, for tests."""
    path = Path(path)
    params = copy.deepcopy(TINY_VAE)
    params["embed_dim"] = params["ddconfig"]["z_channels"] = z  # type: ignore[index, call-overload]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = AutoencoderKL(**params)  # type: ignore[arg-type]
    save_vae(vae, path, dtype=torch.float32)
    return path
