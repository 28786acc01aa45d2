"""The table at the head of docs/performance.md: a line for each bar, filled by what the programs found.

A program prints its findings among its tables with `found`; `python -m benchmarks` takes these lines out and keeps
them in docs/performance/summary.json, so that one program run alone changes its own findings only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

MARK = "@found "
BARS: dict[str, tuple[str, str, str]] = {  # key: what, baseline in the same run, bar
    "schedule": (
        "parse + evaluate a schedule",
        "the native grammar in lark",
        "100 edits: 500x; 10,000 items linear",
    ),
    "callback": ("callback", "the host's own selection (reconstruct)", "no slower; under 1 % of a denoiser call"),
    "inspect": ("inspect a 335 MB VAE file", "reading the file", "under 5 ms, the header only"),
    "kinship": (
        "prove kinship of a VAE with the loaded checkpoint",
        "loading the VAE",
        "under 20 ms to L2; the L3 probe beside it",
    ),
    "change": (
        "change the VAE between two generations",
        "the host's reload (whole model to the CPU and back, file read)",
        "20x on CPU full size; on a GPU near the time to copy the VAE's bytes over the bus (measured), zero when cached"
        " on the device",
    ),
    "compare": ("compare N VAEs from one latent", "N full generations (X/Y/Z)", "N decodes + 5 %"),
    "regions": (
        "exact regional decode of faces",
        "full decode of the same VAE",
        "cost within 1.15 x (area share with context + low-resolution part), error under 1e-3 of full scale",
    ),
    "big": (
        "big pictures (2048, 4096 px)",
        "full decode; the host's tiling",
        "exact tiles: error under 1/255; the curve of memory against time, with a point under 1/4 of the memory at"
        " under 2 x the time",
    ),
    "refine": (
        "face refine, 8 faces",
        "one img2img per face, as ADetailer does (the real one where it runs)",
        "GPU 3x; CPU no slower",
    ),
    "detect": (
        "detect faces, 1024 px, batch 4",
        "YuNet, MTCNN, mediapipe, ADetailer's default, where installable",
        "GPU: under 10 ms per picture; CPU: at most YuNet's time at equal recall",
    ),
    "page": ("import and page build", "a WebUI start without us", "under 0.3 s, under 30 KB of script"),
    "growth": (
        "growth",
        "",
        "cost against faces (1..32), VAEs (1..8), pixels (256..4096), schedule items, batch: exponents stated, none"
        " above linear in its own measure",
    ),
    "floor": (
        "KL decoder against the device's floor",
        "operations and bytes over the measured matrix and copy rates",
        "reported for each precision, layout, compiled and not",
    ),
    "profile": (
        "a generation with everything on, beyond sampling",
        "",
        "nothing of ours is the largest item without a reason",
    ),
}
ON_GPU = ("change", "refine", "detect", "floor")  # what of these bars is said of a GPU
HEAD = ("what", "baseline in the same run", "bar", "measured", "met")


@dataclass(frozen=True)
class Finding:
    """bar: a key of BARS. part: what of it this is, "" where it is all. met: None where it could not be judged here."""

    bar: str
    measured: str
    met: bool | None = None
    part: str = ""
    why: str = ""

    @property
    def shown(self) -> str:
        return f"{self.part}: {self.measured}" if self.part else self.measured

    @property
    def judged(self) -> str:
        word = {True: "yes", False: "no", None: "not judged"}[self.met]
        return f"{word}{f' ({self.part})' if self.part else ''}{f': {self.why}' if self.why else ''}"


def found(bar: str, measured: str, met: bool | None = None, part: str = "", why: str = "") -> None:
    """Hand over a finding for the summary. KeyError: no such bar. ValueError: unmet and nothing said of why."""
    finding = Finding(bar, measured, met, part, why)
    BARS[bar]
    if met is not True and not why:
        raise ValueError(f"{bar} {part}: a bar that is not met needs a reason")
    print(MARK + json.dumps(asdict(finding), ensure_ascii=False), flush=True)


def taken_out(printed: str) -> tuple[str, list[Finding]]:
    """(what remains for the page, the findings in it)."""
    lines = printed.splitlines()
    findings = [Finding(**json.loads(line.removeprefix(MARK))) for line in lines if line.startswith(MARK)]
    return "\n".join(line for line in lines if not line.startswith(MARK)).strip(), findings


def rows(kept: Mapping[str, Iterable[Finding]]) -> list[list[str]]:
    """The table's rows. kept: the findings by the place that they came with."""
    by_bar: dict[str, list[Finding]] = {key: [] for key in BARS}
    for findings in kept.values():
        for finding in findings:
            by_bar[finding.bar].append(finding)
    seen = {finding.bar for place, findings in kept.items() if "cuda" in place.split() for finding in findings}
    for key in ON_GPU:
        if key not in seen and by_bar[key]:
            by_bar[key].append(Finding(key, "-", None, "GPU", "no run on a GPU is recorded here"))
    return [[*BARS[key], *_cells(findings)] for key, findings in by_bar.items()]


def _cells(findings: list[Finding]) -> list[str]:
    if not findings:
        return ["-", "not measured"]
    plain = all(finding.met and not finding.why for finding in findings)
    judged = ["yes"] if plain else list(dict.fromkeys(finding.judged for finding in findings))
    return ["<br>".join(finding.shown for finding in findings), "<br>".join(judged)]
