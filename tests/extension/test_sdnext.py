"""SD.Next gives us nothing to act on: the panel says so, and nothing fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
RUN = Path(__file__).with_name("sdnext_run.py")


def test_the_panel_says_what_works_there_and_no_hook_fails(tmp_path):
    ran = subprocess.run([sys.executable, str(RUN), str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["controls"] == 0 and found["extras"] == {} and found["infotext"] == {}
    assert len(found["said"]) == 1
    assert "SD.Next" in found["said"][0] and "command line works" in found["said"][0]
