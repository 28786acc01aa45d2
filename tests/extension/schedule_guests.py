"""Other extensions and misfortunes, for the time of one job in the pocket WebUI."""

from __future__ import annotations

import contextlib
import functools
import sys

from schedule_watch import WATCH


@contextlib.contextmanager
def callback(before, after=None):
    """Another extension's functions, in the order of callbacks before ours and behind the watch."""
    from modules import script_callbacks

    registered = script_callbacks.callback_map["callbacks_cfg_denoiser"]
    kept = list(registered)
    registered.insert(0, script_callbacks.ScriptCallback("guest", before, "guest"))
    if after:
        registered.append(script_callbacks.ScriptCallback("guest", after, "guest after"))
    script_callbacks.ordered_callbacks_map.clear()
    yield
    registered[:] = kept
    script_callbacks.ordered_callbacks_map.clear()


def marker():
    """ControlNet in use: a token of its own in front of all others."""
    import torch

    def mark(params):
        for name in ("text_cond", "text_uncond"):
            rows = getattr(params, name)
            setattr(params, name, torch.cat([torch.full_like(rows[:, :1], 1024.0), rows], dim=1))

    def unmark(params):
        for name in ("text_cond", "text_uncond"):
            rows = getattr(params, name)
            assert bool((rows[:, 0] == 1024.0).all()), "the marker was written over"

    return callback(mark, unmark)


def more_rows():
    """An extension that gives the U-Net a picture's row twice; it takes it back so that the WebUI can go on."""
    import torch

    def add(params):
        params.text_cond = torch.cat([params.text_cond, params.text_cond[:1]])

    def take(params):
        params.text_cond = params.text_cond[:-1]

    return callback(add, take)


def no_negative():
    """A WebUI that leaves the negative prompt out, as Forge does at a CFG scale of 1."""
    kept = []

    def leave_out(params):
        kept.append(params.text_uncond)
        params.text_uncond = None

    def put_back(params):
        params.text_uncond = kept.pop()

    return callback(leave_out, put_back)


def interrupting():
    from modules import shared

    def stop(params):
        shared.state.interrupted = params.denoiser.step == 3

    @contextlib.contextmanager
    def guest():
        with callback(stop):
            yield
        shared.state.interrupted = False

    return guest()


def dying():
    def die(x_out, *_):
        raise ZeroDivisionError("in the WebUI")

    return replaced("modules.sd_samplers_cfg_denoiser", "catenate_conds", die)


def broken(name):
    return replaced("lib_vaeface.schedule.passes", f"Schedule.{name}", lambda *_, **__: 1 / 0)


@contextlib.contextmanager
def replaced(module, path, value):
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, sys.modules[module])
    kept = getattr(owner, name)
    setattr(owner, name, value)
    yield
    setattr(owner, name, kept)


@contextlib.contextmanager
def lora():
    """A network whose weight scales what the text encoder gives: <lora:name:2>."""
    from modules import extra_networks

    class Lora(extra_networks.ExtraNetwork):
        def activate(self, p, params_list):
            WATCH.scale = float(params_list[0].items[1]) if params_list else 1.0

        def deactivate(self, p):
            WATCH.scale = 1.0

    extra_networks.extra_network_registry["lora"] = Lora("lora")
    yield
    del extra_networks.extra_network_registry["lora"]


@contextlib.contextmanager
def inversions():
    """Words that begin with "emb" are textual inversions; their hashes are written to the infotext, newest first."""
    from modules import sd_hijack

    def remark(texts):
        words = dict.fromkeys(word for text in texts for word in text.split() if word.startswith("emb"))
        said = sd_hijack.model_hijack.extra_generation_params
        if words:
            known = [said["TI hashes"]] if said.get("TI hashes") else []
            said["TI hashes"] = ", ".join([f"{word}: 0{len(word)}" for word in words] + known)

    WATCH.remark = remark
    yield
    WATCH.remark = None


GUESTS = {
    "": contextlib.nullcontext,
    "marker": marker,
    "more rows": more_rows,
    "no negative": no_negative,
    "interrupt": interrupting,
    "death": dying,
    "lora": lora,
    "inversions": inversions,
    "broken answer": functools.partial(broken, "answer"),
    "broken apply": functools.partial(broken, "apply"),
}
