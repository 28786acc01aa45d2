"""`python -m lib_vaeface timeline`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lib_vaeface.__main__ import main

ROOT = Path(__file__).parents[2]


def test_as_a_process_without_torch_or_gradio() -> None:
    code = "import runpy, sys; sys.argv[1:] = ['timeline', '[a:b:2] [c', '--steps', '4'];\n"
    code += "try: runpy.run_module('lib_vaeface', run_name='__main__')\nexcept SystemExit as end: print(end.code)\n"
    code += "print({'torch', 'gradio', 'modules'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = done.stdout.splitlines()
    assert shown == [
        "calls 0-2:",
        "    1.0000  a [c",
        "calls 3-3:",
        "    1.0000  b [c",
        "0",
        "set()",
    ]


def test_notes_and_both_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", "[a:b:40%] [fur:10:15]", "--steps", "20", "--hires", "10"]) == 0
    out = capsys.readouterr().out
    assert "first pass:" in out and "hires pass:" in out and "Write [fur:10-15] instead." in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", "a AND b:0.5", "--json"]) == 0
    (parts,) = json.loads(capsys.readouterr().out)
    assert [part["part_weights"] for part in parts] == [[1.0], [0.5]]


def test_errors_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", "a", "--steps", "0"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "steps must be at least 1" in shown.err
