"""Faces on the pocket model: `python -m benchmarks.faces [--pictures N] [--mtcnn FILE] [--vae FILE ...] [--sheet PNG]`.

Paints group pictures with small faces, refines the faces with the guard on and off, and measures every face that was
found before: by a detector that the guard does not use, and by how well eyes can be seen. No face is left out after
the refining, so that a guard can't raise a mean by choosing. Then decodes rendered faces, whose truth is known, with
other VAEs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from benchmarks import tables
from benchmarks.face_measures import Judge, eyes, mean
from benchmarks.face_painting import Faces, Model, Painted, Whole, scenes
from lib_vaeface.face.colour import gaussian
from lib_vaeface.face.crops import cut, window_of
from lib_vaeface.face.detect import Detectors
from lib_vaeface.face.improve import improve
from lib_vaeface.face.job import Result, Source
from lib_vaeface.face.masks import adjusted
from lib_vaeface.face.passes import FacePass
from lib_vaeface.face.protocol import Face
from pocket_webui.measure import degrade
from pocket_webui.measure.files import load_vae
from pocket_webui.measure.vae import psnr, squared_error
from pocket_webui.portraits import Scene, caption, eye_boxes, render, sample

MODEL = tables.ROOT / "pocket_webui" / "models" / "pocket.safetensors"
VAES = [MODEL.with_name(f"pocket-{name}.safetensors") for name in ("ema", "mse")]
TRUTH = 99_000_000  # renders that nothing is trained on, nor measured with
LOOK = FacePass(search="thorough", score=0.3, redecode=False)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--checkpoint", type=Path, default=MODEL)
    parser.add_argument("--mtcnn", type=Path, help="onet.pt of facenet-pytorch: the second detector")
    parser.add_argument("--vae", type=Path, nargs="*", default=VAES, help="fine-tunes to decode faces with")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet, before and after")
    parser.add_argument("--strength", type=float, nargs="+", default=[0.4])
    parser.add_argument("--padding", type=float, nargs="+", default=[LOOK.padding])
    parser.add_argument("--fixed", action="store_true", help="not adaptive")
    parser.add_argument(
        "--prompt", choices=("people", "picture"), default="people", help="a prompt for each face, or the picture's"
    )
    parser.add_argument("--kind", choices=("group", "half"), default="group", help="small faces, or larger ones")
    parser.add_argument("--only", nargs="+", choices=("measures", "refine", "decode", "batch"))
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


@dataclass
class Bench:
    """What all parts use."""

    model: Model
    judge: Judge | None
    detectors: Detectors
    options: argparse.Namespace

    def score(self, picture: Tensor, box: Sequence[float]) -> tuple[float, float]:
        """Second detector (nan without one) and eyes."""
        place = (box[0], box[1], box[2], box[3])
        return self.judge.score(picture, place) if self.judge else float("nan"), eyes(picture, place)


def measures(bench: Bench) -> None:
    """Truth against spoiled truth: what the measures tell apart."""
    scenes = sample(TRUTH, max(4, bench.options.pictures // 3), "group", 256, 256)
    truth = render(scenes).float() / 255
    torch.manual_seed(0)
    spoiled = {
        "truth": truth,
        "blur, sigma 0.7 px": degrade.blur(truth, 0.7),
        "blur, sigma 1 px": degrade.blur(truth, 1.0),
        "blur, sigma 2 px": degrade.blur(truth, 2.0),
        "half the pixels": degrade.mush(truth, 2),
        "noise of 6 %": degrade.noise(truth, 0.06),
        "bent by 1 %": degrade.warped(truth, 0.012),
        "through the pocket VAE": torch.cat([bench.model.decode(bench.model.encode(p[None])) for p in truth]),
    }
    found = {
        name: [bench.score(p, q.box) for p, s in zip(made, scenes, strict=True) for q in s.people]
        for name, made in spoiled.items()
    }

    def rows() -> Iterator[list[str]]:
        for name, scores in found.items():
            above = [[a > b for a, b in zip(*pair, strict=True)] for pair in zip(found["truth"], scores, strict=True)]
            shares = ["" if name == "truth" else f"{mean([float(row[n]) for row in above]):.0%}" for n in (0, 1)]
            judged, seen = (mean([score[n] for score in scores]) for n in (0, 1))
            yield [name, f"{judged:.3f}", shares[0], f"{seen:.3f}", shares[1]]

    print(f"{len(found['truth'])} rendered faces. *Below truth*: faces whose truth the measure puts above.")
    tables.table(["rendered groups", "MTCNN", "below truth", "eyes", "below truth"], rows())


def refined(bench: Bench, painted: Sequence[Painted], settings: FacePass, painter: Faces) -> Result:
    """Each picture by itself, with a prompt of its own for each of its people."""
    parts = []
    for number, one in enumerate(painted):
        mine = replace(settings, prompt=one.faces) if bench.options.prompt == "people" else settings
        sources = [Source(caption(one.scene), "", number)]
        parts.append(improve([one.picture], [mine], bench.detectors.get, None, painter, sources))
    return Result(
        [part.pictures[0] for part in parts],
        [part.records[0] for part in parts],
        [note for part in parts for note in part.notes],
        [],
        [part.masks[0] for part in parts],
    )


def refine(bench: Bench) -> None:
    """Painted pictures before and after, guard on and off."""
    chosen = scenes(bench.options.kind, bench.options.pictures, bench.options.seed)
    painted = [bench.model.paint(scene, 1000 + n) for n, scene in enumerate(chosen)]
    print(f"{len(painted)} pictures. All faces are measured that were found before, where they were then.")
    head = ["faces", "strength", "padding", "MTCNN", "eyes", "change", "taken", "refused"]
    made: list[Result] = []
    tables.table(head, refine_rows(bench, painted, made))
    for note in {note for result in made for note in result.notes}:
        print(note)
    if made and bench.options.sheet:
        sheet(painted, made[-1]).save(bench.options.sheet)


def refine_rows(bench: Bench, painted: Sequence[Painted], made: list[Result]) -> Iterator[list[str]]:
    """Rows of the table; the results are put into `made`, with the guard on last."""
    before, painter = [one.picture for one in painted], Faces(bench.model)
    for padding, strength in itertools.product(bench.options.padding, bench.options.strength):
        settings = replace(LOOK, strength=strength, padding=padding, adaptive=not bench.options.fixed)
        for on in (False, True):
            result = refined(bench, painted, replace(settings, guard=on), painter)
            if not made:
                yield ["before", "", "", *scores(bench, before, result, before), "", ""]
            made.append(result)
            kept = [record["done"] == "refined" for records in result.records for record in records]
            words = [f"refined, guard {'on' if on else 'off'}", f"{strength:g}", f"{padding:g}"]
            found = scores(bench, result.pictures, result, before)
            yield [*words, *found, str(sum(kept)), str(len(kept) - sum(kept))]


def scores(bench: Bench, pictures: Sequence[Tensor], result: Result, before: Sequence[Tensor]) -> list[str]:
    """Means over every face that was found before; last the change, in levels of 255, of what is larger than detail."""
    found = [bench.score(p, r["box"]) for p, records in zip(pictures, result.records, strict=True) for r in records]
    change = [
        _change(old, new, record["box"])
        for old, new, records in zip(before, pictures, result.records, strict=True)
        for record in records
    ]
    return [*(f"{mean([score[n] for score in found]):.3f}" for n in (0, 1)), f"{mean(change):.1f}"]


def _change(before: Tensor, after: Tensor, box: Sequence[int]) -> float:
    left, top, right, bottom = box
    difference = gaussian(after - before, 0.06 * (bottom - top))
    return float(difference[:, max(0, top) : bottom, max(0, left) : right].abs().mean() * 255)


def sheet(painted: Sequence[Painted], result: Result, most: int = 8) -> Image.Image:
    """Pictures before and after in two rows, and below every one of their faces before and after, enlarged."""
    columns, rows = [], max((len(records) for records in result.records[:most]), default=0)
    for one, after, records in list(zip(painted, result.pictures, result.records, strict=True))[:most]:
        parts = [one.picture, after]
        for record in records:
            window = replace(window_of(Face(tuple(record["box"]), 1.0), 256, 256, 128, 1.6), canvas=128)
            parts.append(torch.cat([cut(one.picture, window), cut(after, window)], 2))
        parts += [torch.ones(3, 128, 256)] * (rows - len(records))
        columns.append(torch.cat(parts, 1))
    whole = (torch.cat(columns, 2) * 255).round().byte().permute(1, 2, 0)
    return Image.fromarray(whole.numpy())


def decode(bench: Bench) -> None:
    """Rendered groups through the model's own VAE, the faces decoded again with others: PSNR of the eyes."""
    scenes = sample(TRUTH + 1, bench.options.pictures, "group", 256, 256)
    truth = render(scenes).float()
    latents = [bench.model.encode(picture[None] / 255) for picture in truth]
    base = [bench.model.decode(latent)[0] for latent in latents]
    faces = [[adjusted(_face(person.box), 1.1) for person in scene.people] for scene in scenes]
    rows = [["own VAE", *_psnrs(base, truth, scenes)]]
    for file in bench.options.vae:
        vae = load_vae(file)
        with torch.no_grad():
            whole = [(vae.decode(z / bench.model.nets.scale_factor)[0] / 2 + 0.5).clamp(0, 1) for z in latents]
        result = improve(base, [FacePass()], bench.detectors.get, Whole(whole), own=faces)
        rows.append([f"faces from {file.stem}", *_psnrs(result.pictures, truth, scenes)])
        rows.append([f"all from {file.stem}", *_psnrs(whole, truth, scenes)])
    print(
        f"{len(scenes)} rendered groups, {sum(map(len, faces))} faces; dB of the mean squared error, rounded to 8 bits."
    )
    tables.table(["decoded", "eyes", "faces"], rows)


