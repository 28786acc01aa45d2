"""From decoded pixels to finished pictures: scripts' image hooks, face restoration, overlay, saving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from modules import devices, face_restoration, images, processing, scripts, shared


@dataclass
class Output:
    """What the job returns: pictures (grid first, masks among them) and their infotexts."""

    images: list[Image.Image] = field(default_factory=list)
    infotexts: list[str] = field(default_factory=list)
    index_of_first_image: int = 0


def batch_infotext(p: Any, index: int = 0, use_main_prompt: bool = False) -> str:
    """Infotext of a picture of the running iteration, or of its grid."""
    return processing.create_infotext(p, p.prompts, p.seeds, p.subseeds, use_main_prompt=use_main_prompt, index=index,
                                      all_negative_prompts=p.negative_prompts)


def save_sample(p: Any, index: int, image: Image.Image, suffix: str = "") -> None:
    images.save_image(image, p.outpath_samples, "", p.seeds[index], p.prompts[index], shared.opts.samples_format,
                      info=batch_infotext(p, index), p=p, suffix=suffix)


def finish_image(p: Any, index: int, pixels: np.ndarray, save: bool, output: Output) -> None:
    """Take picture `index` of the batch ([H, W, 3] uint8) through its hooks into `output`, and to disk if `save`."""
    opts = shared.opts
    image = Image.fromarray(_restored(p, index, pixels, save))
    if p.scripts is not None:
        arguments = image_arguments(image, index)
        p.scripts.postprocess_image(p, arguments)
        image = arguments.image
    mask, overlay = _mask_and_overlay(p, index)
    image = _colour_corrected(p, index, image, overlay, save)
    image, painted = processing.apply_overlay(image, p.paste_to, overlay)
    if p.scripts is not None:
        arguments = image_arguments(image, index)
        p.scripts.postprocess_image_after_composite(p, arguments)
        image = arguments.image
    if save:
        save_sample(p, index, image)
    text = batch_infotext(p, index)
    output.infotexts.append(text)
    if opts.enable_pnginfo:
        image.info["parameters"] = text
    output.images.append(image)
    if mask is not None:
        _add_masks(p, index, mask, painted, image.size, save, output)


def image_arguments(image: Image.Image, index: int) -> Any:
    """What the hooks around picture `index` of the batch are given."""
    return scripts.PostprocessImageArgs(image)


def _restored(p: Any, index: int, pixels: np.ndarray, save: bool) -> np.ndarray:
    if not p.restore_faces:
        return pixels
    if save and shared.opts.save_images_before_face_restoration:
        save_sample(p, index, Image.fromarray(pixels), "-before-face-restoration")
    devices.torch_gc()
    pixels = face_restoration.restore_faces(pixels)
    devices.torch_gc()
    return pixels


def _mask_and_overlay(p: Any, index: int) -> tuple[Image.Image | None, Image.Image | None]:
    mask = getattr(p, "mask_for_overlay", None)
    overlays = getattr(p, "overlay_images", None) or []
    overlay = overlays[index] if shared.opts.overlay_inpaint and index < len(overlays) else None
    if p.scripts is None:
        return mask, overlay
    arguments = scripts.PostProcessMaskOverlayArgs(index, mask, overlay)
    p.scripts.postprocess_maskoverlay(p, arguments)
    return arguments.mask_for_overlay, arguments.overlay_image


def _colour_corrected(p: Any, index: int, image: Image.Image, overlay: Image.Image | None, save: bool) -> Image.Image:
    if p.color_corrections is None or index >= len(p.color_corrections):
        return image
    if save and shared.opts.save_images_before_color_correction:
        save_sample(p, index, processing.apply_overlay(image, p.paste_to, overlay)[0], "-before-color-correction")
    return processing.apply_color_correction(p.color_corrections[index], image)


def _add_masks(p: Any, index: int, mask: Image.Image, painted: Image.Image, size: tuple[int, int], save: bool,
               output: Output) -> None:
    """The mask, and the painted part alone, returned and saved as the settings say."""
    opts = shared.opts
    if opts.return_mask or opts.save_mask:
        _deliver(p, index, mask.convert("RGB"), "-mask", save and opts.save_mask, opts.return_mask, output)
    if opts.return_mask_composite or opts.save_mask_composite:
        stencil = images.resize_image(2, mask, *size).convert("L")
        alone = Image.composite(painted.convert("RGBA").convert("RGBa"), Image.new("RGBa", size), stencil)
        _deliver(p, index, alone.convert("RGBA"), "-mask-composite", save and opts.save_mask_composite,
                 opts.return_mask_composite, output)


def _deliver(p: Any, index: int, image: Image.Image, suffix: str, save: bool, show: bool, output: Output) -> None:
    if save:
        save_sample(p, index, image, suffix)
    if show:
        output.images.append(image)
