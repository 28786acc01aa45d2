"""Images: infotext in files, names, sizes, grids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.pocket.state import callback_state

INFO = "a cat, ümläut 猫\nNegative prompt: x\nSteps: 1, Sampler: Euler, Seed: 5"


@pytest.fixture
def images(host) -> Iterator:
    from modules import images, script_callbacks

    with callback_state():
        script_callbacks.clear_callbacks()
        yield images


def picture(width: int = 32, height: int = 16, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), "red")


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif"])
def test_infotext_round_trip(images, tmp_path: Path, kind: str) -> None:
    path, text_file = images.save_image(picture(), str(tmp_path), "", 5, "a cat", kind, INFO)
    assert Path(path).suffix == f".{kind}" and text_file is None
    assert images.read_info_from_image(images.read(path))[0] == INFO
    assert not list(tmp_path.rglob("*.tmp"))


def test_no_infotext_when_switched_off(images, host, tmp_path: Path) -> None:
    host.opts.data["enable_pnginfo"] = False
    for kind in ("png", "jpg"):
        path, _ = images.save_image(picture(), str(tmp_path), "", 5, "a cat", kind, INFO)
        assert images.read_info_from_image(images.read(path))[0] is None


def test_other_texts_are_kept(images, tmp_path: Path) -> None:
    path, _ = images.save_image(picture(), str(tmp_path), "", info=INFO, existing_info={"extra": "1"})
    assert images.read_info_from_image(images.read(path)) == (INFO, {"extra": "1"})


def test_names_count_up_and_say_the_seed(images, host, tmp_path: Path) -> None:
    host.opts.data["save_to_dirs"] = False
    names = [Path(images.save_image(picture(), str(tmp_path), "", 5, "a: cat/dog")[0]).name for _ in range(2)]
    assert names == ["00000-5-a_ cat_dog.png", "00001-5-a_ cat_dog.png"]
    host.opts.data.update(save_to_dirs=True, directories_filename_pattern="[prompt_words]")
    path = Path(images.save_image(picture(), str(tmp_path), "grid", 5, "a: cat/dog")[0])
    assert path.relative_to(tmp_path).as_posix() == "a cat dog/grid-0000-5.png"


def test_callbacks_may_change_what_is_saved(images, tmp_path: Path) -> None:
    from modules import script_callbacks

    seen = []

    def change(params) -> None:
        params.image, params.pnginfo["parameters"] = picture(8, 8), "changed"
        params.filename = str(tmp_path / "elsewhere.png")

    script_callbacks.on_before_image_saved(change)
    script_callbacks.on_image_saved(lambda params: seen.append(params.filename))
    path, _ = images.save_image(picture(), str(tmp_path), "", 5, "x", info=INFO)
    assert seen == [path] == [str(tmp_path / "elsewhere.png")]
    saved = images.read(path)
    assert saved.size == (8, 8) and images.read_info_from_image(saved)[0] == "changed"


def test_text_file_and_copy_of_large_images(images, host, tmp_path: Path) -> None:
    host.opts.data.update(save_txt=True, target_side_length=16, save_to_dirs=False)
    path, text_file = images.save_image(picture(32, 16), str(tmp_path), "", info=INFO)
    assert Path(text_file).read_text(encoding="utf8") == INFO + "\n"
    assert images.read(Path(path).with_suffix(".jpg")).size == (16, 8)


def test_patterns(images, host) -> None:
    p = SimpleNamespace(batch_size=2, batch_index=1, n_iter=1, iteration=0, all_seeds=[5, 6], steps=20, cfg_scale=7.5,
                        sampler_name="Euler a", styles=[], denoising_strength=None, prompt="a", negative_prompt="b")
    make = images.FilenameGenerator(p, 6, "a red cat", picture()).apply
    assert make("[seed]-[seed_first]-[seed_last]-[batch_number]") == "6-5-6-2"
    assert make("[width]x[height] [sampler] [steps] [cfg] [unknown]") == "32x16 Euler a 20 7.5 [unknown]"
    assert make("x-[denoising]y") == "y" and make("[hasprompt<red|blue><dog|none>]") == "rednone"
    assert len(make("[prompt_hash<4>]")) == 4 and make("[datetime<%Y><Nowhere/Nothing>]").isdecimal()


def test_resize_modes(images) -> None:
    im = Image.fromarray(np.dstack([np.tile(np.arange(64, dtype=np.uint8), (32, 1))] * 3))
    for mode in (0, 1, 2):
        assert images.resize_image(mode, im, 32, 32).size == (32, 32)
    cropped = np.asarray(images.resize_image(1, im, 32, 32))[..., 0]
    assert cropped.min() > 12 and cropped.max() < 52, "the middle of the wide image"
    filled = np.asarray(images.resize_image(2, im, 32, 32))[..., 0]
    assert (filled[0] == filled[8]).all() and (filled[31] == filled[23]).all(), "edges stretched over the rest"


def test_grids(images, host) -> None:
    assert images.image_grid([picture()] * 5).size == (96, 32)
    host.opts.data["grid_prevent_empty_spots"] = True
    assert images.image_grid([picture()] * 6).size == (96, 32)
    assert images.image_grid([picture()] * 3, rows=1).size == (96, 16)
    grid = images.draw_prompt_matrix(images.image_grid([picture(64, 64)] * 4, rows=2), 64, 64, ["a", "b", "c"])
    assert grid.width > 128 and grid.height > 128
    with pytest.raises(AssertionError, match="horizontal"):
        images.draw_grid_annotations(picture(64, 64), 64, 64, [], [[]])


def test_tiles_are_put_together_again(images) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 130, 3), dtype=np.uint8)
    grid = images.split_grid(Image.fromarray(noise), 64, 64, 16)
    assert grid.tile_count == 6
    error = np.abs(np.asarray(images.combine_grid(grid)).astype(int) - noise)
    assert error.max() <= 1


def test_flatten(images) -> None:
    assert images.flatten(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "#ff0000").getpixel((0, 0)) == (255, 0, 0)
