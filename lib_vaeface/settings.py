"""The one table of fields. Panel, API arguments, infotext and notes are all generated from it.

To add a field, add one line to `Settings`. Positional API arguments follow the order of declaration, so after a
release fields are only appended; the panel shows them by group. Labels are keys of the WebUI's ui-config.json and
names are keys of the API and the infotext: neither is ever renamed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib_vaeface.fields import Field, Group, Value, accept, shown

TIMINGS = ("webui", "exact")
PRECISIONS = ("best", "fp16", "bf16", "fp32")
AXES = "_vaeface_axes"
"""Where a job carries the values of its cell of an X/Y/Z plot, by name of field."""
PLOT = "_vaeface_plot"
"""Where it carries an object that all cells of the same plot have, and no others."""
NO_AXES: Mapping[str, object] = {}


GROUPS = {
    "vaeface": Group("VAE Face", key="VAE Face", switch="enabled"),
    "schedule": Group("Schedule", key="VAE Face schedule", switch="schedule"),
    "vae": Group("VAE", key="VAE Face VAE", switch="vae"),
    "faces": Group("Faces", key="VAE Face faces", switch="faces"),
}


def setting(default: Value, label: str, group: str, infotext: str = "", **more: Any) -> Any:
    """A dataclass field with its line of the table as metadata; `more` are further attributes of `Field`."""
    return dataclasses.field(default=default, metadata={"label": label, "group": group, "infotext": infotext, **more})


@dataclass(frozen=True)
class Settings:
    """What the person chose for one generation. Always valid: build it with `from_args`, never from raw values."""

    # fmt: off
    enabled: bool = setting(False, "VAE Face", "vaeface", help="Switch the extension on")
    schedule: bool = setting(
        True, "Schedule", "schedule",
        help="Blends, windows, weights over time and exact timing in the prompt; reports where it switched",
    )
    timing: str = setting(
        "webui", "Timing", "schedule", "timing",
        help="Count steps as the WebUI does (every model call, from 0) or exactly (the steps of the slider, from 1)",
        choices=TIMINGS,
    )
    vae: bool = setting(
        False, "VAE", "vae",
        help="Decode and encode this generation with another VAE, after a proof that it fits the checkpoint",
    )
    vae_name: str = setting(
        "Automatic", "VAE file", "vae", "name",
        help="Automatic: what you picked last for this checkpoint, or a file that is named like it; only if it fits",
        choices=("Automatic", "Built-in"), listed="vaes",
    )
    vae_precision: str = setting(
        "best", "Precision", "vae", "precision",
        help="Where decoding starts; what comes out as NaN is decoded again in a higher one",
        choices=PRECISIONS, advanced=True,
    )
    vae_allow: bool = setting(
        False, "Use a VAE whose fit can't be told", "vae", "allow",
        help="One that does not fit is never used", advanced=True, axis=False,
    )
    vae_hash: str = setting(
        "", "VAE weights", "vae", "hash",
        help="Hash of the weights: a renamed copy of the file is found by it",
        hidden=True, axis=False,
    )
    vae_hires: str = setting(
        "Same", "VAE of the hires pass", "vae", "hires",
        help="Encodes what the first pass painted and decodes the result; useful with another hires checkpoint",
        choices=("Same", "Automatic", "Built-in"), listed="vaes", advanced=True,
    )
    faces: bool = setting(
        False, "Faces", "faces",
        help="Find faces, decode them again in full precision, paint them again if asked, blend without a seam",
    )
    face_vae: str = setting(
        "Automatic", "VAE for faces", "faces", "vae",
        help="Automatic: a fitting fine-tune of the model's own (MSE before EMA), else the picture's",
        choices=("Automatic", "Same", "Built-in"), listed="vaes",
    )
    face_strength: float = setting(
        0.0, "Refine", "faces", "strength",
        help="Denoising strength of painting each face again at the model's own size; 0: faces are only decoded again",
        minimum=0.0, maximum=1.0, step=0.01,
    )
    face_prompt: str = setting(
        "", "Prompt for faces", "faces", "prompt",
        help="Empty: the picture's. [SEP] between faces, [SKIP] leaves one out, [PROMPT] stands for the picture's",
        lines=2,
    )
    face_negative: str = setting(
        "", "Negative prompt for faces", "faces", "negative",
        help="Empty: the picture's. What faces are not to have; [SEP] as in the prompt for faces",
        lines=2,
    )
    face_adaptive: bool = setting(
        True, "Smaller faces are painted more freely", "faces", "adaptive",
        help="The strength is for a face that is enlarged to twice its size; off: the same for all",
        advanced=True,
    )
    face_guard: bool = setting(
        True, "Never worse", "faces", "guard",
        help="Keep a refined face only if it is found again at its place with no lower score",
        advanced=True,
    )
    face_search: str = setting(
        "normal", "Search", "faces", "search",
        help="Thorough: also at half and twice the size; any orientation: also turned; drawn: for flat drawings, "
             "with a lowest score of 0.2",
        choices=("normal", "thorough", "any orientation", "drawn"), advanced=True,
    )
    face_detector: str = setting(
        "centerface", "Detector", "faces", "detector",
        help="centerface comes with the extension; the others only where the WebUI or you have installed them",
        choices=("centerface", "retinaface", "mediapipe", "yolo"), advanced=True,
    )
    face_score: float = setting(
        0.35, "Lowest score", "faces", "score",
        help="Faces that the detector is less sure of are left alone",
        minimum=0.05, maximum=0.95, step=0.01, advanced=True,
    )
    face_smallest: float = setting(
        0.0, "Smallest face", "faces", "smallest",
        help="Height in percent of the picture's shorter side; smaller ones are left alone",
        minimum=0.0, maximum=100.0, step=0.5, advanced=True,
    )
    face_largest: float = setting(
        100.0, "Largest face", "faces", "largest",
        help="Height in percent of the picture's shorter side; larger ones are left alone",
        minimum=0.0, maximum=100.0, step=0.5, advanced=True,
    )
    face_count: int = setting(
        0, "Most faces in a picture", "faces", "count",
        help="The largest ones are taken; 0: all",
        minimum=0, maximum=100, step=1, advanced=True,
    )
    face_order: str = setting(
        "left to right", "Order of faces", "faces", "order",
        help="The order in which [SEP] counts them",
        choices=("left to right", "size", "score"), advanced=True,
    )
    face_seeds: str = setting(
        "per face", "Seeds of faces", "faces", "seeds",
        help="Per face: the picture's seed and one more for each face; same: the picture's for all",
        choices=("per face", "same"), advanced=True,
    )
    face_steps: int = setting(
        0, "Steps of faces", "faces", "steps",
        help="Sampling steps of painting a face again, at least 2; 0: as the picture",
        minimum=0, maximum=150, step=1, advanced=True,
    )
    face_sampler: str = setting(
        "Same", "Sampler of faces", "faces", "sampler",
        help="Sampler of painting a face again; Same: as the picture",
        choices=("Same",), listed="samplers", advanced=True,
    )
    face_cfg: float = setting(
        0.0, "CFG scale of faces", "faces", "cfg",
        help="How strictly a face follows its prompt; 0: as the picture",
        minimum=0.0, maximum=30.0, step=0.5, advanced=True,
    )
    face_tone: float = setting(
        1.0, "Match of tone", "faces", "tone",
        help="How far a new face takes the brightness and tint around it; less keeps a wanted change of tone",
        minimum=0.0, maximum=1.0, step=0.05, advanced=True,
    )
    face_boxes: str = setting(
        "", "Boxes of your own", "faces", "boxes",
        help="In place of a search: left,top,right,bottom of each face as shares of the picture (0..1), with ; between",
        lines=2, advanced=True, axis=False,
    )
    face_passes: str = setting(
        "", "Further passes", "faces", "passes",
        help='A JSON list of passes after this one, each an object such as {"strength": 0.2, "prompt": "..."}',
        lines=2, advanced=True, axis=False,
    )
    vae_bridge: bool = setting(
        True, "Carry latents to a hires checkpoint of another family", "vae", "bridge",
        help="By decoding and encoding; without it a latent upscaler hands the second model noise", advanced=True,
    )
    face_return: str = setting(
        "nothing", "Show and save as well", "faces", "return",
        help="The picture before, faces numbered, the mask of what was changed, crops before and after",
        choices=("nothing", "before", "overlay", "masks", "crops", "everything"), advanced=True, axis=False,
    )
    face_model: str = setting(
        "", "Model file for yolo", "faces", "model",
        help="A .pt file in the WebUI's models/adetailer or models/yolo; the settings page allows opening such files",
        listed="face models", advanced=True,
    )
    vae_adaptive: bool = setting(
        False, "Noise follows carried latents", "vae", "adaptive",
        help="Each channel of the second pass's noise gets the share that it has in the latents; measured: no gain",
        advanced=True,
    )
    face_estimate: bool = setting(
        False, "Faces may be estimated", "faces", "estimate",
        help="With a picked VAE: decode faces by another VAE with statistics estimated at them where that is cheaper",
        advanced=True,
    )
    vae_compare: bool = setting(
        False, "Decode with every fitting VAE as well", "vae", "compare",
        help="A sheet of their pictures beside each picture, with what differs; nothing is sampled again",
        advanced=True, axis=False,
    )
    # fmt: on

    @classmethod
    def from_args(
        cls, args: Sequence[object], axes: Mapping[str, object] = NO_AXES, defaults: Mapping[str, object] = NO_AXES
    ) -> tuple[Settings, list[str]]:
        """Settings from the page's or the API's arguments, and what was wrong with them.

        `args` are the fields in order, or one dict of names first; None and what is missing take the default. A dict
        that does not say `enabled` means on. Wrong arguments never raise: each gives a note that names the field.
        `axes` are the values of an X/Y/Z plot's cell; each switches on what it needs, unless they say otherwise.
        `defaults` are what the person's options say of fields that `args` leave open; with a dict, positions behind it
        are what the WebUI filled in from a page that may be older than the options.
        """
        if args and isinstance(args[0], Mapping):
            given = {**dict(zip(NAMES[1:], args[1:], strict=False)), "enabled": True, **defaults, **args[0]}
        else:
            given = dict(zip(NAMES, args, strict=False))
        given.update({name: value for name, value in defaults.items() if given.get(name) is None})
        needed = {GROUPS[field.group].switch: True for field in FIELDS if field.name in axes}
        return cls.from_mapping({**given, **({"enabled": True} if axes else {}), **needed, **axes})

    @classmethod
    def from_mapping(cls, given: Mapping[Any, object]) -> tuple[Settings, list[str]]:
        """Settings from values by name, and a note for each value or name that could not be taken as it was."""
        notes = [f"{shown(name)}: no such setting, ignored" for name in given if name not in NAMES]
        taken: dict[str, Value] = {}
        for field in FIELDS:
            value = given.get(field.name)
            if value is None:
                continue
            taken[field.name], note = accept(field, value)
            if note:
                notes.append(f"{field.name}: {note}")
        return cls(**taken), notes  # type: ignore[arg-type]

    def on(self, group: str) -> bool:
        """Whether the extension and this feature are both switched on."""
        return self.enabled and bool(getattr(self, GROUPS[group].switch))


FIELDS = tuple(
    Field(name=f.name, kind=type(f.default), default=f.default, **f.metadata)  # type: ignore[arg-type]
    for f in dataclasses.fields(Settings)
)
NAMES = tuple(field.name for field in FIELDS)
