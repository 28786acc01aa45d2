"""The extension's command line: `python -m lib_vaeface timeline "a [cat:dog:5]" --steps 20`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from lib_vaeface.schedule.compile import Timeline, compile_prompt
from lib_vaeface.schedule.notes import Note


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, or 2 for arguments that make no sense."""
    asked = _parser().parse_args(arguments)
    passes = [("", None)] if asked.hires is None else [("first pass", None), ("hires pass", asked.hires)]
    try:
        found = [(name, _compile(asked, hires)) for name, hires in passes]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps([[line.to_json() for line in lines] for _, lines in found], indent=1, ensure_ascii=False))
        return 0
    for name, lines in found:
        _print_pass(name, lines)
    _print_notes([note for line in found[0][1] for note in line.notes])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib_vaeface", description=__doc__)
    timeline = parser.add_subparsers(required=True, metavar="command").add_parser(
        "timeline", help="what a prompt says at each step"
    )
    timeline.add_argument("prompt")
    timeline.add_argument("--steps", type=int, default=20, help="steps of the first pass (20)")
    timeline.add_argument("--hires", type=int, metavar="N", help="steps of a second pass")
    timeline.add_argument("--timing", choices=("webui", "exact"), default="webui")
    timeline.add_argument("--old", action="store_true", help="as with the WebUI's old prompt editing timelines")
    timeline.add_argument("--native", action="store_true", help="read only what the WebUI itself reads")
    timeline.add_argument("--json", action="store_true", help="a list of passes, each a list of AND parts")
    return parser


def _compile(asked: argparse.Namespace, hires: int | None) -> list[Timeline]:
    return compile_prompt(
        asked.prompt, asked.steps, hires, old=asked.old, timing=asked.timing, extensions=not asked.native
    )


def _print_pass(name: str, lines: list[Timeline]) -> None:
    if name:
        print(f"{name}:")
    for number, line in enumerate(lines, 1):
        shown = line.to_json()
        if len(lines) > 1:
            print(f"part {number}, weight {' '.join(f'{weight:g}' for weight in shown['part_weights'])}:")
        for piece in shown["pieces"]:
            print(f"calls {piece['from']}-{piece['until']}:")
            for index, weight in piece["weights"]:
                print(f"  {weight:8.4f}  {shown['texts'][index]}")
        if line.by_sigma:
            print("  (the noise level decides as well: shown is the start)")


def _print_notes(notes: list[Note]) -> None:
    for note in notes:
        print(f"note: {note}")


if __name__ == "__main__":
    sys.exit(main())
