"""`python -m benchmarks [NAME ...]`: run benchmarks and write what they print into docs/performance.md.

Without a NAME all of them. A place is `<!-- NAME -->` ... `<!-- /NAME -->`; NAME is a program in this folder. Each runs
in a process of its own, torch on one thread.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from benchmarks.tables import ROOT

PAGE = ROOT / "docs" / "performance.md"
PLACE = re.compile(r"(?<=<!-- )(\w+)( -->\n).*?(\n<!-- /\1 -->)", re.DOTALL)


def printed(name: str) -> str:
    """What a benchmark prints, once it has ended well; SystemExit if it did not."""
    print(f"--- {name}", file=sys.stderr, flush=True)
    begin = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf8"}
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf8")
    if done.returncode != 0:
        sys.exit(f"benchmarks/{name}.py failed; docs/performance.md was left as it is")
    print(f"{done.stdout.strip()}\n\n{time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return done.stdout.strip()


def written(page: str, names: list[str]) -> str:
    """The page with the text of these places made anew."""
    return PLACE.sub(
        lambda found: f"{found[1]}{found[2]}{printed(found[1])}{found[3]}" if found[1] in names else found[0], page
    )


def main(names: list[str]) -> None:
    page = PAGE.read_text(encoding="utf8")
    known = [found[1] for found in PLACE.finditer(page)]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"{unknown[0]} is no benchmark of docs/performance.md; there are {', '.join(known)}")
    PAGE.write_text(written(page, names or known), encoding="utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
