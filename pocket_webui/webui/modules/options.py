"""Settings: what an option is, and the object `shared.opts` that holds all values."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modules import errors
from modules.shared_cmd_options import cmd_opts


class OptionInfo:
    """One setting: its default, how the settings page shows it, and where else it is read or written.

    `infotext` is the key under which it is found in pasted generation parameters; `restrict_api` keeps the API from
    changing it; `category_id` is one of the registered categories. The methods return self for chaining."""

    def __init__(
        self,
        default: Any = None,
        label: str = "",
        component: Any = None,
        component_args: Any = None,
        onchange: Callable[[], object] | None = None,
        section: tuple[str | None, str] | None = None,
        refresh: Callable[[], object] | None = None,
        comment_before: str = "",
        comment_after: str = "",
        infotext: str | None = None,
        restrict_api: bool = False,
        category_id: str | None = None,
    ) -> None:
        self.default = default
        self.label = label
        self.component = component
        self.component_args = component_args
        self.onchange = onchange
        self.section = section
        self.category_id = category_id
        self.refresh = refresh
        self.do_not_save = False
        self.comment_before = comment_before
        self.comment_after = comment_after
        self.infotext = infotext
        self.restrict_api = restrict_api

    def link(self, label: str, url: str) -> OptionInfo:
        self.comment_before += f"[<a href='{url}' target='_blank'>{label}</a>]"
        return self

    def js(self, label: str, js_func: str) -> OptionInfo:
        self.comment_before += f"[<a onclick='{js_func}(); return false'>{label}</a>]"
        return self

    def info(self, info: str) -> OptionInfo:
        self.comment_after += f"<span class='info'>({info})</span>"
        return self

    def html(self, html: str) -> OptionInfo:
        self.comment_after += html
        return self

    def needs_restart(self) -> OptionInfo:
        self.comment_after += " <span class='info'>(requires restart)</span>"
        return self

    def needs_reload_ui(self) -> OptionInfo:
        self.comment_after += " <span class='info'>(requires Reload UI)</span>"
        return self


class OptionHTML(OptionInfo):
    """Text between settings; has no value and is never saved."""

    def __init__(self, text: object) -> None:
        def component(**kwargs: Any) -> Any:
            import gradio as gr

            return gr.HTML(elem_classes="settings-info", **kwargs)

        super().__init__(str(text).strip(), label="", component=component)
        self.do_not_save = True


def options_section(section_identifier: tuple, options_dict: dict[str, OptionInfo]) -> dict[str, OptionInfo]:
    """Put all options into the section (id, title) or (id, title, category id), and return them."""
    for option in options_dict.values():
        option.section = section_identifier[:2]
        if len(section_identifier) == 3:
            option.category_id = section_identifier[2]
    return options_dict


options_builtin_fields = {"data_labels", "data", "restricted_opts", "typemap"}


def _listed(text: str | None) -> list[str]:
    return [] if text is None else [part.strip() for part in text.split(",")]


def _check_changeable(key: str, info: OptionInfo | None, restricted: set[str]) -> None:
    assert not cmd_opts.freeze_settings, "changing settings is disabled by --freeze-settings"
    if info is not None:
        arguments = info.component_args
        if isinstance(arguments, dict) and arguments.get("visible", True) is False:
            raise RuntimeError(f"setting '{key}' is restricted and cannot be changed")
        assert not info.section or info.section[0] not in _listed(cmd_opts.freeze_settings_in_sections), (
            f"setting '{key}' is in a section frozen by --freeze-settings-in-sections"
        )
    assert key not in _listed(cmd_opts.freeze_specific_settings), (
        f"setting '{key}' is frozen by --freeze-specific-settings"
    )
    if cmd_opts.hide_ui_dir_config and key in restricted:
        raise RuntimeError(f"setting '{key}' cannot be changed under --hide-ui-dir-config")


class Options:
    """All settings as attributes. `data` holds the values, `data_labels` the `OptionInfo` of each key.

    After `load` of a missing file `data` is EMPTY and every read falls back to the default; that is why an override
    of a never-saved option is not restored after a generation (a defect of A1111, kept)."""

    typemap: dict[type, type] = {int: float}  # an attribute of A1111's class

    def __init__(self, data_labels: dict[str, OptionInfo], restricted_opts: set[str]) -> None:
        self.data_labels = data_labels
        self.data = {key: info.default for key, info in data_labels.items() if not info.do_not_save}
        self.restricted_opts = restricted_opts

    def __setattr__(self, key: str, value: Any) -> None:
        if key in options_builtin_fields or (key not in self.data and key not in self.data_labels):
            return super().__setattr__(key, value)
        info = self.data_labels.get(key)
        if info is not None and info.do_not_save:
            return None
        _check_changeable(key, info, self.restricted_opts)
        self.data[key] = value
        return None

    def __getattr__(self, item: str) -> Any:
        # Only reached when the usual lookup failed, so the built-in fields here mean a half-made object.
        if item in options_builtin_fields:
            raise AttributeError(item)
        if item in self.data:
            return self.data[item]
        if item in self.data_labels:
            return self.data_labels[item].default
        raise AttributeError(f"there is no setting named '{item}'")

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        """Set an option and call its onchange; True if it changed. An onchange that fails undoes the change.

        Compares with what is stored, so setting a never-saved option to its default counts as a change."""
        old = self.data.get(key)
        option = self.data_labels[key]
        if old == value or option.do_not_save or (is_api and option.restrict_api):
            return False
        try:
            setattr(self, key, value)
        except RuntimeError:
            return False
        if not run_callbacks or option.onchange is None:
            return True
        try:
            option.onchange()
        except Exception as e:
            errors.display(e, f"changing setting {key} to {value}")
            setattr(self, key, old)
            return False
        return True

    def get_default(self, key: str) -> Any:
        """Default of the option, None if there is no such option."""
        info = self.data_labels.get(key)
        return None if info is None else info.default

    def save(self, filename: str) -> None:
        """Write all stored values as JSON."""
        assert not cmd_opts.freeze_settings, "saving settings is disabled by --freeze-settings"
        with open(filename, "w", encoding="utf8") as file:
            json.dump(self.data, file, indent=4, ensure_ascii=False)

    def same_type(self, x: Any, y: Any) -> bool:
        """Whether `y` may be stored where `x` is the default: equal types, int and float alike, None always."""
        if x is None or y is None:
            return True
        kinds = [self.typemap.get(type(value), type(value)) for value in (x, y)]
        return kinds[0] == kinds[1]

    def load(self, filename: str) -> None:
        """Replace all stored values by the file's. No file: nothing is stored. A broken file is moved aside."""
        try:
            with open(filename, encoding="utf8") as file:
                self.data = json.load(file)
        except FileNotFoundError:
            self.data = {}
        except Exception:
            aside = f"{filename}.broken"
            errors.report(f"Settings file {filename} cannot be read. It was moved to {aside}; using defaults.",
                          exc_info=True)
            os.replace(filename, aside)
            self.data = {}
        self._migrate()
        self._warn_of_bad_values(filename)

    def _migrate(self) -> None:
        old_vae = self.data.get("sd_vae_as_default")
        if old_vae is not None and self.data.get("sd_vae_overrides_per_model_preferences") is None:
            self.data["sd_vae_overrides_per_model_preferences"] = not old_vae
        for old, new in (("quicksettings", "quicksettings_list"), ("ui_reorder", "ui_reorder_list")):
            text = self.data.get(old)
            if isinstance(text, str) and self.data.get(new) is None:
                self.data[new] = _listed(text)

    def _warn_of_bad_values(self, filename: str) -> None:
        for key, value in self.data.items():
            info = self.data_labels.get(key)
            if info is not None and not self.same_type(info.default, value):
                wanted = type(info.default).__name__
                print(f"Warning: {filename}: setting {key} is {value!r}, expected a value of type {wanted}; "
                      "correct or delete the file and restart", file=sys.stderr)

    def onchange(self, key: str, func: Callable[[], object], call: bool = True) -> None:
        """Have `func` called when the option changes, and once now if `call`."""
        self.data_labels[key].onchange = func
        if call:
            func()

    def dumpjson(self) -> str:
        """All values and the texts around them, as the page's scripts expect them."""
        labels = self.data_labels
        result: dict[str, Any] = {key: self.data.get(key, info.default) for key, info in labels.items()}
        result["_comments_before"] = {k: v.comment_before for k, v in labels.items() if v.comment_before is not None}
        result["_comments_after"] = {k: v.comment_after for k, v in labels.items() if v.comment_after is not None}
        first_sections: dict[str, str] = {}
        for info in labels.values():
            if info.section is None or info.section[0] is None:
                continue
            category = categories.mapping.get(info.category_id)
            first_sections.setdefault("Uncategorized" if category is None else category.label, info.section[1])
        result["_categories"] = [[section, label] for label, section in first_sections.items()]
        result["_categories"].append(["Defaults", "Other"])
        return json.dumps(result)

    def add_option(self, key: str, info: OptionInfo) -> None:
        """Add an extension's option; unlike a built-in one it is stored at once with its default."""
        self.data_labels[key] = info
        if key not in self.data and not info.do_not_save:
            self.data[key] = info.default

    def reorder(self) -> None:
        """Sort options by category (in order of registration), then by section title; all options of one section
        take the category of its first option."""
        section_category: dict[Any, str | None] = {}
        for info in self.data_labels.values():
            section_category.setdefault(info.section, info.category_id)
        for info in self.data_labels.values():
            info.category_id = section_category[info.section]
        order = {category_id: index for index, category_id in enumerate(categories.mapping)}

        def key(item: tuple[str, OptionInfo]) -> tuple[int, str]:
            return order.get(item[1].category_id, len(order)), item[1].section[1] if item[1].section else ""

        self.data_labels = dict(sorted(self.data_labels.items(), key=key))

    def cast_value(self, key: str, value: Any) -> Any:
        """`value` as the type of this option, for example "12" as 12 and "False" as False."""
        if value is None:
            return None
        default = self.data_labels[key].default
        if default is None:
            default = getattr(self, key, None)
        if default is None:
            return None
        kind = type(default)
        return False if kind is bool and value == "False" else kind(value)


@dataclass
class OptionsCategory:
    id: str
    label: str


class OptionsCategories:
    """Headings of the settings page, in order of registration."""

    def __init__(self) -> None:
        self.mapping: dict[str | None, OptionsCategory] = {}

    def register_category(self, category_id: str, label: str) -> str:
        """Add a category unless there is one with this id; returns the id."""
        self.mapping.setdefault(category_id, OptionsCategory(category_id, label))
        return category_id


categories = OptionsCategories()
