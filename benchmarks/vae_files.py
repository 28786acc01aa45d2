"""What it takes to know a VAE file: its header, and whether it fits. `python -m benchmarks vae_files`.

Files of full size (SD1's and Flux's autoencoder in fp32, 335 MB each) with random weights, in the system's file cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks import full_vae
from benchmarks.flags import flags
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import Times, cpu_once, in_turn
from lib_vaeface.vae import lineage
from lib_vaeface.vae.autoencoder import load
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.kinship import CheckpointFacts, judge
from lib_vaeface.vae.probe import probe
from lib_vaeface.vae.verdicts import Verdicts

INSPECT_MS, KINSHIP_MS = 5.0, 20.0
LOADING = "loading the VAE's weights"


def bytes_read(work: Callable[[], Any]) -> int | None:
    """Bytes that this process asks the system for meanwhile; None where the system does not count them."""

    def counted() -> int:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        return int(lines[0].split()[1])

    try:
        before = counted()
        own = counted() - before  # reading the counter counts too
        before = counted()
        work()
        return counted() - before - own
    except OSError:
        return None


def _inspected(path: Path, runs: int) -> tuple[list[str], Times]:
    times = in_turn({"ours": lambda: inspect(path), "reading": path.read_bytes}, runs)
    info, read = inspect(path), bytes_read(lambda: inspect(path))
    share = "?" if read is None else f"{read:,}"
    ours, reading = times["ours"], times["reading"]
    cells = [f"{ours.median * 1e3:.2f}", ours.spread, f"{reading.median * 1e3:,.0f}"]
    row = [
        path.stem.partition("-")[0],
        info.layout,
        f"{info.identity.size:,}",
        share,
        *cells,
        f"{reading.median / ours.median:,.0f}",
    ]
    return row, ours


def inspected(folder: Path, runs: int) -> None:
    files = [
        full_vae.file(folder, "sd1"),
        full_vae.file(folder, "sd1-diffusers", layout="diffusers"),
        full_vae.file(folder, "flux", full_vae.FLUX),
    ]
    both = [_inspected(path, runs) for path in files]
    head = ("file", "layout", "bytes", "bytes read", "inspect, ms", "least .. most", "reading the file, ms", "ratio")
    table(head, (row for row, _ in both), words=2)
    worst = max(times.median for _, times in both) * 1e3
    why = "" if worst < INSPECT_MS else "more tensors' names take longer here"
    found("inspect", f"{worst:.1f} ms at most, the header only", worst < INSPECT_MS, why=why)
    for path in files[1:]:
        path.unlink()


def _works(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    base = full_vae.weights(full_vae.SD1, 0)
    near, sd1 = full_vae.relative(folder, "near", base, 1), BY_KEY["sd1"]
    strange = full_vae.file(folder, "strange", seed=5)
    own = load(folder / "sd1.safetensors", format=sd1)
    own.net(torch.float32)

    def facts() -> CheckpointFacts:
        return CheckpointFacts("sd1", 4, 8, ("sd1",), lineage.sample_tensors(base))

    known, memory = facts(), Verdicts()
    judge(near, known, memory=memory)
    opened = load(strange, format=sd1)
    yield "the loaded model's side", facts
    yield "L0 to L2 of a file that fits", lambda: judge(near, known)
    yield "both", lambda: judge(near, facts())
    yield "remembered", lambda: judge(near, facts(), memory=memory)
    yield "L3 alone, both codecs open", lambda: probe(own.encode, opened.decode)
    yield (
        "L0 to L3 of a stranger",
        lambda: judge(strange, facts(), own.encode, lambda z: load(strange, format=sd1).decode(z)),
    )
    # The library maps the file; the copy reads it, as a model that takes the weights does.
    yield LOADING, lambda: [tensor.clone() for tensor in load_file(near).values()]


def proved(folder: Path, runs: int) -> None:
    works = dict(_works(folder))
    slow = [name for name in works if "L3" in name]
    times = in_turn({name: work for name, work in works.items() if name not in slow}, runs, cpu_once)
    times |= in_turn({name: works[name] for name in slow}, min(runs, 3), cpu_once)
    loading = times[LOADING].median
    rows = (
        [name, f"{times[name].median * 1e3:,.1f}", times[name].spread, f"{times[name].median / loading:.3f}"]
        for name in works
    )
    table(("what", "CPU ms", "least .. most", "share of loading"), rows)
    both, third = times["both"].median * 1e3, times["L3 alone, both codecs open"].median
    why = "" if both < KINSHIP_MS else "slices of every kernel are read and compared"
    found("kinship", f"{both:.1f} ms, {both / loading / 10:.1f} % of loading", both < KINSHIP_MS, "L0 to L2", why)
    found("kinship", f"{third:.1f} s", True, "L3 probe, 128 px", "no bar; made once for a pair, then remembered")


def main() -> None:
    quick = flags().quick
    print(machine("torch", "safetensors"))
    print("\nOne thread, CPU time, medians; the files are in the system's cache.")
    with tempfile.TemporaryDirectory() as name:
        inspected(Path(name), 2 if quick else 15)
        proved(Path(name), 1 if quick else 9)


if __name__ == "__main__":
    main()
