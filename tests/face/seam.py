"""How visible the edge of a pasted face is, and what is pasted to find out. Colours and distances are SciPy's.

R = result - original in Lab. With "new" = the original in another tone, R holds no texture, only tone.
S: R averaged over 16 angular sectors and per pixel of distance to the outline, smoothed over three; the 95th
percentile over sectors of its steepest slope, in delta E per pixel. Faces are brought to 180 px of height before.
T: what is left of the tone step, mean |R| from 4 to 10 % of the face's height inside the outline.
"""

from __future__ import annotations

from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor

from lib_vaeface.face.outline import outline
from lib_vaeface.face.protocol import Face

HEIGHT = 180
SECTORS = 16
KINDS = ("shift", "gradient", "contrast")


def lab(picture: Tensor) -> np.ndarray:
    return rgb2lab(picture.double().clamp(0, 1).permute(1, 2, 0).numpy())


def at_height(picture: Tensor, box: tuple[float, float, float, float]) -> tuple[Tensor, Face]:
    """The picture scaled so that the face is 180 px high, cut a face's height around it."""
    scale = HEIGHT / (box[3] - box[1])
    size = [round(side * scale) for side in picture.shape[1:]]
    scaled = F.interpolate(picture[None], size=size, mode="bicubic", antialias=True)[0].clamp(0, 1)
    left, top = max(0, round(box[0] * scale) - HEIGHT), max(0, round(box[1] * scale) - HEIGHT)
    right, bottom = round(box[2] * scale) + HEIGHT, round(box[3] * scale) + HEIGHT
    x0, y0, x1, y1 = (value * scale for value in box)
    face = Face((x0 - left, y0 - top, x1 - left, y1 - top), 1.0)
    return scaled[:, top:bottom, left:right].contiguous(), face


def other_tone(picture: Tensor, kind: str, random: Random, detail: bool = False) -> Tensor:
    """The picture as another VAE or sampling might give it: 5 delta E off, relit, washed out; with new fine detail."""
    values = lab(picture)
    y, x = np.mgrid[: values.shape[0], : values.shape[1]] / max(values.shape[:2])
    values = values + np.array([random.choice((-1, 1)) * size for size in (3.5, 2.0, 3.0)])
    if kind == "gradient":
        values[..., 0] += (x - 0.5) * random.choice((-1, 1)) * 10 + (y - 0.5) * 6
    if kind == "contrast":
        values[..., 0] = (values[..., 0] - 60) * 0.88 + 60
        values[..., 1:] *= 0.85
    new = lab2rgb(values)
    if detail:
        noise = np.random.default_rng(random.randrange(2**32)).standard_normal(new.shape)
        new = 2 * new - gaussian_filter(new, (1.2, 1.2, 0), mode="nearest") + 0.012 * noise
    return torch.from_numpy(new).float().permute(2, 0, 1).clamp(0, 1)


def ellipse(face: Face, size: tuple[int, int], part: float = 1.0) -> np.ndarray:
    shape = outline(face)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return np.hypot((x - shape.x) / shape.half_width, (y - shape.y) / shape.half_height) < part


def seam(original: Tensor, result: Tensor, face: Face) -> tuple[float, float]:
    """S in delta E per pixel, T in delta E."""
    shape = outline(face)
    mask, band = ellipse(face, (original.shape[1], original.shape[2])), int(0.25 * HEIGHT)
    depth = np.where(mask, distance_transform_edt(mask) - 0.5, 0.5 - distance_transform_edt(~mask))
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    turn = np.arctan2((y - shape.y) / shape.half_height, (x - shape.x) / shape.half_width) / (2 * np.pi) + 0.5
    near = np.abs(depth) < band
    where = (turn[near] * SECTORS).astype(int) % SECTORS * 2 * band + np.floor(depth[near] + band).astype(int)
    counts = np.bincount(where, minlength=SECTORS * 2 * band).reshape(SECTORS, -1)
    changed = (lab(result) - lab(original))[near]
    sums = [np.bincount(where, changed[:, c], SECTORS * 2 * band).reshape(SECTORS, -1) for c in range(3)]
    means = np.stack(sums, -1) / np.maximum(counts, 1)[..., None]
    padded = np.pad(means, ((0, 0), (1, 1), (0, 0)), "edge")
    means = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    slopes = np.linalg.norm(np.diff(means, axis=1), axis=-1)
    slopes = np.where((counts[:, 1:] >= 3) & (counts[:, :-1] >= 3), slopes, 0)[:, 2:-2]
    inside = means[:, band + int(0.04 * HEIGHT) : band + int(0.1 * HEIGHT)].mean(1)
    return float(np.percentile(slopes.max(1), 95)), float(np.linalg.norm(inside, axis=-1).mean())


def detail_kept(new: Tensor, result: Tensor, face: Face) -> float:
    """1 - |fine(result) - fine(new)| / |fine(new)| of lightness in the core of the face."""
    core, sigma = ellipse(face, (new.shape[1], new.shape[2]), 0.6), 0.02 * HEIGHT

    def fine(picture: Tensor) -> np.ndarray:
        lightness = lab(picture)[..., 0]
        return (lightness - gaussian_filter(lightness, sigma, mode="nearest"))[core]

    return float(1 - np.abs(fine(result) - fine(new)).mean() / np.abs(fine(new)).mean())
