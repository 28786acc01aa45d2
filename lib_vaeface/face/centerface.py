"""CenterFace (Xu et al., arXiv 1911.03599): a face is the point of its centre, with a size and five landmarks.

The network is written as functions of its weight file: a stem, seven stages of inverted residuals (MobileNetV2, arXiv
1801.04381), and a pyramid of four of them. weights/centerface.NOTICE.md names their origin and licence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .convolution import convolved
from .overlap import suppress
from .protocol import Face

WEIGHTS = Path(__file__).parent / "weights" / "centerface.safetensors"
STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block
PYRAMID = (6, 4, 2, 1)  # stages that are looked at, coarse to fine
CELL = 4  # pixels to a cell of the maps
MULTIPLE = 32  # sides of what the network takes
SCORE = 0.35
BATCH_PIXELS = 4 * 2**20  # at once, about 2 GiB of activations
CPU_PIXELS = 5 * 2**16  # at once on a CPU, which is faster while what a layer makes stays small
STRIP = 8 * 2**20  # bytes of a widened picture on a CPU; more is made in strips

Weights = Mapping[str, Tensor]


class CenterFace:
    """The default detector: any skin, any size from about 12 px, tilted up to about 45 degrees. Not: drawn anime.

    score: faces below it are not reported. Weights are fp32 on the device. On a device that is out of memory pictures
    are looked at one by one, then on the CPU.
    """

    name = "centerface"

    def __init__(self, device: torch.device | str = "cpu", score: float = SCORE, path: Path = WEIGHTS) -> None:
        self.device = torch.device(device)
        self.score = score
        self._path = path

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        """Faces of every image, [3,H,W] in 0..1 of any sizes, best first; those of one size are looked at together."""
        found: list[list[Face]] = [[] for _ in images]
        for numbers in _batches(images, CPU_PIXELS if self.device.type == "cpu" else BATCH_PIXELS):
            batch = torch.stack([_padded(images[n].to(self.device, torch.float32)) for n in numbers])
            if self.device.type == "cpu":
                batch = batch.contiguous(memory_format=torch.channels_last)
            for n, face_list in zip(numbers, self._maps_to_faces(batch, images[numbers[0]].shape), strict=True):
                found[n] = face_list
        return found

    def _maps_to_faces(self, batch: Tensor, shape: torch.Size) -> list[list[Face]]:
        size = (shape[2], shape[1])
        return [faces_of(maps, size, self.score) for maps in zip(*self._maps(batch), strict=True)]

    def _maps(self, batch: Tensor) -> list[Tensor]:
        try:
            return maps_of(weights(self._path, batch.device), batch)
        except torch.cuda.OutOfMemoryError:
            if len(batch) > 1:
                parts = [self._maps(part[None]) for part in batch]
                return [torch.cat(kind) for kind in zip(*parts, strict=True)]
            return maps_of(weights(self._path, torch.device("cpu")), batch.cpu())


@lru_cache(maxsize=2)
def weights(path: Path, device: torch.device) -> dict[str, Tensor]:
    """The file's tensors in fp32, the pyramid's batch norms folded into the doublings before them."""
    last = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    read = load_file(path).items()
    found = {name: t.float().contiguous(memory_format=last) if t.ndim == 4 else t.float() for name, t in read}
    for level in range(len(PYRAMID) - 1):
        norm = f"up.{level}.1"
        scale = found[f"{norm}.weight"] / (found[f"{norm}.running_var"] + 1e-3).sqrt()
        found[f"up.{level}.weight"] = found[f"up.{level}.0.weight"] * scale[:, None, None]
        found[f"up.{level}.bias"] = found[f"{norm}.bias"] - found[f"{norm}.running_mean"] * scale
    return {name: tensor.to(device) for name, tensor in found.items()}


def maps_of(w: Weights, images: Tensor) -> list[Tensor]:
    """[B,3,H,W] in 0..1, sides multiples of 32 -> at a quarter of the size: scores 0..1 [B,1,h,w], log of height and
    width in cells, offsets y and x of the centre in cells, and five landmarks y, x as shares of the box [B,10,h,w]."""
    x = _conv(w, "stem.0", images * 255, stride=2, pad=1, relu=True)
    stages: list[Tensor] = []
    for number, stride in enumerate(STRIDES):
        x = _stage(w, f"stages.{number}", x, stride)
        stages.append(x)
    y = _conv(w, "lat.0", stages[PYRAMID[0]], relu=True)
    for level, stage in enumerate(PYRAMID[1:]):
        larger = F.conv_transpose2d(y, w[f"up.{level}.weight"], w[f"up.{level}.bias"], stride=2).relu_()
        y = larger + _conv(w, f"lat.{level + 1}", stages[stage], relu=True)
    y = _conv(w, "head", y, pad=1, relu=True)
    scores, *others = (_conv(w, f"out.{n}", y) for n in range(4))
    return [scores.sigmoid(), *others]


def _stage(w: Weights, name: str, x: Tensor, stride: int) -> Tensor:
    block = 0
    while f"{name}.{block}.b.0.weight" in w:
        y = _block(w, f"{name}.{block}.b", x, 1 if block else stride)
        x = x + y if block else y  # only blocks that change neither size nor channels have a way around
        block += 1
    return x


def _block(w: Weights, name: str, x: Tensor, stride: int) -> Tensor:
    """Widen (not in the first stage), filter each channel by itself, narrow."""
    rows = _rows(x, len(w[f"{name}.0.weight"]))
    strips = [_strip(w, name, x, stride, top, rows) for top in range(0, x.shape[2], rows)]
    return torch.cat(strips, 2) if len(strips) > 1 else strips[0]


def _rows(x: Tensor, channels: int) -> int:
    """Rows of a strip, an even number; all of them where that is little or not on a CPU."""
    row = len(x) * channels * x.shape[3] * x.element_size()
    return x.shape[2] if x.device.type != "cpu" else min(x.shape[2], max(2, STRIP // row // 2 * 2))


def _strip(w: Weights, name: str, x: Tensor, stride: int, top: int, rows: int) -> Tensor:
    """The block's output of so many rows of its input, exactly: it is given what the filter reaches above and below."""
    above, below = min(top, stride), 1 if stride == 1 and top + rows < x.shape[2] else 0
    y = x[:, :, top - above : top + rows + below]
    if f"{name}.4.weight" in w:
        y = _conv(w, f"{name}.0", y, relu=True)
    filtered, narrowed = (2, 4) if f"{name}.4.weight" in w else (0, 2)
    y = _conv(w, f"{name}.{filtered}", y, stride, 1, apart=True, relu=True)
    return _conv(w, f"{name}.{narrowed}", y[:, :, bool(above) : y.shape[2] - below])


