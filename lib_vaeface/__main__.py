"""The extension's command line: `python -m lib_vaeface --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lib_vaeface.cli import faces, timeline, vae_files, vae_work
from lib_vaeface.cli.shared import EXIT_CODES, WRONG, Failed, print_json
from lib_vaeface.version import __version__

EXAMPLES = """examples:
  python -m lib_vaeface timeline "a [cat:dog:0.4]" --steps 20
  python -m lib_vaeface inspect my-vae.safetensors --hash
  python -m lib_vaeface compare picture.safetensors --vae a.safetensors --vae b.safetensors -o out.png
  python -m lib_vaeface faces picture.png -o out.png"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, see EXIT_CODES. Errors go to stderr; with --json to stdout too."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except Failed as problem:
        return _told(asked, str(problem), problem.code, problem.details)
    except (ValueError, OSError) as problem:
        return _told(asked, str(problem), WRONG, {})
    except KeyboardInterrupt:
        return _told(asked, "stopped; no file is half-written", 130, {})


def _told(asked: argparse.Namespace, text: str, code: int, details: dict[str, object]) -> int:
    print(text, file=sys.stderr)
    if asked.json:
        print_json({"error": text, **details})
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib_vaeface",
        description="What prompts say, faces, and VAEs, without a WebUI.",
        epilog=f"{EXAMPLES}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command", title="commands")
    for module in (timeline, faces, vae_files, vae_work):
        module.add(commands)
    for name, command in commands.choices.items():
        command.epilog = EXIT_CODES if name != "timeline" else None
    return parser


if __name__ == "__main__":
    sys.exit(main())
