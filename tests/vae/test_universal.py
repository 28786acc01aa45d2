"""Whose latents are these? The right VAE's, or it is asked; never a wrong one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
import torch

from benchmarks import whose_latents
from lib_vaeface.vae import universal
from lib_vaeface.vae.autoencoder import load
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.formats import BY_KEY, LatentFormat
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.latent_files import read
from lib_vaeface.vae.universal import Candidate, Choice, Own, Stored, decode
from tests.fixtures import kin
from tests.vae import family

FORMATS = {"base": family.POCKET, "foreign": family.FOREIGN, "other": replace(family.FOREIGN, key="other", space="o")}
HASHES = {"base": "a" * 64, "foreign": "b" * 64, "other": "c" * 64}


OWN: Own = {}  # the VAEs of all tests are the same


def choose(stored: Stored, candidates: list[Candidate]) -> Choice:
    return universal.choose(stored, candidates, OWN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("vaes")
    kin.write(family.base_state(), found / "base.safetensors")
    kin.write(kin.turned(family.base_state(), 3), found / "foreign.safetensors", layout="diffusers")
    kin.write(kin.turned(family.base_state(), 8), found / "other.safetensors", prefix="first_stage_model.")
    return found


@lru_cache
def opened(path: Path, format: LatentFormat | None) -> Autoencoder:
    return load(path, format=format)


def candidate(folder: Path, name: str, proved: bool = True) -> Candidate:
    path = folder / f"{name}.safetensors"
    return Candidate(name, inspect(path), lambda f: opened(path, f), FORMATS[name] if proved else None, HASHES[name])


def all_of(folder: Path, proved: bool = True) -> list[Candidate]:
    return [candidate(folder, name, proved) for name in FORMATS]


def latents(folder: Path, name: str, format: LatentFormat | None = None) -> torch.Tensor:
    return opened(folder / f"{name}.safetensors", format or FORMATS[name]).encode(family.portraits(2, 128))


@pytest.mark.parametrize("name", FORMATS)
def test_latents_without_a_word_are_decoded_by_their_own_vae(folder: Path, name: str) -> None:
    stored = Stored(latents(folder, name))
    found = choose(stored, all_of(folder))
    assert found.option is not None and found.option.candidate.name == name
    pictures = decode(stored, found.option)
    torch.testing.assert_close(pictures, opened(folder / f"{name}.safetensors", FORMATS[name]).decode(stored.tensor))
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("name", FORMATS)
def test_without_their_own_vae_it_is_asked(folder: Path, name: str) -> None:
    others = [one for one in all_of(folder) if one.name != name]
    found = choose(Stored(latents(folder, name)), others)
    assert found.asks and {option.candidate.name for option in found.options} == {one.name for one in others}
    assert "come back from no VAE" in found.reason


def test_noise_is_nobodys(folder: Path) -> None:
    found = choose(Stored(torch.randn(1, 4, 16, 16)), all_of(folder))
    assert found.asks and all(option.error is not None and not option.near for option in found.options)


def test_a_hash_in_the_file_decides_without_a_test(folder: Path) -> None:
    """Also for latents that no test could tell, and by the ten characters that are shown."""
    stored = Stored(torch.randn(1, 4, 16, 16), vae_hash=HASHES["foreign"][:10])
    found = choose(stored, all_of(folder))
    assert found.option is not None and found.option.candidate.name == "foreign" and found.option.error is None


def test_a_hash_of_a_vae_that_is_not_here_decides_nothing(folder: Path) -> None:
    assert choose(Stored(torch.randn(1, 4, 16, 16), vae_hash="d" * 64), all_of(folder)).asks


def test_raw_latents_need_no_scale(folder: Path) -> None:
    codec = opened(folder / "foreign.safetensors", family.FOREIGN)
    scaled = latents(folder, "foreign")
    stored = Stored(codec.scaling.to_raw(scaled), raw=True)
    found = choose(stored, all_of(folder, proved=False))
    assert found.option is not None and found.option.candidate.name == "foreign"
    torch.testing.assert_close(decode(stored, found.option), codec.decode(scaled), atol=1e-4, rtol=0)


def test_a_format_in_the_file_and_a_vae_proved_of_it(folder: Path) -> None:
    sdxl = replace(candidate(folder, "foreign"), format=BY_KEY["sdxl"])
    stored = Stored(latents(folder, "foreign", BY_KEY["sdxl"]), format="sdxl")
    found = choose(stored, [candidate(folder, "base"), sdxl])
    assert found.option is not None and found.option.candidate.name == "foreign"
    assert found.reason == "foreign: the file says SDXL."


def test_a_false_format_is_found_out(folder: Path) -> None:
    sd1 = replace(candidate(folder, "foreign"), format=BY_KEY["sd1"])
    stored = Stored(latents(folder, "base", BY_KEY["sd1"]), format="sd1")
    found = choose(stored, [sd1])
    assert found.asks and "do not come back from foreign" in found.reason


def test_an_unproved_vae_is_tried_at_the_formats_scale(folder: Path) -> None:
    stored = Stored(latents(folder, "foreign", BY_KEY["sdxl"]), format="sdxl")
    found = choose(stored, all_of(folder, proved=False))
    assert found.option is not None and found.option.candidate.name == "foreign"
    assert found.option.format == BY_KEY["sdxl"]


def test_kin_are_one_family_and_the_named_one_is_taken(folder: Path) -> None:
    noisy = kin.noisy(family.base_state(), 0.002, 1)
    path = kin.write(noisy, folder / "kin.safetensors")
    twin = Candidate("kin", inspect(path), lambda f: opened(path, f), family.POCKET)
    stored = Stored(latents(folder, "base"))
    for name in ("base", "kin"):
        found = choose(replace(stored, vae_name=name), [*all_of(folder), twin])
        assert found.option is not None and found.option.candidate.name == name


def test_a_tiny_decoder_alone_can_not_be_tested(folder: Path) -> None:
    no_encoder = {name: t for name, t in family.base_state().items() if not name.startswith(("encoder.", "quant_conv"))}
    path = kin.write(no_encoder, folder / "half.safetensors")
    half = Candidate("half", inspect(path), lambda f: opened(path, f), family.POCKET)
    found = choose(Stored(latents(folder, "base")), [half])
    assert found.asks and found.options[0].note.endswith("it has no encoder")


def test_a_vae_that_can_not_be_read_does_not_hinder(folder: Path) -> None:
    def gone(format: LatentFormat | None) -> Autoencoder:
        raise VaeFileError("gone.safetensors", "there is no such file")

    broken = replace(candidate(folder, "other"), name="gone", load=gone)
    found = choose(Stored(latents(folder, "base")), [broken, candidate(folder, "base")])
    assert found.option is not None and found.option.candidate.name == "base"


def test_nothing_with_these_channels(folder: Path) -> None:
    found = choose(Stored(torch.randn(1, 16, 8, 8)), all_of(folder))
    assert found.asks and found.options == () and "16 channels" in found.reason
    with pytest.raises(ValueError, match="latents of shape"):
        choose(Stored(torch.randn(4, 8, 8)), all_of(folder))
    with pytest.raises(ValueError, match="no numbers"):
        choose(Stored(torch.full((1, 4, 8, 8), torch.nan)), all_of(folder))


@pytest.mark.slow
def test_files_of_every_family_and_layout(tmp_path: Path) -> None:
    """A part of `benchmarks.whose_latents`: with and without metadata, as ComfyUI keeps them and plain."""
    known, hashes, own = whose_latents.families(tmp_path), Hashes(), {}
    at_hand = whose_latents.candidates(known, tmp_path, hashes)
    found: Counter[str] = Counter()
    for one, says, path, truth in whose_latents.files(known, tmp_path, hashes, 14):
        answer, reason = whose_latents.outcome(read(path).stored, at_hand, truth, own)
        assert answer != whose_latents.WRONG, f"{one.name} ({says}): {reason}"
        found[answer] += 1
    assert found[whose_latents.RIGHT] >= 12
