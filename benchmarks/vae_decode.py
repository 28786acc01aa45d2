"""What exact regions, tiles and precisions cost and how far they are off: the tables of docs/decoding.md.

`python benchmarks/vae_decode.py [table ...]`: costs, regions, tiles, upsampling, precisions, faces. Operations are
those that torch's own counter sees (on tensors without data, at full size); times are ratios within one run; errors are
against the full decode of the same VAE.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lib_vaeface.vae import architecture, layouts  # noqa: E402  (needs the path above)
from lib_vaeface.vae.autoencoder import CUTS, FIRST_STAGE, LATENT, MID, Autoencoder, from_state_dict  # noqa: E402
from lib_vaeface.vae.budget import Job  # noqa: E402
from lib_vaeface.vae.crops import Box, crop, run_box  # noqa: E402
from lib_vaeface.vae.decode import Own, decode_faces  # noqa: E402
from lib_vaeface.vae.execute import Net, Norms, Statistics, phases, run, upsample  # noqa: E402
from lib_vaeface.vae.program import Norm, Program  # noqa: E402
from lib_vaeface.vae.regions import cut_position  # noqa: E402
from lib_vaeface.vae.structure import Half, Structure, expected  # noqa: E402
from lib_vaeface.vae.weights import prepare  # noqa: E402
from tests.vae import samples  # noqa: E402

# Shares of a full decode that the facts computed for a region of fixed context: image, face, C (k=18), D (13), E (7).
SHARES = [
    (512, 128, 0.66, 0.41, 0.20),
    (1024, 256, 0.28, 0.19, 0.112),
    (2048, 256, 0.071, 0.041, 0.024),
    (4096, 512, 0.038, 0.016, 0.011),
]
FACE = Box(176, 64, 304, 192)


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    row(*cells)
    row(*("---" for _ in cells))


def best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of this thread's CPU, the least of a few calls."""
    found = []
    for _ in range(times):
        start = time.thread_time()
        call()
        found.append(time.thread_time() - start)
    return min(found)


def full_size() -> tuple[Program, Net]:
    """The decoder of SD1 and SDXL, with weights that have shapes and no data."""
    widths = (128, 256, 512, 512)
    shapes = expected(Structure(4, Half(widths, 2), Half(widths, 3), True, True, False))
    naming = layouts.read(shapes)
    assert naming is not None
    found = architecture.of_file(naming, shapes)
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    assert found.decoder is not None
    return found.decoder, prepare(found, weights, torch.device("meta"), torch.float32, False)


def known(program: Program) -> Norms:
    norms = Norms(measure=False)
    for position in program.find(Norm):
        op = program.ops[position]
        assert isinstance(op, Norm)
        norms.known[position] = Statistics(torch.empty(op.groups, device="meta"), torch.empty(op.groups, device="meta"))
    return norms


