"""From the shapes in a file to the programs of its coders, or to the reason why there are none.

Few shapes tell the configuration (latent channels, widths and blocks of every resolution, quant convolutions); from it
follows the table of every tensor with its shape, and the file must have exactly that: none missing, none more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import layouts, tiny
from .program import Attention, Conv, Norm, Op, Program, Shapes, Up, resblock
from .structure import Half, Structure, faults, read_structure

KL, TINY = "kl", "tiny"


@dataclass(frozen=True)
class Architecture:
    """The two halves of a codec; a file may hold only one of them.

    raw_channels: of the latent that the decoder takes. downscale: picture pixels per raw latent pixel. packed: Flux.2,
    whose sampler sees 2x2 raw pixels packed into channels, normalised by statistics in the file (bn.*).
    """

    kind: str
    encoder: Program | None
    decoder: Program | None
    raw_channels: int
    downscale: int
    quant_conv: bool = False
    packed: bool = False

    @property
    def halves(self) -> list[Program]:
        return [half for half in (self.encoder, self.decoder) if half]


def of_file(naming: layouts.Naming, shapes: Mapping[str, Sequence[int]]) -> Architecture:
    """The architecture of a file with these names and shapes, in any layout.

    ValueError: there is none; the text says what is missing, too much or of another shape.
    """
    if naming.strangers:
        raise ValueError(f"{len(naming.strangers)} tensors belong to no VAE, e.g. {naming.strangers[0]}")
    ours = {name: layouts.canonical_shape(name, shapes[theirs]) for name, theirs in naming.names.items()}
    found = _kl(ours) if naming.levels else _tiny(ours)
    for op in (op for half in found.halves for op in half.ops):
        if isinstance(op, Norm) and op.channels % op.groups:
            raise ValueError(f"{op.name} has {op.channels} channels, which do not split into {op.groups} groups")
    return found


def _kl(shapes: Mapping[str, tuple[int, ...]]) -> Architecture:
    structure = read_structure(shapes)
    if isinstance(structure, str):
        raise ValueError(structure)
    wrong = faults(shapes, structure)
    if wrong:
        raise ValueError("; ".join(wrong))
    z, downscale = structure.channels, structure.downscale
    encoder = tuple(_encoder(structure.encoder, structure)) if structure.encoder else ()
    decoder = tuple(_decoder(structure.decoder, structure)) if structure.decoder else ()
    return Architecture(
        KL,
        Program(encoder, 3, downscale) if encoder else None,
        Program(decoder, z, 1) if decoder else None,
        z,
        downscale,
        structure.encoder_quant or structure.decoder_quant,
        structure.bn,
    )


def _encoder(half: Half, structure: Structure) -> Iterator[Op]:
    width, z = half.widths[0], structure.channels
    yield Conv("encoder.conv_in", 3, width)
    for level, wanted in enumerate(half.widths):
        yield from _level(f"encoder.down.{level}", half.blocks, width, wanted)
        width = wanted
        if level < len(half.widths) - 1:
            yield Conv(f"encoder.down.{level}.downsample.conv", width, width, stride=2, after=True)
    yield from _mid("encoder", width)
    yield Norm("encoder.norm_out", width)
    yield Conv("encoder.conv_out", width, 2 * z)
    if structure.encoder_quant:
        yield Conv("quant_conv", 2 * z, 2 * z, 1)


def _decoder(half: Half, structure: Structure) -> Iterator[Op]:
    width, z = half.widths[-1], structure.channels
    if structure.decoder_quant:
        yield Conv("post_quant_conv", z, z, 1)
    yield Conv("decoder.conv_in", z, width)
    yield from _mid("decoder", width)
    for level in reversed(range(len(half.widths))):
        yield from _level(f"decoder.up.{level}", half.blocks, width, half.widths[level])
        width = half.widths[level]
        if level:
            yield Up(f"decoder.up.{level}.upsample.conv", width, width)
    yield Norm("decoder.norm_out", width)
    yield Conv("decoder.conv_out", width, 3)


def _mid(half: str, width: int) -> Iterator[Op]:
    yield from resblock(f"{half}.mid.block_1", width, width)
    yield Attention(f"{half}.mid.attn_1", width)
    yield from resblock(f"{half}.mid.block_2", width, width)


def _level(name: str, blocks: int, width: int, wanted: int) -> Iterator[Op]:
    """The residual blocks of one resolution; the first changes the width."""
    for block in range(blocks):
        yield from resblock(f"{name}.block.{block}", width if block == 0 else wanted, wanted)


def _tiny(shapes: Mapping[str, tuple[int, ...]]) -> Architecture:
    encoder, decoder = tiny.programs(shapes)
    halves = [half for half in (encoder, decoder) if half]
    wanted: Shapes = {name: shape for half in halves for name, shape in half.shapes().items()}
    wrong = [name for name in {*wanted, *shapes} if wanted.get(name) != shapes.get(name)]
    if wrong or not halves:
        raise ValueError(f"{len(wrong)} tensors are not those of a tiny autoencoder, e.g. {sorted(wrong)[:1]}")
    channels = {half.channels if half is decoder else half.widths[-1] for half in halves}
    scales = {max(half.scales) for half in halves}
    if len(channels) > 1 or len(scales) > 1:
        raise ValueError("its encoder and decoder do not belong together: latents of different shapes")
    return Architecture(TINY, encoder, decoder, channels.pop(), scales.pop())
