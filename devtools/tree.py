"""Rules of DESIGN.md that can be read off the tree: who may import whom, sizes, annotations, leftovers.

Every rule is a function of a root folder and returns the violations as "file:line what", so that a test can run it on a
tree with a planted one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from devtools.imports import Import, closure, files_of, imports_of, python_files

CORES = {"schedule", "vae", "face"}
BASE = {"package", "version"}  # lib_vaeface/__init__.py and version.py: names without content
# The arrows of DESIGN.md: what each part of lib_vaeface may import. Everyone may import itself and BASE.
ARROWS: dict[str, set[str]] = {
    "scripts": {"session", "ui", "host"},
    "__main__": CORES | {"cli"},
    "cli": CORES,
    "ui": {"settings", "options", "fields", "presets", "infotext", "host"} | CORES,
    "session": {"settings", "options", "infotext", "presets", "host"} | CORES,
    "presets": {"settings", "fields"},
    "infotext": {"settings", "fields"},
    "settings": {"fields"},
    "options": {"fields"},
    "fields": set(),
    "host": CORES,
    "schedule": set(),
    "vae": set(),
    "face": {"vae"},
    "package": set(),
    "version": set(),
}
# Where an arrow carries only a part: (from, to) -> the modules or names that may be taken.
ONLY = {
    ("face", "vae"): {"decode"},
    ("ui", "schedule"): {"compile", "counting"},
    ("ui", "vae"): {
        "bridge", "codec", "compare", "compare_words", "contact_sheet", "convert", "crossing", "finest", "formats",
        "hashes", "inspect", "jsonfile", "kept", "kinship", "latent_files", "latent_map", "library", "listing",
        "pairing", "picked", "protocol", "sampled", "universal", "verdicts", "workbench",
    },
    ("ui", "face"): {
        "boxes", "detect", "filters", "improve", "job", "passes", "protocol", "redecode", "regions", "shown",
    },
    **{("host", core): {"protocol", "protocols"} for core in CORES},
}  # fmt: skip
WEBUI = ("modules", "backend", "modules_forge", "ldm_patched")
LIGHT = ("grammar", "nodes", "timeline")

LINES = 350
FUNCTION_LINES = 60
PAGE_FUNCTION_LINES = 80
DOORBELL_LINES = 40
DOORBELLS = ("vaeface.py", "vaeface_extras.py")  # the second for the Extras tab
CODE = {".py", ".js", ".mjs", ".css"}
TEXT = CODE | {".md", ".toml", ".ini", ".in", ".txt", ".lock", ".yaml", ".yml", ".html", ""}
MACHINE_PATH = re.compile(r"(?<![\w.\]])/(?:root|work|home/\w+|tmp/\w+)/")
LEFT_OPEN = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|NotImplemented" r"Error)\b")
REGISTRY = re.compile(r"//[\w.-]*(?:pypi|pythonhosted|npmjs|debian)\.\w")
DATA = ("pocket_webui/models/", "tests/fixtures/", "docs/")


def _part(name: str) -> str | None:
    """The part of lib_vaeface that a dotted name lies in; None for anything else."""
    parts = name.split(".")
    if parts[0] != "lib_vaeface":
        return None
    return parts[1] if len(parts) > 1 and (parts[1] in ARROWS or not parts[1].startswith("_")) else "package"


def _home(path: str) -> str | None:
    """The part that a file belongs to: "scripts", a part of lib_vaeface, or None."""
    if path.startswith("scripts/"):
        return "scripts"
    if not path.startswith("lib_vaeface/"):
        return None
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return _part(name)


def arrows(root: Path) -> list[str]:
    """Imports within the extension that DESIGN.md does not draw."""
    wrong = []
    for found in _imports(root, "lib_vaeface", "scripts"):
        home, target = _home(found.path), _part(found.name)
        if home is None or target is None or home == target or target in BASE:
            continue
        if home not in ARROWS:
            wrong.append(f"{found.path}:{found.line} {home} is no part that DESIGN.md knows")
        elif target not in ARROWS[home]:
            wrong.append(f"{found.path}:{found.line} {home} may not import {found.name}")
        elif (allowed := ONLY.get((home, target))) and not allowed & set(found.name.split(".")[2:]):
            wrong.append(f"{found.path}:{found.line} {home} may take only {sorted(allowed)} of {target}: {found.name}")
    return wrong


def borders(root: Path) -> list[str]:
    """Imports of a WebUI outside host/, of gradio outside ui/."""
    wrong = []
    for found in _imports(root, "lib_vaeface", "scripts"):
        home = _home(found.path)
        if home != "host" and any(map(found.reaches, WEBUI)):
            wrong.append(f"{found.path}:{found.line} imports {found.name}: only lib_vaeface/host may")
        if home != "ui" and found.reaches("gradio"):
            wrong.append(f"{found.path}:{found.line} imports {found.name}: only lib_vaeface/ui may")
    return wrong


def light(root: Path) -> list[str]:
    """Torch or gradio, even far behind other imports, where the schedule's texts are read."""
    wrong = []
    for path in python_files(root, "lib_vaeface/schedule"):
        if path.stem in LIGHT and (heavy := closure(path, root, [root]) & {"torch", "gradio"}):
            wrong.append(f"{path.relative_to(root).as_posix()}:1 brings in {sorted(heavy)}: it must work without")
    return wrong


