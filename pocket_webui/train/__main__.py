"""`python -m pocket_webui.train`: all stages in order, or those named."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from ..nets import checkpoint
from ..nets.vae import AutoencoderKL
from . import autoencoder, diffusion, pool, reading, sheets
from .settings import FULL, QUICK, VAE, XL_TEXT, Plan, shorten
from .work import Work

STAGES = ("render", "vae", "vae_ema", "vae_mse", "text", "diffusion", "detail", "xl_vae", "xl_text", "xl", "xl_detail")
FILES = {"vae": "pocket-base-vae", "vae_ema": "pocket-ema", "vae_mse": "pocket-mse", "xl_vae": "pocket-xl-vae"}


def finished(work: Work, stage: str) -> AutoencoderKL:
    """The autoencoder that a stage left behind."""
    path = work.models / f"{FILES[stage]}.safetensors"
    if not path.exists():
        raise SystemExit(f"Stage {stage} has not run yet ({path.name} is missing): run it first.")
    vae = AutoencoderKL(**VAE)
    vae.load_state_dict({key: value.float() for key, value in checkpoint.load_vae_state(path).items()})
    return vae.eval()


def read(work: Work, stage: str) -> Path:
    """The text encoder that a stage left behind."""
    path = work.states / f"{stage}-encoder.pt"
    if not path.exists():
        raise SystemExit(f"Stage {stage} has not run yet ({path.name} is missing): run it first.")
    return path


def run_autoencoder(work: Work, stage: str) -> None:
    """Train one autoencoder: from scratch, or the decoder on from its parent (base -> EMA -> MSE)."""
    torch.manual_seed(work.seed + list(FILES).index(stage))
    parent = {"vae_ema": "vae", "vae_mse": "vae_ema"}.get(stage)
    vae = finished(work, parent) if parent else autoencoder.quiet_start(AutoencoderKL(**VAE))
    kind = {"vae_ema": "ema", "vae_mse": "mse"}.get(stage, "l1")
    trained = autoencoder.train(work, stage, vae, kind)
    checkpoint.save_vae(trained, work.models / f"{FILES[stage]}.safetensors")
    some = pool.Pool(work.pool).shards[0].images(slice(0, 6))
    sheets.reconstructions(trained, some, work.models / f"{stage}-sheet.png")


def steps_of(work: Work) -> dict[str, Callable[[], None]]:
    runs: dict[str, Callable[[], None]] = {
        "render": lambda: pool.fill(work.pool, work.plan.pool, work.seed, work.device),
        "text": lambda: reading.train(work, "text"),
        "xl_text": lambda: reading.train(work, "xl_text", XL_TEXT),
        "diffusion": lambda: diffusion.train(work, "diffusion", finished(work, "vae"), read(work, "text")),
        "detail": lambda: diffusion.train(work, "detail", finished(work, "vae")),
        "xl": lambda: diffusion.train(work, "xl", finished(work, "xl_vae"), read(work, "xl_text")),
        "xl_detail": lambda: diffusion.train(work, "xl_detail", finished(work, "xl_vae")),
    }
    return runs | {stage: (lambda stage=stage: run_autoencoder(work, stage)) for stage in FILES}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py train", description=__doc__)
    parser.add_argument(
        "stages", nargs="*", metavar="STAGE", help=f"stages to run, in order: {', '.join(STAGES)} (default: all)"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".pocket/train"), help="folder for pictures, states and results"
    )
    parser.add_argument("--quick", action="store_true", help="tiny settings: minutes, to see that all stages run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--pool", type=float, default=1.0, help="share of the full pool of pictures to render")
    parser.add_argument(
        "--minutes",
        action="append",
        default=[],
        metavar="STAGE=N",
        help="time limit for vae, tune, text, diffusion, detail, xl_vae, xl or xl_detail; the learning rate follows it",
    )
    return parser.parse_args()


def plan_of(args: argparse.Namespace) -> Plan:
    try:
        limits = {name: float(value) for name, value in (item.split("=", 1) for item in args.minutes)}
    except ValueError:
        raise SystemExit("--minutes wants STAGE=N, for example --minutes diffusion=60") from None
    known = ("vae", "tune", "text", "diffusion", "detail", "xl_vae", "xl", "xl_detail")
    if unknown := set(limits) - set(known):
        raise SystemExit(f"--minutes: unknown {', '.join(sorted(unknown))}; it takes {', '.join(known)}")
    return shorten(QUICK if args.quick else FULL, limits, args.pool)


def main() -> None:
    args = arguments()
    if unknown := set(args.stages) - set(STAGES):
        raise SystemExit(f"Unknown stage {', '.join(sorted(unknown))}; the stages are {', '.join(STAGES)}.")
    if args.threads:
        torch.set_num_threads(args.threads)
    folder = args.work / ("quick" if args.quick else "")
    work = Work(folder, plan_of(args), args.seed, args.device)
    runs = steps_of(work)
    for stage in args.stages or STAGES:
        print(f"== {stage}", flush=True)
        runs[stage]()
    print(f"Finished. The files are in {work.models}")


if __name__ == "__main__":
    main()
