"""Puts the WebUI's and the extensions' scripts and styles into gradio's page, and takes links to other servers out."""

from __future__ import annotations

import glob
import json
import os
import re
from typing import Any
from urllib.parse import quote

import gradio as gr

from modules import scripts, shared
from modules.paths import data_path, script_path

# gradio 3.41 links fonts and an iframe script from other servers; the page must work without any network.
_foreign_tags = re.compile(rb"<link[^>]+https://fonts\.[^>]*/>|<script[^>]+https://cdnjs\.[^>]*>\s*</script>")
_foreign_meta = re.compile(rb"<meta (?:property=\"og:|name=\"twitter:)[^>]*/>\s*")

_PATH_CHARS = "/:\\"

original_template_response = getattr(gr.routes.templates.TemplateResponse, "pocket_original",
                                     gr.routes.templates.TemplateResponse)


def webpath(path: str) -> str:
    """Address of a local file on the page; the time of its last change defeats the browser's cache."""
    return f"file={quote(os.path.abspath(path), safe=_PATH_CHARS)}?{os.path.getmtime(path)}"


def javascript_html() -> str:
    """Script tags: script.js, then javascript/*.js of the WebUI and all extensions, then *.mjs as modules."""
    plain = [os.path.join(script_path, "script.js"), *(s.path for s in scripts.list_scripts("javascript", ".js"))]
    modules = [s.path for s in scripts.list_scripts("javascript", ".mjs")]
    tags = ['<script type="text/javascript">window.localization = {}</script>']
    tags += [f'<script type="text/javascript" src="{webpath(path)}"></script>' for path in plain]
    tags += [f'<script type="module" src="{webpath(path)}"></script>' for path in modules]
    if shared.cmd_opts.theme:
        tags.append(f'<script type="text/javascript">set_theme({json.dumps(shared.cmd_opts.theme)});</script>')
    return "\n".join(tags) + "\n"


def css_html() -> str:
    """Links to the WebUI's sheets, to style.css of all extensions, then to user.css of the data folder."""
    own = sorted(glob.glob(os.path.join(script_path, "css", "*.css")))
    sheets = [*own, *scripts.list_files_with_name("style.css")]
    user = os.path.join(data_path, "user.css")
    sheets += [user] if os.path.exists(user) else []
    return "".join(f'<link rel="stylesheet" property="stylesheet" href="{webpath(sheet)}">' for sheet in sheets)


def without_foreign_links(page: bytes) -> bytes:
    """gradio's page with everything removed that would make a browser ask another server."""
    return _foreign_meta.sub(b"", _foreign_tags.sub(b"", page))


def reload_javascript() -> None:
    """From now on the page has the scripts and styles that exist at this moment."""
    head, tail = javascript_html().encode(), css_html().encode()

    def template_response(*args: Any, **kwargs: Any) -> Any:
        response = original_template_response(*args, **kwargs)
        body = without_foreign_links(response.body)
        body = body.replace(b"</head>", head + b'<meta name="referrer" content="no-referrer"/></head>')
        response.body = body.replace(b"</body>", tail + b"</body>")
        response.init_headers()
        return response

    template_response.pocket_original = original_template_response  # type: ignore[attr-defined]
    gr.routes.templates.TemplateResponse = template_response