def strangers(root: Path) -> list[str]:
    """Imports between the extension and the pocket WebUI, in either direction."""
    extension = _imports(root, "lib_vaeface", "scripts", "install.py")
    pocket = _imports(root, "pocket_webui")
    return [
        f"{found.path}:{found.line} imports {found.name}: the extension and the pocket WebUI share nothing"
        for imports, package in ((extension, "pocket_webui"), (pocket, "lib_vaeface"))
        for found in imports
        if found.reaches(package)
    ]


def bare(root: Path) -> list[str]:
    """What dev.py cannot count on: it runs before anything is installed."""
    return [
        f"{found.path}:{found.line} imports {found.name}: dev.py has the standard library only"
        for found in _imports(root, "dev.py", "devtools")
        if found.name.split(".")[0] not in {*sys.stdlib_module_names, "devtools"}
    ]


def _imports(root: Path, *folders: str) -> Iterator[Import]:
    for path in python_files(root, *folders):
        yield from imports_of(path, root)


def sizes(root: Path) -> list[str]:
    """Files (Python, JavaScript, CSS) and Python functions longer than DESIGN.md allows."""
    wrong = []
    for path in files_of(root):
        if path.suffix in CODE:
            text, place = path.read_text(encoding="utf8"), path.relative_to(root).as_posix()
            if (count := len(text.splitlines())) > LINES:
                wrong.append(f"{place}:1 has {count} lines, {LINES} are allowed")
            if path.suffix == ".py":
                wrong += _long_functions(text, place)
    return wrong


def _long_functions(text: str, place: str) -> list[str]:
    limit = PAGE_FUNCTION_LINES if _builds_pages(place) else FUNCTION_LINES
    lengths = [(function, (function.end_lineno or 0) - function.lineno + 1) for function in _functions(ast.parse(text))]
    return [
        f"{place}:{function.lineno} {function.name} has {length} lines, {limit} are allowed"
        for function, length in lengths
        if length > limit
    ]


def _builds_pages(place: str) -> bool:
    return place.startswith("lib_vaeface/ui/") or bool(re.match(r"pocket_webui/webui/modules/ui[_.]", place))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def returns(root: Path) -> list[str]:
    """Functions of lib_vaeface without a return annotation."""
    return [
        f"{path.relative_to(root).as_posix()}:{function.lineno} {function.name} says not what it returns"
        for path in python_files(root, "lib_vaeface")
        for function in _functions(ast.parse(path.read_text(encoding="utf8")))
        if function.returns is None and function.name != "__init__"
    ]


def doorbell(root: Path) -> list[str]:
    """scripts/: short files with one Script class each, and no __init__.py, which would close `scripts` to others."""
    found = list(python_files(root, "scripts"))
    strange = [path for path in found if path.name not in DOORBELLS]
    wrong = [f"scripts/{path.name}:1 only {', '.join(DOORBELLS)} belong here" for path in strange]
    if not (root / "scripts" / DOORBELLS[0]).is_file():
        wrong.append(f"scripts/{DOORBELLS[0]}:1 is missing")
    for bell in (path for path in found if path.name in DOORBELLS):
        text = bell.read_text(encoding="utf8")
        if (count := len(text.splitlines())) > DOORBELL_LINES:
            wrong.append(f"scripts/{bell.name}:1 has {count} lines, {DOORBELL_LINES} are allowed")
        classes = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
        if len(classes) != 1:
            wrong.append(f"scripts/{bell.name}:1 has the classes {classes}: one Script class is wanted")
    return wrong


def leftovers(root: Path) -> list[str]:
    """Paths of somebody's machine, addresses of package registries and marks of unfinished work, in text files."""
    wrong = []
    for path in files_of(root):
        place = path.relative_to(root).as_posix()
        if path.suffix not in TEXT or place.startswith(DATA):
            continue
        for number, line in enumerate(path.read_text(encoding="utf8", errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                wrong.append(f"{place}:{number} names a path of one machine")
            if REGISTRY.search(line):
                wrong.append(f"{place}:{number} names a package registry's host")
            if LEFT_OPEN.search(line):
                wrong.append(f"{place}:{number} is left open: {line.strip()[:70]}")
    return wrong


def layout(root: Path) -> list[str]:
    """What DESIGN.md's layout promises, and what must not stand beside it."""
    wanted = ["install.py", "metadata.ini", "style.css", "javascript", "scripts/vaeface.py", "lib_vaeface/settings.py",
              "lib_vaeface/session", "lib_vaeface/host", "lib_vaeface/ui", "pocket_webui", "tests", "docs", "dev.py",
              "pyproject.toml", ".ci/run"]  # fmt: skip
    wrong = [f"{name} is missing" for name in wanted if not (root / name).exists()]
    parts = {path.stem if path.suffix == ".py" else path.name for path in (root / "lib_vaeface").glob("[!_.]*")}
    return wrong + [f"lib_vaeface/{name} is no part that DESIGN.md knows" for name in sorted(parts - set(ARROWS))]
