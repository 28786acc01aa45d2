"""Which file imports what, read from the text with `ast`: nothing is executed."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SKIPPED = (".", "__pycache__", "node_modules")
DYNAMIC = ("import_module", "__import__")


@dataclass(frozen=True)
class Import:
    """One imported name: `from lib_vaeface.vae import decode` is "lib_vaeface.vae.decode". nested: in a function."""

    path: str
    line: int
    name: str
    nested: bool = False

    def reaches(self, package: str) -> bool:
        """Whether it is that package or something in it."""
        return self.name == package or self.name.startswith(package + ".")


def files_of(root: Path) -> list[Path]:
    """Every file under `root`, hidden and generated folders left out; all that CI reads is in .ci."""
    found = list((root / ".ci").glob("*"))
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(SKIPPED)]
        found += [Path(folder, name) for name in names]
    return sorted(found)


def python_files(root: Path, *names: str) -> list[Path]:
    """The .py files under `root`, or only those that are one of `names` or lie in a folder of `names`."""
    starts = [root / name for name in names] or [root]
    return [path for path in files_of(root) if path.suffix == ".py" and any(path.is_relative_to(s) for s in starts)]


def imports_of(path: Path, root: Path) -> list[Import]:
    """Every import in a file, also in functions, under TYPE_CHECKING, and by a literal name through importlib."""
    place = path.relative_to(root)
    tree = ast.parse(path.read_text(encoding="utf8"), filename=str(place))
    package = list(place.parts[:-1])
    return [Import(place.as_posix(), line, name, nested) for line, name, nested in _names(tree, package)]


def _names(tree: ast.AST, package: list[str], nested: bool = False) -> Iterator[tuple[int, str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, nested) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, stem if alias.name == "*" else f"{stem}.{alias.name}", nested
        elif isinstance(node, ast.Call) and (name := _dynamic(node)):
            yield node.lineno, name, nested
        inside = nested or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _names(node, package, inside)


def _dynamic(call: ast.Call) -> str | None:
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    first = call.args[0] if call.args and called in DYNAMIC else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def module_file(name: str, roots: list[Path]) -> Path | None:
    """The file of the module `name`, or of the longest front part of it that is one ("a.b.f" -> a/b.py)."""
    parts = name.split(".")
    while parts:
        for root in roots:
            base = root.joinpath(*parts)
            for candidate in (base.with_suffix(".py"), base / "__init__.py"):
                if candidate.is_file():
                    return candidate
        parts.pop()
    return None


def closure(path: Path, root: Path, roots: list[Path]) -> set[str]:
    """Top-level names of everything that importing `path` brings in: through files under `roots`, at import time only.

    The imports that `path` itself makes inside its functions count too: a test's functions are all called.
    """
    seen: set[Path] = set()
    outside: set[str] = set()
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for found in imports_of(here, root):
            if found.nested and here != path:
                continue
            target = module_file(found.name, roots)
            if target is None:
                outside.add(found.name.split(".")[0])
            else:
                waiting += [target, *_packages(target, root)]
    return outside


def _packages(module: Path, root: Path) -> list[Path]:
    """The __init__ files that importing a module also runs."""
    folders = [folder for folder in module.parents if folder != root and root in folder.parents]
    return [init for folder in folders if (init := folder / "__init__.py").is_file()]
