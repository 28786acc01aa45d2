"""Neck, shoulders and shirt, hats and glasses."""

from __future__ import annotations

import torch
from torch import Tensor

from .frame import Frame, Params
from .shapes import cover, light, paint, ramp, ridge


def neck(img: Tensor, f: Frame, p: Params) -> Tensor:
    off = f.x - 0.12 * p.turn
    width = p.neck * (1 + 0.3 * ramp(0.95, 1.6, f.y))
    a = off / width
    shade = (0.92 - 0.25 * a.square() + 0.2 * a * p.lx) * (0.7 + 0.3 * ramp(1.0, 1.45, f.y))
    alpha = cover(torch.maximum((a.abs() - 1) * width, 0.2 - f.y), f.edge)
    return paint(img, p.skin_rgb * p.neck_rgb * shade, alpha)


def shirt(img: Tensor, f: Frame, p: Params) -> Tensor:
    """Shoulders, torso and arms down to the picture's lower edge, with the skin in the collar's opening."""
    a = f.x.abs()
    round_off = ((a - 0.5 * p.shoulder) / (0.5 * p.shoulder)).clamp_min(0)
    top = p.shoulder_y - 0.06 + 0.2 * a + 0.75 * round_off.square() * round_off
    side = a - p.shoulder * (1 + 0.03 * ramp(2.0, 4.0, f.y))
    body = cover(torch.maximum((top - f.y) * 0.9, side), f.edge)
    slope = f.x / p.shoulder
    diffuse, _ = light(-0.55 * slope * (0.4 + slope.square()), -0.25 - 0.9 * round_off, p)
    arm = ridge(a - p.shoulder * 0.7, 0.05) * ramp(2.3, 2.9, f.y)
    fold = 0.05 * torch.sin(5 * f.x + 2.2 * f.y + p.phase) * ramp(1.5, 2.2, f.y)
    shade = (p.ambient + 0.62 * diffuse) * (1 - 0.3 * arm + fold)
    vee = p.shoulder_y + p.collar_d * (1.25 - 1.5 * a / p.collar_w)
    dish = p.collar_d * (1 - (a / p.collar_w).square())
    rim = torch.where(p.collar_v > 0, vee, p.shoulder_y + dish) - f.y
    open_neck = cover(torch.maximum(-rim * 0.8, a - p.collar_w), f.edge)
    chest = p.skin_rgb * p.neck_rgb * (0.9 + 0.1 * f.x * p.lx) * (0.7 + 0.3 * ramp(1.0, 1.45, f.y))
    band = 1 - 0.3 * ridge(rim * 0.8 + 0.035, 0.03) * (a < p.collar_w)
    return paint(img, paint(p.shirt_rgb * (shade * band), chest, open_neck), body)


def beanie(img: Tensor, f: Frame, p: Params) -> Tensor:
    wide = p.fw * 1.17
    base = p.hat_y + 0.06 * (f.u / p.fw).square()
    du, dv = f.u / wide, ((f.v - p.hat_y + 0.1).clamp_max(0)) / p.hat_top
    far = torch.sqrt(du.square() + dv.square() + 1e-6)
    steep = torch.rsqrt((1.15 - far.square()).clamp_min(0.15))
    diffuse, _ = light(-0.6 * du * steep, -0.6 * dv * steep, p)
    ribs = torch.sin(26 * torch.asin(du.clamp(-0.99, 0.99))) * p.fine
    dome = cover(torch.maximum((far - 1) * wide, f.v - base), f.edge)
    ball = torch.sqrt((f.u / 0.2).square() + ((f.v - p.hat_y + 0.1 + p.hat_top) / 0.2).square() + 1e-6)
    ball_rgb = p.hat_rgb * (1.05 - 0.35 * ball.square().clamp_max(1))
    img = paint(img, ball_rgb, cover((ball - 1) * 0.2, f.hair_edge) * p.pompom * p.beanie)
    shade = p.ambient + 0.66 * diffuse
    img = paint(img, p.hat_rgb * (shade * (1 + 0.03 * ribs)), dome * p.beanie)
    band = torch.maximum((f.v - base + 0.1).abs() - 0.13, f.u.abs() - wide * 1.05)
    return paint(img, p.hat_rgb * ((0.9 * shade + 0.02) * (1 + 0.1 * ribs)), cover(band, f.edge) * p.beanie)


def brimmed(img: Tensor, f: Frame, p: Params) -> Tensor:
    """A hat with a round crown, a dark ribbon and a wide brim."""
    wide = p.fw * (1.1 + 0.12 * (f.v - p.hat_y))
    du, dv = f.u / wide, ((f.v - p.hat_y).clamp_max(0)) / (0.86 * p.hat_top)
    far = torch.sqrt(torch.sqrt(du.square().square() + dv.square().square() + 1e-9))
    diffuse, _ = light(-0.9 * du.pow(3), -0.4 - 0.6 * dv.pow(3), p)
    shade = p.ambient + 0.62 * diffuse
    img = paint(img, p.hat_rgb * shade, cover(torch.maximum((far - 1) * 0.85, f.v - p.hat_y), f.edge) * p.brim)
    base = p.hat_y - 0.03 + 0.1 * (f.u / p.fw).square() - 0.06
    ribbon = cover(torch.maximum((f.v - base + 0.1).abs() - 0.08, (far - 1) * 0.85), f.edge)
    img = paint(img, p.hat_rgb * (0.45 * shade), ribbon * p.brim)
    bu = f.u / (p.fw * 1.85)
    line = p.hat_y - 0.05 + 0.1 * bu.square()
    thick = 0.115 * torch.sqrt((1 - bu.square()).clamp_min(0.0))
    alpha = cover(torch.maximum((f.v - line).abs() - thick, (bu.abs() - 1) * 1.3), f.edge) * p.brim
    return paint(img, p.hat_rgb * (0.86 * shade - 0.9 * (f.v - line)), alpha)


def hat_shadow(img: Tensor, f: Frame, p: Params) -> Tensor:
    hat = torch.maximum(p.beanie * 0.6, p.brim)
    return paint(img, p.skin_rgb * p.deep_rgb, hat * 0.4 * ridge(f.v - p.hat_y - 0.06, 0.1) * f.face)


def glasses(img: Tensor, f: Frame, p: Params) -> Tensor:
    du, dv = ((f.m - p.ed * 1.02) / 0.285).abs(), ((f.v - p.ey - 0.03) / 0.235).abs()
    far = (du.pow(p.glass_p) + dv.pow(p.glass_p) + 1e-6).pow(1 / p.glass_p)
    on = p.glasses
    thick = 0.03 + 0.25 * f.edge
    lens = cover((far - 1) * 0.25, f.edge)
    img = paint(img, p.white_rgb, lens * on * (0.06 + 0.13 * ridge(f.d * 0.8 + f.v - p.ey - f.side * 0.27 * 0.8, 0.06)))
    rims = cover(((far - 1) * 0.25).abs() - thick, f.edge)
    bridge = cover((f.v - p.ey + 0.02 + 0.04 * torch.cos(f.d * 16)).abs() - thick, f.edge) * (f.m < p.ed * 1.02 - 0.27)
    arms = cover((f.v - p.ey + 0.04).abs() - thick, f.edge) * (f.m > p.ed * 1.02 + 0.27) * f.face
    return paint(img, p.frame_rgb, torch.maximum(torch.maximum(rims, bridge), arms) * on)
