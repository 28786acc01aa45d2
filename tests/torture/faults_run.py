"""Faults in generations of a pocket WebUI, see child: {"count": 100, "seed": 0}."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import snapshot
import traps

KINDS = {"exception": 46, "memory": 12, "interrupt": 8, "skip": 6, "nan": 12, "disk": 12, "detector": 4}
BOXES = "0.1,0.1,0.5,0.5; 0.5,0.4,0.95,0.9"
FACES = {"faces": True, "face_boxes": BOXES, "face_guard": False, "face_strength": 0.6}
TUNED = {"vae": True, "vae_name": "tuned.safetensors"}
BLEND = "a [cat:dog:0.2,0.8] x AND [a|b] hat :0.7"
BASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all": ({**TUNED, **FACES}, {}),
    "first pick": ({**TUNED, **FACES, "face_strength": 0}, {"cold": True}),
    "blend": ({}, {"prompt": BLEND, "sampler": "Heun"}),
    "hires": ({**TUNED, **FACES, "vae_hires": "same.safetensors"}, {"hires": True}),
    "img2img": ({**TUNED, **FACES, "face_strength": 0, "face_estimate": True}, {"repaint": True}),
    "search": ({**TUNED, "faces": True, "face_strength": 0.4, "face_search": "thorough"}, {}),
    "batch saved": (
        {**TUNED, **FACES, "vae_compare": True, "face_return": "everything"}, {"batch_size": 2, "saved": True},
    ),
    "passes": ({"faces": True, "face_boxes": BOXES, "face_strength": 0.5, "face_passes": '[{"strength": 0.3}]'}, {}),
}  # fmt: skip
# Faults that once cost the picture, left something behind or were not told; always tried first.
FIRST = (
    ("img2img", "exception", "session/vaes.py", "_see", 1),
    ("blend", "memory", "host/conditioning.py", "_multicond", 1),
    ("all", "exception", "host/first_stage.py", "_make_room", 1),
    ("blend", "exception", "host/first_stage.py", "Pointed.release", 1),
    ("all", "memory", "host/first_stage.py", "Pointed._shadow", 2),
    ("passes", "exception", "host/first_stage.py", "Pointed._is_ours", 1),
    ("batch saved", "exception", "face/refine.py", "_chunks", 1),
    ("batch saved", "disk", "vae/verdicts.py", "may_decode", 14),
)
ROUNDING = 3  # of 255


@dataclass
class Seen:
    """One generation. error: what came out of the WebUI; said: all that is shown or written beside pictures."""

    pixels: list[str] = field(default_factory=list)
    pictures: list[Any] = field(default_factory=list)
    blackest: int = 255
    infotexts: list[str] = field(default_factory=list)
    ours: list[Any] = field(default_factory=list)
    comments: str = ""
    console: str = ""
    error: BaseException | None = None
    job: dict[str, str] = field(default_factory=dict)
    progress: list[Any] = field(default_factory=list)

    def same(self, other: Seen) -> bool:
        return (self.pixels, self.infotexts, self.comments) == (other.pixels, other.infotexts, other.comments)

    def far_from(self, other: Seen) -> bool:
        """Whether a picture differs by more than what faces painted one by one differ from faces painted together."""
        pairs = list(zip(self.pictures, other.pictures, strict=False))
        return any(one.shape != two.shape or abs(one - two).max() > ROUNDING for one, two in pairs)


def generate(name: str, around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext) -> Seen:
    """One generation of a base; around: what surrounds the WebUI's own function."""
    import numpy as np
    import pocket_run
    import torch

    from modules import processing, shared

    settings, values = BASES[name]
    if values.get("cold"):
        forget()
    job = pocket_run.job([settings], **_values(values))
    job.do_not_save_samples = not values.get("saved")
    torch.manual_seed(1)
    shared.state.begin("test")
    seen, console = Seen(), io.StringIO()
    with contextlib.redirect_stderr(console), contextlib.redirect_stdout(console):
        try:
            with contextlib.closing(job), around():  # the WebUI closes every job
                done = processing.process_images(job)
        except BaseException as error:
            seen.error = error.with_traceback(None)
        else:
            pixels = [np.asarray(image) for image in done.images]
            seen.pictures = [one.astype(int) for one in pixels]
            seen.pixels = [hashlib.sha256(one.tobytes()).hexdigest() for one in pixels]
            seen.blackest = min([int(one.max()) for one in pixels[: job.batch_size]], default=255)
            seen.infotexts, seen.comments = list(done.infotexts), done.comments
            seen.ours = [pocket_run.ours(text) for text in done.infotexts]
    seen.job, seen.progress, seen.console = snapshot.prompts(job), snapshot.progress(), console.getvalue()
    shared.state.end()
    return seen


