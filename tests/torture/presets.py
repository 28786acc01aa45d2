"""Presets under kill -9: processes that save presets are killed at random moments, and nothing may be lost.

`figures = torture(folder, kills=500, writers=4)` takes about 0.1 s per kill; from the root of the repository,
`python -m tests.torture.presets --kills 500` prints the figures.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lib_vaeface.presets.files import WRITING
from lib_vaeface.presets.shelf import PresetError, Shelf

ROOT = Path(__file__).resolve().parents[2]
SHARED = "shared by all"
KEPT = {f"kept {number}": {"face_prompt": f"kept {number} " + "k" * 500} for number in range(8)}


@dataclass
class Figures:
    """acknowledged: saves that a writer had said were done. lost, damaged, changed: names with what was wrong."""

    kills: int = 0
    acknowledged: int = 0
    reads: int = 0
    left_behind: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not (self.lost or self.damaged or self.changed)


def write_for_ever(folder: str, number: str) -> None:
    """What a writer does: saves of its own preset with a counter, of the shared one, and deletes. Never returns."""
    shelf, count = Shelf(folder), 0
    while True:
        count += 1
        text = f"{number}:{count}:" + "x" * random.randrange(20_000)
        shelf.save(f"writer {number}", {"face_prompt": text, "face_count": count})
        print(count, flush=True)
        shelf.save(SHARED, {"face_prompt": text, "face_count": count})
        if not count % 5:
            shelf.save(f"gone {number}", {"face_prompt": text})
            shelf.delete(f"gone {number}")


class Writer:
    """One process, started anew after each kill. seen: the count that it last said was saved."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number, self.seen = folder, number, 0
        self.start()

    def start(self) -> None:
        code = "import sys; from tests.torture.presets import write_for_ever; write_for_ever(*sys.argv[1:])"
        command = [sys.executable, "-c", code, str(self.folder), str(self.number)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def wait_until_busy(self) -> None:
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError("a writer of presets ended by itself")

    def kill(self) -> int:
        """Kill it; the number of the last save that it had finished before it died."""
        if self.process.poll() is not None:
            raise RuntimeError("a writer of presets ended by itself")
        self.process.kill()
        said, _ = self.process.communicate()
        lines = said.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        return int(whole[-1]) if whole else 1


def torture(
    folder: Path, kills: int = 500, writers: int = 4, seed: int = 0, told: Callable[[int], None] = lambda done: None
) -> Figures:
    """Kill writers at random moments, and look at every preset after each. told: kills so far."""
    chance, figures, began = random.Random(seed), Figures(), time.monotonic()
    shelf = Shelf(folder)
    for name, values in KEPT.items():
        shelf.save(name, values)
    shelf.save(SHARED, {"face_count": 0, "of a later version": True})
    running = [Writer(folder, number) for number in range(writers)]
    try:
        for kill in range(1, kills + 1):
            victim = running[kill % len(running)]
            victim.wait_until_busy()
            time.sleep(chance.random() * 0.06)
            last = victim.kill()
            figures.kills, figures.acknowledged = kill, figures.acknowledged + last
            _look(shelf, victim, last, figures)
            victim.start()
            told(kill)
    finally:
        for writer in running:
            writer.process.kill()
            writer.process.communicate()
    figures.left_behind = sum(path.name.endswith(WRITING) for path in folder.iterdir())
    figures.seconds = round(time.monotonic() - began, 2)
    return figures


def _look(shelf: Shelf, victim: Writer, last: int, figures: Figures) -> None:
    listing = shelf.listing()
    figures.damaged += listing.notes
    wanted = [*KEPT, SHARED, f"writer {victim.number}"]
    figures.lost += [name for name in wanted if name not in listing.mine]
    for name, preset in listing.mine.items():
        figures.reads += 1
        if name in KEPT and preset.values != KEPT[name]:
            figures.changed.append(name)
        if name == SHARED and "of a later version" not in preset.values:
            figures.changed.append(f"{name}: what it held of a later version")
    try:
        found = shelf.get(f"writer {victim.number}").values["face_count"]
    except PresetError as error:
        figures.lost.append(str(error))
        return
    if found not in (last, last + 1):
        figures.changed.append(f"writer {victim.number} has save {found}, {last} had been finished")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--writers", type=int, default=4)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = torture(Path(folder, "presets"), chosen.kills, chosen.writers)
    print(json.dumps(asdict(figures), indent=1))
    return 0 if figures.well else 1


if __name__ == "__main__":
    raise SystemExit(main())
