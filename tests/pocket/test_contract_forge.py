"""The pocket WebUI in Forge mode, asked through its API, replays what was recorded on Forge dfdcbab6.
Format: tests/fixtures/contracts/README.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
HERE = Path(__file__).resolve()
FILE = HERE.parents[1] / "fixtures" / "contracts" / "forge-dfdcbab6.jsonl"
SCENARIOS = {entry["scenario"]: entry for entry in map(json.loads, FILE.read_text("utf8").splitlines())}
OF_THE_FILES = re.compile(r"(, )?\b(Version: [^,]+|Model: [\w-]+|Model hash: \w+|Probe mode: log)| \[[0-9a-f]{10}\]")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The trace of each scenario."""
    command = [sys.executable, str(HERE.with_name("forge_replay.py")), str(FILE), str(tmp_path_factory.mktemp("forge"))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """The event without what depends on the recording's checkpoint."""
    event = dict(event)
    for key in ("text_cond", "text_uncond"):
        if event.get(key):
            event[key] = event[key][:-1]
    if "infotext" in event:
        event["infotext"] = OF_THE_FILES.sub("", event["infotext"])
    return event


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_hooks_as_the_recording(name: str, replayed: dict[str, list[dict[str, Any]]]) -> None:
    recorded = SCENARIOS[name]["trace"]
    assert [event["hook"] for event in replayed[name]] == [event["hook"] for event in recorded]
    for number, (ours, theirs) in enumerate(zip(replayed[name], recorded, strict=True)):
        assert (number, comparable(ours)) == (number, comparable(theirs))


def test_the_comparison_sees_each_field() -> None:
    """The replay could pass for nothing if `comparable` dropped too much."""
    event = next(e for e in SCENARIOS["txt2img_cfg1"]["trace"] if e["hook"] == "on_cfg_denoiser")
    assert comparable(event) == {**event, "text_cond": [1, 77]}
    text = SCENARIOS["hires_latent_3_3"]["trace"][-1]["infotext"]
    assert "Hires Module 1: Use same choices, Hires CFG Scale: 7.0" in comparable({"infotext": text})["infotext"]
