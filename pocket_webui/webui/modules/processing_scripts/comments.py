"""Takes `# comments` out of prompts. Runs after the `process` of extensions, which see them still."""

from __future__ import annotations

import re
from typing import Any

from modules import script_callbacks, scripts, shared

WHOLE_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
REST_OF_LINE = re.compile(r"#[^\n]*(?:\n|$)")


def strip_comments(text: str) -> str:
    """`text` without everything from # to the end of a line; a line that is only a comment goes with its break."""
    return REST_OF_LINE.sub("\n", WHOLE_LINE.sub("\n", text))


class ScriptStripComments(scripts.Script):
    def title(self) -> str:
        return "Comments"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def process(self, p: Any, *args: Any) -> None:
        if not shared.opts.enable_prompt_comments:
            return
        lists, texts = ["all_prompts", "all_negative_prompts"], ["main_prompt", "main_negative_prompt"]
        if getattr(p, "enable_hr", False):
            lists += ["all_hr_prompts", "all_hr_negative_prompts"]
            texts += ["hr_prompt", "hr_negative_prompt"]
        for name in lists:
            setattr(p, name, [strip_comments(text) for text in getattr(p, name)])
        for name in texts:
            setattr(p, name, strip_comments(getattr(p, name)))


def before_token_counter(params: script_callbacks.BeforeTokenCounterParams) -> None:
    """Comments cost no tokens."""
    if shared.opts.enable_prompt_comments:
        params.prompt = strip_comments(params.prompt)


script_callbacks.on_before_token_counter(before_token_counter)

shared.options_templates.update(shared.options_section(("sd", "Stable Diffusion", "sd"), {
    "enable_prompt_comments": shared.OptionInfo(True, "Enable comments").info(
        "everything from # to the end of the line is left out of a prompt"),
}))
