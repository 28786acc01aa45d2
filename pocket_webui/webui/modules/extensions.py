"""The list of extensions: folders in the extensions folder, and those given by --extension."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from modules import errors, shared
from modules.paths_internal import extensions_builtin_dir, extensions_dir
from modules.script_base import ScriptFile

extensions: list[Extension] = []
extension_paths: dict[str, Extension] = {}
loaded_extensions: dict[str, Extension] = {}

os.makedirs(extensions_dir, exist_ok=True)


@dataclass
class CallbackOrderInfo:
    """A [callbacks/<name>] section: the callback's full name, and the names it goes before and after."""

    name: str
    before: list[str]
    after: list[str]


class ExtensionMetadata:
    """metadata.ini of an extension; a missing file is an empty one.

    canonical_name is the FOLDER's name in lower case: A1111 1.10.1 reads `Name=` and then ignores it."""

    filename = "metadata.ini"

    def __init__(self, path: str, canonical_name: str) -> None:
        self.config = configparser.ConfigParser()
        try:
            self.config.read(os.path.join(path, self.filename))
        except Exception:
            errors.report(f"Error reading {self.filename} for extension {canonical_name}.", exc_info=True)
        self.canonical_name = canonical_name.lower().strip()
        self.requires: list[str] = []

    def get_script_requirements(self, field: str, section: str, extra_section: str | None = None) -> list[str]:
        """Names listed under `field` ("Requires", "Before", "After") in one or two sections, in lower case.

        `a|b` stands for the first of these extensions that is there, or for itself if none is."""
        text = self.config.get(section, field, fallback="")
        if extra_section:
            text += ", " + self.config.get(extra_section, field, fallback="")
        return [
            next((name for name in listed.split("|") if name in loaded_extensions), listed)
            for listed in self.parse_list(text.lower())
        ]

    def parse_list(self, text: str) -> list[str]:
        """Words separated by commas or spaces."""
        return [word for word in re.split(r"[,\s]+", text.strip()) if word]

    def list_callback_order_instructions(self) -> Iterator[CallbackOrderInfo]:
        """All [callbacks/...] sections about the extension's own callbacks; others are reported."""
        for section in self.config.sections():
            if not section.startswith("callbacks/"):
                continue
            name = section.removeprefix("callbacks/")
            if not name.startswith(self.canonical_name):
                errors.report(f"{self.filename} of {self.canonical_name} orders a callback of another extension: "
                              f"[{section}]; the name after callbacks/ must start with {self.canonical_name}")
                continue
            lists = [self.parse_list(self.config.get(section, key, fallback="")) for key in ("Before", "After")]
            yield CallbackOrderInfo(name, *lists)


class Extension:
    """One extension's folder. Nothing is asked of git, so commit, branch and remote are unknown."""

    def __init__(
        self,
        name: str,
        path: str,
        enabled: bool = True,
        is_builtin: bool = False,
        metadata: ExtensionMetadata | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.enabled = enabled
        self.is_builtin = is_builtin
        self.status = "unknown"
        self.can_update = False
        self.commit_hash = ""
        self.commit_date: int | None = None
        self.version = ""
        self.branch: str | None = None
        self.remote: str | None = None
        self.have_info_from_repo = False
        self.metadata = metadata or ExtensionMetadata(path, name)
        self.canonical_name = self.metadata.canonical_name

    def read_info_from_repo(self) -> None:
        self.have_info_from_repo = True

    def list_files(self, subdir: str, extension: str) -> list[ScriptFile]:
        """Files in a subfolder with this extension (".py"), sorted by name."""
        folder = os.path.join(self.path, subdir)
        if not os.path.isdir(folder):
            return []
        found = [ScriptFile(self.path, name, os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
        return [f for f in found if os.path.splitext(f.path)[1].lower() == extension and os.path.isfile(f.path)]


def _disabled_because() -> tuple[str, str] | None:
    """("all" or "extra", reason) if flags or settings disable extensions."""
    if shared.cmd_opts.disable_all_extensions:
        return "all", "--disable-all-extensions"
    if shared.opts.disable_all_extensions == "all":
        return "all", 'the setting "Disable all extensions"'
    if shared.cmd_opts.disable_extra_extensions:
        return "extra", "--disable-extra-extensions"
    if shared.opts.disable_all_extensions == "extra":
        return "extra", 'the setting "Disable all extensions"'
    return None


def active() -> list[Extension]:
    """Extensions whose files are to be used."""
    disabled = _disabled_because()
    if disabled and disabled[0] == "all":
        return []
    return [ext for ext in extensions if ext.enabled and (ext.is_builtin or not disabled)]


def _folders() -> Iterator[tuple[str, bool]]:
    """(path, is built in) of every extension, in order of loading."""
    for parent in (extensions_builtin_dir, extensions_dir):
        if os.path.isdir(parent):
            for name in sorted(os.listdir(parent)):
                yield os.path.join(parent, name), parent == extensions_builtin_dir
    for given in shared.cmd_opts.extension:
        if not os.path.isdir(given):
            errors.report(f"--extension {given}: there is no such folder")
        # Scripts are traced back to their extension by their real path.
        yield os.path.realpath(given), False


def _add(path: str, is_builtin: bool) -> None:
    name = os.path.basename(path)
    metadata = ExtensionMetadata(path, name)
    twin = loaded_extensions.get(metadata.canonical_name)
    if twin is not None:
        errors.report(f'Extensions "{path}" and "{twin.path}" have the same canonical name '
                      f'"{metadata.canonical_name}"; the first of them is ignored. Rename its folder.')
        return
    enabled = name not in shared.opts.disabled_extensions
    extension = Extension(name=name, path=path, enabled=enabled, is_builtin=is_builtin, metadata=metadata)
    extensions.append(extension)
    extension_paths[path] = extension
    # Under the name as written, unlike the look-ups: on A1111 a folder with capitals cannot be required by others.
    loaded_extensions[name] = extension


def _check_requirements() -> None:
    for extension in extensions:
        extension.metadata.requires = extension.metadata.get_script_requirements("Requires", "Extension")
    for extension in extensions:
        for name in extension.metadata.requires if extension.enabled else []:
            required = loaded_extensions.get(name)
            if required is None:
                errors.report(f'Extension "{extension.name}" requires "{name}" which is not installed.')
            elif not required.enabled:
                errors.report(f'Extension "{extension.name}" requires "{required.name}" which is disabled.')


def list_extensions() -> None:
    """Read the folders anew. Missing requirements are only reported."""
    extensions.clear()
    extension_paths.clear()
    loaded_extensions.clear()
    disabled = _disabled_because()
    if disabled:
        print(f"*** Extensions are disabled ({disabled[0]}) by {disabled[1]} ***")
    for path, is_builtin in _folders():
        if os.path.isdir(path):
            _add(path, is_builtin)
    _check_requirements()


def find_extension(filename: str) -> Extension | None:
    """The extension that the file belongs to, None for the WebUI's own files."""
    folder = os.path.dirname(os.path.realpath(filename))
    while True:
        if folder in extension_paths:
            return extension_paths[folder]
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
