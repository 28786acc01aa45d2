"""Metrics against scikit-image and by their laws; comparisons of real VAEs on one latent."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics as theirs

from lib_vaeface.vae import metrics
from lib_vaeface.vae.codec import Cancelled
from lib_vaeface.vae.compare import TRUTH, Comparison, Region, compare, decode_each, difference_map, rebuild_each
from lib_vaeface.vae.compare import shared_gain as gain_of
from lib_vaeface.vae.contact_sheet import contact_sheet, to_image
from lib_vaeface.vae.errors import VaeFileError
from tests.vae import family


def noisy(picture: torch.Tensor, amount: float, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (picture + amount * torch.randn(picture.shape, generator=random)).clamp(0, 1)


def regions(kinds: tuple[str, ...] = ("face", "eyes")) -> list[Region]:
    return [Region(kind, box, number) for kind, box, number in family.boxes() if kind in kinds]


@pytest.mark.parametrize("amount", [0.001, 0.05, 0.4])
def test_psnr_and_ssim_are_those_of_scikit_image(amount: float) -> None:
    one = family.portraits()[0]
    other = noisy(one, amount)
    a, b = (picture.permute(1, 2, 0).double().numpy() for picture in (one, other))
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    assert metrics.ssim(one, other) == pytest.approx(
        theirs.structural_similarity(a, b, channel_axis=2, **how), abs=1e-6
    )
    found = metrics.psnr(metrics.mse(one, other))
    assert found == pytest.approx(theirs.peak_signal_noise_ratio(a, b, data_range=1.0), abs=1e-3)


def test_what_equal_pictures_measure() -> None:
    one = family.portraits()
    assert metrics.psnr(metrics.mse(one, one)) == math.inf
    assert metrics.ssim(one, one) == pytest.approx(1, abs=1e-6)
    assert metrics.colour_shift(one, one) == (0, 0, 0)


def test_detail_is_none_in_flat_colour_and_less_after_a_blur() -> None:
    one = family.portraits()
    assert metrics.detail(torch.full((3, 32, 32), 0.3)) == pytest.approx(0, abs=1e-3)
    assert metrics.detail(metrics.blur(one)) < 0.7 * metrics.detail(one)
    assert metrics.detail(one * 0.5) == pytest.approx(0.5 * metrics.detail(one), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(0, 64)] * 4))
def test_a_box_holds_the_pixels_whose_centres_it_holds(edges: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = edges
    found = metrics.inside_of([edges], 64, 64)
    for y, x in ((0, 0), (31, 17), (63, 63), (int(top) % 64, int(left) % 64)):
        assert bool(found[y, x]) == (left <= x + 0.5 < right and top <= y + 0.5 < bottom)


def test_colour_shift_and_error_of_a_region_know_nothing_of_the_rest() -> None:
    one = torch.full((1, 3, 32, 32), 0.5)
    other = one.clone()
    other[:, 0, 4:8, 4:12] += 10 / 255
    inside, outside = (metrics.inside_of([box], 32, 32) for box in ((4, 4, 12, 8), (12, 8, 32, 32)))
    assert metrics.colour_shift(other, one, inside) == pytest.approx((10, 0, 0), abs=1e-4)
    assert metrics.mse(other, one, inside) == pytest.approx((10 / 255) ** 2 / 3)
    assert metrics.mse(other, one, outside) == 0


def compared(truth: bool) -> Comparison:
    latents = family.base().encode(family.portraits())
    pictures = decode_each(latents, {"base": family.base(), "weak": family.tuned, "again": family.base()})
    return compare(pictures, family.portraits() if truth else None, regions())


def test_vaes_against_the_true_picture() -> None:
    found = compared(truth=True)
    base, weak, again = found.entries
    assert found.against == TRUTH and base.kinds == ("picture", "face", "eyes")
    assert base.figures() == again.figures() and base.figures("eyes").error > weak.figures("eyes").error * 0.2
    assert weak.figures().detail < base.figures().detail
    for entry in found.entries:
        assert entry.images is not None
        errors = (entry.images - family.portraits()).double().square().mean((1, 2, 3))
        assert entry.figures().error == pytest.approx(float(errors.mean()))
        assert len([part for part, _ in entry.parts if part.kind == "picture"]) == 2


def test_without_truth_the_first_is_the_measure_and_nothing_is_called_better() -> None:
    found = compared(truth=False)
    text = "\n".join(found.lines())
    assert found.against == "base" and found.entries[0].figures().error == 0
    assert "again: equal to base in every pixel." in text and "smoother" in text and "nearer" not in text
    assert "not which is better" in text


def test_the_ranking_says_the_nearest_first_and_what_was_measured() -> None:
    truth = family.portraits()
    pictures = {"far": noisy(truth, 0.1), "near": noisy(truth, 0.01), "blurred": metrics.blur(truth), "same": truth}
    found = compare(pictures, truth, regions(("eyes",)))
    lines = found.lines()
    assert lines[0] == "1. same: equal to the true picture in every pixel."
    assert lines[1].startswith("2. near:") and "nearer than far; eyes" in lines[1]
    assert f"{found.entries[1].figures().psnr:.2f} dB to the true picture" in lines[1]
    blurred = next(line for line in lines if "blurred" in line)
    assert "smoother" in blurred
    eyes = [found.entries[n].figures("eyes").psnr for n in (1, 0)]
    assert f"eyes {eyes[0] - eyes[1]:.1f} dB nearer than far" in lines[1]


def test_colour_is_spoken_of_only_where_it_shifts() -> None:
    truth = family.portraits() * 0.5 + 0.2
    red = truth + torch.tensor([3 / 255, 0, 0]).view(1, 3, 1, 1)
    (line,) = compare({"red": red}, truth).lines()
    assert "mean colour shifted by +3.0 red (levels of 255)" in line and "green" not in line


def test_one_that_fails_does_not_hinder_the_others() -> None:
    def broken() -> None:
        raise VaeFileError("broken.safetensors", "it ends early")

    latents = family.base().encode(family.portraits())
    pictures = decode_each(latents, {"broken": broken, "base": family.base()})
    found = compare(pictures, family.portraits())
    assert found.entries[0].problem == "broken.safetensors: it ends early"
    assert found.lines()[-1] == "broken: not measured: broken.safetensors: it ends early"
    assert found.to_json()["vaes"][0] == {"name": "broken", "problem": "broken.safetensors: it ends early"}
    with pytest.raises(ValueError, match="no VAE gave a picture: broken"):
        compare({"broken": pictures["broken"]})


def test_cancelling_passes() -> None:
    with pytest.raises(Cancelled):
        decode_each(torch.zeros(1, 4, 4, 4), {"base": family.base()}, cancel=lambda: True)


def test_families_are_compared_through_pictures() -> None:
    found = compare(
        rebuild_each(family.portraits(), {"base": family.base(), "foreign": family.foreign()}), family.portraits()
    )
    base, foreign = (entry.figures().psnr for entry in found.entries)
    assert base == pytest.approx(foreign, abs=0.05)


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (Region("eyes", (0, 0, 8, 8), 2), "there are 2 pictures"),
        (Region("eyes", (0, 0, 65, 8)), "64x64"),
        (Region("eyes", (3.6, 3.6, 4.4, 4.4)), "holds no pixel"),
    ],
)
def test_regions_that_make_no_sense(region: Region, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare({"a": family.portraits()}, None, [region])


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="b: pictures of shape"):
        compare({"a": family.portraits(), "b": family.portraits()[..., :32]})


def test_what_is_no_number_is_not_called_equal() -> None:
    broken = torch.full((1, 3, 16, 16), torch.nan)
    with pytest.raises(ValueError, match="b: pictures with values that are no numbers"):
        compare({"a": torch.zeros(1, 3, 16, 16), "b": broken})
    assert math.isnan(metrics.psnr(math.nan))


def test_json_is_plain_and_finite() -> None:
    text = json.dumps(compared(truth=False).to_json(), allow_nan=False)
    read = json.loads(text)
    assert read["vaes"][0]["all"]["picture"]["psnr"] is None
    assert {part["kind"] for part in read["vaes"][1]["parts"]} == {"picture", "face", "eyes"}


def test_difference_maps_and_their_gain() -> None:
    one, other = torch.full((1, 3, 16, 16), 0.5), torch.full((1, 3, 16, 16), 0.52)
    assert float(difference_map(one, one).max()) == 0
    assert float(difference_map(other, one, 8).mean()) == pytest.approx(0.16, abs=1e-5)
    assert gain_of(compare({"a": one, "b": other})) == 32
    assert gain_of(compare({"a": one, "b": one})) == 64


def test_the_contact_sheet_shows_pictures_differences_and_regions(tmp_path: Path) -> None:
    found = compared(truth=True)
    sheet = contact_sheet(found, cell=64)
    sheet.save(tmp_path / "sheet.png")
    assert sheet.width == 6 + 4 * 70
    assert sheet.height > (2 + len(regions())) * 64
    levels = torch.tensor(list(to_image(family.portraits()[0]).getdata())).view(64, 64, 3)
    assert torch.equal(levels, (family.portraits()[0] * 255).round().long().permute(1, 2, 0))
    assert list(sheet.crop((6, 54, 70, 118)).getdata()) == list(to_image(family.portraits()[0]).getdata())


def test_a_sheet_of_strange_names_and_sizes() -> None:
    picture = torch.rand(1, 3, 8, 40)
    sheet = contact_sheet(compare({"名前 🙂 " + "x" * 200: picture, "": picture}), cell=48)
    assert sheet.size[0] == 6 + 3 * 54
