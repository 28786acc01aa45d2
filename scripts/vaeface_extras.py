"""The doorbell of the Extras tab; everything is in lib_vaeface/ui/extras.py."""

from typing import Any

from lib_vaeface import host
from lib_vaeface.ui import extras

webui: Any = host.current()


class VAEFaceExtras(webui.extras_class):
    name = extras.NAME
    order = 2500  # after upscaling and face restoration

    def ui(self):
        return extras.build(webui)

    def process(self, pp, **values):
        extras.process(webui, pp, **values)
