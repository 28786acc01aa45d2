"""The sizes of a KL autoencoder, read off its tensors' shapes, and every tensor that such an autoencoder must have.

Works on headers: shapes in, no tensor is read. Names and shapes are canonical (see layouts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]
MAX_WIDTH, MAX_LEVELS, MAX_BLOCKS = 4096, 8, 16


@dataclass(frozen=True)
class Half:
    """Encoder or decoder: channels of each resolution, finest first, and residual blocks in each."""

    widths: tuple[int, ...]
    blocks: int

    def describe(self) -> str:
        return f"{','.join(map(str, self.widths))} x {self.blocks}"


@dataclass(frozen=True)
class Structure:
    """encoder, decoder: None where the file lacks that half. channels: of the raw latent. `bn`: Flux.2's statistics."""

    channels: int
    encoder: Half | None
    decoder: Half | None
    encoder_quant: bool
    decoder_quant: bool
    bn: bool

    @property
    def downscale(self) -> int:
        half = self.decoder or self.encoder
        return 2 ** (len(half.widths) - 1) if half else 1

    def describe(self) -> str:
        halves = {"encoder": self.encoder, "decoder": self.decoder}
        return "AutoencoderKL, " + "; ".join(f"{name} {half.describe()}" for name, half in halves.items() if half)


def read_structure(shapes: Mapping[str, Shape]) -> Structure | str:
    """The structure that these canonical names and shapes describe, or in words why they describe none."""
    encoder, decoder = _half(shapes, "encoder", "down"), _half(shapes, "decoder", "up")
    if isinstance(encoder, str) or isinstance(decoder, str):
        return encoder if isinstance(encoder, str) else str(decoder)
    quant = {name: _kernel(shapes, f"{name}.weight") for name in ("quant_conv", "post_quant_conv")}
    channels = _channels(shapes)
    if not channels:
        return "no first convolution of a decoder and no last one of an encoder"
    bn = "bn.running_mean" in shapes
    return Structure(channels, encoder, decoder, bool(quant["quant_conv"]), bool(quant["post_quant_conv"]), bn)


def expected(structure: Structure) -> dict[str, Shape]:
    """Every tensor of such an autoencoder: canonical name -> shape."""
    z = structure.channels
    found: dict[str, Shape] = {}
    if structure.encoder:
        found |= _encoder(structure.encoder, 2 * z)
    if structure.decoder:
        found |= _decoder(structure.decoder, z)
    if structure.encoder_quant:
        found |= _conv("quant_conv", 2 * z, 2 * z, 1)
    if structure.decoder_quant:
        found |= _conv("post_quant_conv", z, z, 1)
    if structure.bn:
        found |= {"bn.running_mean": (4 * z,), "bn.running_var": (4 * z,)}
    return found


def faults(shapes: Mapping[str, Shape], structure: Structure) -> list[str]:
    """What differs from `expected`, in words, worst first: missing tensors, wrong shapes, tensors too many."""
    wanted = expected(structure)
    missing = [name for name in wanted if name not in shapes]
    wrong = [name for name, shape in wanted.items() if name in shapes and shapes[name] != shape]
    more = [name for name in shapes if name not in wanted]
    found = []
    if missing:
        found.append(f"{_tensors(missing)} missing, e.g. {missing[0]}")
    if wrong:
        name = wrong[0]
        found.append(f"{_tensors(wrong)} of another shape, e.g. {name} {_size(shapes[name])} for {_size(wanted[name])}")
    if more:
        found.append(f"{_tensors(more)} unknown, e.g. {more[0]}")
    return found


def _tensors(names: list[str]) -> str:
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''}"


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _kernel(shapes: Mapping[str, Shape], name: str) -> Shape | None:
    shape = shapes.get(name)
    return shape if shape and len(shape) == 4 else None


def _channels(shapes: Mapping[str, Shape]) -> int:
    first, last = _kernel(shapes, "decoder.conv_in.weight"), _kernel(shapes, "encoder.conv_out.weight")
    return first[1] if first else last[0] // 2 if last else 0


def _half(shapes: Mapping[str, Shape], half: str, way: str) -> Half | str | None:
    """Widths and blocks of one half; None where the file has nothing of it; words where it is no 2-D autoencoder."""
    if not any(name.startswith(half + ".") for name in shapes):
        return None
    widths: list[int] = []
    while shape := shapes.get(f"{half}.{way}.{len(widths)}.block.0.conv1.weight"):
        if len(shape) != 4:
            return f"its convolutions have {len(shape) - 2} dimensions: a video VAE, which pictures can't use"
        widths.append(shape[0])
        if len(widths) > MAX_LEVELS or not 0 < shape[0] <= MAX_WIDTH:
            return f"{half} sizes that no known VAE has"
    blocks = 0
    while blocks <= MAX_BLOCKS and f"{half}.{way}.0.block.{blocks}.conv1.weight" in shapes:
        blocks += 1
    if not widths or blocks > MAX_BLOCKS:
        return f"an unknown kind of {half}"
    return Half(tuple(widths), blocks)


def _conv(name: str, out: int, into: int, size: int) -> dict[str, Shape]:
    return {f"{name}.weight": (out, into, size, size), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name: str, into: int, out: int) -> dict[str, Shape]:
    found = _norm(f"{name}.norm1", into) | _conv(f"{name}.conv1", out, into, 3)
    found |= _norm(f"{name}.norm2", out) | _conv(f"{name}.conv2", out, out, 3)
    return found | (_conv(f"{name}.nin_shortcut", out, into, 1) if into != out else {})


def _mid(half: str, width: int) -> dict[str, Shape]:
    found = _block(f"{half}.mid.block_1", width, width) | _block(f"{half}.mid.block_2", width, width)
    found |= _norm(f"{half}.mid.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        found |= _conv(f"{half}.mid.attn_1.{part}", width, width, 1)
    return found


def _encoder(half: Half, out: int) -> dict[str, Shape]:
    width = half.widths[0]
    found = _conv("encoder.conv_in", width, 3, 3)
    for i, wide in enumerate(half.widths):
        for j in range(half.blocks):
            found |= _block(f"encoder.down.{i}.block.{j}", width, wide)
            width = wide
        if i < len(half.widths) - 1:
            found |= _conv(f"encoder.down.{i}.downsample.conv", width, width, 3)
    return found | _mid("encoder", width) | _norm("encoder.norm_out", width) | _conv("encoder.conv_out", out, width, 3)


def _decoder(half: Half, z: int) -> dict[str, Shape]:
    width = half.widths[-1]
    found = _conv("decoder.conv_in", width, z, 3) | _mid("decoder", width)
    for i, wide in reversed(list(enumerate(half.widths))):
        for j in range(half.blocks):
            found |= _block(f"decoder.up.{i}.block.{j}", width, wide)
            width = wide
        if i:
            found |= _conv(f"decoder.up.{i}.upsample.conv", width, width, 3)
    return found | _norm("decoder.norm_out", width) | _conv("decoder.conv_out", 3, width, 3)
