"""Texts given to the text encoder per generation, ours beside the WebUI's own. `python -m benchmarks encodes`.

Counted, not estimated: whole generations of the pocket WebUI, its model's `get_learned_conditioning` wrapped. Both
caches, the WebUI's and ours, are emptied before each case, except for what follows a first generation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.flags import flags
from benchmarks.pocket import OFF, ON, paint, replaced, start
from benchmarks.tables import ROOT, code, machine, table
from tests.extension.pocket_run import job

GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "schedules.jsonl"
HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Latent", "steps": 10}
Values = dict[str, Any]
FOLLOWED: list[tuple[str, Values, Values | None]] = [  # name, the generation, one right behind it which is counted
    ("hires", {"prompt": "[a:b:0.5] c", **HIRES}, None),
    ("hires, the edit in its second pass", {"prompt": "[a:b:1.5] c", **HIRES}, None),
    ("hires, alternation", {"prompt": "[a|b]", **HIRES}, None),
    ("3 batches of 2", {"prompt": "[a|b]", "steps": 10, "batch_size": 2, "n_iter": 3}, None),
    ("the same again", {"prompt": "[a|b]", "steps": 10}, {"prompt": "[a|b]", "steps": 10}),
    ("again with 12 steps", {"prompt": "[a|b]", "steps": 10}, {"prompt": "[a|b]", "steps": 12}),
    ("again with one text changed", {"prompt": "[a:b:5]", "steps": 10}, {"prompt": "[a:c:5]", "steps": 10}),
    ("a weight in a segment", {"prompt": "[(a:1.3)|b]", "steps": 10}, None),
    ("blend", {"prompt": "[a:b:0,10]", "steps": 10}, None),
    ("three blends at once", {"prompt": "[a:b:0,10][c:d:0,10][e:f:0,10]", "steps": 10}, None),
    ("weight over time", {"prompt": "(a:0.5->1.5)", "steps": 10}, None),
    ("AND weights over time", {"prompt": "a:0->1 AND b:1->0", "steps": 10}, None),
]


def counted(texts: list[str]) -> Callable[[Any], Any]:
    """A wrapper of the model's method that notes every text it is given."""

    def wrap(encode: Callable[..., Any]) -> Callable[..., Any]:
        def noted(given: Any) -> Any:
            texts.extend(given)
            return encode(given)

        return noted

    return wrap


def forget() -> None:
    """Empty the WebUI's caches of conditionings, and ours."""
    import sys

    from modules import processing, shared

    for owner in (processing.StableDiffusionProcessing, processing.StableDiffusionProcessingTxt2Img):
        for name in ("cached_c", "cached_uc", "cached_hr_c", "cached_hr_uc"):
            if name in vars(owner):
                setattr(owner, name, [None, None])
    session: Any = sys.modules["lib_vaeface.session.scheduling"]
    session.ENCODINGS = type(session.ENCODINGS)()
    shared.opts.data["vaeface_record_calls"] = True


def texts_of(switch: list[bool], values: Values, then: Values | None = None) -> list[str]:
    """What the text encoder got for a generation, or for the one right behind it."""
    from modules import shared

    forget()
    if then is not None:
        paint(job(switch, **values))
    texts: list[str] = []
    with replaced(shared.sd_model, "get_learned_conditioning", counted(texts)):
        paint(job(switch, **(then or values)))
    return texts


def _row(name: str, values: Values, then: Values | None = None) -> list[str]:
    native, ours = (texts_of(switch, values, then) for switch in (OFF, ON))
    given = then or values
    prompts = given.get("negative_prompt") or given["prompt"]
    written = prompts if isinstance(prompts, str) else " / ".join(dict.fromkeys(prompts))
    return [name, code(written), *(str(len(t)) for t in (native, ours)), str(len(set(ours)))]


def golden() -> Iterator[tuple[str, Values]]:
    """The cases whose native counts were taken from A1111 itself."""
    for line in GOLDEN.read_text(encoding="utf8").splitlines():
        case = json.loads(line)
        if case["kind"] != "encoder_calls":
            continue
        side = "negative_prompt" if case["case"].startswith("negative") else "prompt"
        given = {"prompt": "", side: case["prompts"]}
        yield case["case"], {**given, "steps": case["steps"], "batch_size": len(case["prompts"])}


def main() -> None:
    start()
    print(machine("torch"))
    print(
        "\nTexts given to the text encoder for one generation, the prompt's and the negative prompt's (one empty text"
        " unless said otherwise). *distinct*: how many of ours differ."
    )
    head = ("case", "prompt", "WebUI", "ours", "distinct")
    cases = FOLLOWED[:1] if flags().quick else [*golden(), *FOLLOWED]
    table(head, [_row(*case) for case in cases], words=2)


if __name__ == "__main__":
    main()
