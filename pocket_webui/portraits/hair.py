"""Hair behind the head, the bun, and the crown with fringe, parting and side locks."""

from __future__ import annotations

import torch
from torch import Tensor

from .frame import Frame, Params
from .shapes import cover, light, paint, ramp, ridge


def _strands(f: Frame, p: Params, across: Tensor) -> Tensor:
    """Soft stripes along the hair, about -1..1; fades where faces are small."""
    bend = 1.3 * torch.sin(f.v * 2.3 + p.phase)
    lines = 0.6 * torch.sin(across * 19 + bend) + 0.4 * torch.sin(across * 43 + 1.7 * bend + p.phase)
    return lines * p.fine


def _curls(f: Frame, p: Params) -> Tensor:
    """Round bumps, -1..1, for curly hair (0 elsewhere)."""
    a = torch.sin(f.u * 12 + p.phase + 1.5 * torch.sin(f.v * 5))
    b = torch.sin(f.v * 12 + 1.7 * p.phase + 1.5 * torch.sin(f.u * 6))
    return a * b * p.curl


def _side_width(f: Frame, p: Params) -> Tensor:
    """Half width of hanging hair at this height."""
    sway = p.wave * torch.sin(f.v * 4.2 + p.phase)
    return p.fw * p.back_w * (1 + p.flare * ramp(0.0, 1.8, f.v) + sway)


def back(img: Tensor, f: Frame, p: Params) -> Tensor:
    """Hair seen behind neck and shoulders, for styles that have it."""
    width = _side_width(f, p)
    a = f.u / width
    up = (f.v + 0.08).clamp_max(0) / p.crown_h
    bumps = _curls(f, p)
    far = torch.sqrt(a.square() + up.square() + 1e-6) - 0.05 * bumps
    tip = f.v - p.length + 0.3 * a.square() * p.length.clamp_max(0.7)
    tip = tip + 0.03 * torch.sin(8 * f.u + p.phase) + 0.05 * bumps
    alpha = cover(torch.maximum((far - 1) * width, tip), f.hair_edge) * p.back
    shade = 0.55 + 0.28 * a.square() + 0.12 * _strands(f, p, f.u) * (1 - p.curl) + 0.12 * bumps
    return paint(img, p.hair_rgb * shade, alpha * _below_hat(f, p))


def bun(img: Tensor, f: Frame, p: Params) -> Tensor:
    du, dv = (f.u - p.bun_x) / 0.34, (f.v + 1.22) / 0.29
    far = torch.sqrt(du.square() + dv.square() + 1e-6)
    steep = torch.rsqrt((1.15 - far.square()).clamp_min(0.15))
    diffuse, _ = light(-0.7 * du * steep, -0.7 * dv * steep, p)
    swirl = 0.1 * torch.sin(9 * far + 3 * du) * p.fine
    shade = (p.ambient + 0.66 * diffuse) * (1 + swirl)
    return paint(img, p.hair_rgb * shade, cover((far - 1) * 0.32, f.hair_edge) * p.bun)


def _below_hat(f: Frame, p: Params) -> Tensor:
    """1 where hair may show; a hat hides everything above its edge."""
    hat = torch.maximum(p.beanie, p.brim)
    return 1 - hat * cover(f.v - p.hat_y + 0.12, f.edge)


def _front_edge(f: Frame, p: Params, bumps: Tensor) -> Tensor:
    """Height (v) of the hair's lower edge over the forehead."""
    t = f.u - p.part
    t = t / (p.fw - p.part * torch.sign(t))
    temple = p.recess * ((f.u / p.fw).abs() - 0.7).clamp_min(0).square()
    parted = p.hairline + p.drop * t.square() + temple - 0.05 * ridge(t, 0.12) * p.locks
    parted = torch.minimum(parted, 0.1 + 9.0 * p.locks)
    fringe = p.fringe_y + 0.1 * (f.u / p.fw).square() + 0.018 * torch.sin(9 * f.u + p.phase)
    return torch.lerp(parted, fringe, p.fringe) + 0.07 * bumps


def _front_mask(f: Frame, p: Params, bumps: Tensor, crown: Tensor, edge: Tensor) -> Tensor:
    top = torch.maximum((crown - 1) * p.fw * 1.15, f.v - edge)
    burns = torch.maximum((crown - 1) * p.fw * 1.15, p.fw * (0.93 + 0.05 * ramp(-0.5, 0.1, f.v)) - f.u.abs())
    burns = torch.maximum(burns, f.v - p.burn - 0.08 * bumps)
    inner = p.fw * (0.86 + 0.1 * ramp(-0.3, 0.5, f.v)) - f.u.abs()
    tip = f.v - p.length + 0.3 * crown.square() * p.length.clamp_max(0.7)
    lock = torch.maximum(torch.maximum(inner, (crown - 1) * p.fw * 1.15), tip)
    shape = torch.minimum(top, burns)
    shape = torch.where(p.locks > 0, torch.minimum(shape, lock), shape)
    return cover(shape, f.hair_edge)


def _full_edge(f: Frame, p: Params, bumps: Tensor) -> Tensor:
    """The lower edge with the tufts of cropped hair."""
    return _front_edge(f, p, bumps) + 0.025 * p.cropped * torch.sin(14 * (f.u + 5 * p.quiff * f.v) + p.phase)


def shadow(img: Tensor, f: Frame, p: Params) -> Tensor:
    """What the hair's edge takes off the forehead's light."""
    below = f.v - _full_edge(f, p, _curls(f, p)) - 0.09
    return paint(img, p.skin_rgb * p.deep_rgb, cover(below, torch.full_like(p.fw, 0.14)) * f.face * (0.22 * p.hair))


def _sheen(f: Frame, p: Params, du: Tensor, dv: Tensor, bumps: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness of the crown and the lighter band around it."""
    loose = (f.u - p.part) / (1.75 + f.v.clamp(-1.3, 0.1)) * 1.5
    fan = torch.lerp(loose, 1.5 * f.u + 7 * p.quiff * f.v, p.cropped)
    across = torch.where(p.fringe > 0, f.u, torch.lerp(fan, f.u, ramp(-0.2, 0.4, f.v)))
    lines = torch.lerp(_strands(f, p, across), 1.3 * bumps, p.curl)
    u2, v2 = du.square(), dv.square()
    steep = torch.rsqrt((1.2 - u2 - v2).clamp_min(0.2)) * -0.62
    diffuse, _ = light(du * steep, dv * steep, p)
    band = ridge(torch.sqrt(u2 * 0.7 + (dv - 0.05).square()) - 0.7, 0.13) * ramp(0.0, 0.4, -dv)
    return (p.ambient + 0.66 * diffuse) * (1 + 0.1 * lines), (0.11 + 0.09 * lines) * band


def front(img: Tensor, f: Frame, p: Params) -> Tensor:
    """Crown, fringe, sideburns and side locks, over the face."""
    bumps = _curls(f, p)
    wide = torch.where(p.locks > 0, _side_width(f, p), p.fw * p.crown_w)
    du, dv = f.u / wide, ((f.v + 0.08) / (p.crown_h * (1 + p.quiff * f.u))).clamp_max(0)
    crown = torch.sqrt(du.square() + dv.square() + 1e-6) - 0.045 * bumps
    alpha = _front_mask(f, p, bumps, crown, _full_edge(f, p, bumps)) * _below_hat(f, p) * p.hair
    shade, band = _sheen(f, p, du, dv, bumps)
    return paint(img, p.hair_rgb * (shade + band) + 0.12 * band, alpha)
