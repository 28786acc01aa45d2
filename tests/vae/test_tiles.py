"""Decoding and encoding within a number of bytes: the same pictures, and the bytes are kept."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface.vae.autoencoder import Cancelled, TooFewBytes
from lib_vaeface.vae.budget import WHOLE, Job
from tests.vae import samples

codec = samples.random_codec
SIZE = (24, 20)


@pytest.fixture(scope="module")
def decoded() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    latents = torch.randn(1, 4, *SIZE)
    return latents, codec().decode(latents)


@pytest.mark.parametrize("tile", [1, 3, 7, 12, 19, 24, 40])
def test_any_tile_size_gives_the_full_decode(tile: int, decoded: tuple) -> None:
    latents, images = decoded
    found = codec().decode_tiled(latents, tile=tile)
    assert samples.steps(found, images) < 0.01 and samples.psnr(found, images) > 100


@settings(max_examples=8, deadline=None)
@given(st.floats(0.2, 1.1))
def test_any_number_of_bytes_gives_the_full_decode_or_says_what_it_needs(decoded: tuple, share: float) -> None:
    latents, images = decoded
    given_bytes = int(share * Job(codec().decoder, SIZE, 4).whole().nbytes)
    try:
        found = codec().decode_tiled(latents, given_bytes)
    except TooFewBytes as error:
        assert error.needed > given_bytes
        found = codec().decode_tiled(latents, error.needed)
    assert samples.psnr(found, images) > 100


@pytest.mark.parametrize("share", [0.8, 0.5, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_bytes_are_kept(share: float, dtype: torch.dtype, decoded: tuple) -> None:
    """Of what the allocator gives out, all in all: activations, statistics, the library's copies, the result."""
    latents, _ = decoded
    runner = codec() if dtype == torch.float32 else codec().in_precision(dtype)
    runner.decode(latents[:, :, :2, :2])  # weights are prepared before
    job = Job(runner.decoder, SIZE, dtype.itemsize)
    limit = int(share * job.whole().nbytes) + 300_000
    assert samples.peak_bytes(lambda: runner.decode(latents)) > limit or share == 0.8
    assert samples.peak_bytes(lambda: runner.decode_tiled(latents, limit)) <= limit


def test_a_whole_batch_stays_within_the_bytes(decoded: tuple) -> None:
    latents, images = decoded
    batch = latents.repeat(3, 1, 1, 1)
    limit = int(0.7 * Job(codec().decoder, SIZE, 4).whole().nbytes)
    codec().decode(latents[:, :, :2, :2])
    assert samples.peak_bytes(lambda: codec().decode_tiled(batch, limit)) <= limit
    assert samples.steps(codec().decode_tiled(batch, limit), images) < 0.01


def test_least_bytes_is_enough_and_one_step_less_is_not() -> None:
    job = Job(codec().decoder, SIZE, 4)
    with pytest.raises(TooFewBytes) as caught:
        job.plan(1000)
    assert job.plan(caught.value.needed)
    with pytest.raises(TooFewBytes):
        job.plan(caught.value.needed - 1)


def test_more_bytes_never_cost_more_work() -> None:
    job = Job(codec().decoder, (40, 40), 4)
    whole, least = job.whole(), job.least_bytes()
    work = [sum(s.macs for s in job.plan(int(least + 200_000 + k * (whole.nbytes - least) / 6))) for k in range(8)]
    assert work == sorted(work, reverse=True) and work[-1] == whole.macs


def test_enough_bytes_are_the_ordinary_decode() -> None:
    (only,) = Job(codec().decoder, SIZE, 4).plan(2**33)
    assert (only.start, only.stop, only.tile) == (0, len(codec().decoder.ops), WHOLE)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_trained_vaes_on_photographs(name: str) -> None:
    for kl in (samples.pocket(), samples.taef2()):
        latents = kl.encode(samples.photo(name, 192, 100))
        assert samples.psnr(kl.decode_tiled(latents, tile=9), kl.decode(latents)) > 100


def test_half_precision_stays_within_one_step_on_a_trained_vae() -> None:
    kl = samples.pocket().in_precision(torch.bfloat16)
    latents = kl.encode(samples.photo("astronaut", 128, 200))
    assert samples.steps(kl.decode_tiled(latents, tile=5), kl.decode(latents)) <= 1


def test_wrapped_tiles_wrap() -> None:
    wrapping, latents = codec().wrapping(True), torch.randn(1, 4, 12, 16)
    assert samples.psnr(wrapping.decode_tiled(latents, tile=5), wrapping.decode(latents)) > 100


def test_encoding_in_tiles_equals_encoding() -> None:
    images = torch.rand(1, 3, 8 * SIZE[0], 8 * SIZE[1])
    job = Job(codec().encoder, SIZE, 4)
    for share in (0.7, 0.4):
        found = codec().encode(images, max_bytes=int(share * job.whole().nbytes))
        assert (found - codec().encode(images)).abs().max() < 1e-5


def test_cancel_between_tiles_leaves_nothing(decoded: tuple) -> None:
    latents, images = decoded
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 20

    with pytest.raises(Cancelled):
        codec().decode_tiled(latents, tile=6, cancel=cancel)
    assert len(asked) == 21
    assert samples.psnr(codec().decode_tiled(latents, tile=6), images) > 100
