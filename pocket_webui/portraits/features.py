"""Eyes, brows, nostrils, mouth and beard, drawn on the lit face. All are cut to the face outline (f.face)."""

from __future__ import annotations

import torch
from torch import Tensor

from .frame import Frame, Params
from .shapes import blob, cover, paint, ramp, ridge


def eyes(img: Tensor, f: Frame, p: Params) -> Tensor:
    du = (f.m - p.ed) / p.es
    dv = (f.v - p.ey) / p.es + 0.07 * du
    soft = f.edge / p.es
    arch = (1 - du * du).clamp_min(0)
    upper, lower = p.open * torch.sqrt(arch) * 1.08, p.open * 0.78 * torch.sqrt(arch)
    inside = f.face * cover(torch.maximum(-dv - upper, dv - lower), soft) * cover(du.abs() - 1, soft)
    below_lid = ridge(dv + upper, 0.24)
    white = (0.97 - 0.36 * below_lid - 0.14 * du * du) * p.white_rgb
    img = paint(img, white, inside)
    gx = du - p.gaze * f.side
    r = torch.sqrt(gx * gx + (dv + 0.03).square() + 1e-6)
    fibres = 0.09 * torch.sin(9 * gx / (r + 0.1) + 7 * dv / (r + 0.1))
    ring = 0.72 + 0.55 * ramp(0.14, 0.42, r) - 0.75 * ramp(0.4, 0.53, r) + fibres
    img = paint(img, p.eye_rgb * (ring * (1 - 0.4 * below_lid)).clamp_min(0.1), inside * cover(r - 0.53, soft))
    img = paint(img, p.dark_rgb, inside * cover(r - 0.2, soft))
    spark = torch.sqrt((gx * f.side - p.lx * 0.3).square() + (dv + 0.2).square())
    img = paint(img, p.white_rgb, inside * cover(spark - 0.115, soft) * 0.95)
    return _lids(img, f, p, du, dv, upper, lower)


def _lids(img: Tensor, f: Frame, p: Params, du: Tensor, dv: Tensor, upper: Tensor, lower: Tensor) -> Tensor:
    near = cover(du.abs() - 1.04, torch.full_like(p.es, 0.12)) * f.face
    crease = ridge(dv + upper + 0.3, 0.08) * near * 0.4
    under = ridge(dv - lower - 0.02, 0.08) * near * 0.42
    img = paint(img, p.skin_rgb * 0.45, torch.maximum(crease, under))
    lash = ridge(dv + upper, 0.085 + 0.05 * p.lash) * near
    flick = ridge(dv + 0.1 + 0.9 * (du - 0.85), 0.11) * ramp(0.82, 0.95, du) * (1 - ramp(1.15, 1.35, du)) * p.lash
    return paint(img, p.dark_rgb, (torch.maximum(lash, flick) * 0.92 * f.face))


def brows(img: Tensor, f: Frame, p: Params) -> Tensor:
    bu = (f.m - p.ed * 1.03) / (p.es * 1.42)
    line = p.ey - p.brow_y - 0.05 * (1 - (bu - 0.15).square()) + p.brow_a * (bu - 0.2)
    thick = p.brow_t * (1 - 0.5 * bu.clamp(0, 1))
    alpha = cover((f.v - line).abs() - thick, f.edge + 0.03) * (1 - ramp(0.8, 1.08, bu.abs()))
    return paint(img, p.brow_rgb, alpha * f.face * 0.9)


def nostrils(img: Tensor, f: Frame, p: Params) -> Tensor:
    d = (f.d - 0.03 * p.turn).abs()
    holes = 0.75 * blob(d - 0.062, f.v - p.nose_y - 0.082, 0.034, 0.022)
    wings = 0.35 * ridge(d - 0.155 - 0.2 * (f.v - p.nose_y), 0.022) * ridge(f.v - p.nose_y - 0.04, 0.05)
    return paint(img, p.skin_rgb * p.deep_rgb, torch.maximum(holes, wings) * f.face)


def mouth(img: Tensor, f: Frame, p: Params) -> Tensor:
    mu = f.d / p.mouth_w
    bow = (1 - mu * mu).clamp_min(0)
    line = p.mouth_y + 0.03 * p.smile - 0.1 * p.smile * mu * mu
    gape = p.gasp * torch.sqrt(bow)
    gap, low_gap = p.teeth * bow + 0.35 * gape, p.teeth * bow + 1.3 * gape
    upper = (0.05 + 0.016 * p.lips) * bow.pow(0.7) * (1 - 0.25 * ridge(mu, 0.16))
    lower = (0.065 + 0.02 * p.lips) * bow.pow(0.7)
    ends = cover((mu.abs() - 1) * p.mouth_w, f.edge) * f.face
    across = torch.maximum(line - gap - upper - f.v, f.v - line - low_gap - lower)
    lips = cover(across, f.edge) * ends
    gloss = 0.2 * blob(mu - p.lx * 0.3, f.v - line - low_gap - lower * 0.5, 0.35, 0.025)
    shade = 0.84 + 0.2 * ramp(-0.02, 0.06, f.v - line - low_gap) + gloss
    img = paint(img, p.lip_rgb * shade, lips * 0.93)
    hole = cover(torch.maximum(line - gap - f.v, f.v - line - low_gap), f.edge) * ends
    img = paint(img, p.inner_rgb, hole * (gap > 0.004))
    teeth = hole * cover(f.v - line - low_gap * 0.45, f.edge) * (p.teeth > 0)
    img = paint(img, p.white_rgb * (0.95 - 0.1 * mu * mu), teeth)
    seam = ridge(f.v - line, 0.016 + 0.3 * f.edge) * ends * (p.teeth + p.gasp < 0.001)
    corner = ridge(mu.abs() - 1, 0.08) * ridge(f.v - line, 0.025) * f.face
    return paint(img, p.inner_rgb, torch.maximum(seam * 0.85, corner * 0.5))


def beard(img: Tensor, f: Frame, p: Params) -> Tensor:
    """Full beard and moustache; may reach a little below the chin."""
    cheek = p.mouth_y - 0.06 - 0.5 * (f.m / p.fw).square() + 0.16 * ridge(f.m - 0.42, 0.14)
    chin = torch.sqrt(f.a.square() + ((f.v - 0.25) / (p.fl - 0.2 + p.beard_l)).clamp_min(0).square())
    body = ramp(-0.05, 0.05, f.v - cheek) * cover(chin - 1.0, f.hair_edge * 1.5) * ramp(-0.25, -0.1, f.v)
    mu = f.d / (p.mouth_w * 1.12)
    tash = cover(((f.v - p.mouth_y + 0.115 - 0.07 * mu * mu) / 0.05).abs() - 1 + mu * mu, torch.full_like(p.es, 0.5))
    hair = torch.maximum(body, tash)
    skin_patch = blob(f.d, f.v - p.mouth_y - 0.015, p.mouth_w * 0.95, 0.085)
    strands = 1 + 0.1 * torch.sin(38 * f.d + 1.6 * torch.sin(8 * f.v + p.phase)) * p.fine
    shade = 0.96 - 0.34 * f.rim.clamp(0, 1.1).square() + 0.15 * f.a * p.lx
    shade = shade - 0.25 * blob(f.d, f.v - p.mouth_y - 0.18, 0.2, 0.05)
    shade = (shade + 0.2 * blob(f.d, f.v - p.fl + 0.17, 0.18, 0.1)) * strands
    alpha = hair * (1 - 0.9 * skin_patch) * p.beard_a * p.beard
    return paint(img, p.hair_rgb * shade, alpha)
