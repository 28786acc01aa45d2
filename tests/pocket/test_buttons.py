"""What the page's buttons call, with the values the page would send."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pocket.jobs import centred_mask, gradient

SOMEONE = SimpleNamespace(username="someone")
STEPS, SEED = 2, 7


def script_values(img2img: bool = False) -> list[Any]:
    """The scripts' controls as the page has them at first, but few steps, a fast sampler and a fixed seed."""
    from modules import initialize, scripts

    runner = scripts.scripts_img2img if img2img else scripts.scripts_txt2img
    values = initialize.script_defaults(img2img=img2img)
    for title, given in (("sampler", [STEPS, "Euler", "Automatic"]), ("seed", [SEED])):
        start = runner.script(title).args_from
        values[start:start + len(given)] = given
    return values


def txt2img_values(**changes: Any) -> list[Any]:
    fields = {
        "prompt": "a cat", "negative": "ugly", "styles": [], "n_iter": 1, "batch_size": 1, "cfg": 7.0, "height": 64,
        "width": 64, "hr": False, "strength": 0.7, "scale": 2.0, "upscaler": "Latent", "hr_steps": 0, "x": 0, "y": 0,
        "checkpoint": "Use same checkpoint", "sampler": "Use same sampler", "scheduler": "Use same scheduler",
        "hr_prompt": "", "hr_negative": "", "override": []}
    return [*{**fields, **changes}.values(), *script_values()]


def img2img_values(mode: int, **changes: Any) -> list[Any]:
    fields = {
        "mode": mode, "prompt": "a cat", "negative": "", "styles": [], "init_img": None, "sketch": None,
        "with_mask": None, "painted": None, "painted_from": None, "upload": None, "upload_mask": None, "mask_blur": 0,
        "mask_alpha": 0, "fill": 1, "n_iter": 1, "batch_size": 1, "cfg": 7.0, "image_cfg": 1.5, "strength": 0.9,
        "scale_tab": 0, "height": 64, "width": 64, "scale_by": 1.0, "resize_mode": 0, "full_res": False, "padding": 0,
        "invert": 0, "input_dir": "", "output_dir": "", "mask_dir": "", "override": [], "use_png_info": False,
        "props": [], "info_dir": "", "source": "upload", "files": None}
    return [*{**fields, **changes}.values(), *script_values(img2img=True)]


@pytest.fixture(autouse=True)
def unsaved(webui: Any) -> None:
    webui.opts.data["samples_save"] = False
    webui.opts.data["grid_save"] = False


def test_generate_on_txt2img(webui: Any) -> None:
    from modules import txt2img

    webui.opts.data["add_user_name_to_info"] = True
    images, info, html, comments = txt2img.txt2img("task", SOMEONE, *txt2img_values())
    shown = json.loads(info)
    assert len(images) == 1 and shown["steps"] == STEPS and shown["seed"] == SEED and shown["sampler_name"] == "Euler"
    assert "User: someone" in shown["infotexts"][0]
    assert html.startswith("<p>a cat<br>") and comments == "<p class='comments'></p>"


def test_override_texts_and_the_names_for_the_same(webui: Any) -> None:
    from modules import txt2img

    p = txt2img.txt2img_create_processing("task", SOMEONE, *txt2img_values(hr=True, override=["Clip skip: 2"]))
    assert p.override_settings == {"CLIP_stop_at_last_layers": 2}
    assert (p.hr_checkpoint_name, p.hr_sampler_name, p.hr_scheduler) == (None, None, None)
    assert p.hr_upscaler == "Latent" and p.width == p.height == 64 and p.denoising_strength == 0.7
    p.close()


