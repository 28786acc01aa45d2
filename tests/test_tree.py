"""The tree keeps DESIGN.md's rules, and the checks of those rules catch a planted violation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools import tree

ROOT = Path(__file__).resolve().parents[1]
RULES = [
    tree.arrows, tree.borders, tree.light, tree.strangers, tree.bare, tree.sizes, tree.returns, tree.doorbell,
    tree.leftovers, tree.layout,
]  # fmt: skip
Rule = Callable[[Path], list[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule) -> None:
    assert rule(ROOT) == []


def plant(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf8")


LONG = "def f() -> None:\n" + "    pass\n" * 60
PLANTED: list[tuple[Rule, str, str]] = [
    (tree.arrows, "scripts/vaeface.py", "from lib_vaeface.vae import decode\n"),
    (tree.arrows, "scripts/vaeface.py", "from lib_vaeface import settings\n"),
    (tree.arrows, "lib_vaeface/settings.py", "def f():\n    from lib_vaeface import session\n"),
    (tree.arrows, "lib_vaeface/settings.py", "from .session import Session\n"),
    (tree.arrows, "lib_vaeface/settings.py", "import importlib\nimportlib.import_module('lib_vaeface.host')\n"),
    (tree.arrows, "lib_vaeface/vae/decode.py", "from lib_vaeface.face import blend\n"),
    (tree.arrows, "lib_vaeface/vae/decode.py", "from ..settings import Settings\n"),
    (tree.arrows, "lib_vaeface/face/refine.py", "from lib_vaeface.vae import library\n"),
    (tree.arrows, "lib_vaeface/host/a1111.py", "from lib_vaeface.face import refine\n"),
    (tree.arrows, "lib_vaeface/host/a1111.py", "from lib_vaeface import settings\n"),
    (tree.arrows, "lib_vaeface/ui/panel.py", "from lib_vaeface.vae.decode import decode\n"),
    (tree.arrows, "lib_vaeface/ui/panel.py", "from lib_vaeface import session\n"),
    (tree.arrows, "lib_vaeface/misc.py", "from lib_vaeface import session\n"),
    (tree.borders, "lib_vaeface/session/generation.py", "from modules import shared\n"),
    (tree.borders, "lib_vaeface/face/refine.py", "def f():\n    import backend.memory_management\n"),
    (tree.borders, "scripts/vaeface.py", "import modules.scripts as scripts\n"),
    (tree.borders, "lib_vaeface/host/forge.py", "import gradio as gr\n"),
    (tree.strangers, "lib_vaeface/vae/decode.py", "from pocket_webui.nets import vae\n"),
    (tree.strangers, "install.py", "import pocket_webui\n"),
    (tree.strangers, "pocket_webui/webui/modules/images.py", "from lib_vaeface import infotext\n"),
    (tree.bare, "devtools/console.py", "import numpy\n"),
    (tree.sizes, "lib_vaeface/settings.py", "x = 1\n" * 351),
    (tree.sizes, "javascript/vaeface.js", ";\n" * 351),
    (tree.sizes, "tests/test_x.py", LONG),
    (tree.returns, "lib_vaeface/settings.py", "def f():\n    pass\n"),
    (tree.doorbell, "scripts/__init__.py", ""),
    (tree.doorbell, "scripts/vaeface.py", "class A: ...\nclass B: ...\n"),
    (tree.doorbell, "scripts/vaeface.py", "class A: ...\n" + "x = 1\n" * 40),
    (tree.leftovers, "README.md", "unpack it in /ro" "ot/webui\n"),
    (tree.leftovers, "README.md", "from https://py" "pi.org/simple\n"),
    (tree.leftovers, "lib_vaeface/session/generation.py", "def f() -> None:\n    raise NotImplemented" "Error\n"),
    (tree.leftovers, ".ci/run", "# FIX" "ME\n"),
    (tree.layout, "lib_vaeface/misc.py", ""),
]  # fmt: skip


def test_each_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} | {tree.light} == set(RULES)


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_caught(rule: Rule, path: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, "scripts/vaeface.py", "class VAEFaceScript: ...\n")
    before = rule(tmp_path)
    plant(tmp_path, path, text)
    assert [line for line in rule(tmp_path) if line not in before and line.startswith(path.split(".py")[0])]


def test_torch_behind_another_import_is_caught(tmp_path: Path) -> None:
    plant(tmp_path, "lib_vaeface/schedule/nodes.py", "import dataclasses\n")
    assert tree.light(tmp_path) == []
    plant(tmp_path, "lib_vaeface/schedule/nodes.py", "from lib_vaeface import helper\n")
    plant(tmp_path, "lib_vaeface/helper.py", "import torch\n")
    assert tree.light(tmp_path)


ALLOWED: list[tuple[str, str]] = [
    ("scripts/vaeface.py", "from lib_vaeface import host, session\nfrom lib_vaeface.ui import panel\n"),
    ("lib_vaeface/face/blend.py", "from lib_vaeface.vae.decode import region\nfrom .regions import crop\n"),
    ("lib_vaeface/host/forge.py", "import backend.loader\nfrom lib_vaeface.vae.protocol import Codec\n"),
    ("lib_vaeface/ui/panel.py", "import gradio\nfrom lib_vaeface.vae import compare\nfrom lib_vaeface import host\n"),
    ("lib_vaeface/session/faces.py", "from lib_vaeface.face import refine\nfrom lib_vaeface import infotext\n"),
]


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_what_the_design_allows_passes(path: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, path, text)
    assert tree.arrows(tmp_path) == tree.borders(tmp_path) == []


@pytest.mark.parametrize(("path", "caught"), [("lib_vaeface/ui/panel.py", False), ("lib_vaeface/vae/x.py", True)])
def test_a_page_builder_may_be_longer(path: str, caught: bool, tmp_path: Path) -> None:
    plant(tmp_path, path, LONG)
    assert bool(tree.sizes(tmp_path)) is caught
