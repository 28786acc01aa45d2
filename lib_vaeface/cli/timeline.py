"""`timeline`: what a prompt says at each step."""

from __future__ import annotations

import argparse

from lib_vaeface.schedule.compile import Timeline, compile_prompt
from lib_vaeface.schedule.notes import Note

from .shared import DONE, Commands, print_json


def add(commands: Commands) -> None:
    timeline = commands.add_parser("timeline", help="what a prompt says at each step")
    timeline.add_argument("prompt")
    timeline.add_argument("--steps", type=int, default=20, help="steps of the first pass (20)")
    timeline.add_argument("--hires", type=int, metavar="N", help="steps of a second pass")
    timeline.add_argument("--timing", choices=("webui", "exact"), default="webui")
    timeline.add_argument("--old", action="store_true", help="as with the WebUI's old prompt editing timelines")
    timeline.add_argument("--native", action="store_true", help="read only what the WebUI itself reads")
    timeline.add_argument("--json", action="store_true", help="a list of passes, each a list of AND parts")
    timeline.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    passes = [("", None)] if asked.hires is None else [("first pass", None), ("hires pass", asked.hires)]
    found = [(name, _compile(asked, hires)) for name, hires in passes]
    if asked.json:
        print_json([[line.to_json() for line in lines] for _, lines in found])
        return DONE
    for name, lines in found:
        _print_pass(name, lines)
    _print_notes([note for line in found[0][1] for note in line.notes])
    return DONE


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