def _face(box: tuple[float, float, float, float]) -> Face:
    return Face(box, 1.0)


def _psnrs(pictures: Sequence[Tensor], truth: Tensor, scenes: Sequence[Scene]) -> list[str]:
    found: dict[str, list[float]] = {"eyes": [], "faces": []}
    for picture, true, scene in zip(pictures, truth, scenes, strict=True):
        error = (picture * 255).round() - true
        found["eyes"].append(squared_error(error, [box for person in scene.people for box in eye_boxes(person)]))
        found["faces"].append(squared_error(error, [person.box for person in scene.people]))
    return [f"{psnr(mean(values)):.2f}" for values in found.values()]


def batch(bench: Bench) -> None:
    """Eight faces at once against one by one."""
    scene = sample(TRUTH + 2, 4, "group", 256, 256)
    pictures = list(render(scene).float() / 255)
    faces = [[_face(person.box) for person in s.people][:2] for s in scene]
    settings = replace(LOOK, strength=0.4, guard=False, adaptive=False)
    times = {}
    bench.model.encode(bench.model.decode(bench.model.encode(pictures[0][None])))  # loaded before the clock runs
    bench.model.text("")
    for chunk in (8, 1):
        begin = time.thread_time()
        improve(pictures, [settings], bench.detectors.get, resampler=Faces(bench.model), own=faces, chunk=chunk)
        times[chunk] = time.thread_time() - begin
    rows = [[str(chunk), f"{seconds:.1f}", f"{seconds / times[1]:.2f}"] for chunk, seconds in times.items()]
    tables.table(["faces at once, of 8", "CPU seconds", "ratio"], rows, 0)


def main() -> None:
    given = options()
    torch.set_num_threads(1)
    judge = Judge(given.mtcnn) if given.mtcnn else None
    bench = Bench(Model(given.checkpoint), judge, Detectors(torch.device("cpu")), given)
    print(tables.machine("torch"))
    for name, part in (("measures", measures), ("refine", refine), ("decode", decode), ("batch", batch)):
        if not given.only or name in given.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            part(bench)


if __name__ == "__main__":
    main()
