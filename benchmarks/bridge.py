"""Crossing between families of latents, measured: `python -m benchmarks.bridge [--few]`; see docs/vae-compare.md.

Pairs: the pocket VAE with its latents turned (as good, another space), the trained TAEF2 (32 channels, another
network), and every VAE that lies in pocket_webui/models. For each: the bridge against the target's own round trip, the
fitted map, and both times. Then what adaptive noise does to the latents' statistics and to img2img with the pocket
U-Net, and a comparison of the family's decoders on held-out renders, through the product's own compare.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.tables import machine, table
from benchmarks.timing import cpu_seconds
from lib_vaeface.vae import metrics
from lib_vaeface.vae.autoencoder import from_state_dict, load
from lib_vaeface.vae.bridge import adaptive_noise, bridge, side_by_side
from lib_vaeface.vae.calibrate import calibrate
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.compare import Region, compare, rebuild_each
from lib_vaeface.vae.kinship import judge_files
from lib_vaeface.vae.verdicts import FITS
from pocket_webui.measure.vae import held_out, regions_of
from pocket_webui.portraits import render, sample
from tests.fixtures import kin
from tests.vae import family

TAEF2 = kin.ROOT / "tests" / "fixtures" / "taef2.safetensors"
MODELS = kin.ROOT / "pocket_webui" / "models"
SIDE = 128
STRENGTH, STEPS = 0.5, 12


def files() -> dict[str, Path]:
    """The VAEs of the models' folder, by name; the checkpoint's own is "base"."""
    found = {path.stem: path for path in sorted(MODELS.glob("*.safetensors")) if path != kin.POCKET}
    return {"base": kin.POCKET, **found}


def pairs() -> dict[str, tuple[Autoencoder, Autoencoder]]:
    base, turned = family.base(), family.foreign()
    taef2 = load(TAEF2)
    found = {"base to turned": (base, turned), "base to TAEF2": (base, taef2), "TAEF2 to base": (taef2, base)}
    for name, path in files().items():
        if judge_files(path, kin.POCKET).answer != FITS:
            other = load(path)
            found |= {f"base to {name}": (base, other), f"{name} to base": (other, base)}
    return found


def pictures(count: int, seed: int) -> list[Tensor]:
    return [render([scene]).float() / 255 for scene in sample(seed, count, "closeup", SIDE, SIDE)]


def crossing(few: bool) -> None:
    fitted, held = pictures(6 if few else 60, 5), torch.cat(pictures(2 if few else 16, 90_000_000))
    rows = []
    for name, (source, target) in pairs().items():
        latents = source.encode(held)
        exact = bridge(latents, source, target)
        assert exact.pictures is not None
        own = target.decode(target.encode(exact.pictures))
        found = calibrate(fitted, source, target)
        mapped = bridge(latents, source, target, via=found)
        raw = source.scaling.to_raw(latents[:1])
        slow = cpu_seconds(lambda a=source, b=target, z=latents[:1]: bridge(z, a, b, check=False))
        fast = repeated(lambda m=found, z=raw: m(z))
        wrong = "-"
        if source.channels == target.channels:
            wrong = decibels(metrics.mse(target.decode(latents), exact.pictures))
        rows.append([name, wrong, decibels(metrics.mse(own, exact.pictures)), f"{exact.report.psnr:.2f}", found.kind,
                     f"{mapped.report.psnr:.2f}", f"{found.held_out.unexplained:.1%}", f"{slow * 1e3:.0f}",
                     f"{fast * 1e3:.2f}", f"{slow / fast:.0f}"])  # fmt: skip
    print(f"\n{len(held)} held-out portraits of {SIDE} px; maps fitted on {len(fitted)} others (a fifth held out).")
    table(("from, to", "unbridged, dB", "target's own, dB", "bridge, dB", "map", "by the map, dB", "unexplained",
           "bridge, CPU ms", "map, CPU ms", "times faster"), rows)  # fmt: skip


def repeated(work: Callable[[], object], times: int = 50) -> float:
    """CPU seconds of something quick."""
    work()
    start = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - start) / times


def decibels(error: float) -> str:
    return f"{metrics.psnr(error):.2f}"


def statistics_of(few: bool) -> None:
    """Spread of native and of bridged latents: what adaptive noise is set from."""
    held = torch.cat(pictures(2 if few else 16, 90_000_000))
    base, turned = family.base(), family.foreign()
    unit = from_state_dict(kin.turned(family.base_state(), 3), format=family.POCKET)
    native = base.encode(held)
    back = bridge(bridge(native, base, turned).latents, turned, base).latents
    names = ("base, native", "turned, native", "base, after a bridge there and back")
    shown = side_by_side([native, unit.encode(held), back])
    table(("latents", "spread", "standard deviation per channel"),
          ([name, one["spread"], " ".join(f"{value:.2f}" for value in one["std"])]
           for name, one in zip(names, shown, strict=True)))  # fmt: skip


@torch.no_grad()
def refined(few: bool) -> None:
    """img2img with the pocket U-Net on bridged latents, with white and with adaptive noise."""
    from pocket_webui.nets import checkpoint
    from pocket_webui.train.conditioning import encode_prompts
    from pocket_webui.train.sheets import euler_sigmas

    model = checkpoint.load(kin.POCKET).eval()
    scenes = sample(90_000_001, 2 if few else 8, "closeup", SIDE, SIDE)
    held = torch.cat([render([scene]) for scene in scenes]).float() / 255
    base, turned = family.base(), family.foreign()
    native = base.encode(held)
    bridged = bridge(bridge(native, base, turned).latents, turned, base).latents
    noise = torch.randn(native.shape, generator=torch.Generator().manual_seed(0))
    prompts = encode_prompts(model, ["a portrait of a person"] * len(held), (SIDE, SIDE))
    sigmas = euler_sigmas(model, STEPS)[round(STEPS * (1 - STRENGTH)) :]
    times = ((1 - model.alphas_cumprod) / model.alphas_cumprod).sqrt()
    rows = []
    for name, start, used in (
        ("native latents, white noise", native, noise), ("bridged, white noise", bridged, noise),
        ("bridged, adaptive noise", bridged, adaptive_noise(bridged, noise)),
    ):  # fmt: skip
        x = start + used * sigmas[0]
        for now, after in itertools.pairwise(sigmas):
            t = (times - now).abs().argmin().repeat(1)
            scaled = x / (now**2 + 1).sqrt()
            predicted = torch.cat([model.apply_model(scaled[i : i + 1], t, c) for i, c in enumerate(prompts)])
            x = x + (after - now) * predicted
        image = base.decode(x)
        error, detail = metrics.mse(image, held), metrics.detail(image)
        rows.append([name, decibels(error), f"{detail:.2f}", f"{float(x.std()):.3f}"])
    rows.append(["the pictures themselves", "-", f"{metrics.detail(held):.2f}", f"{float(native.std()):.3f}"])
    print(f"\nimg2img, strength {STRENGTH}, {STEPS} steps of Euler, CFG 1, {len(held)} portraits of {SIDE} px")
    table(("start", "to the picture, dB", "fine detail, levels", "latents' deviation"), rows)


def decoders(few: bool) -> None:
    """The family's VAEs on held-out renders, by picture, face and eyes."""
    codecs = {name: load(path) for name, path in files().items()}
    scenes, seen = zip(*held_out(4 if few else 60, 1, 256), strict=True)
    truth = torch.stack(seen).float() / 255
    words = {"faces": "face", "eyes": "eyes"}
    regions = [
        Region(words[kind], (max(0, left), max(0, top), min(256, right), min(256, bottom)), number)
        for number, scene in enumerate(scenes) for kind, boxes in regions_of(scene).items() if kind in words
        for left, top, right, bottom in boxes
    ]  # fmt: skip
    found = compare(rebuild_each(truth, codecs), truth, regions)
    rows = []
    for entry in found.measured:
        whole = entry.figures()
        by_kind = [f"{entry.figures(kind).psnr:.2f}" for kind in ("picture", "face", "eyes")]
        shift = " ".join(f"{value:+.1f}" for value in whole.shift)
        rows.append([entry.name, *by_kind, f"{whole.ssim:.3f}", f"{whole.detail_change:+.0%}", shift])
    print(f"\n{len(truth)} held-out renders of 256 px")
    table(("VAE", "picture, dB", "faces, dB", "eyes, dB", "SSIM", "fine detail", "colour shift"), rows)
    print("\n".join(found.lines()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help="a short run, to see that it works")
    few = parser.parse_args().few
    print(machine("torch"))
    crossing(few)
    statistics_of(few)
    refined(few)
    decoders(few)


if __name__ == "__main__":
    main()
