"""What the tab's part "Faces" computes: a picture's faces decoded again, what is shown of it and what can be saved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from lib_vaeface.face.detect import Detectors
from lib_vaeface.face.improve import improve
from lib_vaeface.face.job import Result
from lib_vaeface.face.passes import FacePass, parse_passes
from lib_vaeface.face.protocol import Face
from lib_vaeface.face.redecode import redecoder
from lib_vaeface.face.regions import region
from lib_vaeface.face.shown import EVERYTHING, shown, to_image
from lib_vaeface.ui.desk import Subject, said_of
from lib_vaeface.ui.html import Markup
from lib_vaeface.ui.pictures import data_url, heat
from lib_vaeface.ui.viewer import Column, viewer
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.compare import Region
from lib_vaeface.vae.workbench import Reference

CPU = torch.device("cpu")
GAIN = 4
CROPS = "crops"


@dataclass(frozen=True)
class Looked:
    """One picture [3,H,W] on the CPU. latent: [1,C,h,w] of the reference's sampler, None where it was a picture."""

    picture: Tensor
    latent: Tensor | None
    reference: Reference | None
    reason: str
    subject: Subject
    infotext: str

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[2], self.picture.shape[1]


@dataclass(frozen=True)
class Made:
    """What can be saved. others: (kind, picture), see `face.shown`."""

    image: Image.Image
    others: tuple[tuple[str, Image.Image], ...]
    infotext: str


def settings_of(search: str, score: float, count: float | None, tone: float = 1.0) -> FacePass:
    """Checked settings of a pass that decodes only. ValueError says what is wrong."""
    given = {"search": search, "score": score, "count": _whole(count or 0, "The number of faces"), "tone": tone}
    return parse_passes([given])[0][0]


def _whole(value: object, name: str) -> int:
    if not isinstance(value, (int, float)) or value != value or abs(value) > 10**6 or value != int(value):
        raise ValueError(f"{name} must be a whole number.")
    return int(value)


def place_of(number: float | None, count: int) -> int:
    """The picture's index. ValueError: there are fewer."""
    wanted = _whole(1 if number is None else number, "The picture's number")
    if not 1 <= wanted <= count:
        raise ValueError(f"There is no picture {wanted}: {count} can be chosen from, counted from 1.")
    return wanted - 1


def detectors(looked: Looked) -> Detectors:
    return Detectors(looked.reference.codec.device if looked.reference else CPU)


def improved(
    looked: Looked, settings: FacePass, own: Sequence[Face], codec: Autoencoder, reference: Reference
) -> Result:
    """The picture with its faces by the codec; encoded by the reference where there is no latent."""
    again = redecoder(codec, [looked.latent], [looked.picture], encoder=reference.codec)
    return improve([looked.picture], [settings], detectors(looked).get, again, own=[own])


def made_of(looked: Looked, done: Result, name: str) -> Made:
    others = [*shown(EVERYTHING, [looked.picture], done)[0], *_crops(looked, done)]
    return Made(to_image(done.pictures[0]), tuple(others), _infotext_with(looked.infotext, name))


def _crops(looked: Looked, done: Result) -> list[tuple[str, Image.Image]]:
    """Each face before and after, side by side."""
    found = []
    for left, top, right, bottom in _regions(looked, done):
        sides = [picture[:, top:bottom, left:right] for picture in (looked.picture, done.pictures[0])]
        found.append((CROPS, to_image(torch.cat(sides, dim=2))))
    return found


def _regions(looked: Looked, done: Result) -> list[tuple[int, int, int, int]]:
    return [region(Face(tuple(record["box"]), record["score"]), looked.size) for record in done.records[0]]


def _infotext_with(infotext: str, name: str) -> str:
    """How the picture was made, and by which VAE its faces are; nothing where nothing is known of it."""
    return f"{infotext}, Faces decoded again by: {json.dumps(name, ensure_ascii=False)}" if infotext.strip() else ""


def pictures(looked: Looked, done: Result, made: Made, name: str) -> Markup:
    """Before and after with the difference, the numbered faces and where it was changed."""
    before, after = looked.picture, done.pictures[0]
    columns = [
        Column("before", "", (data_url(before),)),
        Column("after", f"faces by {name}", (data_url(after),), (data_url(heat(after, before, GAIN)),)),
    ]
    titles = {"overlay": "faces", "masks": "changed"}
    columns += [Column(titles[kind], "", (data_url(image),)) for kind, image in made.others if kind in titles]
    regions = [Region("face", box) for box in _regions(looked, done)]
    return viewer(columns, looked.size, regions, f"difference from before, times {GAIN}")


def said(looked: Looked) -> Markup:
    return Markup("") if looked.reference is None else said_of(looked.reference, looked.reason)
