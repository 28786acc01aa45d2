"""Scripts are loaded as A1111 loads them, traps included."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pocket.state import extension_state

PLAIN = """
from modules import scripts
class {name}(scripts.Script):
    def title(self): return "{name}"
    def show(self, is_img2img): return scripts.AlwaysVisible
"""


@pytest.fixture
def install(host, tmp_path: Path) -> Iterator:
    """`install({"ext/scripts/a.py": text, ...})` writes extensions, loads their scripts and returns modules.scripts."""
    from modules import errors, extensions, scripts

    def write_and_load(files: dict[str, str]):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        host.cmd_opts.extension = [str(folder) for folder in sorted(tmp_path.iterdir())]
        errors.exception_records.clear()
        extensions.list_extensions()
        scripts.load_scripts()
        return scripts

    libraries = set(sys.modules)
    with extension_state():
        yield write_and_load
    for name in set(sys.modules) - libraries:
        if name.startswith("lib_probe"):
            del sys.modules[name]


def loaded(scripts, folder: str) -> list:
    return [data for data in scripts.scripts_data if f"/{folder}/" in data.path.replace("\\", "/")]


def last_error() -> str:
    from modules import errors

    return errors.exception_records[-1]["exception"] if errors.exception_records else ""


def test_script_is_collected_but_not_importable(install) -> None:
    scripts = install({"probe/scripts/probe_one.py": PLAIN.format(name="One")})
    (data,) = loaded(scripts, "probe")
    assert data.module.__name__ == "probe_one.py"
    assert data.script_class.__module__ == "probe_one.py"
    assert "probe_one.py" not in sys.modules and "probe_one" not in sys.modules
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(data.script_class)


def test_importing_the_base_class_by_name_registers_it(install) -> None:
    text = "from modules.scripts import Script\n" + PLAIN.format(name="Named")
    scripts = install({"probe/scripts/named.py": text})
    assert [data.script_class.__name__ for data in loaded(scripts, "probe")] == ["Script", "Named"]


def test_dataclass_under_postponed_annotations_kills_the_file_only(install) -> None:
    broken = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\n"
    scripts = install({
        "probe/scripts/a_broken.py": broken + PLAIN.format(name="Broken"),
        "probe/scripts/b_whole.py": PLAIN.format(name="Whole"),
    })
    assert [data.script_class.__name__ for data in loaded(scripts, "probe")] == ["Whole"]
    assert "'NoneType' object has no attribute '__dict__'" in last_error()


def test_sys_path_has_the_extension_only_while_loading(install, tmp_path: Path) -> None:
    before = list(sys.path)
    scripts = install({
        "probe/lib_probe/__init__.py": "",
        "probe/lib_probe/inner.py": "",
        "probe/lib_probe_late.py": "",
        "probe/scripts/eager.py": "import sys\nimport lib_probe\nseen = list(sys.path)\nsys.path.append('left')\n"
        "def late():\n    import lib_probe_late\n" + PLAIN.format(name="Eager"),
    })
    (data,) = loaded(scripts, "probe")
    assert data.module.seen[0] == str(tmp_path / "probe")
    assert sys.path == before, "also what a script appends to sys.path is gone"
    with pytest.raises(ModuleNotFoundError):
        data.module.late()
    __import__("lib_probe.inner")  # parts of a package that is imported already are still found


def test_first_library_of_a_name_wins_for_the_whole_process(install) -> None:
    script = "import lib_probe_same\n" + PLAIN
    scripts = install({
        "aaa/lib_probe_same.py": "owner = 'aaa'", "aaa/scripts/a.py": script.format(name="A"),
        "bbb/lib_probe_same.py": "owner = 'bbb'", "bbb/scripts/b.py": script.format(name="B"),
    })
    (data,) = loaded(scripts, "bbb")
    assert data.module.lib_probe_same.owner == "aaa"


def test_reload_executes_scripts_anew_and_keeps_libraries(install) -> None:
    files = {
        "probe/lib_probe_stale.py": "version = 1",
        "probe/scripts/s.py": "import lib_probe_stale as lib\nversion = 1" + PLAIN.format(name="S"),
    }
    install(files)
    scripts = install({name: text.replace("version = 1", "version = 2") for name, text in files.items()})
    (data,) = loaded(scripts, "probe")
    assert (data.module.version, data.module.lib.version) == (2, 1)


def test_basedir_is_the_extension_only_while_loading(install, tmp_path: Path) -> None:
    text = "from modules import scripts\nhere = scripts.basedir()\n" + PLAIN.format(name="Here")
    scripts = install({"probe/scripts/here.py": text})
    assert loaded(scripts, "probe")[0].module.here == str(tmp_path / "probe")
    assert scripts.basedir() == scripts.paths.script_path


def test_metadata_orders_scripts(install) -> None:
    scripts = install({
        "aaa/scripts/a.py": PLAIN.format(name="A"),
        "aaa/metadata.ini": "[Extension]\nName = other\n[scripts]\nAfter = bbb",
        "bbb/scripts/b.py": PLAIN.format(name="B"),
        "ccc/scripts/c.py": PLAIN.format(name="C"), "ccc/metadata.ini": "[scripts/c.py]\nBefore = bbb/b.py",
    })
    names = [data.script_class.__name__ for data in scripts.scripts_data if data.script_class.__name__ in "ABC"]
    assert names == ["C", "B", "A"]


def test_script_class_that_cannot_be_made_is_skipped(install) -> None:
    text = PLAIN.format(name="Fails") + "    def __init__(self): raise ValueError('no object')\n"
    scripts = install({"probe/scripts/f.py": text + PLAIN.format(name="Works")})
    runner = scripts.ScriptRunner()
    runner.initialize_scripts(is_img2img=False)
    assert "Works" in [type(s).__name__ for s in runner.alwayson_scripts]
    assert last_error() == "no object"


HOOKS = """
from modules import scripts
log = []
class {name}(scripts.Script):
    def title(self): return "{name}"
    def show(self, is_img2img): return scripts.AlwaysVisible
    def process(self, p, *args):
        log.append(args)
        if {fails}: raise RuntimeError("hook fell over")
