"""Renders batches of scenes. Every picture depends on its own scene only, never on its neighbours in a batch."""
from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from . import clothes, features, hair, head
from .frame import grid, pack
from .scene import Person, Scene

CHUNK = 4
CONSTANT_RGB = {
    "white": (0.97, 0.96, 0.94), "dark": (0.07, 0.05, 0.055), "inner": (0.2, 0.05, 0.055), "blush": (0.8, -1.1, -1.0),
    "ear": (1.0, 0.92, 0.9), "neck": (1.0, 0.96, 0.94), "deep": (0.5, 0.38, 0.36),
}


def _derived(p: SimpleNamespace, device: torch.device | str) -> None:
    """Colours and numbers that follow from the others."""
    for name, rgb in CONSTANT_RGB.items():
        setattr(p, name + "_rgb", torch.tensor(rgb, device=device)[None, :, None, None])
    red = torch.tensor((0.8, 0.22, 0.26), device=device)[None, :, None, None]
    natural = p.skin_rgb * torch.tensor((0.88, 0.58, 0.56), device=device)[None, :, None, None]
    p.lip_rgb = torch.lerp(natural, red, 0.45 * p.lips)
    p.fine = (p.sc / 60).clamp_max(1)


def _draw(img: Tensor, f: SimpleNamespace, p: SimpleNamespace) -> Tensor:
    img = hair.back(img, f, p)
    img = hair.bun(img, f, p)
    img = clothes.neck(img, f, p)
    img = clothes.shirt(img, f, p)
    img = head.ears(img, f, p)
    img = head.skin(img, f, p)
    img = features.nostrils(img, f, p)
    img = features.mouth(img, f, p)
    img = features.beard(img, f, p)
    img = features.eyes(img, f, p)
    img = features.brows(img, f, p)
    img = clothes.hat_shadow(img, f, p)
    img = hair.front(img, f, p)
    img = clothes.beanie(img, f, p)
    img = clothes.brimmed(img, f, p)
    return clothes.glasses(img, f, p)


def _layers(scenes: list[Scene]) -> list[list[tuple[int, Scene, Person]]]:
    """People sorted far to near in each scene; layer k holds the k-th of every scene that has one."""
    layers: list[list[tuple[int, Scene, Person]]] = []
    for row, scene in enumerate(scenes):
        for k, person in enumerate(sorted(scene.people, key=lambda q: q.shape["cy"])):
            while len(layers) <= k:
                layers.append([])
            layers[k].append((row, scene, person))
    return layers


def _chunk(scenes: list[Scene], device: torch.device | str) -> Tensor:
    width, height = scenes[0].width, scenes[0].height
    x = torch.arange(width, device=device)[None, None, None, :] + 0.5
    y = torch.arange(height, device=device)[None, None, :, None] + 0.5
    canvas = None
    for layer in _layers(scenes):
        p = pack([(s, q) for _, s, q in layer], device)
        _derived(p, device)
        if canvas is None:
            canvas = head.background(x / width, y / height, p)
        rows = torch.tensor([r for r, _, _ in layer], device=device)
        canvas[rows] = _draw(canvas[rows], grid(x, y, p), p)
    return (canvas * 255 + 0.5).clamp_(0, 255).to(torch.uint8)


@torch.no_grad()
def render(scenes: list[Scene], device: torch.device | str = "cpu", chunk: int = 0) -> Tensor:
    """Pictures of the scenes, uint8 [n,3,height,width] on `device`; all scenes must have one size.

    chunk: pictures drawn at once (0: small chunks that stay in a CPU's cache, large ones on a GPU).
    """
    sizes = {(s.width, s.height) for s in scenes}
    if len(sizes) != 1:
        raise ValueError(f"render needs scenes of one size, got {sorted(sizes)}: render each size on its own")
    step = chunk or (CHUNK if torch.device(device).type == "cpu" else 64)
    return torch.cat([_chunk(scenes[i : i + step], device) for i in range(0, len(scenes), step)])
