"""Browser tests get another try: in a new page, with the same server; what fails every time fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFTEST = """
import pytest
from tests.browser.conftest import pytest_runtest_protocol

made = {"server": 0, "page": 0}

@pytest.fixture(scope="session")
def server():
    made["server"] += 1
    return made

@pytest.fixture
def page(server):
    made["page"] += 1
    yield made["page"]
    made["closed"] = made["page"]
"""
TESTS = """
def test_first_time_fails(page, server):
    assert server["server"] == 1 and server.get("closed", 0) == page - 1
    assert page > 1

def test_always_fails(page):
    assert page < 0, f"page {page}"

def test_passes(page, server):
    assert server == {"server": 1, "page": 6, "closed": 5}

def test_without_a_page_there_is_no_other_try(server):
    server["tries"] = server.get("tries", 0) + 1
    assert server["tries"] == 2
"""


def test_another_try_is_a_new_page_on_the_same_server(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf8")
    (tmp_path / "test_them.py").write_text(TESTS, encoding="utf8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert "2 failed, 2 passed" in done.stdout, done.stdout[-3000:]
    assert "page 5" in done.stdout and "KeyError" not in done.stdout
