"""Regions with kept statistics equal the crop of the full decode."""

from __future__ import annotations

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from lib_vaeface.vae import architecture, layouts
from lib_vaeface.vae.autoencoder import CUTS, FIRST_STAGE, LATENT, MID, from_state_dict
from lib_vaeface.vae.crops import Box, crop, crop_macs
from lib_vaeface.vae.decode import Own, decode_faces
from lib_vaeface.vae.execute import Statistics
from lib_vaeface.vae.program import Program
from lib_vaeface.vae.regions import cut_position, pooled
from lib_vaeface.vae.structure import Half, Structure, expected
from tests.vae import samples

HALOS = {LATENT: 18, MID: 13, FIRST_STAGE: 7}
SIZE = 36
codec = samples.random_codec


@pytest.fixture(scope="module")
def decoded() -> tuple[torch.Tensor, torch.Tensor, list]:
    torch.manual_seed(3)
    latents = torch.randn(1, 4, SIZE, SIZE)
    return latents, *codec().decode_keeping(latents, CUTS)


@pytest.mark.parametrize("cut", CUTS)
def test_context_that_exactness_needs(cut: str) -> None:
    program = codec().decoder
    assert program.halo(cut_position(program, cut)) == HALOS[cut]


@settings(max_examples=12, deadline=None)
@given(st.data(), st.sampled_from(CUTS))
def test_any_region_equals_its_crop(decoded: tuple, data: st.DataObject, cut: str) -> None:
    """Any box, also at the edges and of one pixel."""
    latents, images, memories = decoded
    left, top = data.draw(st.integers(0, 8 * SIZE - 1)), data.draw(st.integers(0, 8 * SIZE - 1))
    right = data.draw(st.integers(left + 1, min(left + 96, 8 * SIZE)))
    bottom = data.draw(st.integers(top + 1, min(top + 96, 8 * SIZE)))
    found = codec().decode_region(latents, (left, top, right, bottom), memories, cut, HALOS[cut])
    assert found.shape == (1, 3, bottom - top, right - left)
    assert samples.steps(found, images[:, :, top:bottom, left:right]) < 0.01


def test_less_context_is_not_exact(decoded: tuple) -> None:
    """The halos are not larger than they must be: much less, and the difference is there."""
    latents, images, memories = decoded
    box = Box(104, 104, 184, 184)
    for cut, less in ((LATENT, 3), (MID, 3), (FIRST_STAGE, 2)):
        found = codec().decode_region(latents, box, memories, cut, less)
        assert samples.steps(found, crop(images, box)) > 0.02


def test_every_picture_of_a_batch_has_its_own_statistics() -> None:
    latents = torch.randn(2, 4, 12, 12) * torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
    images, memories = codec().decode_keeping(latents)
    found = codec().decode_region(latents, (8, 16, 40, 56), memories)
    assert samples.steps(found, images[:, :, 16:56, 8:40]) < 0.01
    swapped = codec().decode_region(latents, (8, 16, 40, 56), memories[::-1])
    assert samples.steps(swapped, images[:, :, 16:56, 8:40]) > 1


def test_wrapped_regions_see_the_other_side() -> None:
    wrapping = codec().wrapping(True)
    latents = torch.randn(1, 4, 20, 24)
    images, memories = wrapping.decode_keeping(latents, CUTS)
    for cut in CUTS:
        assert (
            samples.steps(wrapping.decode_region(latents, (0, 0, 40, 32), memories, cut), images[:, :, :32, :40]) < 0.01
        )


@pytest.mark.parametrize("cut", CUTS)
def test_trained_vae_on_a_photograph(cut: str) -> None:
    kl = samples.pocket()
    latents = kl.encode(samples.photo("astronaut", 256, 64))
    images, memories = kl.decode_keeping(latents, (cut,))
    box = Box(100, 50, 180, 140)
    found = kl.decode_region(latents, box, memories, cut)
    assert samples.steps(found, crop(images, box)) < 0.001
    assert torch.equal(samples.to_8_bit(found), samples.to_8_bit(crop(images, box)))


def test_edited_face_in_kept_statistics_leaves_the_rest_as_it_was(decoded: tuple) -> None:
    """With LATENT the given latent counts: outside the edit's reach the region is still the old picture."""
    latents, images, memories = decoded
    edited = latents.clone()
    edited[:, :, 10:14, 10:14] += 1
    near = codec().decode_region(edited, (80, 80, 112, 112), memories, LATENT)
    assert samples.steps(near, images[:, :, 80:112, 80:112]) > 5
    assert (
        samples.steps(
            codec().decode_region(edited, (280, 280, 288, 288), memories, FIRST_STAGE), images[:, :, 280:, 280:]
        )
        < 0.01
    )


