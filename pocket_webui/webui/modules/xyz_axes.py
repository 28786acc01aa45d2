"""What can vary along an axis of the X/Y/Z plot: a name, how to read a value, and how to put it into a job."""

from __future__ import annotations

import csv
import itertools
import os.path
from collections.abc import Callable
from io import StringIO
from typing import Any

from modules import sd_models, sd_samplers, sd_vae

Apply = Callable[[Any, Any, list], None]


def apply_field(field: str) -> Apply:
    """Sets the attribute `field` of the job."""

    def fun(p: Any, x: Any, xs: list) -> None:
        setattr(p, field, x)

    return fun


def apply_override(field: str, boolean: bool = False) -> Apply:
    """Sets the option `field` for the job; with `boolean` the value is the text "True" or "False"."""

    def fun(p: Any, x: Any, xs: list) -> None:
        p.override_settings[field] = x.lower() == "true" if boolean else x

    return fun


def apply_prompt(p: Any, x: str, xs: list[str]) -> None:
    """Search and replace: the first value is what is looked for. RuntimeError if neither prompt has it."""
    wanted = xs[0]
    if wanted not in p.prompt and wanted not in p.negative_prompt:
        raise RuntimeError(f"Prompt S/R did not find {wanted} in prompt or negative prompt.")
    p.prompt, p.negative_prompt = (text.replace(wanted, x) for text in (p.prompt, p.negative_prompt))


def apply_order(p: Any, x: tuple[str, ...], xs: list) -> None:
    """Put the words `x` into the places of the prompt where they stand now, in the order of `x`."""
    rest, text = p.prompt, ""
    for place, word in zip(sorted(x, key=rest.find), x, strict=True):
        before, _, rest = rest.partition(place)
        text += before + word
    p.prompt = text + rest


def apply_checkpoint(p: Any, x: str, xs: list) -> None:
    info = sd_models.get_closet_checkpoint_match(x)
    if info is None:
        raise RuntimeError(f"Unknown checkpoint: {x}")
    p.override_settings["sd_model_checkpoint"] = info.name


def find_vae(name: str) -> str:
    """The VAE's name as the list has it, any case; "Automatic", with a note in the log, if there is none."""
    name = name.strip().lower()
    special = {"auto": "Automatic", "automatic": "Automatic", "none": "None"}
    known = next((key for key in sd_vae.vae_dict if key.lower() == name), None)
    if name not in special and known is None:
        print(f"No VAE found for {name}; using Automatic")
    return special.get(name) or known or "Automatic"


def apply_vae(p: Any, x: str, xs: list) -> None:
    p.override_settings["sd_vae"] = find_vae(x)


def apply_styles(p: Any, x: str, xs: list) -> None:
    p.styles.extend(x.split(","))


def apply_uni_pc_order(p: Any, x: int, xs: list) -> None:
    """The order must be less than the number of steps."""
    p.override_settings["uni_pc_order"] = min(x, p.steps - 1)


def apply_size(p: Any, x: str, xs: list) -> None:
    """`x` is "640x512"; anything else is named in the log and changes nothing."""
    width, _, height = x.partition("x")
    try:
        p.width, p.height = int(width), int(height)
    except ValueError:
        print(f"Invalid size in XYZ plot: {x}")


def do_nothing(p: Any, x: Any, xs: list) -> None:
    pass


def confirm_samplers(p: Any, xs: list[str]) -> None:
    for x in xs:
        if x.lower() not in sd_samplers.samplers_map:
            raise RuntimeError(f"Unknown sampler: {x}")


def confirm_checkpoints(p: Any, xs: list[str]) -> None:
    for x in xs:
        if sd_models.get_closet_checkpoint_match(x) is None:
            raise RuntimeError(f"Unknown checkpoint: {x}")


def confirm_checkpoints_or_none(p: Any, xs: list[Any]) -> None:
    confirm_checkpoints(p, [x for x in xs if x not in (None, "", "None", "none")])


def confirm_range(min_val: float, max_val: float, axis_label: str) -> Callable[[Any, list], None]:
    """A check that all values lie in [min_val, max_val]; ValueError names the one that does not."""

    def fun(p: Any, xs: list) -> None:
        for x in xs:
            if not min_val <= x <= max_val:
                raise ValueError(f'{axis_label} value "{x}" out of range [{min_val}, {max_val}]')

    return fun


def boolean_choice(reverse: bool = False) -> Callable[[], list[str]]:
    return lambda: ["False", "True"] if reverse else ["True", "False"]


def _rounded(x: Any) -> Any:
    return round(x, 8) if isinstance(x, float) else x


def format_value_add_label(p: Any, opt: AxisOption, x: Any) -> str:
    return f"{opt.label}: {_rounded(x)}"


def format_value(p: Any, opt: AxisOption, x: Any) -> Any:
    return _rounded(x)


def format_value_join_list(p: Any, opt: AxisOption, x: tuple[str, ...]) -> str:
    return ", ".join(x)


def format_nothing(p: Any, opt: AxisOption, x: Any) -> str:
    return ""


def format_remove_path(p: Any, opt: AxisOption, x: str) -> str:
    return os.path.basename(x)


def str_permutations(x: Any) -> Any:
    """As an axis' `type` it asks for all orders of the values instead of the values."""
    return x


def list_to_csv_string(data_list: list[str]) -> str:
    """One line of CSV; values with commas are quoted."""
    with StringIO() as out:
        csv.writer(out).writerow(data_list)
        return out.getvalue().strip()


def csv_string_to_list_strip(data_str: str) -> list[str]:
    """The values of one or more lines of CSV, without surrounding spaces."""
    rows = csv.reader(StringIO(data_str), skipinitialspace=True)
    return [value.strip() for value in itertools.chain.from_iterable(rows)]


class AxisOption:
    """One kind of axis.

    `type` turns text into a value; `apply(p, value, all values)` puts it into a job; `format_value(p, option, value)`
    is its label on the plot; `confirm(p, values)` raises on bad ones before anything is painted; axes of higher
    `cost` change less often; `choices()` lists possible values; `prepare(text)` replaces the splitting of the text."""

    def __init__(
        self,
        label: str,
        type: Callable[[Any], Any],
        apply: Apply,
        format_value: Callable[..., Any] = format_value_add_label,
        confirm: Callable[[Any, list], None] | None = None,
        cost: float = 0.0,
        choices: Callable[[], list[str]] | None = None,
        prepare: Callable[[str], list] | None = None,
    ) -> None:
        self.label = label
        self.type = type
        self.apply = apply
        self.format_value = format_value
        self.confirm = confirm
        self.cost = cost
        self.prepare = prepare
        self.choices = choices


class AxisOptionImg2Img(AxisOption):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_img2img = True


class AxisOptionTxt2Img(AxisOption):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_img2img = False
