"""Jobs from pictures: sizes, masks, what stays untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from tests.pocket.jobs import centred_mask, generate, gradient, job

INSIDE = np.array(centred_mask()) > 0


def repaint(**fields: Any) -> Any:
    return generate("img2img", **{"init_images": [gradient()], "steps": 2, "denoising_strength": 0.9, **fields})


def inpaint(**fields: Any) -> Any:
    return repaint(**{"mask": centred_mask(), "mask_blur": 0, "inpaint_full_res": False, **fields})


def changed(result: Any, original: Image.Image | None = None) -> np.ndarray:
    """Where the picture differs from the original."""
    return (np.array(result.images[0]) != np.array(original or gradient())).any(axis=-1)


def test_strength_decides_how_much_stays(webui: Any, probe: Any) -> None:
    counts = []
    for strength in (0.0, 0.5, 1.0):
        probe.start()
        repaint(steps=6, denoising_strength=strength)
        counts.append(sum(event["hook"] == "on_cfg_denoiser" for event in probe.stop()))
    assert counts == [1, 4, 6]


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_resize_modes(webui: Any, mode: int) -> None:
    assert repaint(resize_mode=mode, width=96, height=64, steps=1).images[0].size == (96, 64)


def test_only_the_masked_part_of_the_whole_picture_is_painted(webui: Any) -> None:
    result = inpaint()
    assert not changed(result)[~INSIDE].any()
    assert changed(result)[INSIDE].mean() > 0.9
    assert "Masked content: fill" in result.info and "Inpaint area" not in result.info


def test_mask_mode_inverted(webui: Any) -> None:
    result = inpaint(inpainting_mask_invert=1)
    assert not changed(result)[INSIDE].any() and changed(result)[~INSIDE].any()
    assert "Mask mode: Inpaint not masked" in result.info


def test_only_masked_paints_the_region_large_and_puts_it_back(webui: Any) -> None:
    original = gradient().resize((256, 256))
    mask = centred_mask().resize((256, 256), Image.NEAREST)
    result = inpaint(init_images=[original], mask=mask, inpaint_full_res=True, inpaint_full_res_padding=16)
    outside = ~(np.array(mask) > 0)
    assert result.images[0].size == (256, 256)
    assert not changed(result, original)[outside].any()
    assert changed(result, original)[~outside].mean() > 0.9
    assert "Inpaint area: Only masked, Masked area padding: 16" in result.info


def test_blank_mask_is_img2img_and_says_so(webui: Any) -> None:
    result = inpaint(mask=Image.new("L", (64, 64)), inpaint_full_res=True)
    assert "mask is blank" in result.comments
    plain = repaint()
    assert np.array_equal(np.array(result.images[0]), np.array(plain.images[0]))


def test_blur_softens_the_edge_of_the_mask(webui: Any) -> None:
    p = job("img2img", init_images=[gradient()], mask=centred_mask(), mask_blur=4, inpaint_full_res=False, steps=1)
    p.init(["x"], [1], [1])
    levels = np.unique(np.array(p.mask_for_overlay))
    assert len(levels) > 5 and levels[0] == 0 and levels[-1] == 255
    assert p.extra_generation_params["Mask blur"] == 4
    p.close()


def test_blurs_of_both_directions() -> None:
    from modules.processing.inpaint import blur

    line = Image.new("L", (33, 33))
    line.putpixel((16, 16), 255)
    sideways = np.array(blur(line, 2, axis=1)).astype(int)
    assert (sideways.sum(axis=1) > 0).sum() == 1 and (sideways[16] > 0).sum() > 3
    assert np.array_equal(sideways, np.array(blur(line, 2, axis=0)).T)
    assert np.array_equal(sideways[16], sideways[16][::-1])
    flat = Image.new("L", (9, 9), 77)
    assert np.array_equal(np.array(blur(flat, 4, axis=0)), np.array(flat))


def test_starting_contents_of_the_mask(webui: Any) -> None:
    said = ["Masked content: fill", None, "Masked content: latent noise", "Masked content: latent nothing"]
    pictures = []
    for fill, text in enumerate(said):
        result = inpaint(inpainting_fill=fill, denoising_strength=0.6)
        pictures.append(np.array(result.images[0]).tobytes())
        assert (text in result.info) if text else ("Masked content" not in result.info)
    assert len(set(pictures)) == len(said)


def test_latent_outside_the_mask_is_the_originals(webui: Any, probe: Any) -> None:
    seen: dict[str, Any] = {}

    def look(p: Any, ps: Any) -> None:
        seen.update(kept=ps.samples * p.mask, original=p.init_latent * p.mask, nmask=p.nmask)

    probe.start(post_sample=look)
    inpaint()
    assert torch.equal(seen["kept"], seen["original"])
    assert seen["nmask"].shape == (4, 8, 8) and seen["nmask"][:, 2:6, 2:6].min() == 1 and seen["nmask"].sum() == 64


def test_several_pictures_set_the_batch(webui: Any) -> None:
    result = repaint(init_images=[gradient(), ImageOps.invert(gradient())], batch_size=2)
    assert len(result.images) == 2
    with pytest.raises(RuntimeError, match="3 pictures for a batch of 2"):
        repaint(init_images=[gradient()] * 3, batch_size=2)


def test_a_batch_repeats_one_picture(webui: Any) -> None:
    result = inpaint(batch_size=2)
    assert len(result.images) == 2 and not changed(result)[~INSIDE].any()
    assert not (np.array(result.images[1]) != np.array(gradient())).any(axis=-1)[~INSIDE].any()


def test_transparent_picture_gets_the_background_colour(webui: Any) -> None:
    webui.opts.data["img2img_background_color"] = "#00ff00"
    p = job("img2img", init_images=[Image.new("RGBA", (64, 64))], mask=centred_mask(), mask_blur=0, steps=1,
            inpaint_full_res=False)
    p.init(["x"], [1], [1])
    assert p.overlay_images[0].getpixel((0, 0)) == (0, 255, 0, 255)
    p.close()


def test_masks_are_returned_if_asked_for(webui: Any) -> None:
    webui.opts.data.update(return_mask=True, return_mask_composite=True)
    images = inpaint().images
    assert [image.mode for image in images] == ["RGB", "RGB", "RGBA"]
    assert np.array_equal(np.array(images[1])[..., 0] > 0, INSIDE)
    assert np.array_equal(np.array(images[2])[..., 3] > 0, INSIDE)


def test_noise_multiplier(webui: Any) -> None:
    result = repaint(initial_noise_multiplier=0.5)
    assert "Noise multiplier: 0.5" in result.info
    assert (np.array(result.images[0]) != np.array(repaint().images[0])).any()


def test_mask_blur_is_one_number_or_two(webui: Any) -> None:
    assert job("img2img", init_images=[], mask_blur=9).mask_blur == 9
    assert job("img2img", init_images=[]).mask_blur == 4
    two = job("img2img", init_images=[], mask_blur_x=1, mask_blur_y=2)
    assert two.mask_blur is None and (two.mask_blur_x, two.mask_blur_y) == (1, 2)


def test_colour_correction_brings_the_colours_back(webui: Any) -> None:
    from modules import processing

    red = Image.new("RGB", (64, 64), (200, 60, 40))
    grey = gradient()
    corrected = processing.apply_color_correction(processing.setup_color_correction(red), grey)
    channels = np.array(corrected).astype(int).reshape(-1, 3)
    assert (channels[:, 0] >= channels[:, 2]).mean() > 0.95
    brightness = channels @ (0.299, 0.587, 0.114)
    assert np.abs(brightness - np.array(grey.convert("L")).ravel()).max() < 4
    webui.opts.data["img2img_color_correction"] = True
    assert (np.array(repaint(init_images=[red]).images[0]).mean(axis=(0, 1))[0]
            > np.array(repaint(init_images=[red]).images[0]).mean(axis=(0, 1))[2])


def test_masks_drawn_as_alpha_or_as_brightness() -> None:
    from modules import processing

    drawn = Image.new("RGBA", (4, 1))
    drawn.putdata([(255, 255, 255, 0), (0, 0, 0, 100), (0, 0, 0, 200), (0, 0, 0, 255)])
    assert list(processing.create_binary_mask(drawn).getdata()) == [0, 0, 255, 255]
    assert list(processing.create_binary_mask(drawn, round=False).getdata()) == [0, 100, 200, 255]
    opaque = Image.new("RGBA", (1, 1), (255, 255, 255, 255))
    assert processing.create_binary_mask(opaque).getpixel((0, 0)) == 255
