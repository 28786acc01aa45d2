"""Faces decoded again are those of a full decode in fp32; a lack of memory costs time, never a picture."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor

from lib_vaeface.face.redecode import redecoder
from lib_vaeface.vae import decode
from lib_vaeface.vae.autoencoder import Autoencoder, from_state_dict
from lib_vaeface.vae.decode import Own, decode_with_room, same_weights
from tests.vae import samples

SIDE = 30  # latent pixels
BOXES = [(96, 80, 120, 112), (0, 0, 24, 16), (220, 210, 240, 240)]


@lru_cache(maxsize=1)
def weights() -> dict[str, Tensor]:
    torch.manual_seed(5)
    return samples.random_weights(widths=(32, 32, 32, 32), layers=1)


@lru_cache(maxsize=1)
def other() -> Autoencoder:
    """A kin of it: another decoder for the same latents."""
    return from_state_dict(
        {name: t * 1.05 if name.startswith("decoder.up.") and t.ndim == 4 else t for name, t in weights().items()}
    )


@lru_cache(maxsize=1)
def own_codec() -> Autoencoder:
    return from_state_dict(weights())


@lru_cache(maxsize=1)
def latents() -> Tensor:
    return torch.randn(2, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def cut(image: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    left, top, right, bottom = box
    return image[:, top:bottom, left:right]


def pictures(codec: Autoencoder) -> list[Tensor]:
    return list(codec.decode(latents()))


class Counting:
    """Counts the full passes of a codec."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, plain = 0, Autoencoder.decode

        def counted(codec: Autoencoder, latents: Tensor, *rest: Any) -> Tensor:
            self.count += 1
            return plain(codec, latents, *rest)

        monkeypatch.setattr(Autoencoder, "decode", counted)


def test_the_own_vae_decodes_the_faces_alone_and_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, memories = own_codec().decode_keeping(latents())
    owns = [Own(own_codec(), memory) for memory in memories]
    again = from_state_dict(weights())  # the same weights, opened a second time
    passes = Counting(monkeypatch)
    found = redecoder(again, list(latents()), list(whole), owns)(1, BOXES)
    assert passes.count == 0 and found.note == "exact: statistics of the picture"
    for image, box in zip(found.images, BOXES, strict=True):
        assert samples.steps(image, cut(whole[1], box)) < 0.01


def test_another_vae_takes_one_pass_for_all_faces_and_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, painted = other().decode(latents()), pictures(own_codec())
    passes = Counting(monkeypatch)
    again = redecoder(other(), list(latents()), painted)
    for boxes in (BOXES, BOXES[1:]):
        found = again(0, boxes)
        assert found.note.startswith("exact") and len(found.images) == len(boxes)
        assert all(torch.equal(i, cut(wanted[0], box)) for i, box in zip(found.images, boxes, strict=True))
    assert passes.count == 1
    assert torch.equal(again(1, BOXES[:1]).images[0], cut(wanted[1], BOXES[0]))


def test_faces_are_computed_in_fp32_whatever_the_codec_starts_with() -> None:
    low = from_state_dict(weights(), dtype=torch.bfloat16)
    whole, memories = low.decode_keeping(latents())
    full = own_codec().decode(latents())
    found = redecoder(low, list(latents()), list(whole), [Own(low, memory) for memory in memories])(0, BOXES)
    assert "exact" in found.note
    assert all(samples.steps(i, cut(full[0], box)) < 0.01 for i, box in zip(found.images, BOXES, strict=True))


def test_what_is_not_exact_says_its_error() -> None:
    low = from_state_dict(weights(), dtype=torch.bfloat16)
    whole, memories = low.decode_keeping(latents())
    for codec in (low, other()):
        owns = [Own(low if codec is low else own_codec(), memory) for memory in memories]
        found = redecoder(codec, list(latents()), list(whole), owns, exact=False)(0, BOXES)
        assert found.note.startswith("approximate") and "/255 off" in found.note
        truth = codec.in_precision(torch.float32).decode(latents())
        assert all(samples.psnr(i, cut(truth[0], box)) > 30 for i, box in zip(found.images, BOXES, strict=True))


@pytest.mark.parametrize("size", [(256, 256), (250, 179), (8, 8), (1, 1), (5, 90)])
def test_pictures_without_latents_are_encoded_first(size: tuple[int, int]) -> None:
    picture = torch.nn.functional.interpolate(samples.photo("astronaut"), size=size, mode="area")[0]
    box = (0, 0, size[1], size[0])
    for given in (None, [None], [torch.zeros(4, 32, 33)]):  # the last belongs to another picture
        found = redecoder(samples.pocket(), given, [picture])(0, [box])
        assert found.images[0].shape == picture.shape and "encoded first" in found.note
        if min(size) > 100:
            assert samples.psnr(found.images[0], picture) > 20


def test_two_lists_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="1 latents"):
        redecoder(other(), [latents()[0]], [torch.zeros(3, 8, 8)] * 2)


class Short:
    """A machine without memory: `decode` and `decode_tiled` above a number of bytes run out of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: float, error: Exception) -> None:
        tiled = Autoencoder.decode_tiled
        self.tried: list[int | None] = []

        def whole(codec: Autoencoder, latents: Tensor, *rest: Any) -> Tensor:
            raise error

        def limited(codec: Autoencoder, latents: Tensor, max_bytes: int | None = None, *rest: Any) -> Tensor:
            self.tried.append(max_bytes)
            if max_bytes is None or max_bytes > room:
                raise error
            return tiled(codec, latents, max_bytes, *rest)

        monkeypatch.setattr(Autoencoder, "decode", whole)
        monkeypatch.setattr(Autoencoder, "decode_tiled", limited)


ERRORS = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_where_memory_is_short_faces_come_in_tiles(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    wanted = own_codec().decode(latents()[:1])
    job = decode.Job(own_codec().decoder, (SIDE, SIDE), 4)
    short = Short(monkeypatch, 0.3 * job.whole().nbytes, error)
    image, how = decode_with_room(own_codec(), latents()[:1])
    assert how == "exact: a full pass of this VAE, in tiles" and len(short.tried) == 2
    assert samples.steps(image, wanted) < 0.01


def test_without_any_memory_faces_stay_and_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    painted = pictures(own_codec())
    Short(monkeypatch, -1, ERRORS[0])
    found = redecoder(other(), list(latents()), painted)(1, BOXES)
    assert "not enough memory" in found.note
    assert all(torch.equal(i, cut(painted[1], box)) for i, box in zip(found.images, BOXES, strict=True))


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    Short(monkeypatch, -1, RuntimeError("expected scalar type Half but found Float"))
    with pytest.raises(RuntimeError, match="scalar type"):
        redecoder(other(), list(latents()), [torch.zeros(3, 240, 240)] * 2)(0, BOXES)


def test_same_weights_are_told_by_their_values() -> None:
    codec = own_codec()
    assert same_weights(codec, codec.in_precision(torch.bfloat16))
    assert same_weights(codec, from_state_dict(weights())) and same_weights(
        from_state_dict(weights(), dtype=torch.float16), codec
    )
    assert not same_weights(codec, other())
    assert not same_weights(codec, samples.pocket())
    assert not same_weights(codec, replace(other(), nets={}))
