"""The one file that knows gradio versions: 3.41 (A1111, reForge) and 4.40 (Forge)."""

from __future__ import annotations

import gradio as gr

MAJOR = int(gr.__version__.split(".")[0])


def limits(host: object) -> str:
    """Why nothing of ours can act in this WebUI, "" where it can."""
    return str(getattr(host, "limits", ""))


def js(code: str) -> dict[str, str]:
    """Keyword that makes an event run JavaScript on the page: `button.click(fn=None, **js("() => ..."))`."""
    return {"_js" if MAJOR < 4 else "js": code}
