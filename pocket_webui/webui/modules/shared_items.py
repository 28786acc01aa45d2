"""Lists that settings choose from, and the class that makes `shared.sd_model` load on demand."""

from __future__ import annotations

import html
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def postprocessing_scripts() -> list[Any]:
    from modules import scripts

    runner = scripts.scripts_postproc
    return [] if runner is None or runner.scripts is None else runner.scripts


def sd_vae_items() -> list[str]:
    from modules import sd_vae

    return ["Automatic", "None", *sd_vae.vae_dict]


def refresh_vae_list() -> None:
    from modules import sd_vae

    sd_vae.refresh_vae_list()


def cross_attention_optimizations() -> list[str]:
    return ["Automatic", "None"]


def sd_unet_items() -> list[str]:
    from modules import sd_unet

    return ["Automatic", *(unet.label for unet in sd_unet.unet_options), "None"]


def refresh_unet_list() -> None:
    from modules import sd_unet

    sd_unet.list_unets()


def list_checkpoint_tiles(use_short: bool = False) -> list[str]:
    from modules import sd_models

    return sd_models.checkpoint_tiles(use_short)


def refresh_checkpoints() -> None:
    from modules import sd_models

    sd_models.list_models()


def list_samplers() -> list[Any]:
    from modules import sd_samplers

    return sd_samplers.all_samplers


def reload_hypernetworks() -> None:
    """There are no hypernetworks here; kept because extensions call it."""
    from modules import shared

    shared.hypernetworks = {}


def get_infotext_names() -> list[str]:
    """All infotext keys that options or paste fields read, each once, in order of appearance."""
    from modules import infotext_utils, shared

    names = [info.infotext for info in shared.opts.data_labels.values() if info.infotext]
    for tab in infotext_utils.paste_fields.values():
        names += [name for _, name in tab.get("fields") or [] if isinstance(name, str)]
    return list(dict.fromkeys(names))


ui_reorder_categories_builtin_items = [
    "prompt", "image", "inpaint", "sampler", "accordions", "checkboxes", "dimensions", "cfg", "denoising", "seed",
    "batch", "override_settings",
]


def ui_reorder_categories() -> Iterator[str]:
    """Names of the parts of the txt2img and img2img tabs, those that scripts add included."""
    from modules import scripts

    yield from ui_reorder_categories_builtin_items
    every = [*scripts.scripts_txt2img.scripts, *scripts.scripts_img2img.scripts]
    sections = dict.fromkeys(script.section for script in every if isinstance(script.section, str))
    yield from (name for name in sections if name not in ui_reorder_categories_builtin_items)
    yield "scripts"


def _callbacks_by_category() -> dict[str, list[Any]]:
    from modules import script_callbacks, scripts

    found = {
        category: script_callbacks.ordered_callbacks(category, enable_user_sort=False)
        for category, _ in script_callbacks.enumerate_callbacks()
    }
    for runner in (scripts.scripts_txt2img, scripts.scripts_img2img):
        for method in runner.callback_names:
            known = found.setdefault(f"script_{method}", [])
            names = {callback.name for callback in known}
            ordered = runner.create_ordered_callbacks_list(method, enable_user_sort=False)
            known += [callback for callback in ordered if callback.name not in names]
    return found


def callbacks_order_settings() -> dict[str, Any]:
    """One option per kind of callback that anything is registered for: which of them go first."""
    from modules import ui_components
    from modules.options import OptionHTML, OptionInfo

    options: dict[str, Any] = {"sd_vae_explanation": OptionHTML("Callbacks named here run first, in this order.")}
    for category, callbacks in _callbacks_by_category().items():
        if not callbacks:
            continue
        names = [callback.name for callback in callbacks]
        listed = "".join(f"<li>{html.escape(name)}</li>\n" for name in names)
        info = OptionInfo([], f"{category} callback priority", ui_components.DropdownMulti, {"choices": names})
        options[f"prioritized_callbacks_{category}"] = info.needs_restart().html(
            f"<div class='info'>Default order: <ol>{listed}</ol></div>"
        )
    return options


class Shared(ModuleType):
    """The class of `modules.shared`: reading `sd_model` loads the model if none is loaded."""

    @property
    def sd_model(self) -> Any:
        from modules import sd_models

        return sd_models.model_data.get_sd_model()

    @sd_model.setter
    def sd_model(self, value: Any) -> None:
        from modules import sd_models

        sd_models.model_data.set_sd_model(value)