def _conv(
    w: Weights, name: str, x: Tensor, stride: int = 1, pad: int = 0, apart: bool = False, relu: bool = False
) -> Tensor:
    return convolved(x, w[f"{name}.weight"], w[f"{name}.bias"], stride, pad, x.shape[1] if apart else 1, relu)


def faces_of(maps: Sequence[Tensor], size: tuple[int, int], least: float) -> list[Face]:
    """Faces of one picture out of its maps [C,h,w]. size: width and height of the picture without padding."""
    scores, sizes, offsets, marks = maps
    rows, columns = torch.where(scores[0] > least)
    at = (slice(None), rows, columns)
    score, side, offset, share = (
        values.double().cpu() for values in (scores[at][0], sizes[at], offsets[at], marks[at])
    )
    side = side.exp() * CELL
    centre = (torch.stack([rows, columns]).cpu() + offset + 0.5) * CELL
    low, high = (centre - side / 2).clamp(min=0), centre + side / 2
    points = torch.stack([share[1::2] * side[1] + low[1], share[0::2] * side[0] + low[0]], -1).transpose(0, 1)
    low, high = low.flip(0).T, torch.minimum(high.flip(0).T, torch.tensor(size).double())
    boxes = torch.cat([low, high], 1)
    inside = (high > low).all(1)
    boxes, score, points = boxes[inside], score[inside], points[inside]
    return [_face(boxes[n], score[n], points[n]) for n in suppress(boxes, score)]


def _face(box: Tensor, score: Tensor, points: Tensor) -> Face:
    left, top, right, bottom = box.tolist()
    return Face((left, top, right, bottom), float(score), tuple((x, y) for x, y in points.tolist()))


def _batches(images: Sequence[Tensor], pixels: int) -> Iterator[list[int]]:
    """Numbers of images of one size, as many as may be looked at together."""
    order = sorted(range(len(images)), key=lambda n: tuple(images[n].shape))
    for shape, group in groupby(order, key=lambda n: tuple(images[n].shape)):
        if len(shape) != 3 or shape[0] != 3 or 0 in shape:
            raise ValueError(f"an image of shape {list(shape)}; a detector takes [3,H,W]")
        numbers, most = list(group), max(1, pixels // (shape[1] * shape[2]))
        yield from (numbers[start : start + most] for start in range(0, len(numbers), most))


def _padded(image: Tensor) -> Tensor:
    """Right and below filled up with black."""
    return F.pad(image, (0, -image.shape[2] % MULTIPLE, 0, -image.shape[1] % MULTIPLE))
