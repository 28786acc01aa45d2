"""Maps between latents: found where there is one, measured on pictures they did not see, for two VAEs only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lib_vaeface.vae import metrics
from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.bridge import bridge
from lib_vaeface.vae.calibrate import calibrate, pair_of
from lib_vaeface.vae.codec import Cancelled
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.latent_map import KEY, KINDS, LatentMap, packed, ratio_of, read_map
from tests.fixtures import kin
from tests.vae import family


def pictures() -> Iterator[torch.Tensor]:
    yield from family.portraits(6)


@lru_cache
def fitted() -> LatentMap:
    return calibrate(pictures(), family.base(), family.foreign(), ("base", "foreign"))


def test_a_turned_space_is_found_by_the_simplest_map_that_can() -> None:
    found = fitted()
    assert found.kind == "1x1" and found.held_out.pictures == 1 and found.held_out.fitted == 5
    assert found.held_out.unexplained < 0.05 and found.held_out.psnr > found.held_out.bridge


def test_the_same_space_needs_an_affine_one() -> None:
    assert calibrate(pictures(), family.base(), family.base()).kind == "affine"


def test_what_is_said_of_held_out_pictures_is_what_they_measure() -> None:
    found = fitted()
    pair = pair_of(family.portraits(6)[1], family.base(), family.foreign())
    target = family.foreign()
    mapped = target.decode(target.scaling.to_latents(found(pair.source)))
    assert found.held_out.psnr == pytest.approx(metrics.psnr(metrics.mse(mapped, pair.picture)), abs=0.01)


def test_as_a_bridge_it_is_called_approximate_with_its_error() -> None:
    latents = family.base().encode(family.portraits())
    exact = bridge(latents, family.base(), family.foreign())
    mapped = bridge(latents, family.base(), family.foreign(), via=fitted())
    assert exact.report.approximate == "" and "held-out" in mapped.report.approximate
    assert str(mapped.report).startswith("approximate: a map (1x1) fitted on 5 pictures from base to foreign")
    assert mapped.report.psnr > exact.report.psnr - 6
    unchecked = bridge(latents, family.base(), family.foreign(), via=fitted(), check=False)
    assert unchecked.pictures is None and unchecked.report.approximate
    assert torch.equal(unchecked.latents, mapped.latents)


def test_it_serves_no_other_vaes() -> None:
    latents = family.base().encode(family.portraits())
    with pytest.raises(ValueError, match="fitted with foreign as its target"):
        bridge(latents, family.base(), family.foreign(4), via=fitted())
    with pytest.raises(ValueError, match="fitted with base as its source"):
        bridge(latents, family.foreign(), family.base(), via=fitted())
    with pytest.raises(ValueError, match="keeps the size"):
        bridge(latents, family.base(), family.foreign(), via=fitted(), size=(128, 128))


def test_it_serves_a_copy_in_another_precision_and_format() -> None:
    half = {name: tensor.half() for name, tensor in family.base_state().items()}
    copy = from_state_dict(half, dtype=torch.float32, format=replace(family.POCKET, scale=1.0))
    assert fitted().fits(copy, family.foreign()) == ""
    pictures = family.portraits()
    one = bridge(copy.encode(pictures), copy, family.foreign(), via=fitted(), check=False)
    other = bridge(family.base().encode(pictures), family.base(), family.foreign(), via=fitted(), check=False)
    torch.testing.assert_close(one.latents, other.latents, atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_saved_and_read(kind: str, tmp_path: Path) -> None:
    found = calibrate(pictures(), family.base(), family.base(), ("a", "b"), kinds=[kind])
    found.save(tmp_path / "map.safetensors")
    again = read_map(tmp_path / "map.safetensors")
    raw = torch.randn(2, 4, 6, 5)
    torch.testing.assert_close(again(raw), found(raw))
    assert (again.kind, again.source, again.held_out) == (kind, found.source, found.held_out)
    assert (tmp_path / "map.safetensors").stat().st_size < 200_000
    assert [file.name for file in tmp_path.iterdir()] == ["map.safetensors"]


def test_a_richer_map_explains_more_of_a_bent_space() -> None:
    """A space no matrix reaches: the channels of the base's latents, shifted by a pixel against each other."""
    state = dict(family.base_state())
    conv = state["encoder.conv_out.weight"].clone()
    conv[0] = torch.roll(conv[0], 1, dims=2)
    conv[5:] = conv[5:] * 0.5
    state["encoder.conv_out.weight"] = conv
    bent = from_state_dict(state, format=family.FOREIGN)
    left = {
        kind: calibrate(pictures(), family.base(), bent, kinds=[kind]).held_out.unexplained for kind in ("1x1", "conv")
    }
    assert left["conv"] < 0.7 * left["1x1"]


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.safetensors"
    fitted().save(path)
    with safe_open(str(path), framework="pt") as file:
        facts, tensors = file.metadata()[KEY], {name: file.get_tensor(name) for name in fitted().tensors}
    cases = {
        "no latent map": ({"format": "pt"}, tensors),
        "version 2": ({KEY: facts.replace('"version": "1"', '"version": "2"')}, tensors),
        "complete": ({KEY: "[]"}, tensors),
        "unknown kind": ({KEY: facts.replace('"kind": "1x1"', '"kind": "2x2"')}, tensors),
        "tensors": ({KEY: facts}, {name: tensors[name] for name in ("mean", "std", "weight")}),
        "shape": ({KEY: facts}, tensors | {"bias": torch.zeros(5)}),
        "no numbers": ({KEY: facts}, tensors | {"bias": torch.full((4,), torch.nan)}),
    }
    for message, (metadata, weights) in cases.items():
        save_file(weights, path, metadata)
        with pytest.raises(VaeFileError, match=message):
            read_map(path)
    kin.write(family.base_state(), path)
    with pytest.raises(VaeFileError, match="no latent map"):
        read_map(path)


def test_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="too few"):
        calibrate(list(pictures())[:1], family.base(), family.base())
    with pytest.raises(ValueError, match="no such kind of map: best"):
        calibrate(pictures(), family.base(), family.base(), kinds=["best"])
    with pytest.raises(ValueError, match="smaller than the latents' grid"):
        calibrate([torch.zeros(3, 4, 64)], family.base(), family.base())
    with pytest.raises(Cancelled):
        calibrate(pictures(), family.base(), family.base(), cancel=lambda: True)
    with pytest.raises(ValueError, match="takes"):
        fitted()(torch.zeros(1, 16, 8, 8))


def test_grids_of_other_sizes() -> None:
    assert (ratio_of(8, 8), ratio_of(8, 16), ratio_of(16, 8)) == (1, 2, -2)
    with pytest.raises(ValueError, match="no whole factor"):
        ratio_of(8, 12)
    with pytest.raises(ValueError, match="true bridge"):
        packed(torch.zeros(1, 4, 5, 4), 2)
