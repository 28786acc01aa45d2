"""Jobs from noise: seeds, batches, settings, hires fix, what is saved and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pocket.jobs import generate, job


def pixels(result: Any, index: int = 0) -> np.ndarray:
    return np.array(result.images[index]).astype(int)


def far(left: np.ndarray, right: np.ndarray) -> int:
    """The largest difference of two pictures, 0..255."""
    return int(np.abs(left - right).max())


def test_a_picture_repeats_and_depends_on_what_is_asked(webui: Any) -> None:
    same = pixels(generate(prompt="a cat", steps=2))
    assert far(same, pixels(generate(prompt="a cat", steps=2))) == 0
    for change in ({"prompt": "a dog"}, {"negative_prompt": "ugly"}, {"seed": 8}, {"cfg_scale": 2.0}, {"steps": 4},
                   {"sampler_name": "Euler"}):
        assert far(same, pixels(generate(**{"prompt": "a cat", "steps": 2, **change}))) > 0, change


def test_a_batch_paints_what_its_seeds_paint_alone(webui: Any) -> None:
    batch = generate(prompt="a cat", steps=2, batch_size=2, n_iter=2)
    assert batch.all_seeds == [7, 8, 9, 10]
    for index, seed in enumerate(batch.all_seeds):
        assert far(pixels(batch, index), pixels(generate(prompt="a cat", steps=2, seed=seed))) <= 1
        assert f"Seed: {seed}" in batch.infotexts[index]


def test_variations_share_the_seed(webui: Any) -> None:
    result = generate(steps=2, batch_size=2, subseed=3, subseed_strength=0.4)
    assert (result.all_seeds, result.all_subseeds) == ([7, 7], [3, 4])
    assert "Variation seed: 4, Variation seed strength: 0.4" in result.infotexts[1]
    assert far(pixels(result, 0), pixels(result, 1)) > 0
    assert far(pixels(generate(steps=2)), pixels(generate(steps=2, subseed=3, subseed_strength=1e-9))) <= 1


def test_extras_of_the_seed_can_be_switched_off(webui: Any) -> None:
    p = job(subseed=3, subseed_strength=0.4, seed_resize_from_h=32, seed_resize_from_w=32, seed_enable_extras=False)
    assert (p.subseed, p.subseed_strength, p.seed_resize_from_h, p.seed_resize_from_w) == (-1, 0, 0, 0)


def test_random_seeds_are_told(webui: Any) -> None:
    first, second = generate(steps=1, seed=-1), generate(steps=1, seed=-1)
    assert first.seed >= 0 and first.seed != second.seed
    assert f"Seed: {first.seed}" in first.info


def test_styles_go_around_the_prompt(webui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules.styles import PromptStyle

    monkeypatch.setitem(webui.prompt_styles.styles, "grand", PromptStyle("grand", "grand {prompt} in oil", "small"))
    result = generate(prompt="a cat", negative_prompt="ugly", steps=1, styles=["grand"])
    assert (result.all_prompts, result.all_negative_prompts) == (["grand a cat in oil"], ["ugly, small"])
    assert result.prompt == "a cat" and result.info.startswith("grand a cat in oil\nNegative prompt: ugly, small\n")


def test_tiling_lasts_one_job(webui: Any) -> None:
    plain = pixels(generate(steps=1))
    tiled = generate(steps=1, tiling=True)
    assert "Tiling: True" in tiled.info and far(plain, pixels(tiled)) > 0
    assert far(plain, pixels(generate(steps=1))) == 0


def test_prompts_may_be_a_list(webui: Any) -> None:
    result = generate(prompt=["a cat", "a dog"], steps=1, batch_size=2)
    assert result.all_prompts == ["a cat", "a dog"] and len(result.images) == 2
    with pytest.raises(RuntimeError, match="2 prompts, but 3 negative prompts"):
        generate(prompt=["a cat", "a dog"], negative_prompt=["x", "y", "z"], steps=1)


def test_functions_replaced_on_the_module_are_used(webui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import processing

    real, sizes = processing.decode_latent_batch, []

    def watch(model: Any, batch: Any, **kwargs: Any) -> Any:
        sizes.append(tuple(batch.shape))
        return real(model, batch, **kwargs)

    monkeypatch.setattr(processing, "decode_latent_batch", watch)
    monkeypatch.setattr(processing, "create_infotext", lambda *args, **kwargs: "my infotext")
    assert generate(steps=1).info == "my infotext"
    generate(steps=1, enable_hr=True, hr_scale=2.0, hr_upscaler="Lanczos")
    assert sizes == [(1, 4, 8, 8), (1, 4, 8, 8), (1, 4, 16, 16)]


def test_nan_is_an_error_that_names_the_part(webui: Any, probe: Any) -> None:
    from modules import devices

    def spoil(p: Any, ps: Any) -> None:
        ps.samples = ps.samples * float("nan")

    probe.start(post_sample=spoil)
    with pytest.raises(devices.NansException, match="the UNet"):
        generate(steps=1)


@pytest.mark.parametrize(("fields", "size", "said"), [
    ({"hr_scale": 2.0}, (128, 128), "Hires upscale: 2.0"),
    ({"hr_resize_x": 96, "hr_resize_y": 0}, (96, 96), "Hires resize: 96x0"),
    ({"hr_resize_x": 128, "hr_resize_y": 96}, (128, 96), "Hires resize: 128x96"),
])
@pytest.mark.parametrize("upscaler", ["Latent", "Latent (nearest-exact)", "Lanczos", "Nearest", "None"])
def test_hires_sizes(webui: Any, upscaler: str, fields: dict[str, Any], size: tuple[int, int], said: str) -> None:
    result = generate(steps=1, enable_hr=True, hr_upscaler=upscaler, denoising_strength=0.5, **fields)
    assert result.images[0].size == size
    assert said in result.info and f"Hires upscaler: {upscaler}" in result.info and "Size: 64x64" in result.info


def test_hires_says_what_differs_from_the_first_pass(webui: Any) -> None:
    common: dict[str, Any] = {"steps": 2, "enable_hr": True, "prompt": "a cat", "hr_upscaler": "Latent"}
    plain = generate(**common)
    assert "Hires prompt" not in plain.info and "Hires sampler" not in plain.info and "Hires steps" not in plain.info
    other = generate(**common, hr_prompt="a dog", hr_negative_prompt="dull", hr_second_pass_steps=3,
                     hr_sampler_name="Euler", hr_checkpoint_name="tinyb")
    for part in ("Hires prompt: a dog", "Hires negative prompt: dull", "Hires steps: 3", "Hires sampler: Euler",
                 "Hires checkpoint: tinyb"):
        assert part in other.info
    assert far(pixels(plain), pixels(other)) > 0


def test_hires_checkpoint_is_for_the_second_pass_only(webui: Any, probe: Any) -> None:
    probe.start()
    generate(steps=1, n_iter=2, enable_hr=True, hr_upscaler="Latent", hr_checkpoint_name="tinyb")
    order = [event.get("ckpt", event["hook"]) for event in probe.stop()]
    wanted = ["on_cfg_denoiser", "tinyb.safetensors", "before_hr", "tiny.safetensors", "before_process_batch"]
    kept = [name for name in order if name in wanted][1:]
    assert kept == ["on_cfg_denoiser", "tinyb.safetensors", "before_hr", "on_cfg_denoiser", "tiny.safetensors",
                    "before_process_batch", "on_cfg_denoiser", "tinyb.safetensors", "before_hr", "on_cfg_denoiser"]


def test_names_that_do_not_exist(webui: Any) -> None:
    for fields, message in (
        ({"refiner_checkpoint": "nowhere"}, "no checkpoint 'nowhere' to refine"),
        ({"enable_hr": True, "hr_checkpoint_name": "nowhere"}, "no checkpoint 'nowhere' for hires"),
    ):
        with pytest.raises(ValueError, match=message):
            generate(steps=1, **fields)


def test_firstpass_image_is_enlarged_without_a_first_pass(webui: Any, probe: Any) -> None:
    for upscaler in ("Latent", "Lanczos"):
        probe.start()
        result = generate(steps=2, enable_hr=True, hr_upscaler=upscaler, firstpass_image=Image.new("RGB", (64, 64)))
        calls = [event for event in probe.stop() if event["hook"] == "on_cfg_denoiser"]
        assert calls and all(event["hires"] for event in calls)
        assert result.images[0].size == (128, 128)


def test_saved_pictures_carry_their_infotext(webui: Any, data_dir: Path, tmp_path: Path) -> None:
    result = generate(prompt="a cat", steps=1, batch_size=2, do_not_save_samples=False, do_not_save_grid=False,
                      outpath_samples=str(tmp_path / "samples"), outpath_grids=str(tmp_path / "grids"))
    files = sorted((tmp_path / "samples").rglob("*.png"))
    assert [Image.open(file).info["parameters"] for file in files] == result.infotexts[1:]
    assert len(list((tmp_path / "grids").rglob("*.png"))) == 1
    assert result.index_of_first_image == 1 and result.images[0].size == (128, 64)


def test_incomplete_pictures_are_not_saved(webui: Any, probe: Any, tmp_path: Path) -> None:
    probe.start(on_cfg_denoiser=lambda params: webui.state.interrupt())
    generate(steps=3, do_not_save_samples=False, outpath_samples=str(tmp_path))
    assert not list(tmp_path.rglob("*.png"))


def test_infotext_entries_of_extensions(webui: Any, probe: Any, capsys: Any) -> None:
    def add(p: Any) -> None:
        p.extra_generation_params.update({
            "Text": "x, y", "Each": ["one", "two"], "Made": lambda p, index, **_: f"number {index}", "None": None,
            "Fails": lambda **_: 1 / 0, "Flag": "Flag"})

    probe.start(process=add)
    result = generate(steps=1, batch_size=2)
    probe.stop()
    first, second = result.infotexts[-2:]
    assert 'Text: "x, y", Each: one, Made: number 0, Flag' in first
    assert "Each: two, Made: number 1" in second
    assert "None" not in first and "Fails" not in first
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert json.loads(result.js())["extra_generation_params"]["Made"] is None


def test_seeds_that_people_type() -> None:
    from modules import processing

    assert [processing.get_fixed_seed(seed) for seed in (5, "6", [1, 2])] == [5, 6, [1, 2]]
    assert all(0 <= processing.get_fixed_seed(seed) < 2**32 for seed in ("", None, -1, "soon"))


def test_hires_arithmetic() -> None:
    from modules import processing
    from modules.processing.hires_size import resize_target
    from modules.processing.image_to_image import StableDiffusionProcessingImg2Img
    from modules.processing.job import process_images

    assert resize_target(512, 512, 1024, 768) == (1024, 1024, 0, 32)
    assert resize_target(512, 768, 0, 1024) == (682, 1024, 0, 0)
    assert processing.old_hires_fix_first_pass_dimensions(1024, 1024) == (512, 512)
    assert processing.StableDiffusionProcessingImg2Img is StableDiffusionProcessingImg2Img
    assert processing.process_images is process_images


def test_base_class_cannot_sample(webui: Any) -> None:
    from modules import processing

    with pytest.raises(TypeError, match="base class"):
        processing.StableDiffusionProcessing().sample(None, None, [], [], 0, [])


def test_close_keeps_or_forgets_encoded_prompts(webui: Any) -> None:
    from modules import processing

    kind = processing.StableDiffusionProcessing
    generate(prompt="a cat", steps=1)
    assert kind.cached_c[0] is not None
    webui.opts.data["persistent_cond_cache"] = False
    generate(prompt="a cat", steps=1)
    assert kind.cached_c == [None, None]
