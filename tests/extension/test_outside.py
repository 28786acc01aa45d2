"""Where other people can reach the page it leaves nothing on the disk, unless that was allowed."""

import pytest

from lib_vaeface.ui.desk import LAST
from lib_vaeface.ui.tab_bridge import TRUE_BRIDGE, Bridge
from lib_vaeface.ui.tab_compare import Compare, Sheet
from lib_vaeface.ui.tab_inspect import Inspect
from lib_vaeface.ui.vae_menu import Menu
from lib_vaeface.vae.picked import AUTOMATIC, picker_for
from tests.extension import tab_host
from tests.vae import family

WHY = "can be reached from other computers"


@pytest.fixture
def desk(tmp_path):
    made = tab_host.desk(tmp_path, "tuned", "foreign")
    made.host.outside = True
    return made


def everything(desk):
    return {path.relative_to(desk.host.data): path.stat().st_mtime_ns for path in desk.host.data.rglob("*")}


def test_saving_converting_and_allowing_are_refused_with_the_reason(desk):
    sheet, before = Sheet(None, ""), everything(desk)
    inspect = Inspect(desk)
    said = [Compare(desk).save(sheet), inspect.convert("old.pt")[1], inspect.allow("foreign.safetensors", True),
            Bridge(desk).fit("", "", "", "")[0]]  # fmt: skip
    assert all(WHY in one and "vaeface-error" in one for one in said)
    assert not desk.host.saved and everything(desk) == before


def test_a_bridge_shows_and_saves_nothing(desk):
    with tab_host.last_generation(family.base().encode(family.portraits(1))):
        said, shown = Bridge(desk).run("", LAST, "", "", "foreign.safetensors", "sd1", TRUE_BRIDGE)
    assert "Nothing was saved" in said and WHY in said and "vaeface-viewer" in shown
    assert not list(desk.kept())


def test_nobody_outside_forgets_what_was_picked(desk):
    picker, own = picker_for(desk.host), desk.host.vae(None)
    picker.pick("tuned.safetensors", own, remember=True)
    assert WHY in Menu(desk.host).forget()
    assert picker.pick(AUTOMATIC, own).name == "tuned.safetensors"


def test_the_option_allows_it(desk):
    desk.host.options["vaeface_outside_access"] = True
    assert "Saved as" in Compare(desk).save(Sheet(None, ""))
    assert "is forgotten" in Menu(desk.host).forget()
