"""`python -m pocket_webui.measure`: attributes of painted pictures, autoencoders, and the judges themselves."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch

from ..portraits.__main__ import sheet
from . import judge, painting, train_judge, vae, validate


def _plain(value: Any) -> Any:
    """For json: dataclasses as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _print(args: argparse.Namespace, figures: Any, text: str) -> None:
    print(json.dumps(figures, default=_plain, indent=1) if args.json else text)


def attributes(args: argparse.Namespace) -> None:
    settings = painting.Settings(args.prompts, args.steps, args.cfg, args.seed, args.side, args.device)
    figures, pictures = painting.run(args.checkpoint, settings)
    if args.sheet:
        sheet(pictures, min(8, len(pictures))).save(args.sheet)
    _print(args, {"checkpoint": args.checkpoint.name, **asdict(settings), **figures}, painting.show(figures))


def autoencoders(args: argparse.Namespace) -> None:
    found = vae.run(args.files, args.pictures, args.seed, args.side)
    _print(args, found, vae.show(found))


def judges(args: argparse.Namespace) -> None:
    found = validate.run(args.pictures, args.seed)
    _print(args, found, validate.show(found))


def train(args: argparse.Namespace) -> None:
    train_judge.run(args.out, args.pictures, args.steps, args.minutes, args.seed, args.keep, args.vae)
    print(f"Wrote {args.out}; validate it with `python -m pocket_webui.measure judges`")


def _number(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"wants a whole number from 1, got {text}")
    return value


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _attributes_parser(commands: Any) -> None:
    parser = commands.add_parser("attributes", help="do a checkpoint's close-ups show what their prompts say?")
    parser.set_defaults(run=attributes)
    parser.add_argument("checkpoint", type=_file)
    parser.add_argument("--prompts", type=_number, default=60)
    parser.add_argument("--steps", type=_number, default=12)
    parser.add_argument("--cfg", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", type=_number, default=256, help="side of the pictures, a multiple of 64")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sheet", type=Path, help="write the pictures to this file")
    parser.add_argument("--json", action="store_true")


def _vae_parser(commands: Any) -> None:
    parser = commands.add_parser("vae", help="PSNR of autoencoders over whole pictures, faces and eyes")
    parser.set_defaults(run=autoencoders)
    parser.add_argument("files", nargs="+", type=_file, metavar="FILE", help="base, then its fine-tunes")
    parser.add_argument("--pictures", type=_number, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=_number, default=256, help="side of the pictures, a multiple of 8")
    parser.add_argument("--json", action="store_true")


def _judge_parsers(commands: Any) -> None:
    parser = commands.add_parser("judges", help="validate the judges on held-out renders")
    parser.set_defaults(run=judges)
    parser.add_argument("--pictures", type=_number, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser = commands.add_parser("train-judge", help="train the judge on rendered close-ups")
    parser.set_defaults(run=train)
    parser.add_argument("--pictures", type=_number, default=6000)
    parser.add_argument("--steps", type=_number, default=3000)
    parser.add_argument("--minutes", type=float, default=10.0, help="at most this long, without the rendering")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="file for the rendered pictures, read if it is there")
    parser.add_argument("--vae", type=_file, help="autoencoder whose mush some of the pictures shall show")
    parser.add_argument("--out", type=Path, default=judge.WEIGHTS)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pocket_webui.measure", description=__doc__)
    parser.add_argument("--threads", type=_number, help="CPU threads (default: all)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_attributes_parser, _vae_parser, _judge_parsers):
        add(commands)
    args = parser.parse_args(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    args.run(args)


if __name__ == "__main__":
    main()
