"""Processes that save presets are killed -9 in the middle of it; the long form is `python -m tests.torture.presets`."""

from lib_vaeface.presets.files import WRITING
from lib_vaeface.presets.shelf import Shelf
from tests.torture.presets import KEPT, torture

KILLS = 50


def test_nothing_is_lost_or_half_written_when_writers_are_killed(tmp_path):
    folder = tmp_path / "presets"
    figures = torture(folder, KILLS, writers=4)
    assert figures.well, figures
    assert figures.kills == KILLS and figures.acknowledged >= KILLS and figures.reads > KILLS * len(KEPT)
    assert {path.suffix for path in folder.iterdir()} <= {"", ".json", ".lock", WRITING}
    Shelf(folder).save("after", {"enabled": True})