def _values(values: dict[str, Any]) -> dict[str, Any]:
    import pocket_run

    found = {"steps": 3, "subseed": 3, "prompt": values.get("prompt", "[a cat:a (dog:1.2):0.5] AND a hat")}
    found |= {name: value for name, value in values.items() if name in ("sampler", "batch_size")}
    if values.get("hires"):
        found |= {**pocket_run.JOBS["hires"], "hr_scale": 1.5, "hr_second_pass_steps": 3}
    if values.get("repaint"):
        found |= {"init_images": pocket_run.JOBS["img2img"]["init_images"]}
    if values.get("saved"):
        found |= {"outpath_samples": str(Path(sys.argv[2]) / "out")}
    return found


def forget() -> None:
    """What was learnt of VAE files and texts in memory and on the disk, so that all of it is learnt again."""
    picked, options = sys.modules["lib_vaeface.vae.picked"], sys.modules["lib_vaeface.session.scheduling"]
    picked.picker_of.cache_clear()
    options.ENCODINGS.__init__()
    for path in (Path(sys.argv[2]) / "vaeface").glob("vae-*.json"):
        path.unlink()


def _nobody_of_ours(name: str, where: str) -> bool:
    """Whether the WebUI paints and decodes alone, so that nothing of ours looks for values that are no numbers."""
    return where.startswith("WebUI") and not any(on in BASES[name][0] for on in ("vae", "faces"))


def _lost(name: str, where: str, seen: Seen) -> bool:
    """Latents that are no numbers no VAE can decode: Forge paints them black, and we have said so."""
    import places

    return _nobody_of_ours(name, where) or (where in places.LATENTS and "no numbers" in seen.comments)


