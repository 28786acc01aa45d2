"""A preset that a request of the API asks for by name: {"preset": "Eyes", "face_strength": 0.3}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lib_vaeface.host import Host
from lib_vaeface.presets import fitted, shelf_of
from lib_vaeface.presets.fitting import WITH
from lib_vaeface.presets.shelf import PresetError
from lib_vaeface.vae.picked import picker_for

KEY = "preset"


def with_preset(args: Sequence[object], webui: Host) -> tuple[Sequence[object], list[str]]:
    """The arguments with a preset's values where the request says nothing itself, and what could not be taken of it.

    Asking for a preset means on, whatever it was saved with; only the factory's "Off" means off. A preset that is not
    there costs its values, not the request. An error that nobody has foreseen passes as a note, too.
    """
    if not args or not isinstance(args[0], Mapping) or KEY not in args[0]:
        return args, []
    given = {name: value for name, value in args[0].items() if name != KEY and value is not None}
    if args[0][KEY] in (None, ""):
        return [given, *args[1:]], []
    try:
        preset = shelf_of(webui).get(args[0][KEY])
        found = fitted(preset, webui, lambda name: picker_for(webui).has(name))
    except PresetError as error:
        return [given, *args[1:]], [f"{KEY}: {error}"]
    except Exception as error:
        webui.report_error("VAE Face: a preset")
        return [given, *args[1:]], [f"{KEY}: it can't be used ({type(error).__name__})"]
    values = {name: value for name, value in found.values.items() if WITH.get(name) not in given}
    on = not preset.factory or values.get("enabled", True)
    return [{**values, "enabled": on, **given}, *args[1:]], [f"{KEY}: {note}" for note in found.notes]
