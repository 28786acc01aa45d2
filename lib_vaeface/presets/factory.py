"""Presets that come with the extension. What one does not name stays as the person has it: prompts, boxes, timing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib_vaeface.settings import FIELDS

from .preset import Preset


@dataclass(frozen=True)
class Like:
    """A file that is called so on this machine: the first of the lists of words that are all words of its name.

    without: words of which it has none.
    """

    kinds: Sequence[str]
    without: str = ""


FACES = (
    "face_vae", "face_strength", "face_adaptive", "face_guard", "face_search", "face_score", "face_smallest",
    "face_largest", "face_count", "face_return",
)  # fmt: skip
DEFAULTS = {field.name: field.default for field in FIELDS}


def _faces(**values: Any) -> dict[str, Any]:
    """What decides how faces are found and painted, at its default unless said; the other features stay as they are."""
    return {"enabled": True, "faces": True, **{name: DEFAULTS[name] for name in FACES}, **values}


def _vae(name: Like | str, **values: Any) -> dict[str, Any]:
    return {"enabled": True, "vae": True, "vae_name": name, "vae_hash": "", "vae_precision": "best", **values}


_TABLE: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Portrait: MSE eyes": (
        "Faces are decoded again in full precision by the MSE fine-tune, or another that fits; nothing is repainted.",
        _faces(),
    ),
    "Portrait: retouch": (
        "Faces are decoded again and painted again a little (0.25), kept only where they are no worse.",
        _faces(face_strength=0.25),
    ),
    "Group photo: refine small faces": (
        "A thorough search; each face is painted again at the model's own size, small ones more freely (0.4).",
        _faces(face_strength=0.4, face_search="thorough"),
    ),
    "Drawings: refine faces": (
        "The search for flat drawings, and faces painted again (0.35) without the check that is made for photographs.",
        _faces(face_strength=0.35, face_search="drawn", face_score=0.2, face_guard=False),
    ),
    "Show what is found": (
        "Faces are numbered in a further picture, and only decoded again: to try the search and its lowest score.",
        _faces(face_return="overlay"),
    ),
    "Anime: EMA": (
        "The picture is decoded by an EMA fine-tune, which draws cleaner lines; faces are looked for as in drawings.",
        {
            **_vae(Like(("ema",), without="mse")),
            **_faces(face_vae="Same", face_search="drawn", face_score=0.2),
        },
    ),
    "SDXL safe decode": (
        "Decoded in fp32 by a file with SDXL's VAE: no black pictures. The repaired fp16 file before the original.",
        _vae(Like(("sdxl fix", "sdxl vae", "xl vae")), vae_precision="fp32"),
    ),
    "Compare all VAEs": (
        "Each picture is also decoded with every VAE that fits, in one sheet beside it; nothing is sampled again.",
        {"enabled": True, "vae": True, "vae_compare": True},
    ),
    "Schedule only": (
        "Only the prompt's schedule; VAE and faces are the WebUI's own.",
        {"enabled": True, "schedule": True, "vae": False, "faces": False},
    ),
    "Schedule, exact timing": (
        "Only the prompt's schedule, in steps of the slider from 1, also in samplers that call the model twice a step.",
        {"enabled": True, "schedule": True, "timing": "exact", "vae": False, "faces": False},
    ),
    "Off": ("Everything is the WebUI's own; the settings stay where they are.", {"enabled": False}),
}

FACTORY: dict[str, Preset] = {
    name: Preset(name, values, about=about, factory=True) for name, (about, values) in _TABLE.items()
}
