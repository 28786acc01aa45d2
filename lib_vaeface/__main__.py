"""The extension's command line: `python -m lib_vaeface timeline "a [cat:dog:5]" --steps 20`, `... vae --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lib_vaeface.cli import faces, timeline, vae_files, vae_work
from lib_vaeface.cli.shared import EXIT_CODES, WRONG, Failed, print_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, see EXIT_CODES. With --json errors are JSON too, on stdout."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except Failed as problem:
        return _told(asked, str(problem), problem.code, problem.details)
    except (ValueError, OSError) as problem:
        return _told(asked, str(problem), WRONG, {})
    except KeyboardInterrupt:
        return _told(asked, "stopped; nothing was written", 130, {})


def _told(asked: argparse.Namespace, text: str, code: int, details: dict[str, object]) -> int:
    if asked.json:
        print_json({"error": text, **details})
    else:
        print(text, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib_vaeface", description=__doc__, epilog=EXIT_CODES)
    commands = parser.add_subparsers(required=True, metavar="command")
    timeline.add(commands)
    faces.add(commands)
    about_vaes = commands.add_parser("vae", help="files, fits, comparisons, bridges", epilog=EXIT_CODES)
    inner = about_vaes.add_subparsers(required=True, metavar="command")
    vae_files.add(inner)
    vae_work.add(inner)
    return parser


if __name__ == "__main__":
    sys.exit(main())
