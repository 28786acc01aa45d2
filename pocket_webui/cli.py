"""The two commands. Everything that can go wrong before the first image is said here, in words."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pocket_webui import launch

_USAGE = """usage: python -m pocket_webui serve [--port 7860] [--extension DIR] [--data-dir DIR] ...
       python -m pocket_webui paint "PROMPT" -o FILE [--steps N] [--seed N] [--extension DIR] ...

`serve --help` and `paint --help` list all flags."""


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    commands = {"serve": serve, "paint": paint}
    if not argv or argv[0] not in commands:
        wanted_help = bool(argv) and argv[0] in ("-h", "--help", "help")
        print(_USAGE, file=sys.stdout if wanted_help else sys.stderr)
        return 0 if wanted_help else 2
    launch.prepare_process()
    try:
        return commands[argv[0]](argv[1:])
    except launch.LaunchError as e:
        print(f"\n{e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def serve(argv: list[str]) -> int:
    """The page and the API, until stopped."""
    flags = [*argv, *(["--api"] if "--api" not in argv else [])]
    options = launch.parse_webui_flags(flags, "pocket_webui serve")
    launch.check_port(launch.listen_address(options), 7860 if options.port is None else options.port)
    launch.check_weights(options)
    launch.start(flags, headless=False)
    return 0


def paint_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pocket_webui paint", allow_abbrev=False,
        description="Paint one picture without a page. All flags of `serve` may be given too.")
    parser.add_argument("prompt")
    parser.add_argument("-o", "--output", type=Path, default=Path("out.png"), help="file to write (.png, .jpg, .webp)")
    parser.add_argument("--negative", default="", metavar="TEXT", help="what not to paint")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=-1, help="-1 for a random one")
    parser.add_argument("--sampler", default="Euler a", metavar="NAME")
    parser.add_argument("--scheduler", default=None, metavar="NAME", help="noise schedule, for example Karras")
    parser.add_argument("--width", type=int, default=256, help="pixels, a multiple of 8")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--cfg", type=float, default=4.0,
                        help="how strictly to follow the prompt (default: 4; the pocket model oversaturates above 5)")
    parser.add_argument("--clip-skip", type=int, default=None, metavar="N")
    parser.add_argument("--vae", default=None, metavar="NAME", help="file name of a VAE, as the page lists it")
    return parser


def _check_paint(options: argparse.Namespace) -> None:
    suffixes = (".png", ".jpg", ".jpeg", ".webp")
    if options.output.suffix.lower() not in suffixes:
        raise launch.LaunchError(f"{options.output}: the name must end in one of {', '.join(suffixes)}.")
    if not options.output.absolute().parent.is_dir():
        raise launch.LaunchError(f"{options.output}: its folder does not exist; make it first.")
    for side in ("width", "height"):
        value = getattr(options, side)
        if value % 8 or not 64 <= value <= 2048:
            raise launch.LaunchError(f"--{side} {value}: give a multiple of 8 from 64 to 2048.")
    if not 1 <= options.steps <= 150:
        raise launch.LaunchError(f"--steps {options.steps}: give 1 to 150.")


def paint(argv: list[str]) -> int:
    """One picture, with a progress bar."""
    options, flags = paint_parser().parse_known_args(argv)
    _check_paint(options)
    quiet = [*flags, "--disable-console-progressbars"]
    launch.check_weights(launch.parse_webui_flags(quiet, "pocket_webui paint"))
    launch.start(quiet, headless=True)
    from pocket_webui import painting

    print(painting.paint(options))
    return 0
