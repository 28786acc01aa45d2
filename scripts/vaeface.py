"""The doorbell: the one file the WebUI executes. It passes on what the WebUI rings; see docs/architecture.md.

To use another hook, add a line here and a method of the same name to `Session`.
"""

from typing import Any

from lib_vaeface import host, session
from lib_vaeface.ui import panel
from lib_vaeface.version import stale_notice

VERSION = "0.1.0"  # of this file; the library stays in memory over "Reload UI" and may be older
webui: Any = host.current()
session.listen()
if not stale_notice(VERSION):  # an older library has no such thing
    from lib_vaeface.ui import beside

    beside.show(webui)


class VAEFaceScript(webui.script_class):
    def __init__(self):
        panel.watch_results(self, webui)

    def title(self):
        return "VAE Face"

    def show(self, is_img2img):
        return webui.always_visible

    def ui(self, is_img2img):
        return panel.build(self, webui, stale_notice(VERSION))

    before_process = session.opener(VERSION)
    process = session.hook("process")
    before_process_batch = session.hook("before_process_batch")
    postprocess_batch_list = session.hook("postprocess_batch_list")
    process_before_every_sampling = session.hook("process_before_every_sampling")
    postprocess_image_after_composite = session.hook("postprocess_image_after_composite")
    postprocess = session.hook("postprocess")