"""


def test_hook_exception_is_only_logged_and_args_are_sliced(install) -> None:
    scripts = install({"aaa/scripts/a.py": HOOKS.format(name="A", fails=True),
                       "bbb/scripts/b.py": HOOKS.format(name="B", fails=False)})
    runner = scripts.ScriptRunner()
    runner.initialize_scripts(is_img2img=True)
    mine = {type(s).__name__: s for s in runner.alwayson_scripts if type(s).__name__ in "AB"}
    mine["A"].args_from, mine["A"].args_to = 1, 2
    mine["B"].args_from, mine["B"].args_to = 2, 4
    runner.alwayson_scripts = list(mine.values())
    runner.callback_map.clear()
    runner.process(SimpleNamespace(script_args=[0, 1, 2, 3]))
    assert loaded(scripts, "aaa")[0].module.log == [(1,)]
    assert loaded(scripts, "bbb")[0].module.log == [(2, 3)]
    assert last_error() == "hook fell over"


UI = """
import gradio as gr
from modules import scripts
class Panel(scripts.Script):
    def title(self): return "My Panel!"
    def show(self, is_img2img): return scripts.AlwaysVisible
    def ui(self, is_img2img):
        self.infotext_fields = []
        return [gr.Checkbox(True, label="On", elem_id=self.elem_id("on")),
                gr.Slider(0, 9, 3, step=1, label="N", elem_id=self.elem_id("n"))]
class Fails(Panel):
    def title(self): return "Fails"
    def ui(self, is_img2img): raise ValueError("no controls")
class Choice(Panel):
    def title(self): return "Choice"
    def show(self, is_img2img): return is_img2img
"""


def test_page_building_gives_every_script_its_arguments(install) -> None:
    import gradio as gr

    scripts = install({"probe/scripts/ui.py": UI})
    runner = scripts.ScriptRunner()
    runner.initialize_scripts(is_img2img=True)
    for _ in range(3):  # the page, and twice more for the API
        with gr.Blocks(analytics_enabled=False):
            runner.prepare_ui()
            inputs = runner.setup_ui()
    panel, fails, choice = (next(s for s in runner.scripts if s.title() == t) for t in ("My Panel!", "Fails", "Choice"))
    assert [c.elem_id for c in inputs[panel.args_from : panel.args_to]] == [
        "script_img2img_my_panel_on", "script_img2img_my_panel_n"
    ]
    assert (fails.args_from, fails.controls) == (fails.args_to, None)
    assert inputs[0].elem_id == "script_list" and runner.titles[-1] == "Choice"
    assert choice.elem_id("n") == "script_choice_n", "on one tab only: no tab in the id"
    assert runner.script("MY PANEL!") is panel
    assert [a.label for a in panel.api_info.args] == ["On", "N"] and panel.api_info.args[1].maximum == 9
    values = [component.value for component in inputs]
    changed = runner.set_named_arg(tuple(values), "my panel!", "script_img2img_my_panel_n", 7)
    assert changed[panel.args_from : panel.args_to] == (True, 7)
    with pytest.raises(RuntimeError, match="not found in script"):
        runner.set_named_arg(values, "my panel!", "nothing", 1)
