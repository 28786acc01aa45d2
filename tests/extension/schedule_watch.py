"""What happens in one job of the pocket WebUI: texts encoded, rows before the U-Net, weights that sum its answers up.

Rows are explained by texts that the WebUI itself encodes: least squares give each text's weight in a row, and how much
of the row they leave unexplained.
"""

from __future__ import annotations

import contextlib
import functools
import math


class Watch:
    """Listens while `on`; scale: what the text encoder gives is multiplied by it."""

    def __init__(self):
        self.encoded: list[list[str]] = []
        self.calls: list[dict] = []
        self.on = False
        self.scale = 1.0
        self.remark = None

    def install(self):
        from modules import sd_hijack_clip, sd_samplers_cfg_denoiser

        self.listen()
        wrap(sd_hijack_clip.TextConditionalModel, "forward", self.hear)
        wrap(sd_samplers_cfg_denoiser.CFGDenoiser, "combine_denoised", self.weigh)

    def listen(self):
        """Behind all others."""
        from modules import script_callbacks

        script_callbacks.remove_callbacks_for_function(self.see)
        script_callbacks.on_cfg_denoiser(self.see, name="watch")

    def hear(self, original, model, texts):
        if self.on:
            self.encoded.append(list(texts))
        if self.remark:
            self.remark(texts)
        return scaled(original(model, texts), self.scale)

    def weigh(self, original, denoiser, x_out, conds_list, uncond, cond_scale):
        if self.on:
            self.calls[-1]["weights"] = [[weight for _, weight in parts] for parts in conds_list]
        return original(denoiser, x_out, conds_list, uncond, cond_scale)

    def see(self, params):
        from modules import shared

        if self.on:
            alphas, level = getattr(params.denoiser, "alphas", None), float(params.sigma[0])
            alpha = None if alphas is None else float(alphas[int(level)])
            sigma = level if alpha is None else math.sqrt((1 - alpha) / alpha)
            call = {"step": params.denoiser.step, "sigma": sigma, "hires": bool(params.denoiser.p.is_hr_pass)}
            call["checkpoint"] = shared.sd_model.sd_checkpoint_info.model_name
            call["rows"] = {"cond": copied(params.text_cond), "uncond": copied(params.text_uncond)}
            self.calls.append(call)


WATCH = Watch()


def scaled(encoded, scale):
    return (scaled(encoded[0], scale), encoded[1]) if isinstance(encoded, tuple) else encoded * scale


def wrap(owner, name, around):
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(lambda *args: around(original, *args)))


def copied(cond):
    if cond is None:
        return None
    return type(cond)({key: value.clone() for key, value in cond.items()}) if isinstance(cond, dict) else cond.clone()


@contextlib.contextmanager
def watching():
    WATCH.encoded, WATCH.calls, WATCH.on = [], [], True
    yield
    WATCH.on = False


def told(call, texts, skip):
    """A call as JSON: in place of the rows, the weights of the texts in them and what is left unexplained."""
    rows = call.pop("rows")
    if not texts:
        return call
    known = known_texts(call["checkpoint"], texts)
    for name in ("cond", "uncond"):
        found = [] if rows[name] is None else explained(rows[name], known, skip)
        call[name] = [[round(w, 4) for w in weights] for weights, _ in found]
        call["error"] = max([call.get("error", 0.0), *(error for _, error in found)])
    call["class"] = type(rows["cond"]).__name__
    call["tokens"] = [None if cond is None else int(cross(cond).shape[1]) for cond in rows.values()]
    if len(texts) == 2 and torch_like(rows["cond"], known[0]):
        call["arc"] = arc(cross(rows["cond"])[0], *known)
    return call


def known_texts(checkpoint, texts):
    """Each text encoded by itself through the WebUI, filled up with encoded empty chunks."""
    from modules import prompt_parser, sd_models, shared

    if shared.sd_model.sd_checkpoint_info.model_name != checkpoint:
        with sd_models.SkipWritingToConfig():
            sd_models.reload_model_weights(info=sd_models.get_closet_checkpoint_match(checkpoint))

    def encode(text):
        conds = shared.sd_model.get_learned_conditioning(prompt_parser.SdConditioning([text], False, 64, 64))
        return {key: value[0] for key, value in conds.items()} if isinstance(conds, dict) else conds[0]

    return filled([encode(text) for text in texts], cross(encode("")))


def filled(conds, empty):
    import torch

    longest, found = max(len(cross(cond)) for cond in conds), []
    for cond in conds:
        text = torch.cat([cross(cond), empty.repeat((longest - len(cross(cond))) // len(empty), 1)])
        found.append({**cond, "crossattn": text} if isinstance(cond, dict) else text)
    return found


def cross(cond):
    return cond["crossattn"] if isinstance(cond, dict) else cond


def explained(rows, known, skip):
    """[(weights, largest unexplained difference in parts of the largest entry)] for each row."""
    import torch

    length = min(len(cross(known[0])), cross(rows).shape[1] - skip)  # what is behind is padding
    columns, found = torch.stack([cross(cond)[:length].flatten() for cond in known]).double(), []
    for i, row in enumerate(cross(rows)[:, skip : skip + length].flatten(1).double()):
        weights = torch.linalg.lstsq(columns.T, row[:, None]).solution[:, 0]
        left = [(weights @ columns - row).abs().max() / row.abs().max().clamp(min=1e-9)]
        if isinstance(known[0], dict):
            vectors = torch.stack([cond["vector"] for cond in known]).double()
            left.append((weights @ vectors - rows["vector"][i].double()).abs().max())
        found.append((weights.tolist(), float(max(left))))
    return found


def torch_like(rows, one):
    return not isinstance(one, dict) and rows.shape[1:] == one.shape


def arc(row, a, b):
    """How far along the great circle from a to b each token of the row is (0..1): (least, most); None off it."""
    import torch

    norms = [x.norm(dim=-1) for x in (row, a, b)]

    def angle(x, y):
        return torch.acos(torch.nn.functional.cosine_similarity(x.double(), y.double(), dim=-1).clamp(-1, 1))

    apart = angle(a, b)
    tokens = apart > 0.05  # others hardly differ
    way, rest = (angle(row, a) / apart)[tokens], (angle(row, b) / apart)[tokens]
    off = bool(((way + rest - 1.0).abs() > 0.01).any()) or not all(bool(norm.min() > 0) for norm in norms)
    return None if off else [float(way.min()), float(way.max())]
