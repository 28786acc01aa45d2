"""Reload UI, in a process of its own: callbacks told and cleared, scripts executed again, their library not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = '''
import lib_reloaded
from modules import script_callbacks, scripts

lib_reloaded.events.append("script executed")
script_callbacks.on_script_unloaded(lambda: lib_reloaded.events.append("unloaded"))
script_callbacks.on_before_reload(lambda: lib_reloaded.events.append("app reload"))
script_callbacks.on_before_ui(lambda: lib_reloaded.events.append("before ui"))
script_callbacks.on_ui_settings(lambda: lib_reloaded.events.append("ui settings"))
script_callbacks.on_ui_tabs(lambda: lib_reloaded.events.append("ui tabs") or [])
script_callbacks.on_model_loaded(lambda model: lib_reloaded.events.append("model loaded"))


class Script(scripts.Script):
    def title(self):
        return "Reloaded"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        lib_reloaded.events.append(f"ui {'img2img' if is_img2img else 'txt2img'}")
        return []
'''

DRIVER = '''
import json, sys
from pocket_webui import launch
launch.prepare_process()
from modules import initialize
initialize.start(headless=True, args=["--data-dir", sys.argv[1], "--use-cpu", "all", "--skip-install",
                                      "--ckpt", sys.argv[2]])
import lib_reloaded, webui
first, library = list(lib_reloaded.events), lib_reloaded
lib_reloaded.events.clear()
open(sys.argv[3], "a").write("events = None\\n")
webui.reload_ui()
initialize._build_page_parts()
from modules import script_callbacks
registered = len(script_callbacks.callback_map["callbacks_script_unloaded"])
print(json.dumps([first, lib_reloaded.events, sys.modules["lib_reloaded"] is library, registered]))
'''


def test_reload_ui(tmp_path: Path) -> None:
    extension = tmp_path / "extensions" / "reloaded"
    (extension / "scripts").mkdir(parents=True)
    (extension / "scripts" / "reloaded.py").write_text(SCRIPT)
    library = extension / "lib_reloaded.py"
    library.write_text("events = []\n")
    model = tmp_path / "tiny.safetensors"
    make = "import sys; from pocket_webui.nets import checkpoint; checkpoint.random_checkpoint(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, str(model)], cwd=ROOT, check=True)
    done = subprocess.run([sys.executable, "-c", DRIVER, str(tmp_path), str(model), str(library)], cwd=ROOT,
                          capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second, stale, registered = json.loads(done.stdout.splitlines()[-1])
    start = ["script executed", "before ui", "ui settings", "ui txt2img", "ui img2img", "ui tabs"]
    assert first == [*start, "model loaded"]
    assert second == ["app reload", "unloaded", *start]
    assert stale, "the library is not loaded again"
    assert registered == 1, "callbacks of the first load are gone"
