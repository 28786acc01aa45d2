"""What the extension has beside its panel: the tab, axes of the X/Y/Z plot, the API's schema."""

from __future__ import annotations

from lib_vaeface.host.tab_protocol import TabHost
from lib_vaeface.ui import schema, tab, xyz
from lib_vaeface.ui.gradio_compat import limits


def show(host: TabHost) -> None:
    """Register all of it with the WebUI; safe to repeat after "Reload UI"."""
    if limits(host):
        return
    host.show_tabs(lambda: tab.build(host))
    host.show_axes(xyz.PREFIX, lambda: xyz.axes(host))
    host.show_route(schema.PATH, lambda: schema.answer(host))