# image side, face side, share of the full decode by facts 4.2(d), for E (k=7, cached)
TABLE = [(512, 128, 0.20), (1024, 256, 0.112), (2048, 256, 0.024)]


@pytest.mark.parametrize(("image", "face", "share"), TABLE)
def test_cost_at_full_size_is_below_the_table(image: int, face: int, share: float) -> None:
    """By the facts' own arithmetic or less; that what is counted is what runs is another test."""
    program = _full_size()
    side, at = image // 8, (image // 8 - face // 8) // 2
    box = Box(at, at, at + face // 8, at + face // 8)
    region = crop_macs(program, cut_position(program, FIRST_STAGE), box, (side, side))
    assert region / program.macs(0, len(program.ops), side, side) < 1.1 * share


def _full_size() -> Program:
    """The decoder of the 83.7 M parameters of SD1 and SDXL; its shapes are enough."""
    widths = (128, 256, 512, 512)
    shapes = expected(Structure(4, Half(widths, 2), Half(widths, 3), True, True, False))
    naming = layouts.read(shapes)
    assert naming is not None
    found = architecture.of_file(naming, shapes)
    assert sum(prod(shape) for shape in shapes.values()) == 83_653_863 and found.decoder is not None
    return found.decoder


def test_counted_operations_are_those_that_run(decoded: tuple) -> None:
    latents, _, memories = decoded
    program, box = codec().decoder, Box(12, 12, 20, 20)
    with FlopCounterMode(display=False) as counter:
        codec().decode_region(latents, box.times(8), memories)
    assert counter.get_total_flops() == 2 * crop_macs(program, cut_position(program, FIRST_STAGE), box, (SIZE, SIZE))


def test_memories_of_other_pictures_are_refused(decoded: tuple) -> None:
    latents, _, memories = decoded
    with pytest.raises(ValueError, match="belong together"):
        codec().decode_region(latents.repeat(2, 1, 1, 1), (0, 0, 8, 8), memories)
    with pytest.raises(ValueError, match="sizes differ"):
        codec().decode_region(latents[:, :, :20, :20], (0, 0, 8, 8), memories)
    with pytest.raises(ValueError, match="inside"):
        codec().decode_region(latents, (0, 0, 8, 8 * SIZE + 1), memories)


def test_pooling_is_that_of_the_whole() -> None:
    x = torch.randn(4, 1000, dtype=torch.float64) * 3 + 5
    parts = [x[:, :100], x[:, 100:750], x[:, 750:]]
    stats = [(p.shape[1], Statistics(p.mean(1), p.var(1, correction=0))) for p in parts]
    whole = pooled(stats)
    assert torch.allclose(whole.mean.double(), x.mean(1)) and torch.allclose(
        whole.variance.double(), x.var(1, correction=0)
    )


def test_faces_of_another_vae_are_exact_or_say_that_they_are_not() -> None:
    torch.manual_seed(5)
    weights = samples.random_weights()
    kin = from_state_dict(
        {n: t * 1.02 if n.startswith("decoder.up.") and t.ndim == 4 else t for n, t in weights.items()}
    )
    latent = torch.randn(1, 4, 44, 44)
    _, memories = codec().decode_keeping(latent)
    own, boxes = Own(codec(), memories[0]), [(96, 80, 128, 112), (300, 300, 332, 324)]
    whole = kin.decode(latent)
    exact = decode_faces(kin, latent, boxes, own)
    rough = decode_faces(kin, latent, boxes, own, exact=False)
    donor = [crop(codec().decode(latent), Box(*box)) for box in boxes]
    assert exact.exact and not rough.exact and "approximate" in rough.note and rough.macs < exact.macs
    for box, a, b, c in zip(boxes, exact.images, rough.images, donor, strict=True):
        wanted = crop(whole, Box(*box))
        assert samples.steps(a, wanted) < 0.01
        assert samples.psnr(b, wanted) > max(30.0, samples.psnr(c, wanted))
    same = decode_faces(codec(), latent, boxes, own)
    assert same.exact and samples.steps(same.images[0], donor[0]) < 0.01
