"""Names for files that are no image VAE, and the family of a whole checkpoint, from tensor names and shapes alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

# (what it is, pieces of names of which one must occur); the first that fits is said.
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a LoRA", ("lora_up", "lora_down", "lora_A.", "lora_B.", "lora_unet_", "lora_te", "hada_w1", "lokr_w", ".oft_")),
    ("a ControlNet", ("control_model.", "controlnet_", "input_hint_block")),
    ("an IP-Adapter", ("ip_adapter.", "image_proj.")),
    ("a Wan or Qwen-Image VAE (video), which pictures can't use here", ("decoder.middle.0.residual.0.gamma",)),
    ("a video VAE, which pictures can't use here", ("conv_in.conv.weight", "unpatcher3d", "decoder.per_channel")),
    ("a Stable Cascade stage A autoencoder", ("vquantizer.codebook",)),
    ("a DC-AE (Sana) autoencoder", ("decoder.stages.", "decoder.project_in.")),
    ("a diffusion model without a VAE", ("diffusion_model.", "double_blocks.0.", "joint_blocks.0.", "input_blocks.0.0.",
                                         "transformer_blocks.0.", "time_embedding.linear_1")),
    ("a text encoder", ("text_model.encoder.", "encoder.block.0.layer.", "transformer.resblocks.", "text_projection",
                        "model.layers.0.self_attn")),
    ("an image encoder (CLIP vision)", ("vision_model.",)),
    ("an embedding (textual inversion)", ("emb_params", "string_to_param", "clip_g", "clip_l")),
    ("an upscaler", ("conv_first.weight", "RRDB", "params_ema", "model.1.sub.", "layers.0.residual_group")),
    ("a face detector or another network of numbered layers", ("model.22.", "backbone.")),
)  # fmt: skip
APPROX = {f"conv{i}.weight" for i in range(1, 9)}
MODEL = "model.diffusion_model."


def describe(names: Collection[str]) -> str:
    """What a file with these tensors is, in words; for files in which no VAE was found."""
    if not names:
        return "a file without tensors"
    if set(names) >= APPROX:
        return "a VAE-approx model (quick previews only)"
    for what, pieces in KINDS:
        if any(piece in name for piece in pieces for name in names):
            return what
    first = sorted(names)[0]
    return f"no VAE that is known here ({len(names)} tensors, e.g. {first[:60]!r})"


def family(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Keys of the latent formats that a whole checkpoint works in; () where its diffusion model tells nothing."""
    if "edm_mean" in shapes:
        return ("playground-2.5",)
    if (image := shapes.get(MODEL + "img_in.weight")) and any(
        name.startswith(MODEL + "double_blocks.") for name in shapes
    ):
        return ("flux2",) if image[-1] == 128 else ("flux1",)
    if any(name.startswith(MODEL + "joint_blocks.") for name in shapes):
        return ("sd3",)
    first = shapes.get(MODEL + "input_blocks.0.0.weight")
    if first is None:
        return ()
    if any(name.startswith("conditioner.embedders.") for name in shapes):
        return ("sdxl",)
    if any(name.startswith("cond_stage_model.transformer.") for name in shapes):
        return ("sd1",)
    if any(name.startswith("cond_stage_model.model.") for name in shapes):
        return ("sd-x4",) if len(first) == 4 and first[1] == 7 else ("sd2",)
    return ()


def model_channels(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Channels that come out of a checkpoint's U-Net: its latents' (inpainting adds some going in)."""
    last = shapes.get(MODEL + "out.2.weight")
    return last[0] if last else None
