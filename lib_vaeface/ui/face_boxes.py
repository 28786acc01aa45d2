"""Boxes of faces as the page has them: a text of shares, and a picture on which javascript/parts/faces.js draws them.

The text is the panel's, "left,top,right,bottom; ..." in 0..1, and its order gives the numbers. The script reads and
writes it, so that dragging and typing are one.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lib_vaeface.face.protocol import Face, FloatBox
from lib_vaeface.ui.desk import table
from lib_vaeface.ui.html import Markup, join, tag
from lib_vaeface.ui.pictures import data_url

DIGITS = 4  # of a share: a third of a pixel of 4096
HINT = (
    "Drag on the picture to add a box, drag a box to move it and its edges to resize it. By keyboard: Tab to a box, "
    "arrow keys move it, with Ctrl its right and lower edge, with Shift by ten pixels; Delete takes it away, Escape "
    "lets it go, Insert on the picture adds one."
)


def text_of(faces: Sequence[Face], size: tuple[int, int]) -> str:
    """Boxes as the panel's text. size: width and height of the picture."""
    return "; ".join(",".join(map(_share, face.box, size * 2)) for face in faces)


def _share(edge: float, side: int) -> str:
    text = f"{min(max(edge / side, 0.0), 1.0):.{DIGITS}f}"
    return text.rstrip("0").rstrip(".")


def stage(picture: Tensor, text: str, text_id: str) -> Markup:
    """A picture [3,H,W] with the boxes of a text. text_id: the control that has the text from now on."""
    height, width = picture.shape[1:]
    image = tag("img", src=data_url(picture), alt="", draggable="false")
    area = tag(
        "div", image, tag("div", class_="vaeface-boxes-layer"), tabindex=0, role="group",
        aria_label="The picture with its numbered boxes", class_="vaeface-boxes-area",
    )  # fmt: skip
    buttons = [
        tag("button", title, type="button", class_=f"vaeface-tool vaeface-boxes-{name}")
        for name, title in (("add", "Add a box"), ("delete", "Delete the box"))
    ]
    said = tag("span", class_="vaeface-boxes-said", role="status")
    return tag(
        "div", tag("div", *buttons, said, class_="vaeface-bar"), area, tag("p", HINT, class_="vaeface-note"),
        class_="vaeface-boxes", data_width=width, data_height=height, data_boxes=text, data_text=text_id,
        style=f"--vaeface-ratio: {width / height:.4f}",
    )  # fmt: skip


def listed(faces: Sequence[Face]) -> Markup:
    """Number, box, score and size of every face; in words where there is none."""
    if not faces:
        return tag("p", "No face was found. Try another search or a lower score, or draw boxes.", role="status")
    rows = [(n, _pixels(face.box), f"{face.score:.2f}", _size(face.box)) for n, face in enumerate(faces, 1)]
    return table(("face", "left, top, right, bottom", "score", "size"), rows, "What was found, in pixels")


def outcome(records: Sequence[dict[str, object]], notes: Sequence[str]) -> Markup:
    """What was done to every face, as `improve` tells it."""
    rows = [
        (record["face"], ", ".join(map(str, _numbers(record["box"]))), record["done"],
         "; ".join(str(record[key]) for key in ("decode", "why") if key in record))
        for record in records
    ]  # fmt: skip
    said = [tag("p", note, class_="vaeface-note") for note in notes]
    return join([table(("face", "left, top, right, bottom", "done", "how"), rows), *said])


def _numbers(box: object) -> list[object]:
    return list(box) if isinstance(box, (list, tuple)) else []


def _pixels(box: FloatBox) -> str:
    return ", ".join(f"{edge:.0f}" for edge in box)


def _size(box: FloatBox) -> str:
    return f"{box[2] - box[0]:.0f}x{box[3] - box[1]:.0f}"
