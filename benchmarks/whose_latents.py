"""Whose latents are these? 50 latent files of every family and layout: `python -m benchmarks.whose_latents [--few]`.

Families are the pocket VAE and VAEs as good with other latent spaces (turned, or mixed into 16 or 32 channels), each in
the shapes, scale and layout of a real one, and the trained TAEF2. Half of the files have no metadata. Everything is
asked of `universal.choose` with all VAEs at hand, and again without the right family.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.tables import machine, table
from lib_vaeface.vae import metrics
from lib_vaeface.vae.autoencoder import load
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.formats import BY_KEY, LatentFormat
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.latent_files import COMFYUI, PLAIN, About, read, write
from lib_vaeface.vae.probe import picture
from lib_vaeface.vae.universal import Candidate, Own, Stored, choose, comes_back, decode
from pocket_webui.portraits import render, sample
from tests.fixtures import kin
from tests.vae import family

TAEF2 = kin.ROOT / "tests" / "fixtures" / "taef2.safetensors"
SIDE, FILES = 128, 50
RIGHT, ASKED, WRONG = "decoded rightly", "asked", "decoded wrongly"
SAME = 25  # dB: a kin with noise in its weights shows the same picture
KINDS = ("closeup", "half", "group")


@dataclass(frozen=True)
class Family:
    """key: of the format; path: its VAE."""

    name: str
    key: str
    path: Path

    @property
    def format(self) -> LatentFormat | None:
        return BY_KEY[self.key] if self.key else None


@lru_cache
def opened(path: Path, format: LatentFormat | None) -> Autoencoder:
    return load(path, format=format)


def families(folder: Path) -> list[Family]:
    base = family.base_state()
    made = (
        ("sd1", kin.write(base, folder / "one.safetensors")),
        ("sdxl", kin.write(kin.turned(base, 3), folder / "two.safetensors", layout="diffusers")),
        ("playground-2.5", kin.write(kin.turned(base, 11), folder / "p.safetensors", prefix="first_stage_model.")),
        ("sd3", kin.write(family.widened(base, 16, 5), folder / "three.safetensors")),
        ("flux1", kin.write(family.widened(base, 16, 6), folder / "four.safetensors", layout="diffusers")),
        ("flux2", kin.write(family.widened(base, 32, 7, flux2=True), folder / "five.safetensors")),
    )
    return [*(Family(key, key, path) for key, path in made), Family("taef2", "", TAEF2)]


def candidates(known: list[Family], folder: Path, hashes: Hashes) -> list[Candidate]:
    """Every family's VAE and a kin of SD1's; of none the format is proved, beyond what shapes prove."""
    twin = kin.write(kin.noisy(family.base_state(), 0.01, 1), folder / "kin.safetensors")
    paths = {one.name: one.path for one in known} | {"sd1 kin": twin}
    return [
        Candidate(name, inspect(path), lambda row, path=path: opened(path, row), weight_hash=hashes.weights(path))
        for name, path in paths.items()
    ]


def pictures(count: int) -> Tensor:
    scenes = [sample(77, count, kind, SIDE, SIDE) for kind in KINDS]
    return torch.cat([render([scenes[number % 3][number // 3]]) for number in range(count)]).float() / 255


def files(known: list[Family], folder: Path, hashes: Hashes, count: int) -> Iterator[tuple[Family, str, Path, Tensor]]:
    """Latent files: family, what they say, path, and the picture that they are of."""
    seen = pictures(count)
    for number in range(count):
        one = known[number % len(known)]
        codec = opened(one.path, one.format)
        latents = codec.encode(seen[number : number + 1])
        says = ("nothing", "format", "nothing", "hash and format")[number // len(known) % 4]
        layout = PLAIN if not one.key or number % 2 else COMFYUI
        about = About(one.key if says != "nothing" or layout == COMFYUI else "", "", "")
        if "hash" in says:
            about = About(one.key, hashes.weights(one.path), one.path.name)
        path = write(folder / f"latent-{number}", latents, about, layout)
        if says == "nothing":
            path = stripped(path)
        yield one, f"{layout}, {says}", path, codec.decode(latents)


def stripped(path: Path) -> Path:
    from safetensors.torch import load_file, save_file

    save_file(load_file(path), path)
    return path


def ask(known: list[Family], folder: Path, count: int) -> None:
    hashes, own = Hashes(), {}
    at_hand = candidates(known, folder, hashes)
    rows: dict[str, Counter[str]] = {}
    notes: list[str] = []
    for one, says, path, truth in files(known, folder, hashes, count):
        stored = read(path).stored
        for label, some in (
            ("all at hand", at_hand),
            ("the right family missing", [c for c in at_hand if not c.name.startswith(one.name)]),
        ):
            row = rows.setdefault(f"{says}; {label}", Counter())
            what, reason = outcome(stored, some, truth, own)
            row[what] += 1
            if some is at_hand and what != RIGHT:
                notes.append(f"- {one.name} ({says}): {what}. {reason}")
    names = (RIGHT, ASKED, WRONG)
    table(("latent files", *names), ([label, *(row[name] for name in names)] for label, row in sorted(rows.items())))
    print("\n".join(notes))


def outcome(stored: Stored, some: list[Candidate], truth: Tensor, own: Own) -> tuple[str, str]:
    found = choose(stored, some, own)
    if found.option is None:
        return ASKED, found.reason
    error = metrics.mse(decode(stored, found.option), truth)
    return (RIGHT if metrics.psnr(error) > SAME else WRONG), found.reason


def distributions(count: int) -> None:
    """What share of the variance comes back changed: of right latents, wrong ones, and wrong scales."""
    codec, random = family.base(), torch.Generator().manual_seed(0)
    own = comes_back(codec, codec.encode(picture()))
    right = codec.encode(pictures(count))
    turns = [torch.linalg.qr(torch.randn(4, 4, generator=random))[0] for _ in range(8)]
    turns += [torch.eye(4).roll(shift, 0) for shift in (1, 2, 3)]
    wrong = [torch.einsum("ij,bjhw->bihw", turn, right[n % 3 :: 3]) for n, turn in enumerate(turns)]
    cases = {
        "its own": [right], "its own, scale of SD1 taken for SDXL's": [right * 0.13025 / 0.18215],
        "its own, scale of SDXL taken for SD1's": [right * 0.18215 / 0.13025], "turned or permuted": wrong,
        "white noise": [torch.randn(right.shape, generator=random)],
    }  # fmt: skip
    table(
        ("latents", "number", "least", "median", "95 %", "most"),
        (_spread(name, [one for part in parts for one in part], codec, own.spread) for name, parts in cases.items()),
    )
    print(f"The test picture's own: {own.error / own.spread:.4f}")


def _spread(name: str, latents: list[Tensor], codec: Autoencoder, least: float) -> list[object]:
    found = [comes_back(codec, one[None]) for one in latents]
    shares = torch.tensor([one.error / max(one.spread, least) for one in found]).sort().values
    at = [0, len(shares) // 2, int(0.95 * (len(shares) - 1)), -1]
    return [name, len(shares), *(f"{float(shares[place]):.4f}" for place in at)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help="a short run, to see that it works")
    few = parser.parse_args().few
    print(machine("torch"))
    distributions(6 if few else 30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ask(families(folder), folder, 14 if few else FILES)


if __name__ == "__main__":
    main()
