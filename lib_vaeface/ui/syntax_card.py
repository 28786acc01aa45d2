"""The forms of the schedule on one folded card; a click on an example puts it into the prompt, see
javascript/vaeface.js. javascript/parts/timeline.js finds here what it has to know of the panel and the samplers."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lib_vaeface.ui.html import Markup, join, tag

EXAMPLES = (
    ("[cat:dog:0.5]", "cat for half of the steps, then dog; 10 in place of 0.5 is a step"),
    ("[dog:5]", "dog from step 5 on"),
    ("[cat::5]", "cat until step 5"),
    ("[cat|dog]", "in turn, one step each"),
    ("[cat|dog:3]", "in turn, three steps each"),
    ("[cat|dog:4:smooth]", "in turn, fading from one to the next"),
    ("[cat:dog:fox:5,10]", "cat, from 5 on dog, from 10 on fox: one time fewer than texts"),
    ("[cat:5-10]", "cat from 5 to 10 only"),
    ("[cat:dog:5,15]", "from 5 to 15 slowly more dog: as many times as texts"),
    ("[cat:dog:20%,60%:smooth]", "the same along a curve; % of the pass that runs, so in the hires pass again"),
    ("(cat:0.5->1.5)", "the weight grows over the pass"),
    ("(cat:0.5@0,1.2@40%:sine)", "weights at times, along a curve"),
    ("[cat:dog:5s]", "by the noise: cat as long as sigma is above 5"),
)
"""Form, and what it does. All are read without a note."""

CURVES = "Curves: linear, smooth, ease-in, ease-out, ease-in-out, sine, step, catmull, bezier, slerp."


def card(switches: Sequence[str], timing: str, samplers: Sequence[tuple[str, int]]) -> Markup:
    """switches: ids of the checkboxes that must all be ticked for our forms to be read; timing: id of that control;
    samplers: (name, model calls per step)."""
    rows = [
        tag("dt", tag("button", form, type="button", class_="vaeface-example")) + tag("dd", meaning)
        for form, meaning in EXAMPLES
    ]
    return tag(
        "details",
        tag("summary", "What can be written in a prompt"),
        tag("dl", join([Markup(row) for row in rows])),
        tag("p", CURVES, class_="vaeface-note"),
        class_="vaeface-syntax",
        data_on=json.dumps(list(switches)),
        data_timing=timing,
        data_samplers=json.dumps(dict(samplers)),
    )
