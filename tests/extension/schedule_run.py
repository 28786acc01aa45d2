"""Scenes of the schedule in the pocket WebUI, in a process of their own that answers line by line.

Usage: python schedule_run.py DATA_DIR [--extension DIR]. In: {"do": a function of SCENES, its arguments} as one line of
JSON; out: its result, or {"error": traceback}. The extension is loaded by the WebUI alone, see pocket_run.
"""

from __future__ import annotations

import contextlib
import copy
import json
import sys
import traceback
from pathlib import Path

import pocket_run
from PIL import Image
from schedule_guests import GUESTS
from schedule_watch import WATCH, told, watching

CHECKPOINTS = {"tiny_xl": ("xl", 1), "tiny_other": ("sd1", 2)}
GRADIENT = Image.linear_gradient("L").convert("RGB").resize((64, 64))


def paint(job=None, args=(True,), texts=(), opts=None, guest="", skip=0, keep=False):
    """One job, and how the texts make up each row at each call.

    opts: settings for its time. guest: one of GUESTS, another extension. skip: tokens in front that are not ours.
    keep: what was encoded by jobs before is still known."""
    if not keep:
        forget()
    with settings(opts or {}):
        with GUESTS[guest](), watching():
            result = tried(made(job or {}, list(args)))
        result["encoded"] = WATCH.encoded
        result["calls"] = [told(call, tuple(texts), skip) for call in WATCH.calls]
    return result


def forget():
    library = sys.modules.get("lib_vaeface.session.scheduling")
    if library is not None:
        library.ENCODINGS.__init__()


def tried(p):
    import torch

    torch.manual_seed(0)  # the WebUI encodes pictures with noise from wherever the generator stands
    try:
        return pocket_run.process(p)
    except Exception as error:
        return {"died": f"{type(error).__name__}: {error}"}


def pictures(jobs, args=(), opts=None):
    """Pictures and infotexts of many jobs, in order."""
    with settings(opts or {}):
        done = [tried(made(values, list(args))) for values in jobs]
    return [[result.get("pixels", "died"), result.get("infotexts", [])] for result in done]


def made(values, args):
    values = {**values, "init_images": [GRADIENT]} if "init_images" in values else values
    return pocket_run.job(args, **values)


@contextlib.contextmanager
def settings(values):
    from modules import shared

    kept = dict(shared.opts.data)
    shared.opts.data.update(values)
    yield
    for key in values:  # what was never set is not set again
        shared.opts.data.pop(key, None)
    shared.opts.data.update({key: kept[key] for key in values if key in kept})


def in_a_row(jobs, **keywords):
    """Jobs one after the other with all that is kept between them: [{settings of `paint`}, ...]."""
    forget()
    return [paint(**{**keywords, **values, "keep": True}) for values in jobs]


def twin(job, args=(True,), prompt="a [cat:dog:1,3]"):
    """Two jobs painted in the middle of ours, as ADetailer does: a copy of it, and one of its own with our switch."""
    p, inner = made(job, list(args)), []
    sample = p.sample

    def sampled(*positional, **named):
        other = copy.copy(p)
        other.sample = type(p).sample.__get__(other)
        other.scripts, other.prompt, other.n_iter = None, prompt, 1
        inner.append(tried(other))
        inner.append(tried(made({"init_images": [], "prompt": prompt, "steps": 4}, list(args))))
        return sample(*positional, **named)

    p.sample = sampled
    forget()
    with watching():
        return {"outer": tried(p), "inner": inner, "calls": len(WATCH.calls)}


def reloaded(job, order):
    """Does the redirect answer after Reload UI? order: "" alone; "over": another's is put on ours and stays; "under":
    another's is put on before ours and takes itself off before we do, and ours with it.
    [blended at call 4, how often the other one was asked, comments] before and after each of two reloads."""
    import webui
    from modules import initialize, processing

    owner, name, asked = processing.StableDiffusionProcessing, "get_conds_with_caching", []

    def other(below):
        def method(p, function, *args, **named):
            if function.__module__ == "modules.prompt_parser":
                asked.append(1)
            return below(p, function, *args, **named)

        return method

    def reload():
        webui.reload_ui()
        initialize._build_page_parts()
        WATCH.listen()

    def once():
        del asked[:]
        done = paint(job, [True], ["a cat", "a dog"])
        return [done["calls"][4]["cond"][0], len(asked), done["comments"]]

    reload()
    native = getattr(owner, name)
    if order == "under":
        setattr(owner, name, other(native))
    found = [once()]
    ours = getattr(owner, name)
    if order == "over":
        setattr(owner, name, other(ours))
    for _ in range(2):
        if order == "under":
            setattr(owner, name, native)
        reload()
        found.append(once())
    setattr(owner, name, ours)
    reload()
    return [*found, getattr(owner, name) is native]


def counted(prompts, steps):
    """The token counter's number for each prompt with our answer and with the host's alone, and the largest count of
    the texts given: {"positive": ..} prompts are [text, texts it becomes]."""
    from modules import sd_hijack, ui

    def number(html):
        return int(html.split(">")[1].split("/")[0])

    found = []
    for prompt, positive, texts in prompts:
        shown = [number(ui.update_token_counter(prompt, steps, [], is_positive=positive))]
        with settings({"vaeface_count_tokens": False}):
            shown.append(number(ui.update_token_counter(prompt, steps, [], is_positive=positive)))
        found.append([*shown, max(sd_hijack.model_hijack.get_prompt_lengths(text)[0] for text in texts)])
    return found


def place_checkpoints(data: str):
    from pocket_webui.nets import checkpoint

    for name, (kind, seed) in CHECKPOINTS.items():
        checkpoint.random_checkpoint(Path(data, "models", "Stable-diffusion", f"{name}.safetensors"), kind, seed)


SCENES = {scene.__name__: scene for scene in (paint, pictures, in_a_row, twin, reloaded, counted)}


def answer(line: str) -> str:
    wanted = json.loads(line)
    try:
        return json.dumps(SCENES[wanted.pop("do")](**wanted))
    except Exception:
        return json.dumps({"error": traceback.format_exc()})


def serve(data: str, flags: list[str]):
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        sys.path.insert(0, str(pocket_run.CHECKOUT))
        place_checkpoints(data)
        del sys.path[0]
        pocket_run.start(data, flags)
        WATCH.install()
        for line in sys.stdin:
            print(answer(line), file=out, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
