"""Faces of finished pictures in the WebUI's Extras tab: encoded, and decoded again by a VAE that fits the loaded model.

A picture that was saved has no latent any more, so its faces go through an encoder too, which costs some detail. With
the latents of the last generation, the tab "VAE Face" does without.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import numpy
import torch
from PIL import Image

from lib_vaeface.face.detect import Detectors
from lib_vaeface.face.improve import improve
from lib_vaeface.face.job import Result
from lib_vaeface.face.passes import parse_passes
from lib_vaeface.face.redecode import redecoder
from lib_vaeface.face.shown import to_image
from lib_vaeface.host.tab_protocol import TabHost
from lib_vaeface.settings import FIELDS
from lib_vaeface.ui.gradio_compat import limits
from lib_vaeface.ui.panel import control
from lib_vaeface.vae.finest import finest
from lib_vaeface.vae.picked import AUTOMATIC, BUILT_IN, Pick, in_memory, picker_for
from lib_vaeface.vae.protocol import HostVae

NAME = "VAE Face: faces"
KEY = "VAE Face faces"
VAE, SEARCH, SCORE = (
    next(field for field in FIELDS if field.name == name) for name in ("face_vae", "face_search", "face_score")
)


def build(host: TabHost) -> dict[str, Any]:
    """The controls by the names under which `process` gets their values."""
    if limits(host):
        return {}
    with host.input_accordion(False, label=NAME, elem_id="vaeface_extras") as enable, gr.Row():
        choices = [AUTOMATIC, BUILT_IN, *host.vae_names()]
        vae = gr.Dropdown(choices=choices, value=AUTOMATIC, label=VAE.label, elem_id="vaeface_extras_vae")
        search = control(SEARCH, "vaeface_extras_search", host)
        score = control(SCORE, "vaeface_extras_score", host)
    return {"enable": enable, "vae": vae, "search": search, "score": score}


def process(
    host: TabHost, pp: Any, enable: Any = False, vae: Any = AUTOMATIC, search: Any = None, score: Any = None
) -> None:
    """Change `pp.image` and say in `pp.info` what was done. What fails leaves the picture as it is, and is said."""
    if not enable:
        return
    try:
        done, name = _improved(host, pp.image, str(vae or AUTOMATIC), search, score)
        told = {"used": name, "found": done.records[0], **({"notes": done.notes} if done.notes else {})}
        if any(record["done"] == "decoded" for record in done.records[0]):
            pp.image = _like(pp.image, to_image(done.pictures[0]))
    except Exception as error:
        host.report_error("VAE Face: faces of a picture in Extras")
        told = {"error": f"{type(error).__name__}: {error}"[:300]}
    pp.info[KEY] = json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _improved(host: TabHost, image: Image.Image, vae: str, search: Any, score: Any) -> tuple[Result, str]:
    """ValueError: the VAE that was chosen must not be used, or a setting is none."""
    given = {"search": search, "score": score}
    settings = parse_passes([{name: value for name, value in given.items() if value is not None}])[0]
    own, device = host.vae(None), host.compute_device()
    pick = _picked(host, own, vae)
    encoder = in_memory(own)
    picture = torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1).to(device).float() / 255
    again = redecoder(pick.codec or encoder, None, [picture], encoder=encoder)
    folders = tuple(host.face_folders())
    return improve([picture], settings, Detectors(device, folders).get, again), pick.name


def _picked(host: TabHost, own: HostVae, vae: str) -> Pick:
    picker = picker_for(host)
    pick = finest(picker, own) if vae == AUTOMATIC else picker.pick(vae, own, precision="fp32")
    if pick.refused:
        raise ValueError(pick.why)
    return pick


def _like(before: Image.Image, after: Image.Image) -> Image.Image:
    """In the mode that the picture had, with its transparency."""
    if "A" in before.getbands():
        after = after.convert(before.mode)
        after.putalpha(before.getchannel("A"))
    return after if after.mode == before.mode else after.convert(before.mode)
