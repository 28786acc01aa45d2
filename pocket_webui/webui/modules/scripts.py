"""Finds, orders and loads the scripts of the WebUI and of extensions. What extensions import as `modules.scripts`."""

from __future__ import annotations

import inspect
import os
import sys
from dataclasses import dataclass, field
from types import ModuleType

from modules import errors, extensions, paths, script_callbacks, script_loading, scripts_postprocessing, shared, timer
from modules.script_base import (  # noqa: F401
    AlwaysVisible,
    MaskBlendArgs,
    OnComponent,
    PostprocessBatchListArgs,
    PostprocessImageArgs,
    PostProcessMaskOverlayArgs,
    PostSampleArgs,
    Script,
    ScriptBuiltinUI,
    ScriptClassData,
    ScriptFile,
)
from modules.script_hooks import wrap_call  # noqa: F401
from modules.script_runner import ScriptRunner
from modules.util import topological_sort

current_basedir = paths.script_path
scripts_data: list[ScriptClassData] = []
postprocessing_scripts_data: list[ScriptClassData] = []

scripts_txt2img: ScriptRunner = None  # type: ignore[assignment]
scripts_img2img: ScriptRunner = None  # type: ignore[assignment]
scripts_postproc: scripts_postprocessing.ScriptPostprocessingRunner = None  # type: ignore[assignment]
scripts_current: ScriptRunner | None = None
"""The runner whose tab is being built just now; it hears of every component."""


def basedir() -> str:
    """Folder of the extension whose file is being loaded just now; at any other time the WebUI's own folder."""
    return current_basedir


@dataclass
class ScriptWithDependencies:
    script_canonical_name: str
    file: ScriptFile
    requires: list[str] = field(default_factory=list)
    load_before: list[str] = field(default_factory=list)
    load_after: list[str] = field(default_factory=list)


def _own_scripts(folder: str, extension: str) -> dict[str, ScriptWithDependencies]:
    root = os.path.join(paths.script_path, folder)
    if not os.path.isdir(root):
        return {}
    return {
        name: ScriptWithDependencies(name, ScriptFile(paths.script_path, name, os.path.join(root, name)))
        for name in sorted(os.listdir(root))
        if os.path.isfile(os.path.join(root, name)) and os.path.splitext(name)[1].lower() == extension
    }


def _extension_scripts(ext: extensions.Extension, folder: str, extension: str) -> list[ScriptWithDependencies]:
    prefix = ("builtin/" if ext.is_builtin else "") + ext.canonical_name
    found = []
    for file in ext.list_files(folder, extension):
        relative = f"{folder}/{file.filename}"
        requires, before, after = (
            ext.metadata.get_script_requirements(key, relative, folder) for key in ("Requires", "Before", "After")
        )
        found.append(ScriptWithDependencies(f"{prefix}/{file.filename}", file, requires, before, after))
    return found


def _resolve_order(
    scripts: dict[str, ScriptWithDependencies], by_extension: dict[str, list[ScriptWithDependencies]]
) -> None:
    """Turn Before into the other script's After, and names of extensions into names of their scripts."""
    for name, script in scripts.items():
        for target in script.load_before:
            for other in [*([scripts[target]] if target in scripts else []), *by_extension.get(target, [])]:
                other.load_after.append(name)
    for script in scripts.values():
        for target in list(script.load_after):
            if target not in scripts and target in by_extension:
                script.load_after.remove(target)
                script.load_after += [other.script_canonical_name for other in by_extension[target]]


def list_scripts(scriptdirname: str, extension: str, *, include_extensions: bool = True) -> list[ScriptFile]:
    """Files with this extension (".py", ".js", ...) in that folder of the WebUI and of all active extensions, in the
    order that Before and After in metadata.ini ask for, otherwise the WebUI's first and then by name."""
    scripts = _own_scripts(scriptdirname, extension)
    active = extensions.active()
    by_extension: dict[str, list[ScriptWithDependencies]] = {ext.canonical_name: [] for ext in active}
    if include_extensions:
        for ext in active:
            by_extension[ext.canonical_name] = _extension_scripts(ext, scriptdirname, extension)
            scripts.update({script.script_canonical_name: script for script in by_extension[ext.canonical_name]})
    _resolve_order(scripts, by_extension)
    for name, script in scripts.items():
        for required in script.requires:
            if required not in scripts and required not in by_extension:
                errors.report(f'Script "{name}" requires "{required}" to be loaded, but it is not.')
    order = topological_sort({name: script.load_after for name, script in scripts.items()})
    return [scripts[name].file for name in order]


def list_files_with_name(filename: str) -> list[str]:
    """Paths of the files of this name in the WebUI's folder and the active extensions' folders."""
    folders = [paths.script_path, *(ext.path for ext in extensions.active())]
    return [path for path in (os.path.join(folder, filename) for folder in folders) if os.path.isfile(path)]


def _register(module: ModuleType, file: ScriptFile) -> None:
    """Collect EVERY script class in the module's namespace, imported ones included: the trap of A1111 that makes
    `from modules.scripts import Script` register the base class."""
    for found in vars(module).values():
        if not inspect.isclass(found):
            continue
        data = ScriptClassData(found, file.path, file.basedir, module)
        if issubclass(found, Script):
            scripts_data.append(data)
        elif issubclass(found, scripts_postprocessing.ScriptPostprocessing):
            postprocessing_scripts_data.append(data)


def _load_script(file: ScriptFile) -> None:
    """Execute one file with its extension's folder first on sys.path, which is what it was again afterwards."""
    global current_basedir
    outside = sys.path
    try:
        if file.basedir != paths.script_path:
            sys.path = [file.basedir, *outside]
        current_basedir = file.basedir
        _register(script_loading.load_module(file.path), file)
    except Exception:
        errors.report(f"Error loading script: {file.filename}", exc_info=True)
    finally:
        sys.path = outside
        current_basedir = paths.script_path
        timer.startup_timer.record(file.filename)


def load_scripts() -> None:
    """Forget all scripts and callbacks, then execute every script file anew and make empty runners.

    Libraries that scripts import stay loaded as they are: after an update they are old until a restart."""
    global scripts_txt2img, scripts_img2img, scripts_postproc
    scripts_data.clear()
    postprocessing_scripts_data.clear()
    script_callbacks.clear_callbacks()
    if shared.cmd_opts.host_mode == "forge":
        # Forge leaves the folders of all extensions on sys.path for good.
        sys.path = [*(ext.path for ext in extensions.active() if ext.path not in sys.path), *sys.path]
    own = list_scripts("modules/processing_scripts", ".py", include_extensions=False)
    for file in [*list_scripts("scripts", ".py"), *own]:
        _load_script(file)
    scripts_txt2img = ScriptRunner()
    scripts_img2img = ScriptRunner()
    scripts_postproc = scripts_postprocessing.ScriptPostprocessingRunner()


def reload_script_body_only() -> None:
    """Execute the files of all scripts again without building the page anew."""
    cache: dict[str, ModuleType] = {}
    scripts_txt2img.reload_sources(cache)
    scripts_img2img.reload_sources(cache)


reload_scripts = load_scripts
