"""The sampler callback never waits for the device unless a noise level is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.callback import CASES
from lib_vaeface.schedule.conditioning import mixed, slerp, write_rows
from tests.extension.waits import Waits

pytestmark = pytest.mark.torch
ROOT = Path(__file__).resolve().parents[2]
QUIET = [name for name in CASES if name != "noise level"]


@pytest.fixture(scope="module")
def results():
    command = [sys.executable, "-m", "tests.extension.callback_run"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def waits(work):
    found = []
    with Waits(found):
        work()
    return found


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x.sum().item(),
        lambda x: float(x[0]),
        lambda x: bool(x.any()),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: torch.equal(x, x),
        lambda x: x.to("meta"),
        lambda x: x.unique(),
        lambda x: [1, 2, 3][x[0].long()],
    ],
)
def test_waiting_is_seen(work):
    assert waits(lambda: work(torch.ones(3)))
    assert not waits(lambda: torch.ones(3).mul(2.0).add(1.0).clamp(min=0.0)[1:].copy_(torch.zeros(2)))


@pytest.mark.parametrize("name", QUIET)
def test_no_prompt_without_noise_levels_waits(results, name):
    assert results[name]["waits"] == []


def test_a_noise_level_is_read_once_a_call(results):
    assert set(results["noise level"]["waits"]) == {"__float__", "_local_scalar_dense"}


@pytest.mark.parametrize("geometry", ["linear", "slerp"])
def test_mixing_and_writing_need_no_values(geometry):
    """Tensors on the device "meta" have none."""
    conds = [{"crossattn": torch.empty(77, 16, device="meta"), "vector": torch.empty(8, device="meta")}] * 3
    rows = {"crossattn": torch.empty(4, 78, 16, device="meta"), "vector": torch.empty(4, 8, device="meta")}
    assert not waits(lambda: write_rows(rows, slice(1, 3), mixed(conds, [0.2, 0.3, 0.5], geometry), skip=1))
    assert slerp(conds[0]["crossattn"], conds[1]["crossattn"], 0.3).shape == (77, 16)
