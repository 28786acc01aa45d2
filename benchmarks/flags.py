"""What a run was asked for. `python -m benchmarks` hands its flags to every program, and each takes them alone too."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "performance"


@dataclass(frozen=True)
class Flags:
    """device: where torch computes. full_size: the real architectures with random weights instead of the pocket's.

    quick: the least work that runs every line, whose figures mean nothing. a1111: the folder of a checkout of the real
    A1111, a1111_python: the Python that it runs with. images: the folder for charts.
    """

    device: str = "cpu"
    full_size: bool = False
    quick: bool = False
    a1111: Path | None = None
    a1111_python: str = sys.executable
    images: Path = IMAGES

    @property
    def words(self) -> frozenset[str]:
        """The words that a place of the page may have behind its program's name to be filled by this run."""
        has = {"cuda": self.device == "cuda", "full-size": self.full_size, "a1111": self.a1111 is not None}
        return frozenset(word for word, there in has.items() if there)

    def fills(self, words: Sequence[str]) -> bool:
        """Whether a place with these words is for this run; a run on a GPU fills the GPU's places only."""
        return set(words) <= self.words and ("cuda" in words) == (self.device == "cuda")

    def for_place(self, words: Sequence[str]) -> list[str]:
        """The command line of the program for a place with these words."""
        line = ["--device", self.device, "--images", str(self.images)]
        line += ["--full-size"] if "full-size" in words else []
        line += ["--quick"] if self.quick else []
        return line + (["--a1111", str(self.a1111), "--a1111-python", self.a1111_python] if "a1111" in words else [])


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(allow_abbrev=False)
    made.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where torch computes")
    made.add_argument("--full-size", action="store_true", help="the real architectures with random weights, too")
    made.add_argument("--quick", action="store_true", help="only to see that it works: nothing is written")
    made.add_argument("--a1111", type=Path, metavar="FOLDER", help="a checkout of the real A1111, to run beside ours")
    made.add_argument("--a1111-python", default=sys.executable, metavar="FILE", help="the Python that A1111 runs with")
    made.add_argument("--images", type=Path, default=IMAGES, metavar="FOLDER", help="where charts go")
    return made


def flags(line: Sequence[str] | None = None) -> Flags:
    """The flags of this process. Words that are no flags are for who else reads the command line."""
    known, _ = parser().parse_known_args(line)
    return of(known)


def of(known: argparse.Namespace) -> Flags:
    return Flags(known.device, known.full_size, known.quick, known.a1111, known.a1111_python, known.images)
