"""`python dev.py bench [--device cuda] [--full-size] [--a1111 FOLDER] [NAME ...]`: measure, write docs/performance.md.

A place of the page is `<!-- NAME WORDS -->` ... `<!-- /NAME WORDS -->`. NAME is a program in this folder; the words say
which run fills it: `full-size`, `cuda` and `a1111` each wait for their flag, a place without words needs none. Without
a NAME all places of the run are filled. Each program runs in a process of its own, torch on one thread, and what it
prints goes into its place; what it says of a bar (`summary.found`) goes into the table at the head of the page.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import summary
from benchmarks.flags import Flags, of, parser
from benchmarks.summary import Finding
from benchmarks.tables import ROOT, lines

PAGE = ROOT / "docs" / "performance.md"
FOUND = ROOT / "docs" / "performance" / "summary.json"
PLACE = re.compile(r"<!-- (\w+(?: [\w-]+)*) -->\n(.*?)\n?<!-- /\1 -->", re.DOTALL)
SUMMARY = "summary"
Kept = dict[str, list[Finding]]


def printed(place: str, asked: Flags) -> str:
    """What the place's program prints, once it has ended well; SystemExit if it did not."""
    name, *words = place.split()
    print(f"--- {place}", file=sys.stderr, flush=True)
    begin = time.monotonic()
    environment = {**os.environ, "PYTHONIOENCODING": "utf8"}
    if asked.device == "cpu":
        environment["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, "-m", f"benchmarks.{name}", *asked.for_place(words)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf8")
    if done.returncode != 0:
        sys.exit(f"benchmarks/{name}.py failed; its place in docs/performance.md was left as it is")
    print(f"{done.stdout.strip()}\n\n{time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return done.stdout


def places(page: str) -> list[str]:
    """The labels of the page's places, from the top, without the table at its head."""
    return [found[1] for found in PLACE.finditer(page) if found[1] != SUMMARY]


def chosen(page: str, names: Sequence[str], asked: Flags) -> list[str]:
    """The places that this run fills: all, or those of programs or whole labels that are named.

    SystemExit: a name has none on the page, or none for these flags.
    """
    all_places = places(page)
    known = list(dict.fromkeys(place.split()[0] for place in all_places))
    ready = [place for place in all_places if asked.fills(place.split()[1:])]
    for name in names:
        if name not in known and name not in all_places:
            sys.exit(f"{name} is no benchmark of docs/performance.md; there are {', '.join(known)}")
        if not any(name in (place, place.split()[0]) for place in ready):
            there = ", ".join(" ".join(place.split()[1:]) or "none" for place in all_places if place.startswith(name))
            sys.exit(f"{name} has no place for this run; the flags that its places want: {there}")
    return [place for place in ready if not names or place in names or place.split()[0] in names]


def filled(page: str, place: str, text: str) -> str:
    """The page with this text in the place."""
    return PLACE.sub(lambda old: _place(place, text) if old[1] == place else old[0], page)


def _place(place: str, text: str) -> str:
    return "\n".join([f"<!-- {place} -->", *filter(None, [text.strip()]), f"<!-- /{place} -->"])


def headed(page: str, kept: Kept) -> str:
    """The page with the table at its head made from the findings of the places that it has."""
    there = {place: kept[place] for place in places(page) if place in kept}
    text = "\n".join(lines(summary.HEAD, summary.rows(there), words=len(summary.HEAD)))
    return filled(page, SUMMARY, text)


def read_kept() -> Kept:
    if not FOUND.exists():
        return {}
    read = json.loads(FOUND.read_text(encoding="utf8"))
    return {place: [Finding(**one) for one in findings] for place, findings in read.items()}


def write(page: str, kept: Kept) -> None:
    """What was kept for a place that the page has no more is dropped."""
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    there = {place: [asdict(one) for one in kept[place]] for place in places(page) if kept.get(place)}
    text = json.dumps(there, indent=1, ensure_ascii=False)
    FOUND.write_text(f"{text}\n", encoding="utf8", newline="\n")
    PAGE.write_text(page, encoding="utf8", newline="\n")


@contextmanager
def charts(asked: Flags) -> Iterator[Flags]:
    """A quick run's charts are thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        yield replace(asked, images=Path(folder)) if asked.quick else asked


def main(arguments: Sequence[str]) -> None:
    read = parser()
    read.add_argument("names", nargs="*", metavar="NAME", help="programs of benchmarks/; without one all")
    known = read.parse_args(arguments)
    with charts(of(known)) as asked:
        for place in chosen(PAGE.read_text(encoding="utf8"), known.names, asked):
            text, findings = summary.taken_out(printed(place, asked))
            if not asked.quick:
                # Read again each time: a long run loses nothing when a later program fails.
                kept = {**read_kept(), place: findings}
                write(headed(filled(PAGE.read_text(encoding="utf8"), place, text), kept), kept)


if __name__ == "__main__":
    main(sys.argv[1:])