def test_upscale_replaces_the_selected_picture(webui: Any, tmp_path: Path) -> None:
    from modules import txt2img

    images, info, *_ = txt2img.txt2img("task", SOMEONE, *txt2img_values(batch_size=2))
    webui.opts.data["return_grid"] = False
    gallery = []
    for number, image in enumerate(images):
        image.save(Path(webui.data_path) / f"{number}.png")
        gallery.append({"name": str(Path(webui.data_path) / f"{number}.png"), "is_file": True})
    webui.demo.temp_file_sets = [{str(Path(entry["name"]).absolute()) for entry in gallery}]
    index = 1
    new, info, html, _ = txt2img.txt2img_upscale("task", SOMEONE, gallery, index, info, *txt2img_values(batch_size=2))
    assert [image.size for image in new] == [(128, 128) if i == index else (1, 1) for i in range(len(images))]
    assert new[0].already_saved_as == gallery[0]["name"]
    assert "Hires upscale" in json.loads(info)["infotexts"][index] and "Hires upscale" in html
    with pytest.raises(AssertionError, match="Bad image index"):
        txt2img.txt2img_upscale("task", SOMEONE, gallery, 9, info, *txt2img_values())


def test_generate_on_img2img(webui: Any) -> None:
    from modules import img2img

    images, info, *_ = img2img.img2img("task", SOMEONE, *img2img_values(0, init_img=gradient()))
    assert images[0].size == (64, 64) and json.loads(info)["denoising_strength"] == 0.9
    images, *_ = img2img.img2img("task", SOMEONE, *img2img_values(1, sketch=gradient(), scale_tab=1, scale_by=0.5))
    assert images[0].size == (32, 32)
    with pytest.raises(AssertionError, match="no picture to start from"):
        img2img.img2img("task", SOMEONE, *img2img_values(0))


def test_masks_of_the_inpaint_tabs(webui: Any) -> None:
    from modules import img2img

    drawn = {"image": gradient(), "mask": centred_mask()}
    torch.manual_seed(0)  # the picture is encoded with the process's random numbers, as in A1111
    one, *_ = img2img.img2img("task", SOMEONE, *img2img_values(2, with_mask=drawn))
    torch.manual_seed(0)
    two, *_ = img2img.img2img("task", SOMEONE, *img2img_values(4, upload=gradient(), upload_mask=centred_mask()))
    assert np.array_equal(np.array(one[0]), np.array(two[0]))
    assert np.array_equal(np.array(one[0])[:10], np.array(gradient())[:10])


def test_inpaint_sketch_paints_where_something_was_drawn(webui: Any) -> None:
    from modules import img2img

    painted = gradient()
    painted.paste((255, 0, 0), (16, 16, 48, 48))
    picture, mask = img2img.colour_sketch(painted, gradient(), mask_blur=0, mask_alpha=50)
    assert mask.getbbox() == (16, 16, 48, 48) and mask.getpixel((20, 20)) == 127
    assert picture.getpixel((0, 0)) == gradient().getpixel((0, 0))
    images, *_ = img2img.img2img("task", SOMEONE, *img2img_values(3, painted=painted, painted_from=gradient()))
    assert np.array_equal(np.array(images[0])[:10], np.array(gradient())[:10])


def files_in(folder: Path, count: int) -> list[Any]:
    folder.mkdir()
    for number in range(count):
        gradient().save(folder / f"in{number}.png")
    return [SimpleNamespace(name=str(file)) for file in sorted(folder.iterdir())]


def test_batch_of_uploads(webui: Any, tmp_path: Path) -> None:
    from modules import img2img

    images, info, *_ = img2img.img2img("task", SOMEONE, *img2img_values(5, files=files_in(tmp_path / "in", 3)))
    assert len(images) == 3 and len(json.loads(info)["infotexts"]) == 3
    webui.opts.data["img2img_batch_show_results_limit"] = 2
    images, *_ = img2img.img2img("task", SOMEONE, *img2img_values(5, files=files_in(tmp_path / "in2", 3)))
    assert len(images) == 2
    with pytest.raises(AssertionError, match="no picture in the batch"):
        img2img.img2img("task", SOMEONE, *img2img_values(5, files=[]))


