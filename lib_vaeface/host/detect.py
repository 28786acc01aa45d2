"""Which WebUI runs us. A family member that needs its own way gets an adapter file beside `a1111` and a line here."""

from __future__ import annotations

import functools
import importlib.util
from typing import cast

from lib_vaeface.host.protocol import Host


@functools.lru_cache(maxsize=1)
def current() -> Host:
    """The adapter for the WebUI in this process, always the same object. Raises ImportError outside of a WebUI."""
    found = family()
    if found == "Forge":
        from lib_vaeface.host.forge import Forge

        return Forge()
    if found == "reForge":
        from lib_vaeface.host.reforge import ReForge

        return ReForge()
    if found == "SD.Next":
        from lib_vaeface.host.sdnext import SDNext

        return cast(Host, SDNext())
    from lib_vaeface.host.a1111 import A1111

    return A1111(found)


def family() -> str:
    """One of "A1111", "Forge", "reForge" and "SD.Next", told by the packages that only one of them has."""
    if _has("modules_forge"):
        return "Forge" if _has("backend") else "reForge"
    if _has("modules.prompt_parser_diffusers"):
        return "SD.Next"
    return "A1111"


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
