"""Contact sheets and timing: python -m pocket_webui.portraits --n 64 --kind closeup -o sheet.png"""

from __future__ import annotations

import argparse
import time

import torch
from PIL import Image

from . import caption, render, sample
from .words import KINDS


def sheet(pictures: torch.Tensor, columns: int = 8) -> Image.Image:
    """Pictures [n,3,H,W] uint8 side by side."""
    n, _, height, width = pictures.shape
    rows = -(-n // columns)
    page = Image.new("RGB", (columns * width, rows * height))
    for i, picture in enumerate(pictures.cpu().permute(0, 2, 3, 1).numpy()):
        page.paste(Image.fromarray(picture), (i % columns * width, i // columns * height))
    return page


def bench(kind: str, width: int, height: int, device: str, n: int = 64) -> tuple[float, float]:
    """Pictures a second and a CPU second on one thread (or one GPU), sampling and packing included."""
    render(sample(1, 8, kind, width, height), device)
    start, busy = time.perf_counter(), time.process_time()
    render(sample(0, n, kind, width, height), device).cpu()
    return n / (time.perf_counter() - start), n / max(1e-9, time.process_time() - busy)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pocket_webui.portraits", description=__doc__)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--kind", choices=KINDS, default="closeup")
    parser.add_argument("--size", default="256x256", help="width x height in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--bench", action="store_true", help="print pictures a second and stop")
    parser.add_argument("--captions", action="store_true", help="print the captions")
    parser.add_argument("-o", "--output", default="sheet.png")
    args = parser.parse_args()
    width, height = (int(v) for v in args.size.split("x"))
    if args.bench:
        wall, busy = bench(args.kind, width, height, args.device)
        print(f"{args.kind} {width}x{height} on {args.device}: {wall:.1f} pictures/s, {busy:.1f} each CPU s")
        return
    scenes = sample(args.seed, args.n, args.kind, width, height)
    sheet(render(scenes, args.device), args.columns).save(args.output)
    if args.captions:
        print("\n".join(caption(s) for s in scenes))


if __name__ == "__main__":
    main()
