"""The token counters of the prompts."""

from __future__ import annotations

from typing import Any

from modules import extra_networks, prompt_parser, script_callbacks, shared
from modules.sd_hijack import model_hijack


def _with_styles(text: str, styles: list[str], is_positive: bool) -> str:
    if not shared.opts.include_styles_into_token_counters:
        return text
    database = shared.prompt_styles
    apply = database.apply_styles_to_prompt if is_positive else database.apply_negative_styles_to_prompt
    return apply(text, styles)


def _texts_over_time(text: str, steps: int, is_positive: bool) -> list[str]:
    """Every text that the schedules in `text` become. While somebody types, it may not parse; then it is one text."""
    try:
        text, _ = extra_networks.parse_prompt(text)
        flat = prompt_parser.get_multicond_prompt_list([text])[1] if is_positive else [text]
        schedules = prompt_parser.get_learned_conditioning_prompt_schedules(flat, steps)
    except Exception:
        return [text]
    return [part for schedule in schedules for _, part in schedule]


def update_token_counter(text: str, steps: int, styles: list[str], *, is_positive: bool = True) -> str:
    """HTML "used/available" for the longest text the prompt ever becomes."""
    params: Any = script_callbacks.BeforeTokenCounterParams(text, steps, styles, is_positive=is_positive)
    script_callbacks.before_token_counter_callback(params)
    text = _with_styles(params.prompt, params.styles, params.is_positive)
    lengths = [model_hijack.get_prompt_lengths(t) for t in _texts_over_time(text, params.steps, params.is_positive)]
    used, available = max(lengths, key=lambda pair: pair[0])
    return f"<span class='gr-box gr-text-input'>{used}/{available}</span>"


def update_negative_prompt_token_counter(*args: Any) -> str:
    return update_token_counter(*args, is_positive=False)