def counted(call: Callable[[], object]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def costs() -> None:
    """Table 4.2(d) of the facts, as this codec does it. C also computes attention to all pixels at its own."""
    program, net = full_size()
    end = len(program.ops)
    head(
        "image / face px",
        "full, TFLOP",
        "C: from the latent",
        "D: from mid",
        "E: from the first stage",
        "E by the facts",
    )
    for image, face, _, _, share in SHARES:
        side, at = image // 8, (image - face) // 16
        box = Box(at, at, at + face // 8, at + face // 8)
        full = counted(lambda side=side: run(net, program, (meta(4, side),), 0, len(program.ops), Norms()))
        cells = []
        for cut in CUTS:
            start, norms = cut_position(program, cut), known(program)
            for position, op in enumerate(program.ops):
                if cut == LATENT and type(op).__name__ == "Attention":
                    norms.known[position] = Statistics(meta_line(32), meta_line(32))
                    keys = torch.empty(1, 1, side * side, program.widths[position], device="meta")
                    norms.keys[position] = keys, keys
            state = (meta(program.widths[start], side),)
            flops = counted(
                lambda s=start, x=state, n=norms, b=box, d=side: run_box(net, program, x, s, end, b, (d, d), n)
            )
            cells.append(f"{100 * flops / full:.1f} %")
        row(f"{image} / {face}", f"{full / 1e12:.2f}", *cells, f"{100 * share:.1f} %")


def meta(channels: int, side: int) -> Tensor:
    return torch.empty(1, channels, side, side, device="meta")


def meta_line(count: int) -> Tensor:
    return torch.empty(count, device="meta")


def pictures() -> Iterator[tuple[str, Autoencoder, Tensor]]:
    for name in ("astronaut", "coffee"):
        photo = samples.photo(name, 384 if name == "coffee" else 512)
        for vae, codec in (("pocket (KL, trained)", samples.pocket()), ("TAEF2 (trained)", samples.taef2())):
            yield f"{vae}, {name}", codec, codec.encode(photo)


def regions() -> None:
    """Errors of regions by cut and context, and their time as a share of the full decode's."""
    head("VAE, photograph", "cut", "context", "max error, 1/255", "PSNR, dB", "time, share of full")
    for name, codec, latents in pictures():
        images, memories = codec.decode_keeping(latents, CUTS)
        full = best(lambda c=codec, x=latents: c.decode(x), 1)
        for cut in (LATENT, MID, FIRST_STAGE) if "KL" in name else (LATENT, FIRST_STAGE):
            need = codec.decoder.halo(cut_position(codec.decoder, cut))
            for halo in (4, 8, need) if need > 8 else (need // 2, need):
                call = lambda c=codec, x=latents, m=memories, k=cut, h=halo: c.decode_region(x, FACE, m, k, h)  # noqa: E731
                found, wanted = call(), crop(images, FACE)
                error, db = samples.steps(found, wanted), samples.psnr(found, wanted)
                row(name, cut, halo, f"{error:.4f}", "equal" if error == 0 else f"{db:.0f}", f"{best(call) / full:.3f}")


def tiles() -> None:
    """Tiles within shares of the bytes of a full decode: work, time, bytes that were held, error."""
    head("VAE, photograph", "bytes allowed", "bytes held", "work", "time", "max error, 1/255", "PSNR, dB")
    for name, codec, latents in pictures():
        if "astronaut" not in name:
            continue
        job = Job(codec.decoder, (latents.shape[2], latents.shape[3]), 4)
        whole, images = job.whole(), codec.decode(latents)
        full = best(lambda c=codec, x=latents: c.decode(x), 1)
        for share in (0.75, 0.5, 0.3, 0.2, 0.15):
            limit = int(share * whole.nbytes)
            if limit < job.least_bytes() + 2**20:
                continue
            call = lambda c=codec, x=latents, n=limit: c.decode_tiled(x, n)  # noqa: E731
            found, held = call(), samples.peak_bytes(call)
            work = sum(stretch.macs for stretch in job.plan(limit - 2**18)) / whole.macs
            cells = (
                f"{100 * share:.0f} %",
                f"{100 * held / whole.nbytes:.0f} %",
                f"{work:.2f}",
                f"{best(call, 1) / full:.2f}",
            )
            row(name, *cells, f"{samples.steps(found, images):.4f}", f"{samples.psnr(found, images):.0f}")


def upsampling() -> None:
    """Doubling and its 3x3 convolution as four 2x2 kernels: time as a share of the plain way's, and its error."""
    head("channels", "input px", "time, share of plain", "operations", "max difference, of the output's spread")
    for channels, side in ((64, 128), (128, 64), (256, 64), (512, 32)):
        x, weight = torch.randn(1, channels, side, side), torch.randn(channels, channels, 3, 3) / channels
        kernels = phases(weight)
        plain = lambda x=x, w=weight: F.conv2d(F.interpolate(x, scale_factor=2.0), w, padding=1)  # noqa: E731
        four = lambda x=x, k=kernels: upsample(x, k, None, False)  # noqa: E731
        error = float((plain() - four()).abs().max() / plain().std())
        row(
            channels,
            f"{side}x{side}",
            f"{best(four) / best(plain):.2f}",
            f"{counted(four) / counted(plain):.3f}",
            f"{error:.0e}",
        )


def precisions() -> None:
    """The pocket VAE in each precision: its whole decode against fp32, its tiles and regions against its whole."""
    head("precision", "against fp32: max, 1/255", "PSNR, dB", "tiles against whole: max, 1/255", "region: max, 1/255")
    codec = samples.pocket()
    latents = codec.encode(samples.photo("astronaut", 256, 64))
    exact, box = codec.decode(latents), Box(100, 50, 180, 140)
    for name, dtype in (("fp32", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)):
        low = codec.in_precision(dtype)
        images, memories = low.decode_keeping(latents)
        tiled = low.decode_tiled(latents, tile=9)
        region = low.decode_region(latents, box, memories)
        db = "-" if name == "fp32" else f"{samples.psnr(images, exact):.0f}"
        errors = [samples.steps(images, exact), samples.steps(tiled, images), samples.steps(region, crop(images, box))]
        row(name, f"{errors[0]:.3f}", db, f"{errors[1]:.4f}", f"{errors[2]:.4f}")


def faces() -> None:
    """A face out of kin of the pocket VAE: estimated statistics against that VAE's own full decode."""
    head(
        "kin: noise on the decoder's weights",
        "photograph",
        "own VAE's face",
        "estimated: PSNR, dB",
        "max, 1/255",
        "work, share of full",
    )
    own = samples.pocket()
    for name in ("astronaut", "coffee"):
        latent = own.encode(samples.photo(name, 384))
        donor, memories = own.decode_keeping(latent)
        for noise in (0.02, 0.05, 0.1):
            codec = kin(own, noise)
            wanted, full = (
                crop(codec.decode(latent), FACE),
                codec.decoder.macs(0, len(codec.decoder.ops), *memories[0].size),
            )
            found = decode_faces(
                codec, latent, [(FACE.left, FACE.top, FACE.right, FACE.bottom)], Own(own, memories[0]), exact=False
            )
            before = f"{samples.psnr(crop(donor, FACE), wanted):.1f} dB"
            label = "" if not found.exact else " (full pass)"
            error = (
                f"{samples.psnr(found.images[0], wanted):.1f}{label}",
                f"{samples.steps(found.images[0], wanted):.1f}",
            )
            row(f"{100 * noise:.0f} % of each tensor's spread", name, before, *error, f"{found.macs / full:.2f}")


def kin(codec: Autoencoder, noise: float) -> Autoencoder:
    random = torch.Generator().manual_seed(1)
    weights = {name: tensor.float() for name, tensor in codec.source().items()}
    for name, tensor in weights.items():
        if name.startswith("decoder.") and tensor.ndim == 4:
            weights[name] = tensor + noise * tensor.std() * torch.randn(tensor.shape, generator=random)
    return from_state_dict(weights, format=codec.format)


TABLES: dict[str, Callable[[], None]] = {
    table.__name__: table for table in (costs, regions, tiles, upsampling, precisions, faces)
}


def main(names: list[str]) -> None:
    for name in names or TABLES:
        print(f"\n### {name}\n\n{TABLES[name].__doc__}\n")
        with torch.no_grad():
            TABLES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
