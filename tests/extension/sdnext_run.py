"""Loads the doorbells in a stand-in for SD.Next: the few modules that its extensions can rely on, and no callbacks.

Usage: python sdnext_run.py FOLDER, in which the stand-in is written. Prints what a person sees as JSON."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = {
    "__init__": "",
    "prompt_parser_diffusers": "",
    "scripts": "class Script:\n    pass\n\n\nAlwaysVisible = object()\n",
    "scripts_postprocessing": "class ScriptPostprocessing:\n    pass\n",
}


def load(folder: Path) -> list[type]:
    package = folder / "modules"
    package.mkdir()
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text)
    sys.path[:0] = [str(folder), str(CHECKOUT)]
    files = ("vaeface.py", "vaeface_extras.py")
    spaces = [runpy.run_path(str(CHECKOUT / "scripts" / name)) for name in files]
    return [spaces[0]["VAEFaceScript"], spaces[1]["VAEFaceExtras"]]


def main() -> None:
    import gradio as gr

    panel, extras = load(Path(sys.argv[1]))
    script, job = panel(), SimpleNamespace(extra_generation_params={})
    with gr.Blocks() as page:
        controls = script.ui(False)
        more = extras().ui()
    script.before_process(job)
    for hook in ("process", "before_process_batch", "postprocess"):
        getattr(script, hook)(job, object())
    said = [block.value for block in page.blocks.values() if isinstance(block, gr.HTML)]
    extras().process(SimpleNamespace(image=None, info={}))
    print(
        json.dumps({"controls": len(controls), "extras": more, "said": said, "infotext": job.extra_generation_params})
    )


if __name__ == "__main__":
    main()
