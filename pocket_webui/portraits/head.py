"""Background, ears, and the lit face: a dome with hills and hollows whose slopes are added up in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from .frame import Frame, Params
from .shapes import blob, cover, light, paint, ramp, ridge


def background(width: int, height: int, p: Params) -> Tensor:
    """Backdrop [B,3,height,width] of one named colour with a soft gradient, a vignette and round lights."""
    x = ((torch.arange(width, device=p.gx.device) + 0.5) / width)[None, None, None, :]
    y = ((torch.arange(height, device=p.gx.device) + 0.5) / height)[None, None, :, None]
    dx, dy = x - 0.5, y - 0.5
    across = 1 + p.gx * dx - 0.3 * dx * dx
    down = p.gy * dy - 0.3 * dy * dy
    shade = across + down + (p.glow * torch.exp(-(dx / 0.35).square())) * torch.exp(-((dy + 0.1) / 0.35).square())
    if bool((p.bokeh > 0).any()):
        for k in range(3):
            radius = getattr(p, f"br{k}")
            far = ((x - getattr(p, f"bx{k}")) / radius).square() + ((y - getattr(p, f"by{k}")) / radius).square()
            shade = shade + p.bokeh * (1 - ramp(0.75, 1.1, far))
    return (p.back_rgb * shade).clamp_(0, 1)


def ears(img: Tensor, f: Frame, p: Params) -> Tensor:
    centre = 0.1 * p.turn
    away = (f.u - centre).abs() + 0.5 * p.turn * (f.u - centre)
    du, dv = (away - p.fw * 0.99) / 0.13, (f.v - 0.06) / 0.23
    far = torch.sqrt(du.square() + dv.square())
    shade = 0.86 - 0.3 * blob(du + 0.1, dv, 0.5, 0.55) + 0.12 * ridge(far - 0.8, 0.25)
    return paint(img, p.skin_rgb * p.ear_rgb * shade, cover((far - 1) * 0.15, f.edge))


def _hills(f: Frame, p: Params) -> list[tuple]:
    """(height, x, y, width x, width y, mirrored?) of the hills and hollows of a face."""
    mouth, nose = p.mouth_y, p.nose_y
    return [
        (-0.10, p.ed, p.ey, 0.21, 0.14, True),
        (0.05, p.ed, p.ey, 0.14, 0.09, True),
        (0.045, p.ed * 1.02, p.ey - 0.21, 0.22, 0.08, True),
        (0.05 + 0.03 * p.smile.clamp_min(0), p.ed * 1.2, p.ey + 0.38, 0.2, 0.16, True),
        (0.12 * p.nose_k, 0.0, nose - 0.02, 0.105, 0.11, False),
        (0.075 * p.nose_k, 0.11, nose + 0.03, 0.06, 0.055, True),
        (0.04, 0.0, mouth, p.mouth_w * 0.8, 0.1, False),
        (-0.03, 0.0, mouth + 0.15, 0.15, 0.045, False),
        (0.06, 0.0, p.fl - 0.17, 0.18, 0.11, False),
    ]


def _slopes(f: Frame, p: Params) -> tuple[Tensor, Tensor]:
    """Slopes of the face's height across and down."""
    steep = torch.rsqrt((1.1 - f.rim.square()).clamp_min(0.09))
    gx = -0.72 * f.a / f.half * steep
    gy = -0.5 * f.v * steep
    gm = torch.zeros_like(f.m)
    for height, hx, hy, sx, sy, mirrored in _hills(f, p):
        du, dv = ((f.m if mirrored else f.d) - hx).div_(sx), (f.v - hy).div_(sy)
        hill = torch.addcmul(du.square(), dv, dv).neg_().exp_()
        (gm if mirrored else gx).addcmul_(hill, du.mul_(-2 * height / sx))
        gy.addcmul_(hill, dv.mul_(-2 * height / sy))
    along = ramp(p.ey - 0.16, p.nose_y, f.v) * (1 - ramp(p.nose_y, p.nose_y + 0.09, f.v))
    gx.sub_(0.1 * p.nose_k * ridge(f.d, 0.08) * along * f.d, alpha=2 / 0.08**2)
    return gx.addcmul_(gm, f.side), gy


def _shadow(f: Frame, p: Params) -> Tensor:
    """Share of the light that reaches hollows, the fold beside the mouth and the outline."""
    middle = 0.26 * blob(f.d, f.v - p.nose_y - 0.11, 0.13, 0.045)
    middle = middle + 0.14 * blob(f.d, f.v - p.mouth_y - 0.16, 0.14, 0.05)
    middle = middle + 0.12 * p.lx.abs() * blob(f.d + p.lx * 0.2, f.v - p.nose_y, 0.1, 0.12)
    fold = ridge(f.m - p.mouth_w - 0.25 * (f.v - p.mouth_y + 0.1), 0.045)
    fold = fold * ridge(f.v - 0.5 * (p.nose_y + p.mouth_y), 0.14)
    middle = middle + (0.02 + 0.07 * p.age + 0.08 * p.smile.clamp_min(0)) * fold
    middle = middle + 0.27 * blob(f.m - p.ed, f.v - p.ey + 0.02, 0.21, 0.13)
    return (1 - middle - 0.2 * f.rim.square() * f.rim.square().square()).clamp_min_(0.25)


def skin(img: Tensor, f: Frame, p: Params) -> Tensor:
    """The face without eyes, brows and mouth."""
    gx, gy = _slopes(f, p)
    diffuse, shine = light(gx, gy, p, 0.15)
    shadow = _shadow(f, p)
    red = p.cheek * blob(f.m - p.ed * 1.25, f.v - p.ey - 0.4, 0.22, 0.17) + 0.05 * blob(f.d, f.v - p.nose_y, 0.13, 0.1)
    shade = (p.ambient + 0.62 * diffuse) * shadow
    tone = p.skin_rgb * (shade * (1 + red * p.blush_rgb)) + shine * p.light_rgb
    return paint(img, tone, f.face)
