"""A few of everything that `python dev.py torture` tries; its long form's figures are in docs/reliability.md."""

from __future__ import annotations

import pytest

from tests.torture import prompts
from tests.torture.__main__ import NAMES, SHORT, main, table
from tests.torture.__main__ import run as run_parts
from tests.torture.child import run
from tests.torture.part import nobody, slope

pytestmark = pytest.mark.torch
ASKED = {
    "files": {"step": 500, "seed": 1, "replaced": 3},
    "faults": {"count": 12, "seed": 1},
    "overflow": {"count": 1, "seed": 1},
    "page": {"count": 8, "seed": 1},
    "endurance": {"count": 12, "seed": 1},
    "concurrency": {"count": 9, "clients": 3, "seed": 1},
}


@pytest.fixture(scope="module")
def found():
    """All parts that need a WebUI, in one."""
    return run(ASKED, nobody)


@pytest.mark.parametrize("name", ASKED)
def test_nothing_breaks(found, name):
    assert found[name]["wrong"] == [], found[name]["figures"]


def test_everything_was_really_tried(found):
    assert found["faults"]["figures"]["faults"] == ASKED["faults"]["count"]
    assert found["files"]["figures"]["truncated"] > 20 and found["files"]["figures"]["picks"] > 150
    assert found["overflow"]["figures"]["decoded again"] >= 1 and found["overflow"]["figures"]["black"] == 0
    assert found["page"]["figures"]["bodies"] == 8 and found["concurrency"]["figures"]["requests"] == 9


def test_prompts():
    part = prompts.torture(600, seed=1, sizes=(1_000, 10_000), depth=200)
    assert part.well, part.failures


def test_every_part_is_in_the_table(capsys):
    assert set(table(SHORT)) == set(NAMES)
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert "invalid choice" in capsys.readouterr().err


def test_a_part_that_can_not_run_has_failed(capsys):
    def broken(seed, told):
        raise OSError("no such thing")

    (part,) = run_parts({"files": broken}, ["files"], 0)
    assert not part.well and "no such thing" in capsys.readouterr().out


def test_the_slope_is_of_the_nearest_line():
    assert slope([1.0, 3.0, 5.0]) == pytest.approx(2.0) and slope([4.0]) == 0.0
