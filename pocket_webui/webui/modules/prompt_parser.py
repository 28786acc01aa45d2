"""Prompts to conditioning: schedules, AND composition, and the batch that belongs to one model call.

Conditioning of one text is a tensor [tokens, width], or for SDXL a dict {crossattn [tokens, width], vector [size]}.
"""

from __future__ import annotations

import re
from collections import namedtuple
from typing import Any

import torch

from modules.prompt_attention import parse_prompt_attention
from modules.prompt_grammar import get_learned_conditioning_prompt_schedules

__all__ = [
    "ComposableScheduledPromptConditioning",
    "DictWithShape",
    "MulticondLearnedConditioning",
    "ScheduledPromptConditioning",
    "SdConditioning",
    "get_learned_conditioning",
    "get_learned_conditioning_prompt_schedules",
    "get_multicond_learned_conditioning",
    "get_multicond_prompt_list",
    "parse_prompt_attention",
    "reconstruct_cond_batch",
    "reconstruct_multicond_batch",
    "stack_conds",
]

ScheduledPromptConditioning = namedtuple("ScheduledPromptConditioning", ["end_at_step", "cond"])

_AND = re.compile(r"\bAND\b")
_WEIGHTED = re.compile(r"(?P<text>(?:\s|.)*?)(?:\s*:\s*(?P<weight>[-+]?(?:\d+\.?|\d*\.\d+)))?\s*")


class SdConditioning(list):
    """Prompts with what the text encoder wants to know about the picture; width and height in pixels (for SDXL)."""

    def __init__(
        self,
        prompts: list[str],
        is_negative_prompt: bool = False,
        width: int | None = None,
        height: int | None = None,
        copy_from: list[str] | None = None,
    ) -> None:
        super().__init__(prompts)
        source = prompts if copy_from is None else copy_from
        self.is_negative_prompt = is_negative_prompt or getattr(source, "is_negative_prompt", False)
        self.width = width or getattr(source, "width", None)
        self.height = height or getattr(source, "height", None)


class DictWithShape(dict):
    """SDXL's conditioning of a batch; .shape is that of its crossattn [rows, tokens, width]."""

    def __init__(self, x: dict[str, torch.Tensor], shape: Any = None) -> None:
        super().__init__(x)

    @property
    def shape(self) -> torch.Size:
        return self["crossattn"].shape


class ComposableScheduledPromptConditioning:
    """One part of an AND composition: its schedule and its weight."""

    def __init__(self, schedules: list[ScheduledPromptConditioning], weight: float = 1.0) -> None:
        self.schedules = schedules
        self.weight = weight


class MulticondLearnedConditioning:
    """The positive conditioning of a batch: for each image the parts of its AND composition. shape = (images,)."""

    def __init__(self, shape: tuple, batch: list[list[ComposableScheduledPromptConditioning]]) -> None:
        self.shape = shape
        self.batch = batch


def get_learned_conditioning(
    model: Any,
    prompts: SdConditioning | list[str],
    steps: int,
    hires_steps: int | None = None,
    use_old_scheduling: bool = False,
) -> list[list[ScheduledPromptConditioning]]:
    """One schedule of conditionings per prompt. All texts of a prompt's schedule are encoded as one batch, as the
    hosts do; equal prompts are encoded once."""
    texts = get_learned_conditioning_prompt_schedules(prompts, steps, hires_steps, use_old_scheduling)
    encoded: dict[str, list[ScheduledPromptConditioning]] = {}
    for prompt, schedule in zip(prompts, texts, strict=True):
        if prompt not in encoded:
            conds = model.get_learned_conditioning(SdConditioning([x[1] for x in schedule], copy_from=prompts))
            encoded[prompt] = [ScheduledPromptConditioning(end, _row(conds, i)) for i, (end, _) in enumerate(schedule)]
    return [encoded[prompt] for prompt in prompts]


def _row(conds: Any, index: int) -> Any:
    if isinstance(conds, dict):
        return {key: value[index] for key, value in conds.items()}
    return conds[index]


def get_multicond_prompt_list(
    prompts: SdConditioning | list[str],
) -> tuple[list[list[tuple[int, float]]], SdConditioning, dict[str, int]]:
    """Splits prompts at AND: (for each prompt its [(index of text, weight)], the distinct texts, text -> index)."""
    indexes: dict[str, int] = {}
    parts = []
    for prompt in prompts:
        found = [_WEIGHTED.fullmatch(part) for part in _AND.split(prompt)]
        parts.append([(indexes.setdefault(m["text"], len(indexes)), float(m["weight"] or 1.0)) for m in found])
    return parts, SdConditioning(list(indexes), copy_from=prompts), indexes


def get_multicond_learned_conditioning(
    model: Any,
    prompts: SdConditioning | list[str],
    steps: int,
    hires_steps: int | None = None,
    use_old_scheduling: bool = False,
) -> MulticondLearnedConditioning:
    """As get_learned_conditioning, for prompts that may be composed with AND."""
    parts, texts, _ = get_multicond_prompt_list(prompts)
    learned = get_learned_conditioning(model, texts, steps, hires_steps, use_old_scheduling)
    batch = [[ComposableScheduledPromptConditioning(learned[i], weight) for i, weight in part] for part in parts]
    return MulticondLearnedConditioning(shape=(len(prompts),), batch=batch)


def _cond_at(schedule: list[ScheduledPromptConditioning], step: int) -> Any:
    """The entry for model call `step` (from 0). A call past the schedule's end gets the FIRST entry, as on A1111."""
    return next((entry.cond for entry in schedule if step <= entry.end_at_step), schedule[0].cond)


def _fill(conds: list[torch.Tensor]) -> torch.Tensor:
    """Stacks rows; the first one's length is the batch's, another length raises RuntimeError, as on A1111."""
    batch = conds[0].new_zeros((len(conds), *conds[0].shape))
    for row, cond in zip(batch, conds, strict=True):
        row[:] = cond
    return batch


def reconstruct_cond_batch(c: list[list[ScheduledPromptConditioning]], current_step: int) -> Any:
    """The negative conditioning of one model call, one row per image: tensor [B, tokens, width] or DictWithShape."""
    conds = [_cond_at(schedule, current_step) for schedule in c]
    if isinstance(conds[0], dict):
        return DictWithShape({key: _fill([cond[key] for cond in conds]) for key in conds[0]})
    return _fill(conds)


def stack_conds(tensors: list[torch.Tensor]) -> torch.Tensor:
    """[n, longest, width] of n tensors [tokens, width]; shorter ones repeat their last vector."""
    longest = max(x.shape[0] for x in tensors)
    return torch.stack([torch.cat([x, x[-1:].repeat(longest - x.shape[0], *[1] * (x.dim() - 1))]) for x in tensors])


def reconstruct_multicond_batch(
    c: MulticondLearnedConditioning, current_step: int
) -> tuple[list[list[tuple[int, float]]], Any]:
    """The positive conditioning of one model call: (for each image its [(row, weight)], the rows of all parts)."""
    conds: list[Any] = []
    rows = []
    for parts in c.batch:
        rows.append([(len(conds) + i, part.weight) for i, part in enumerate(parts)])
        conds += [_cond_at(part.schedules, current_step) for part in parts]
    if isinstance(conds[0], dict):
        return rows, DictWithShape({key: _stack_any([cond[key] for cond in conds]) for key in conds[0]})
    return rows, stack_conds(conds)


def _stack_any(values: list[torch.Tensor]) -> torch.Tensor:
    # only token sequences can differ in length: an SDXL vector [size] is stacked as it is
    return stack_conds(values) if values[0].dim() > 1 else torch.stack(values)
