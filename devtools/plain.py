"""Which tests need neither torch nor gradio, so that they also run on the oldest Python without either."""

from __future__ import annotations

import sys
from pathlib import Path

from devtools.imports import closure, python_files

# What requirements/plain.in brings, beside the standard library and the checkout itself.
AVAILABLE = {"hypothesis", "pyparsing", "pytest", "_pytest"}
NEVER = ("pytest.mark.torch", "pytest.mark.browser")


def test_files(root: Path) -> list[Path]:
    """The test files whose imports, their conftest files' included, stay within the standard library and AVAILABLE."""
    roots = [root, root / "pocket_webui" / "webui"]
    usable = AVAILABLE | set(sys.stdlib_module_names)
    return [
        path
        for path in python_files(root, "tests")
        if path.name.startswith("test_")
        and not any(mark in path.read_text(encoding="utf8") for mark in NEVER)
        and all(closure(part, root, roots) <= usable for part in [path, *_conftests(path, root)])
    ]


def _conftests(path: Path, root: Path) -> list[Path]:
    folders = [folder for folder in path.parents if folder == root or root in folder.parents]
    return [file for folder in folders if (file := folder / "conftest.py").is_file()]
