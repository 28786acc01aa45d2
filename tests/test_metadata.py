"""What the WebUI, CI and people read about the project says the same."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from devtools import cli
from lib_vaeface import __version__

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf8")


def test_metadata_is_read_as_the_webui_reads_it() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "metadata.ini", encoding="utf8")
    assert parser.get("Extension", "Name") == "vaeface"
    assert "scripts/vaeface.py" in parser


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.M)
    assert headings[0] == __version__


def test_the_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"python dev\.py (\w+)", read("README.md")))
    assert {"demo", "test"} <= named <= set(cli.COMMANDS)


def test_ci_runs_the_test_command_and_nothing_else() -> None:
    lines = [line for line in read(".ci/run").splitlines() if line and not line.startswith(("#", "set ", "cd "))]
    assert lines == ["python3 dev.py test"]


def test_the_licence_is_mit() -> None:
    assert read("LICENSE").startswith("MIT License")
