"""Codecs kept open between generations: how many, where, and what they remember."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lib_vaeface.vae.inspect import VaeInfo, inspect
from lib_vaeface.vae.jsonfile import JsonFile
from lib_vaeface.vae.picked import BEST, Codecs
from lib_vaeface.vae.precision import Climb
from lib_vaeface.vae.weights import Held
from tests.fixtures import kin
from tests.vae import family

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[VaeInfo]:
    folder = tmp_path_factory.mktemp("codecs")
    base = family.base_state()
    return [inspect(kin.write(kin.noisy(base, 0.01, n), folder / f"{n}.safetensors")) for n in range(3)]


def told(climb: Climb) -> None:
    pytest.fail(f"{climb}")


def test_the_same_file_gives_the_same_codec_and_precisions_are_apart(files: list[VaeInfo]) -> None:
    codecs = Codecs()
    assert codecs.get(files[0], CPU, BEST, told) is codecs.get(files[0], CPU, BEST, told)
    assert codecs.get(files[0], CPU, BEST, told) is not codecs.get(files[0], CPU, "bf16", told)


def test_the_last_used_ones_stay_within_the_bytes(files: list[VaeInfo]) -> None:
    latent = torch.zeros(1, 4, 2, 2)
    size = _used(Codecs(), files[0], latent)
    codecs = Codecs(most_bytes=int(2.5 * size))
    for info in files:
        _used(codecs, info, latent)
        _used(codecs, files[0], latent)
    assert [key[0] for key in codecs._kept] == [files[2].identity.key(), files[0].identity.key()]


def _used(codecs: Codecs, info: VaeInfo, latent: torch.Tensor) -> int:
    codec = codecs.get(info, CPU, BEST, told)
    codec.decode(latent)
    codecs.get(info, CPU, BEST, told)
    return codec.nbytes


def test_off_the_device_they_hold_nothing_and_decode_as_before(files: list[VaeInfo]) -> None:
    codecs, latent = Codecs(), torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    codec = codecs.get(files[0], CPU, BEST, told)
    before = codec.decode(latent)
    codecs.leave_device()
    assert codec.nbytes == 0
    assert torch.equal(codec.decode(latent), before) and codec.nbytes > 0


def test_a_held_source_reads_once(files: list[VaeInfo]) -> None:
    reads: list[int] = []

    def read() -> dict[str, torch.Tensor]:
        reads.append(1)
        return {"a": torch.ones(4)}

    source = Held(read, pin=False)
    assert source.nbytes == 0
    assert source() is source() and source.nbytes == 16 and len(reads) == 1


def test_climbs_are_told_to_the_generation_that_runs(tmp_path: Path) -> None:
    """A codec opened by an earlier generation tells the present one; the rung is remembered in the file."""
    state = family.base_state()
    state = {name: value * 1e4 if name == "decoder.conv_in.weight" else value for name, value in state.items()}
    info = inspect(kin.write(state, tmp_path / "hot.safetensors"))
    table = JsonFile(tmp_path / "precision.json")
    first: list[Climb] = []
    second: list[Climb] = []
    codecs = Codecs(remembered=table)
    latent = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1)) * 50
    codec = codecs.get(info, CPU, "fp16", first.append)
    codec.decode(latent)
    assert len(first) == 1 and list(table.items().values()) == [first[0].high]
    table.put(next(iter(table.items())), None)
    codecs.get(info, CPU, "fp16", second.append).decode(latent)
    assert len(first) == 1 and len(second) == 1
    again = Codecs(remembered=JsonFile(tmp_path / "precision.json")).get(info, CPU, "fp16", told)
    assert again.dtype != torch.float16 and bool(torch.isfinite(again.decode(latent)).all())
