"""What goes into the face stage beside the pictures, what comes out, and a face on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .crops import longest
from .protocol import Face

Record = dict[str, Any]
REFINED, DECODED, NOTHING = "refined", "decoded", "nothing"


@dataclass(frozen=True)
class Source:
    """How a picture was made: its prompt and negative prompt as its schedule has them written, and its seed."""

    prompt: str = ""
    negative: str = ""
    seed: int = 0


@dataclass(frozen=True)
class View:
    """A face before and after, on its canvas: [3,canvas,canvas] in 0..1, and the mask that was painted, [1,...].

    picture, number: counted from 0; step: of the list of passes, from 0. kept: whether `after` is in the picture.
    """

    picture: int
    number: int
    step: int
    before: Tensor
    after: Tensor
    mask: Tensor
    kept: bool


@dataclass(frozen=True)
class Result:
    """pictures: [3,H,W] in 0..1 float each, where nothing was done the very tensors that came in.

    records: for every picture one dictionary of JSON values for each face and pass. notes: what the person should know
    beyond single faces. views: before and after, if they were asked for. masks: for every picture where it was changed,
    [H,W] in 0..1.
    """

    pictures: list[Tensor]
    records: list[list[Record]]
    notes: list[str]
    views: list[View]
    masks: list[Tensor]


@dataclass
class Job:
    """One face in one pass. Everything that belongs to it hangs here, so that no order of lists can part it.

    found: as the detector or the person gave it. face: as it is worked on, moved or grown as the pass says.
    """

    picture: int
    number: int
    found: Face
    face: Face
    record: Record = field(default_factory=dict)

    @classmethod
    def start(cls, picture: int, number: int, step: int, found: Face, face: Face) -> Job:
        """With what is known once the face is found."""
        box = [round(edge) for edge in face.box]
        record: Record = {"pass": step + 1, "face": number + 1, "box": box, "size": round(longest(face))}
        return cls(picture, number, found, face, {**record, "score": round(face.score, 3), "done": NOTHING})

    def say(self, why: str) -> None:
        """Add a reason to the record."""
        self.record["why"] = f"{self.record['why']}; {why}" if "why" in self.record else why


def reason(error: BaseException) -> str:
    """An error in one line, for people."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
