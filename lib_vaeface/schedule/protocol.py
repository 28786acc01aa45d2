"""What the schedule asks of a WebUI, and what it answers: conditioning for the prompts of one pass."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Cond = Any
"""Conditioning of one text: a tensor [tokens, width], or for SDXL a mapping {"crossattn": [tokens, width],
"vector": [width of the pooled text and the size embeddings]}."""


@dataclass(frozen=True)
class Encoded:
    """A text's conditioning, and what the WebUI wants said about its encoding in the infotext (embedding hashes)."""

    cond: Cond
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The prompts of one pass, one for each image, and all that decides about their conditioning.

    steps, hires_steps: what the WebUI counts, model calls, twice the steps of the slider for second-order samplers;
    hires_steps is given for the second pass only. ui_steps, hires_ui_steps: the slider's steps that are really made.
    calls: the model calls planned for this pass. state: equal for two requests when the same text has the same
    conditioning in both. encode: conditioning of texts in one batch of the WebUI's text encoder.
    """

    prompts: tuple[str, ...]
    negative: bool
    steps: int
    hires_steps: int | None
    ui_steps: int
    hires_ui_steps: int | None
    calls: int
    old: bool
    state: Hashable
    encode: Callable[[Sequence[str]], list[Encoded]]
    encode_empty: Callable[[], Encoded]
    """The empty text as padding: never the zeros that SDXL puts for an empty negative prompt."""
    pools_emphasis: bool = True
    """Whether weights in one text of a batch change the others' conditioning, as the emphasis "Original" does."""
    zeroes_empty: bool = False
    """Whether an empty text becomes zeros where all texts of its batch are empty."""
    exact_alone: bool = False
    """Whether a text has the same conditioning, to the last bit, alone and in a batch."""
    read: Callable[[str], Sequence[tuple[int, str]]] | None = None
    """How the WebUI's own parser reads one part of a prompt in this pass, as (end, text), for texts that its grammar
    does not decide."""
    variant: tuple[int, ...] = ()
    """Tells the requests of one pass apart where a WebUI asks several times and chooses among the answers at every
    model call."""


class Weighted(Protocol):
    """The WebUI's object for one AND part; it reads `weight` at every model call."""

    weight: float


@dataclass
class Part:
    """One part of one image's prompt, as the WebUI walks it: entries (end, conditioning), the first whose end is not
    below the number of the model call (from 0) counts."""

    schedule: tuple[tuple[int, Cond], ...]
    weight: float
    carrier: Weighted | None = None
    """Set by the host adapter to the object it made of this part."""


@dataclass(frozen=True)
class Answer:
    """Parts by image, in order; a negative prompt is one part. remarks: for the infotext, see `Encoded`. old_differs:
    the WebUI's option for old prompt editing changes what these prompts say."""

    images: tuple[tuple[Part, ...], ...]
    remarks: Mapping[str, str] = field(default_factory=dict)
    old_differs: bool = False


def joined(remarks: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Remarks of several texts as one; what is listed under one key, with ", " between, is listed once each."""
    found: dict[str, dict[str, None]] = {}
    for key, value in (item for one in remarks for item in one.items()):
        found.setdefault(key, {}).update(dict.fromkeys(value.split(", ")))
    return {key: ", ".join(values) for key, values in found.items()}