def test_batch_of_a_folder_keeps_names_and_reads_infotext(webui: Any, tmp_path: Path) -> None:
    from modules import images as host_images
    from modules import img2img

    files_in(tmp_path / "in", 2)
    host_images.save_image_with_geninfo(gradient(), "a dog\nSteps: 3, Seed: 99", str(tmp_path / "in" / "in0.png"))
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    webui.opts.data.update(samples_save=True, save_images_add_number=False)
    _, info, *_ = img2img.img2img("task", SOMEONE, *img2img_values(
        5, source="from dir", input_dir=str(tmp_path / "in"), output_dir=str(tmp_path / "out"), use_png_info=True,
        props=["Prompt", "Seed", "Steps"]))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["in0.png", "in1.png"]
    first, second = json.loads(info)["infotexts"]
    assert first.startswith("a cat a dog\n") and "Steps: 3" in first and "Seed: 99" in first
    assert second.startswith("a cat\n") and f"Steps: {STEPS}" in second and f"Seed: {SEED}" in second
    with pytest.raises(AssertionError, match="no folder"):
        img2img.img2img("task", SOMEONE, *img2img_values(5, source="from dir", input_dir=str(tmp_path / "none")))


def test_batch_takes_masks_of_the_same_name(webui: Any, tmp_path: Path) -> None:
    from modules import img2img

    files_in(tmp_path / "in", 3)
    masks = tmp_path / "masks"
    masks.mkdir()
    centred_mask().save(masks / "in0.png")
    Image.new("L", (64, 64), 255).save(masks / "in1.png")
    images, *_ = img2img.img2img("task", SOMEONE, *img2img_values(
        5, source="from dir", input_dir=str(tmp_path / "in"), mask_dir=str(masks)))
    assert len(images) == 2  # in2 has no mask
    assert np.array_equal(np.array(images[0])[:10], np.array(gradient())[:10])
    assert not np.array_equal(np.array(images[1])[:10], np.array(gradient())[:10])


def test_reuse_seed(webui: Any, capsys: Any) -> None:
    from modules import scripts

    module = next(data.module for data in scripts.scripts_data if data.script_class.__name__ == "ScriptSeed")
    info = json.dumps({"infotexts": ["a\nSteps: 1, Seed: 5", "b\nSteps: 1, Seed: 6, Variation seed: 3"]})
    assert [module.seed_of(info, 1, sub) for sub in (False, True)] == [6, 3]
    assert module.seed_of(info, 0, True) == -1 and module.seed_of("", 0, False) == -1
    assert module.seed_of(info, 5, False) == -1 and "No seed can be read" in capsys.readouterr().err


def test_controls_of_seed_and_refiner_reach_the_job(webui: Any) -> None:
    from modules import scripts

    runner, p = scripts.scripts_txt2img, SimpleNamespace(subseed=-1, subseed_strength=0)
    runner.script("seed").setup(p, 5, False, 3, 0.4, 0, 0)
    assert (p.seed, p.subseed, p.subseed_strength) == (5, -1, 0)
    runner.script("seed").setup(p, 5, True, 3, 0.4, 32, 48)
    assert (p.subseed, p.subseed_strength, p.seed_resize_from_w, p.seed_resize_from_h) == (3, 0.4, 32, 48)
    runner.script("refiner").setup(p, True, "tinyb", 0.5)
    assert (p.refiner_checkpoint, p.refiner_switch_at) == ("tinyb", 0.5)
    runner.script("refiner").setup(p, False, "tinyb", 0.5)
    assert (p.refiner_checkpoint, p.refiner_switch_at) == (None, None)


def test_token_counter_does_not_count_comments(webui: Any) -> None:
    from modules import script_callbacks

    params = script_callbacks.BeforeTokenCounterParams(
        prompt="a cat # or a dog", steps=20, styles=[], is_positive=True)
    script_callbacks.before_token_counter_callback(params)
    assert params.prompt.strip() == "a cat"
