"""Infotext to values and back to quoted text, by A1111's rules, losses included.

A line of parameters is a list of `Key: value`. A key is at least two characters of letters, digits, `_`, space, `-`
and `/`. A value ends at a comma unless it is in double quotes; `512x512` becomes two values; an empty value is lost."""

from __future__ import annotations

import json
import re
from typing import Any

from modules import infotext_versions, shared

re_param_code = r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)'
re_param = re.compile(re_param_code)
re_imagesize = re.compile(r"^(\d+)x(\d+)$")

_FEWEST_PARAMETERS = 3
_NEGATIVE = "Negative prompt:"

_MISSING_MEANS: dict[str, Any] = {
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
}
_MISSING_MEANS_LATER: dict[str, Any] = {
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
}


def quote(text: Any) -> Any:
    """`text` as JSON if it holds a comma, a colon or a line break, else unchanged (a number stays a number)."""
    plain = not any(character in str(text) for character in ",\n:")
    return text if plain else json.dumps(text, ensure_ascii=False)


def unquote(text: str) -> Any:
    """Undo `quote`; text that is not in quotes or not JSON is returned as it is."""
    if len(text) == 0 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _split_lines(x: str) -> tuple[str, str, str]:
    """(prompt, negative prompt, line of parameters); the last line holds parameters if at least three match."""
    *lines, last = x.strip().split("\n")
    if len(re_param.findall(last)) < _FEWEST_PARAMETERS:
        lines.append(last)
        last = ""
    texts: tuple[list[str], list[str]] = ([], [])
    negative = False
    for line in (line.strip() for line in lines):
        if line.startswith(_NEGATIVE):
            negative, line = True, line[len(_NEGATIVE) :].strip()
        # Leading empty lines vanish, later ones stay: joining must not start with a line break.
        if texts[negative] or line:
            texts[negative].append(line)
    return "\n".join(texts[0]), "\n".join(texts[1]), last


def _parse_values(line: str) -> dict[str, Any]:
    res: dict[str, Any] = {}
    for key, value in re_param.findall(line):
        if value == "":
            print(f'Error parsing "{key}: {value}"')
            continue
        text = unquote(value)
        size = re_imagesize.match(text) if isinstance(text, str) else None
        if size is None:
            res[key] = text
        else:
            res[f"{key}-1"], res[f"{key}-2"] = size.groups()
    return res


def _prompts_of_hires(res: dict[str, Any], prompt: str, negative: str) -> tuple[str, str] | None:
    """The prompts of hires fix if they can hold styles, which they do since 1.8.0-139."""
    if "Hires prompt" not in res and "Hires negative prompt" not in res:
        return None
    ver = infotext_versions.parse_version(res.get("Version"))
    if ver is not None and ver <= infotext_versions.v180_hr_styles:
        return None
    return res.get("Hires prompt", prompt), res.get("Hires negative prompt", negative)


def _take_out_styles(res: dict[str, Any], prompt: str, negative: str) -> tuple[str, str]:
    """The prompts without known styles; the styles' names go to "Styles array" as the setting wants."""
    how = shared.opts.infotext_styles
    if how == "Ignore":
        return prompt, negative
    found, bare, bare_negative = shared.prompt_styles.extract_styles_from_prompt(prompt, negative)
    hires = _prompts_of_hires(res, prompt, negative)
    if hires is not None:
        hires_found, hires_bare, hires_negative = shared.prompt_styles.extract_styles_from_prompt(*hires)
        if hires_found != found:
            return prompt, negative
        res["Hires prompt"] = "" if hires_bare == bare else hires_bare
        res["Hires negative prompt"] = "" if hires_negative == bare_negative else hires_negative
    if how == "Apply" or (how == "Apply if any" and found):
        res["Styles array"] = found
    return bare, bare_negative


def restore_old_hires_fix_params(res: dict[str, Any]) -> None:
    """Turn the old "First pass size" into size and hires size; with the setting use_old_hires_fix_width_height the
    hires size becomes the size."""
    first = [res.get(f"First pass size-{i}") for i in (1, 2)]
    if shared.opts.use_old_hires_fix_width_height:
        hires = [int(res.get(f"Hires resize-{i}", 0)) for i in (1, 2)]
        if all(hires):
            res["Size-1"], res["Size-2"] = hires
            return
    if None in first:
        return
    width, height = (int(res.get(f"Size-{i}", 512)) for i in (1, 2))
    first_width, first_height = (int(value) for value in first)  # type: ignore[arg-type]
    if first_width == 0 or first_height == 0:
        from modules import processing

        first_width, first_height = processing.old_hires_fix_first_pass_dimensions(width, height)
    res["Size-1"], res["Size-2"] = first_width, first_height
    res["Hires resize-1"], res["Hires resize-2"] = width, height


def _uses_emphasis(*prompts: str) -> bool:
    from modules import prompt_parser

    parts = [part for prompt in prompts for part in prompt_parser.parse_prompt_attention(prompt)]
    return any(weight != 1.0 and text != "BREAK" for text, weight in parts)


def _fill_in_defaults(res: dict[str, Any], prompt: str, negative: str) -> None:
    res.setdefault("Clip skip", "1")
    hypernet = res.get("Hypernet")
    if hypernet is not None:
        res["Prompt"] += f"<hypernet:{hypernet}:{res.get('Hypernet strength', '1.0')}>"
    if "Hires resize-1" not in res:
        res["Hires resize-1"] = res["Hires resize-2"] = 0
    for key, value in _MISSING_MEANS.items():
        res.setdefault(key, value)
    restore_old_hires_fix_params(res)
    for key, value in _MISSING_MEANS_LATER.items():
        res.setdefault(key, value)
    if res["FP8 weight"] != "Disable":
        res.setdefault("Cache FP16 weight for LoRA", False)
    if "Emphasis" not in res and _uses_emphasis(prompt, negative):
        res["Emphasis"] = "Original"
    res.setdefault("Refiner switch by sampling steps", False)


def parse_generation_parameters(x: str, skip_fields: list[str] | None = None) -> dict[str, Any]:
    """Values of an infotext: "Prompt", "Negative prompt" and one entry per parameter, as strings.

    What is missing is filled in with what it meant when it was written. Keys in `skip_fields` (by default those of the
    setting infotext_skip_pasting) are left out."""
    prompt, negative, parameters = _split_lines(x)
    res = _parse_values(parameters)
    prompt, negative = _take_out_styles(res, prompt, negative)
    res["Prompt"], res["Negative prompt"] = prompt, negative
    _fill_in_defaults(res, prompt, negative)
    infotext_versions.backcompat(res)
    for key in shared.opts.infotext_skip_pasting if skip_fields is None else skip_fields:
        res.pop(key, None)
    return res
