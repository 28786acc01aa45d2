"""Bands hold what is put into them, in any order of boxes, until they are let go of."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_vaeface.vae.bands import Bands, put, whole_of
from lib_vaeface.vae.budget import Job
from lib_vaeface.vae.crops import Box, Edges
from tests.vae import samples

SHAPE = (1, 2, 13, 9)
RANDOM = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
sides = st.tuples(st.integers(0, 12), st.integers(0, 8), st.integers(1, 13), st.integers(1, 9))


def filled(rows: int, tile: int = 4) -> Bands:
    bands = Bands(SHAPE, rows, torch.float32, torch.device("cpu"), torch.contiguous_format)
    for top in range(0, SHAPE[2], tile):
        for left in range(0, SHAPE[3], tile):
            box = Box(left, top, min(left + tile, SHAPE[3]), min(top + tile, SHAPE[2]))
            put(bands, box, RANDOM[:, :, box.top : box.bottom, box.left : box.right])
    return bands


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 15), tile=st.integers(1, 14), sides=sides)
def test_any_box_comes_back(rows: int, tile: int, sides: tuple[int, int, int, int]) -> None:
    top, left, height, width = sides
    box = Box(left, top, min(left + width, SHAPE[3]), min(top + height, SHAPE[2]))
    found = filled(rows, tile).take(box)
    assert torch.equal(found, RANDOM[:, :, box.top : box.bottom, box.left : box.right])


@pytest.mark.parametrize("rows", [1, 4, 13])
def test_a_wrapped_window_is_that_of_one_piece(rows: int) -> None:
    edges, bands = Edges((13, 9), True), filled(rows)
    for window in (Box(-3, -5, 9, 13), Box(2, 6, 14, 20), Box(-10, -14, 20, 30)):
        assert torch.equal(edges.take(bands, window), edges.take(RANDOM, window))


def test_bands_that_lie_between_two_rows_are_let_go_of_and_no_others() -> None:
    bands = filled(4)
    bands.let_go(0, 7)
    assert torch.equal(bands.take(Box(0, 4, 9, 13)), RANDOM[:, :, 4:])
    with pytest.raises(KeyError):
        bands.take(Box(0, 3, 9, 5))
    bands.let_go(5, 12)
    assert torch.equal(bands.take(Box(0, 4, 9, 8)), RANDOM[:, :, 4:8])
    with pytest.raises(KeyError):
        bands.take(Box(0, 8, 9, 9))


def test_in_one_piece_it_is_what_was_put_in() -> None:
    assert torch.equal(whole_of(filled(3)), RANDOM) and whole_of(RANDOM) is RANDOM


@pytest.mark.parametrize("circular", [False, True])
def test_tiles_in_few_bytes_let_go_of_nothing_that_is_still_needed(circular: bool) -> None:
    codec = samples.random_codec().wrapping(circular)
    latents = torch.randn(1, 4, 40, 24, generator=torch.Generator().manual_seed(2))
    job = Job(codec.decoder, (40, 24), 4)
    for share in (0.2, 0.35, 0.6):
        limit = max(int(share * job.whole().nbytes), job.least_bytes() + 200_000) + 200_000
        stretches = job.plan(limit - 200_000)
        assert sum(stretch.tile > 0 for stretch in stretches) > 1 or share > 0.5
        assert samples.psnr(codec.decode_tiled(latents, limit), codec.decode(latents)) > 100
