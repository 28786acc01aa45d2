"""Big pictures beside the WebUIs' own tilings: `python -m benchmarks big_pictures --a1111 FOLDER --a1111-python FILE`.

    VAEFACE_FORGE=FOLDER VAEFACE_FORGE_PYTHON=FILE VAEFACE_TILED_VAE=FOLDER python -m benchmarks ...

A1111 has no tiling of its own; its users take Tiled VAE, of the extension multidiffusion-upscaler-for-automatic1111,
which is looked for in FOLDER/extensions or where VAEFACE_TILED_VAE says. Forge's stands beside it where VAEFACE_FORGE
names a checkout of it, and VAEFACE_FORGE_PYTHON the Python that it runs with. On the CPU, in fp32, with the tiles that
they propose there. The pocket model's decoder is a trained one: what tilings that are not exact do to a picture can't
be told from random weights.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.big_rows import Row, row, told
from benchmarks.decoders import FULL, PEER_TILES, TILES, Measured, OutOfMemory, Task, latent, ours, peer, run
from benchmarks.flags import Flags
from benchmarks.host_tiles import A1111, EXTENSION, FAST, FORGE, FORGE_TILES, NOT_FAST, Job, decoded
from benchmarks.summary import found
from benchmarks.tables import machine
from pocket_webui.portraits import render, sample

SHARES = (0.3, 0.17)  # of a whole decode's bytes, planned, that our tiles may hold
CASES = (("pocket", 1024), ("pocket", 2048))
SHOWN = (TILES, FAST, NOT_FAST, FORGE_TILES)
WHOLE = 1024  # px: above it A1111's own attention builds a matrix that few computers have the memory for


@dataclass(frozen=True)
class Files:
    """What one case is given, in a folder: the latent, the same before the decoder, the weights."""

    folder: Path
    net: str
    side: int

    @property
    def latent(self) -> str:
        return str(self.folder / "latent.pt")

    @property
    def raw(self) -> str:
        return str(self.folder / "raw.safetensors")

    @property
    def weights(self) -> str:
        return str(self.folder / "weights.safetensors")

    @torch.no_grad()
    def write(self) -> None:
        codec = ours(peer(self.net), "cpu")
        z = latent(self.net, self.side, "cpu")
        if self.net == "pocket":
            z = codec.encode(render(sample(31, 1, "group", self.side, self.side)).float() / 255)
        torch.save(z, self.latent)
        save_file({"raw": codec.scaling.to_raw(z).contiguous()}, self.raw)
        save_file({name: tensor.contiguous() for name, tensor in codec.source().items()}, self.weights)


def folders(asked: Flags) -> dict[str, tuple[str, str]]:
    """Each way of a host that is there: its folder and its Python. SystemExit: Tiled VAE was not found."""
    assert asked.a1111 is not None
    tiled_vae(asked)
    found = dict.fromkeys((A1111, FAST, NOT_FAST), (str(asked.a1111), asked.a1111_python))
    forge = os.environ.get("VAEFACE_FORGE")
    if forge:
        python = os.environ.get("VAEFACE_FORGE_PYTHON", asked.a1111_python)
        found |= dict.fromkeys((FORGE, FORGE_TILES), (forge, python))
    return found


def tiled_vae(asked: Flags) -> str:
    assert asked.a1111 is not None
    folder = Path(os.environ.get("VAEFACE_TILED_VAE") or asked.a1111 / "extensions" / EXTENSION)
    if not (folder / "scripts" / "tilevae.py").is_file():
        raise SystemExit(f"Tiled VAE is not in {folder}: VAEFACE_TILED_VAE names the folder of {EXTENSION}")
    return str(folder)


def rows(asked: Flags, files: Files) -> Iterator[Row]:
    """The whole decode first."""
    keep, whole = (str(files.folder / name) for name in ("out.pt", "whole.pt"))
    task = Task(files.net, FULL, files.side, given=files.latent)
    yield row(FULL, run(task.of(FULL, 1.0, whole)), whole, whole)
    for share in SHARES:
        yield row(f"{TILES}, {share:.0%} of the bytes", run(task.of(TILES, share, keep)), keep, whole)
    yield row(PEER_TILES, run(task.of(PEER_TILES, 1.0, keep)), keep, whole)
    for way, (folder, python) in folders(asked).items():
        if way in (A1111, FORGE) and files.side > WHOLE:
            continue
        job = Job(way, files.net, folder, tiled_vae(asked), files.weights, files.raw, 1, keep)
        made = tried(job, python)
        tile = f", tiles of {made.told}" if made and made.told else ""
        yield row(way + tile, made, keep, whole)


def tried(job: Job, python: str) -> Measured | None:
    try:
        return decoded(job, python)
    except OutOfMemory:
        return None


def case(asked: Flags, net: str, side: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder), net, side)
        files.write()
        made = list(rows(asked, files))
    met = told(f"{net}, {side} px", made)
    text = "; ".join(f"{way}: {one.beside(made[0])}" for one in made for way in SHOWN if one.name.startswith(way))
    found("big", text, met, f"beside the hosts' tilings, {net}, {side} px", "" if met else "see the table")


def main(asked: Flags) -> None:
    print(machine("torch", "diffusers"))
    print(
        "\nThe pocket model's trained decoder and the latent of a rendered picture. CPU seconds of the process, one"
        " run; each way in a process of its own. Forge decodes three times, in tiles of three shapes: the mean counts."
    )
    for net, side in (("narrow", 128), ("pocket", 128)) if asked.quick else CASES:
        case(asked, net, side)
