"""Bridges between families of latents: nothing but the two VAEs' own losses is lost."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface.vae import metrics
from lib_vaeface.vae.bridge import adaptive_noise, bridge, encode, on_grid, scaled, side_by_side, statistics
from lib_vaeface.vae.budget import TooFewBytes
from lib_vaeface.vae.codec import Cancelled
from tests.vae import family


def latents() -> torch.Tensor:
    return family.base().encode(family.portraits())


def test_it_is_a_decode_and_an_encode_of_unrounded_pictures() -> None:
    found = bridge(latents(), family.base(), family.foreign())
    pictures = family.base().decode(latents())
    torch.testing.assert_close(found.latents, family.foreign().encode(pictures), atol=1e-3, rtol=0)
    assert found.pictures is not None and not torch.equal(found.pictures * 255, (found.pictures * 255).round())


def test_what_the_target_shows_is_its_own_round_trip_of_the_picture() -> None:
    source, target = family.base(), family.foreign()
    found = bridge(latents(), source, target)
    pictures = source.decode(latents())
    own = metrics.psnr(metrics.mse(target.decode(target.encode(pictures)), pictures))
    across = metrics.psnr(metrics.mse(target.decode(found.latents), pictures))
    assert across == pytest.approx(own, abs=0.01)
    assert found.report.psnr == pytest.approx(across, abs=0.01)
    assert found.report.worst <= found.report.psnr and len(found.report.errors) == 2


def test_the_wrong_latents_do_not_show_the_picture() -> None:
    """What the bridge is for: without it the target makes nothing of them."""
    pictures = family.base().decode(latents())
    unbridged = metrics.psnr(metrics.mse(family.foreign().decode(latents()), pictures))
    assert bridge(latents(), family.base(), family.foreign()).report.psnr > unbridged + 10


def test_to_oneself_and_back() -> None:
    there = bridge(latents(), family.base(), family.foreign())
    back = bridge(there.latents, family.foreign(), family.base())
    directly = bridge(bridge(latents(), family.base(), family.base()).latents, family.base(), family.base())
    torch.testing.assert_close(back.latents, directly.latents, atol=2e-3, rtol=0)


def test_in_tiles_it_is_the_same_and_too_few_bytes_are_told() -> None:
    whole = bridge(latents(), family.base(), family.foreign(), check=False)
    tiled = bridge(latents(), family.base(), family.foreign(), max_bytes=8 * 2**20, check=False)
    torch.testing.assert_close(tiled.latents, whole.latents, atol=1e-3, rtol=0)
    with pytest.raises(TooFewBytes, match="are too few"):
        bridge(latents(), family.base(), family.foreign(), max_bytes=1000)


def test_without_a_check_nothing_is_claimed() -> None:
    found = bridge(latents(), family.base(), family.foreign(), check=False)
    assert str(found.report) == "round trip not measured" and found.report.to_json()["psnr"] is None
    json.dumps(found.report.to_json(), allow_nan=False)


def test_cancelled() -> None:
    with pytest.raises(Cancelled):
        bridge(latents(), family.base(), family.foreign(), cancel=lambda: True)


def test_latents_of_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="latents of shape"):
        bridge(torch.zeros(1, 16, 8, 8), family.base(), family.foreign())


def test_the_next_stage_may_be_larger() -> None:
    found = bridge(latents(), family.base(), family.foreign(), size=(96, 128))
    assert found.latents.shape == (2, 4, 12, 16) and found.pictures is not None
    assert found.pictures.shape == (2, 3, 96, 128) and float(found.pictures.max()) <= 1
    torch.testing.assert_close(found.pictures, scaled(family.base().decode(latents()), (96, 128)), atol=1e-4, rtol=0)


def test_a_picture_off_the_grid_is_padded_and_says_so() -> None:
    picture = family.portraits()[:1, :, :60, :57]
    found = encode(picture, family.base())
    assert found.latents.shape == (1, 4, 8, 8) and found.report.padded == (7, 4)
    assert "padded by 7 and 4 pixels" in str(found.report)
    again = family.base().decode(found.latents)[..., :60, :57]
    assert found.report.psnr == pytest.approx(metrics.psnr(metrics.mse(again, picture)), abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([8, 16]))
def test_padding_keeps_the_picture(height: int, width: int, grid: int) -> None:
    picture = torch.rand(1, 3, height, width)
    found, (right, below) = on_grid(picture, grid)
    assert found.shape[2] % grid == found.shape[3] % grid == 0 and right < grid and below < grid
    assert torch.equal(found[..., :height, :width], picture)


def test_adaptive_noise_has_the_latents_shares_and_the_samplers_level() -> None:
    random = torch.Generator().manual_seed(0)
    target = torch.randn(2, 4, 64, 64, generator=random) * torch.tensor([0.5, 1.0, 1.5, 2.0]).view(1, 4, 1, 1) + 3
    noise = torch.randn(2, 4, 64, 64, generator=random)
    found = adaptive_noise(target, noise)
    there, here = statistics(target), statistics(found)
    torch.testing.assert_close(here.std / here.spread, there.std / there.spread, atol=0.03, rtol=0)
    torch.testing.assert_close(here.spread, torch.ones(2, 1, 1, 1), atol=0.03, rtol=0)
    assert torch.equal(noise.sign(), found.sign())


def test_adaptive_noise_of_even_channels_is_the_noise() -> None:
    noise = torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(adaptive_noise(torch.randn(1, 1, 8, 8).repeat(1, 4, 1, 1), noise), noise)
    assert bool(torch.isfinite(adaptive_noise(torch.zeros(1, 4, 8, 8), noise)).all())


def test_statistics_for_a_report() -> None:
    (one,) = side_by_side([torch.ones(1, 4, 8, 8)])
    assert one == {"mean": [1.0] * 4, "std": [0.0] * 4, "spread": 0.0}
