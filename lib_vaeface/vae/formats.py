"""The table of latent formats, printed by `python -m lib_vaeface.vae.formats`.

A latent is what the sampler works on: [B, channels, H/downscale, W/downscale]. Its raw form is what a decoder takes:

    raw = latent / scale + shift                 where a format has no statistics per channel
    raw = latent * std / scale + mean            where it has
    raw = latent * sqrt(variance + eps) + mean   Flux.2: over 2x2 pixels packed into channels, numbers in the VAE's file

Two formats with one `space` have the same raw latents, so that the VAE of one serves the other. Header shapes alone do
not tell spaces apart: `by_shape` gives all that are possible.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LatentFormat:
    """One row. `quant_conv`: where 1x1 convolutions stand between coder and latent: "", "top", "nested", "3-D", "vq".

    `kind` is the autoencoder's architecture; "kl" and "flux2" hold the 2-D AutoencoderKL that this project decodes.
    """

    key: str
    title: str
    channels: int
    downscale: int
    scale: float = 1.0
    shift: float = 0.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    quant_conv: str = ""
    kind: str = "kl"
    space: str = ""
    used_by: str = ""
    sources: str = ""
    note: str = ""

    @property
    def decodable(self) -> bool:
        return self.kind in ("kl", "flux2")

    def to_raw(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(factor, addend) per channel: raw = latent * factor + addend. ValueError: they are in the VAE's file."""
        if self.kind == "flux2":
            raise ValueError(f"{self.title}: the numbers are in the VAE's own file (bn.running_mean, bn.running_var).")
        std, mean = self.std or (1.0,) * self.channels, self.mean or (self.shift,) * self.channels
        return tuple(value / self.scale for value in std), mean

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """[channels, h, w] of the latent of a picture of height x width pixels."""
        return self.channels, -(-height // self.downscale), -(-width // self.downscale)


WAN_MEAN = (
    -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
    0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
)  # fmt: skip
WAN_STD = (
    2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
    3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160,
)  # fmt: skip
LISTS = "mean and std per channel in the VAE's own config"
VIDEO = "video; refused for pictures"

TABLE: tuple[LatentFormat, ...] = (
    LatentFormat(
        "sd1", "SD 1.x", 4, 8, 0.18215, quant_conv="top", space="sd1",
        used_by="PixArt-alpha, SVD's encoder",
        sources="Forge SD1.5 vae/config.json (no scaling key: the default); ComfyUI latent_formats.SD15; "
        "diffusers LDM_VAE_DEFAULT_SCALING_FACTOR",
    ),
    LatentFormat(
        "sd2", "SD 2.x", 4, 8, 0.18215, quant_conv="top", space="sd1",
        sources="as SD 1.x", note="the same VAE as SD 1.x",
    ),
    LatentFormat(
        "sd-x4", "SD x4 upscaler", 4, 4, 0.08333, quant_conv="top", space="sd-x4",
        sources="Forge config; ComfyUI SD_X4",
    ),
    LatentFormat(
        "sdxl", "SDXL", 4, 8, 0.13025, quant_conv="top", space="sdxl",
        used_by="refiner, Pony, Illustrious, Kolors, HunyuanDiT, AuraFlow, PixArt-Sigma",
        sources="Forge configs; ComfyUI SDXL", note="keys and shapes of SD 1.x",
    ),
    LatentFormat(
        "playground-2.5", "Playground v2.5", 4, 8, 0.5,
        mean=(-1.6574, 1.886, -1.383, 2.5155), std=(8.4927, 5.9022, 6.5498, 5.2299),
        quant_conv="top", space="sdxl", sources="Forge and SD.Next configs; ComfyUI SDXL_Playground_2_5; diffusers",
        note="SDXL's VAE, other numbers; its checkpoint has edm_mean and edm_std",
    ),
    LatentFormat(
        "sd3", "SD3, SD3.5", 16, 8, 1.5305, 0.0609, space="sd3",
        sources="Forge config; ComfyUI SD3", note="keys and shapes of Flux.1",
    ),
    LatentFormat(
        "flux1", "Flux.1", 16, 8, 0.3611, 0.1159, space="flux1",
        used_by="Chroma, HiDream, Z-Image, Lumina2, OmniGen2", sources="Forge config; ComfyUI Flux; SD.Next's map",
        note="keys and shapes of SD3",
    ),
    LatentFormat(
        "flux2", "Flux.2", 128, 16, kind="flux2", quant_conv="nested", space="flux2", used_by="dev, klein",
        sources="diffusers autoencoder_kl_flux2.py, pipeline_flux2.py, convert_flux2_to_diffusers.py",
        note="the VAE has 32 channels at 1/8; the sampler sees 2x2 of them packed. Mean and variance (eps 1e-4) in the "
        "file's bn.*; reForge also multiplies by 0.6043, shifts by 0.0760 and takes eps 1e-5",
    ),
    LatentFormat(
        "cascade-a", "Stable Cascade stage A", 4, 4, 0.43, kind="paella vq", quant_conv="vq", space="cascade-a",
        sources="ComfyUI SC_B (1/0.43)", note="diffusers multiplies by 0.3764 before decoding instead",
    ),
    LatentFormat(
        "cascade-c", "Stable Cascade stage C", 16, 32, kind="efficientnet", space="cascade-c",
        sources="ComfyUI SC_Prior", note="nominal downscale 42",
    ),
    LatentFormat(
        "wan21", "Qwen-Image, Wan 2.1", 16, 8, mean=WAN_MEAN, std=WAN_STD, kind="causal 3-D", quant_conv="3-D",
        space="wan21", sources="ComfyUI Wan21; diffusers autoencoder_kl_wan.py", note=f"time 1/4; {VIDEO}",
    ),
    LatentFormat(
        "wan22", "Wan 2.2 5B", 48, 16, kind="causal 3-D", quant_conv="3-D", space="wan22",
        sources="ComfyUI Wan22", note=f"time 1/4; {LISTS}; {VIDEO}",
    ),
    LatentFormat(
        "hunyuan-video", "HunyuanVideo", 16, 8, 0.476986, kind="causal 3-D", quant_conv="3-D", space="hunyuan-video",
        sources="ComfyUI", note=f"time 1/4; {VIDEO}",
    ),
    LatentFormat(
        "hunyuan-image", "HunyuanImage 2.1", 64, 32, 0.75289, kind="5-level", space="hunyuan-image", sources="ComfyUI",
    ),
    LatentFormat(
        "hunyuan-refiner", "HunyuanImage 2.1 refiner", 64, 16, 1.03682, kind="5-level", space="hunyuan-refiner",
        sources="ComfyUI", note="32 channels, two frames packed",
    ),
    LatentFormat(
        "mochi", "Mochi", 12, 8, kind="causal 3-D", space="mochi", sources="ComfyUI",
        note=f"time 1/6; {LISTS}; {VIDEO}",
    ),
    LatentFormat(
        "ltxv", "LTX-Video", 128, 32, kind="causal 3-D", space="ltxv", sources="ComfyUI",
        note=f"time 1/8; statistics inside the model; {VIDEO}",
    ),
    LatentFormat(
        "sana", "Sana (DC-AE f32c32)", 32, 32, 0.41407, kind="dc-ae", space="sana",
        sources="diffusers convert_dcae_to_diffusers.py",
    ),
)  # fmt: skip
BY_KEY = {row.key: row for row in TABLE}
TINY = {4: ("sd1", "sd2", "sdxl", "playground-2.5"), 16: ("sd3", "flux1"), 32: ("flux2", "sana")}
RAW_CHANNELS = {"flux2": 32}  # where the sampler's channels are not the decoder's


def raw_channels(row: LatentFormat) -> int:
    """Channels of the raw latent, which a decoder's first convolution takes."""
    return RAW_CHANNELS.get(row.key, row.channels)


def spaces(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The latent spaces of formats, each once, in the table's order."""
    return tuple(dict.fromkeys(row.space for row in TABLE if row.key in keys))


def by_shape(channels: int, downscale: int, quant_conv: str, kind: str = "kl") -> tuple[str, ...]:
    """Keys of the formats that an autoencoder of these raw channels, downscale and quant convs can belong to."""
    return tuple(
        row.key
        for row in TABLE
        if row.kind == kind
        and raw_channels(row) == channels
        and row.quant_conv == quant_conv
        and row.downscale == (2 * downscale if kind == "flux2" else downscale)
    )


COLUMNS = ("format", "channels", "downscale", "latent of 1024x1024", "scale", "shift", "quant convs", "autoencoder",
           "latent space", "also used by", "notes", "sources")  # fmt: skip


def rows() -> list[tuple[str, ...]]:
    """The table as texts, one tuple of COLUMNS per format: for the page and the documentation."""
    return [
        (
            f"{row.title} (`{row.key}`)", str(row.channels), str(row.downscale),
            "x".join(map(str, row.latent_shape(1024, 1024))), _scale(row), _shift(row), row.quant_conv or "none",
            row.kind, row.space, row.used_by or "-", row.note or "-", row.sources,
        )
        for row in TABLE
    ]  # fmt: skip


def _scale(row: LatentFormat) -> str:
    if row.kind == "flux2" or LISTS in row.note:
        return "in the file"
    return f"{row.scale:g}" + (f"; std {_numbers(row.std)}" if row.std else "")


def _shift(row: LatentFormat) -> str:
    if row.kind == "flux2" or LISTS in row.note:
        return "in the file"
    return f"mean {_numbers(row.mean)}" if row.mean else f"{row.shift:g}"


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


PREFACE = """\
# Latent formats

Printed by `python -m lib_vaeface.vae.formats` from the table in `lib_vaeface/vae/formats.py`; a test compares.

A latent, as the sampler has it, is `[B, channels, H/downscale, W/downscale]`; a picture is `[B, 3, H, W]` in 0..1.
The decoder takes the raw latent: `latent / scale + shift`, or per channel `latent * std / scale + mean`.
Formats of one latent space share their VAEs. Equal channels, downscale and quant convs mean that no header tells
them apart: [kinship.md](kinship.md) says what does.
"""
TINY_PREFACE = "Tiny autoencoders (TAESD type) take the sampler's latents as they are. What each can belong to:"


def markdown() -> str:
    """docs/vae-formats.md."""
    lines = [PREFACE, "| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows()]
    lines += ["", TINY_PREFACE, ""]
    lines += [f"- {z} channels: {', '.join(BY_KEY[key].title for key in keys)}" for z, keys in TINY.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
