"""Which old behaviour a picture needs, by the version in its infotext."""

from __future__ import annotations

import re
from typing import Any

from packaging import version

from modules import shared

v160 = version.parse("1.6.0")
v170_tsnr = version.parse("v1.7.0-225")
v180 = version.parse("1.8.0")
v180_hr_styles = version.parse("1.8.0-139")


def parse_version(text: str | None) -> version.Version | None:
    """The version in a text like "v1.7.0-225-gabc123", None if there is none."""
    if text is None:
        return None
    with_commit = re.match(r"([^-]+-[^-]+)-.*", text)
    try:
        return version.parse(with_commit[1] if with_commit else text)
    except version.InvalidVersion:
        return None


def backcompat(d: dict[str, Any]) -> None:
    """Add to the parsed infotext the options that make this version paint what the old one painted.

    Nothing is added without a version, or when the setting auto_backcompat is off."""
    ver = parse_version(d.get("Version")) if shared.opts.auto_backcompat else None
    if ver is None:
        return
    if ver < v160 and "[" in d.get("Prompt", ""):
        d["Old prompt editing timelines"] = True
    if ver < v160 and d.get("Sampler", "") in ("DDIM", "PLMS"):
        d["Pad conds v0"] = True
    if ver < v170_tsnr:
        d["Downcast alphas_cumprod"] = True
    if ver < v180 and d.get("Refiner"):
        d["Refiner switch by sampling steps"] = True