class Faults:
    """All faults of a run. What is wrong goes to `wrong`; figures are counted in `figures`."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.figures: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.places: set[str] = set()
        self.calls: dict[str, Counter[str]] = {}
        self.clean: dict[str, Seen] = {}
        for name in BASES:
            generate(name)
        for name in BASES:
            self.clean[name] = generate(name)
            self.calls[name] = Counter()
            again = generate(name, lambda found=self.calls[name]: traps.counting(found))  # type: ignore[misc]
            if not again.same(self.clean[name]) or again.error:
                self.wrong.append(f"{name}: two generations without a fault differ: {again.error}")
        self.host = snapshot.host()

    def one(self, number: int) -> None:
        """A generation with a fault, and one without after it."""
        name, token = self.chance.choice(list(BASES)), f"fault {number:06}"
        kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "detector":
            name = "search"
        if number <= len(FIRST):
            name, kind, file, function, nth = FIRST[number - 1]
            known = [one for one in self.calls[name] if re.fullmatch(rf"{file}:(.*\.)?{function}", one)]
            where = known[0] if known else ""  # Forge passes by some
            trap, ours = traps.Trap(where, nth, traps.ACTS[kind](token)), True
            around: Callable[[], Any] = trap.in_ours
        else:
            trap, around, ours = self._trap(name, kind, token)
        before, numbers = snapshot.host(), snapshot.numbers()
        seen = generate(name, around)
        if not trap.sprung:
            self.figures["not reached"] += 1
            return
        what = f"{name}, {kind} at call {trap.nth} of {trap.where}"
        self.figures["faults"] += 1
        self.figures[kind] += 1
        self.places.add(trap.where)
        problems = [*self._picture(name, kind, token, seen, trap.where, ours)]
        problems += [*self._state(name, kind, seen, before, numbers), *self._next()]
        self.wrong += [f"{what}: {problem}" for problem in problems]
        self.figures["faults with something wrong"] += bool(problems)

    def _trap(self, name: str, kind: str, token: str) -> tuple[traps.Trap, Callable[[], Any], bool]:
        """(trap, what sets it, whether it is in a function of ours)."""
        import places

        if kind == "nan":
            where, owner, method = self.chance.choice(places.tensors())
            trap = traps.Trap(where, self.chance.choice((1, 1, 2, 3)), lambda: None)
            return trap, lambda: trap.in_place_of(owner, method, traps.not_numbers), False
        if kind == "detector":
            act: Callable[[], None] = places.no_detector
        else:
            act = traps.ACTS[kind](token)
        foreign = places.FOREIGN.get(kind)
        names = sorted(place for place in self.calls[name] if places.fits(kind, place))
        if foreign and (not names or self.chance.random() < foreign.share):  # a plain picture writes no file of ours
            where, owner, method = self.chance.choice(foreign.places())
            trap = traps.Trap(where, self.chance.choice((1, 1, 2, 3, 4)), act)
            return trap, lambda: trap.in_place_of(owner, method), where in places.WRITES_OF_OURS
        where = self.chance.choice(names)
        trap = traps.Trap(where, self.chance.randint(1, min(self.calls[name][where], 40)), act)
        return trap, trap.in_ours, kind != "detector"

    def _picture(self, name: str, kind: str, token: str, seen: Seen, where: str, ours: bool) -> Iterator[str]:
        clean = self.clean[name]
        if seen.error is not None:
            self.figures["the WebUI's own error"] += 1
            if ours:
                yield f"no picture: {type(seen.error).__name__}: {seen.error}"
            elif token not in str(seen.error) and type(seen.error).__name__ != "NansException":
                yield f"another error than the WebUI's own: {type(seen.error).__name__}: {seen.error}"
            return
        self.figures["pictures"] += 1
        changed = seen.pixels != clean.pixels
        self.figures["pictures that differ"] += changed
        if kind not in ("interrupt", "skip") and not (kind == "nan" and _nobody_of_ours(name, where)):
            if len(seen.pixels) < len(clean.pixels) and not BASES[name][1].get("saved"):
                yield f"{len(seen.pixels)} pictures instead of {len(clean.pixels)}"
            if (
                seen.far_from(clean)
                and (seen.comments, seen.ours) == (clean.comments, clean.ours)
                and token not in seen.console
            ):
                yield "the picture differs and nothing says so"
        lost = kind == "nan" and _lost(name, where, seen)
        if seen.blackest == 0 and kind not in ("interrupt", "skip") and not lost:
            yield "a black picture"
        if seen.comments.count(token) > 1:
            yield f"said {seen.comments.count(token)} times: {seen.comments}"
        reports = len(re.findall(r"^\*\*\* VAE Face", seen.console, re.M))
        if reports > 1:
            yield f"reported {reports} times on the console"

    def _state(self, name: str, kind: str, seen: Seen, before: dict[str, Any], numbers: list[str]) -> Iterator[str]:
        """Right behind the fault."""
        after, clean = snapshot.host(), self.clean[name]
        for text in snapshot.differences(before, after):
            yield f"not restored, {text}"
        if snapshot.numbers()[1:] != numbers[1:]:
            yield "not restored, random numbers of Python or NumPy"
        if seen.error is None and kind not in ("interrupt", "skip"):
            if seen.progress[3] != clean.progress[3]:
                yield f"not restored, progress: {seen.progress}"
            yield from (f"the job: {text}" for text in snapshot.differences(clean.job, seen.job))

    def _next(self) -> Iterator[str]:
        name = self.chance.choice(list(BASES))
        seen, clean = generate(name), self.clean[name]
        if seen.error is not None:
            yield f"the next generation ({name}) failed: {type(seen.error).__name__}: {seen.error}"
        elif not seen.same(clean):
            parts = [
                part for part in ("pixels", "infotexts", "comments") if getattr(seen, part) != getattr(clean, part)
            ]
            yield f"the next generation ({name}) differs in {parts}: {seen.comments} {seen.infotexts[:1]}"
        for text in snapshot.differences(self.host, snapshot.host()):
            yield f"after the next generation, {text}"
            self.host = snapshot.host()


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    """`count` faults that were reached."""
    import vae_run

    from modules import shared

    vae_run.write_files(Path(sys.argv[2]))
    shared.sd_model.image_size = 8  # faces are painted at 64 pixels
    shared.opts.data.update(vaeface_save_latents=True, vaeface_keep_latents=True)
    faults, count, tries = Faults(asked["seed"]), asked["count"], 0
    while faults.figures["faults"] < count and tries < 3 * count + 20:
        tries += 1
        faults.one(tries)
        told(faults.figures["faults"], count)
    if faults.figures["faults"] < count:
        faults.wrong.append(f"{faults.figures['faults']} faults were reached, {count} were wanted")
    return {"figures": {**faults.figures, "places": len(faults.places)}, "wrong": faults.wrong}
