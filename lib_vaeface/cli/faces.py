"""`faces`: finds the faces of a picture, shows them numbered, and decodes them again by a VAE of the person's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .shared import (
    DONE,
    FAILED,
    VAE_HELP,
    WRONG,
    Commands,
    Failed,
    codec_options,
    open_vae,
    out_option,
    pictures_in,
    print_json,
    progress,
    read_picture,
    writable,
)  # fmt: skip

if TYPE_CHECKING:
    from torch import Tensor

    from lib_vaeface.face.job import Result
    from lib_vaeface.face.passes import FacePass


def add(commands: Commands) -> None:
    parser = commands.add_parser("faces", help="find faces in pictures, and decode them again by a VAE")
    parser.add_argument("pictures", type=Path, metavar="PICTURE", help="a picture, or a folder of them")
    out_option(parser, "the picture with its faces decoded again (needs --vae), or with its faces numbered; for a "
               "folder a folder")  # fmt: skip
    parser.add_argument("--vae", metavar="VAE", help=VAE_HELP)
    parser.add_argument("--search", default="normal", help="normal, thorough, any orientation (normal)")
    parser.add_argument("--score", type=float, default=0.35, help="less sure faces are left alone (0.35)")
    parser.add_argument("--boxes", default="",
                        help="left,top,right,bottom; ... as shares or pixels, in place of a search")  # fmt: skip
    parser.add_argument("--count", type=int, default=0, help="the so many largest; 0: all")
    parser.add_argument("--tone", type=float, default=1.0, help="match of tone with what is around, 0..1 (1)")
    codec_options(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    settings, redecoder = _settings(asked), _redecoder(asked)
    told, found = [], 0
    files = pictures_in(asked.pictures)
    for number, path in enumerate(files, 1):
        done = _improved(read_picture(path), settings, redecoder, asked)
        found += len(done.records[0])
        written = _written(path, done, asked) if asked.out else None
        told.append({"picture": path.name, "faces": done.records[0], "notes": done.notes, "written": written})
        if not asked.json:
            _print(told[-1])
        progress(number, len(files), "pictures")
    if asked.json:
        print_json(told)
    if any(entry["notes"] for entry in told) and not found:
        return FAILED
    return DONE


def _settings(asked: argparse.Namespace) -> FacePass:
    from lib_vaeface.face.passes import parse_passes

    given = {name: getattr(asked, name) for name in ("search", "score", "count", "tone")}
    return parse_passes([given])[0][0]


def _redecoder(asked: argparse.Namespace) -> Any:
    """picture [3,H,W] -> how its faces are decoded again; None without a VAE."""
    if not asked.vae:
        return None
    from lib_vaeface.face.redecode import redecoder

    codec = open_vae(asked.vae, asked)
    return lambda picture: redecoder(codec, None, [picture])


def _improved(picture: Tensor, settings: FacePass, redecoder: Any, asked: argparse.Namespace) -> Result:
    import torch

    from lib_vaeface.face.boxes import parse_boxes
    from lib_vaeface.face.detect import Setup, detector
    from lib_vaeface.face.improve import improve

    one = picture[0].to(asked.device)
    setup = Setup(torch.device(asked.device), settings.score, settings.search)
    own = [parse_boxes(asked.boxes, one.shape[1:])]
    made = redecoder(one) if redecoder else None
    return improve([one], [settings], lambda _: detector(settings.detector, setup), made, own=own)


def _written(path: Path, done: Result, asked: argparse.Namespace) -> str:
    """The result in its file."""
    from lib_vaeface.face.shown import shown, to_image

    out = asked.out
    if asked.pictures.is_dir():
        if not out.is_dir():
            raise Failed(f"{out}: a folder that exists is wanted for a folder of pictures", WRONG)
        out = out / f"{path.stem}.png"
    out = writable(out, asked.overwrite)
    image = to_image(done.pictures[0])
    if not asked.vae:
        image = dict(shown("overlay", done.pictures, done)[0]).get("overlay", image)
    image.save(out)
    return out.name


def _print(told: dict[str, Any]) -> None:
    print(f"{told['picture']}: {len(told['faces'])} faces" + (f" -> {told['written']}" if told["written"] else ""))
    for face in told["faces"]:
        box = ",".join(str(edge) for edge in face["box"])
        more = "; ".join(str(face[key]) for key in ("decode", "why") if key in face)
        print(f"  {face['face']}: box {box}, score {face['score']}" + (f", {more}" if more else ""))
    for note in told["notes"]:
        print(f"  {note}", file=sys.stderr)
