"""The list of modules, VAEs and text encoders, that may stand in for those of the checkpoint."""

from __future__ import annotations

import os

from modules import sd_vae, shared

module_list: dict[str, str] = {}
OPTION = "forge_additional_modules"


def refresh_models() -> None:
    module_list.clear()
    module_list.update(sd_vae.vae_dict)


def modules_change(module_values: list[str], save: bool = True, refresh: bool = True) -> bool:
    """Choose modules by name or path; unknown ones are left out. Whether that changes anything."""
    refresh_models()
    names = [os.path.basename(value) for value in module_values]
    chosen = [module_list[name] for name in names if name in module_list]
    if sorted(chosen) == sorted(shared.opts.data.get(OPTION, [])):
        return False
    shared.opts.set(OPTION, chosen)
    return True
