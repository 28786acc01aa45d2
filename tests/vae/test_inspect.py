"""What a file is, from its header; hostile headers; what is read and what is not."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.header import HEADER_LIMIT, header_of, read_header
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.layouts import to_diffusers
from lib_vaeface.vae.structure import Half, Structure, expected
from tests.fixtures.headers import raw, sparse

SD1 = Structure(4, Half((128, 256, 512, 512), 2), Half((128, 256, 512, 512), 3), True, True, False)
FLUX1 = Structure(16, Half((128, 256, 512, 512), 2), Half((128, 256, 512, 512), 3), False, False, False)
X4 = Structure(4, Half((128, 256, 512), 2), Half((128, 256, 512), 3), True, True, False)
FLUX2 = Structure(32, Half((128, 256, 512, 512), 2), Half((128, 256, 512, 512), 3), True, True, True)


def named(structure, layout):
    shapes = expected(structure)
    if layout == "ldm":
        return shapes
    if layout == "ema":
        return {"model_ema." + name.replace(".", ""): shape for name, shape in shapes.items()}
    if layout == "bfl":
        nested = {"quant_conv": "encoder.quant_conv", "post_quant_conv": "decoder.post_quant_conv"}
        return {
            nested.get(name.split(".")[0], name.split(".")[0]) + name[len(name.split(".")[0]) :]: shape
            for name, shape in shapes.items()
        }
    theirs = {to_diffusers(name, 4): shape for name, shape in shapes.items()}
    return {name: shape[:2] if "attentions" in name and len(shape) == 4 else shape for name, shape in theirs.items()}


# what a file is


@pytest.mark.parametrize("layout", ["ldm", "diffusers", "ema"])
def test_sd1_in_every_layout(tmp_path, layout):
    info = inspect(sparse(tmp_path / "vae.safetensors", named(SD1, layout)))
    assert (info.kind, info.layout, info.problem) == ("vae", layout, "") and info.usable
    assert (info.channels, info.downscale, info.dtypes) == (4, 8, ("F16",))
    assert info.formats == ("sd1", "sd2", "sdxl", "playground-2.5")
    assert (info.tensors, info.parameters) == (248, 83_653_863)


def test_flux1_and_sd3_share_a_shape(tmp_path):
    info = inspect(sparse(tmp_path / "ae.safetensors", expected(FLUX1), "BF16"))
    assert (info.channels, info.formats, info.tensors) == (16, ("sd3", "flux1"), 244)
    assert info.parameters == 83_819_683


def test_the_x4_upscaler_and_flux2(tmp_path):
    assert inspect(sparse(tmp_path / "x4.safetensors", expected(X4))).formats == ("sd-x4",)
    info = inspect(sparse(tmp_path / "flux2.safetensors", named(FLUX2, "bfl")))
    assert (info.formats, info.channels, info.problem) == (("flux2",), 32, "")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (
            {"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3), "cond_stage_model.transformer.x": (1,)},
            "sd1",
        ),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3), "cond_stage_model.model.x": (1,)}, "sd2"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3), "conditioner.embedders.0.x": (1,)}, "sdxl"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3), "edm_mean": (4,)}, "playground-2.5"),
    ],
)
def test_a_whole_checkpoint_says_its_family(tmp_path, model, key):
    shapes = {**model, **{"first_stage_model." + name: shape for name, shape in expected(SD1).items()}}
    info = inspect(sparse(tmp_path / "model.safetensors", shapes))
    assert (info.kind, info.prefix, info.usable) == ("checkpoint", "first_stage_model.", True)
    assert [claim.formats for claim in info.claims] == [(key,)]


def test_training_leftovers_do_not_matter(tmp_path):
    shapes = {**expected(SD1), "loss.discriminator.main.0.weight": (8, 3, 4, 4), "model_ema.num_updates": ()}
    assert inspect(sparse(tmp_path / "animevae.safetensors", shapes)).usable


def test_claims_of_metadata_and_configuration_are_listed(tmp_path):
    path = sparse(
        tmp_path / "diffusion_pytorch_model.safetensors",
        named(SD1, "diffusers"),
        metadata={"modelspec.architecture": "stable-diffusion-xl-v1-base/vae", "long": "x" * 10_000},
    )
    (tmp_path / "config.json").write_text('{"scaling_factor": 0.18215}')
    info = inspect(path)
    assert [claim.formats for claim in info.claims] == [("sdxl",), ("sd1", "sd2")]
    assert len(info.metadata["long"]) < 1000
    assert str(tmp_path) not in json.dumps(info.to_json())


OTHERS = [
    ({"lora_unet_down_blocks_0.lora_down.weight": (4, 320)}, "LoRA"),
    ({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "diffusion model without a VAE"),
    ({"text_model.encoder.layers.0.mlp.fc1.weight": (8, 8)}, "text encoder"),
    ({"decoder.middle.0.residual.0.gamma": (8, 1, 1, 1), "conv1.weight": (8, 8, 1, 1, 1)}, "video"),
    ({"vquantizer.codebook.weight": (8192, 4)}, "Cascade"),
    ({f"conv{i}.weight": (8, 4, 3, 3) for i in range(1, 9)}, "VAE-approx"),
    ({"emb_params": (8, 768)}, "embedding"),
    ({"anything": (3,)}, "no VAE that is known here"),
    ({}, "without tensors"),
]


@pytest.mark.parametrize(("shapes", "what"), OTHERS)
def test_what_is_no_vae_says_what_it_is(tmp_path, shapes, what):
    info = inspect(sparse(tmp_path / "file.safetensors", shapes))
    assert what in info.what and info.kind == "other" and not info.usable and what in info.problem


def test_a_tiny_autoencoder(tmp_path):
    info = inspect(sparse(tmp_path / "taesd.safetensors", tiny_shapes(4)))
    assert (info.kind, info.channels, info.formats) == ("tiny", 4, ("sd1", "sd2", "sdxl", "playground-2.5"))


def tiny_shapes(z):
    """TAESD's decoder: a convolution, three stages of blocks with an upsampling after each, one block, the end."""
    block = {
        f"conv.{i}.{kind}": (64, 64, 3, 3) if kind == "weight" else (64,)
        for i in (0, 2, 4)
        for kind in ("weight", "bias")
    }
    shapes = {"decoder.1.weight": (64, z, 3, 3), "decoder.1.bias": (64,)}
    for number in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        shapes |= {f"decoder.{number}.{name}": shape for name, shape in block.items()}
    shapes |= {f"decoder.{number}.weight": (64, 64, 3, 3) for number in (7, 12, 17)}
    return shapes | {"decoder.19.weight": (3, 64, 3, 3), "decoder.19.bias": (3,)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("decoder.mid.attn_1.q.weight"), "1 tensor missing, e.g. decoder.mid.attn_1.q.weight"),
        (lambda s: s.update({"decoder.conv_out.weight": (3, 127, 3, 3)}), "of another shape"),
        (lambda s: s.update({"decoder.conv_out.weight": (3, 0, 3, 3)}), "of another shape"),
        (lambda s: s.update({"decoder.up.9999999.block.0.conv1.weight": (1,)}), "unknown"),
        (lambda s: s.update({"quant_conv.weight": (9, 9, 1, 1)}), "of another shape"),
    ],
)
def test_incomplete_and_strange_vaes_are_refused_by_their_header(tmp_path, change, said):
    shapes = expected(SD1)
    change(shapes)
    info = inspect(sparse(tmp_path / "vae.safetensors", shapes))
    assert said in info.problem and not info.usable


def test_weights_as_integers_are_refused(tmp_path):
    assert "I64" in inspect(sparse(tmp_path / "vae.safetensors", expected(SD1), "I64")).problem


def test_a_pickle_is_listed_and_not_opened(tmp_path):
    path = tmp_path / "old.vae.pt"
    path.write_bytes(b"PK\x03\x04" + b"not even a zip")
    assert inspect(path).kind == "pickle" and "Convert" in inspect(path).problem


# what is read


class Watched:
    """A file that remembers how far it was read."""

    def __init__(self, file):
        self.file, self.reached = file, 0

    def read(self, count=-1):
        found = self.file.read(count)
        self.reached = max(self.reached, self.file.tell())
        return found

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_nothing_past_the_header_is_read(tmp_path):
    path = sparse(tmp_path / "vae.safetensors", expected(SD1), "F32")
    with open(path, "rb", buffering=0) as file:
        watched = Watched(file)
        header = header_of(watched, path)
    assert watched.reached == header.end < 40_000 < path.stat().st_size


# hostile headers


def one(offsets=(0, 4), shape=(1,), dtype="F32", **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def table(**tensors):
    return json.dumps(tensors).encode()


HOSTILE = {
    "empty file": (b"", None, b"", "empty"),
    "length 0": (b"{}", 0, b"", "safetensors"),
    "length 2^63": (b"{}", 2**63, b"", "claims"),
    "length 2^64-1": (b"{}", 2**64 - 1, b"", "claims"),
    "header of 100 MB": (b"{}", 100_000_000, b"", "claims"),
    "header longer than the file": (b'{"a":', 500, b"", "ends within"),
    "no JSON": (b"{nonsense}", None, b"", "can't be read"),
    "no UTF-8": (b'{"\xff\xfe":1}', None, b"", "can't be read"),
    "a list": (b"[1,2,3]   ", None, b"", "safetensors"),
    "nested 100,000 deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, b"", "can't be read"),
    "the same name twice": (b'{"a":1,"a":2}', None, b"", "twice"),
    "numbers of 10,000 digits": (b'{"a":' + b"9" * 10_000 + b"}", None, b"", "digits"),
    "NaN as a number": (b'{"a":NaN}', None, b"", "not a number"),
    "a tensor that is a number": (table(a=1), None, b"", "lacks"),
    "unknown dtype": (table(a=one(dtype="F99")), None, bytes(4), "unknown dtype"),
    "dtype that is a list": (table(a=one(dtype=[])), None, bytes(4), "unknown dtype"),
    "wrong dtype for the bytes": (table(a=one(dtype="F16")), None, bytes(4), "needs 2 bytes"),
    "negative shape": (table(a=one(shape=(-1, -1))), None, bytes(4), "shape"),
    "shape of true": (table(a=one(shape=(True,))), None, bytes(4), "shape"),
    "shape of floats": (table(a=one(shape=(1.0,))), None, bytes(4), "shape"),
    "huge shape": (table(a=one(shape=(2**62, 2**62))), None, bytes(4), "needs"),
    "1,000 dimensions": (table(a=one(shape=(1,) * 1000)), None, bytes(4), "shape"),
    "shape off by one": (table(a=one(shape=(2,))), None, bytes(4), "needs 8 bytes"),
    "offsets backwards": (table(a=one((4, 0))), None, bytes(4), "data_offsets"),
    "offsets of text": (table(a=one(("0", "4"))), None, bytes(4), "data_offsets"),
    "three offsets": (table(a=one((0, 4, 8))), None, bytes(8), "data_offsets"),
    "out of the file": (table(a=one((0, 4))), None, bytes(3), "ends early"),
    "far out of the file": (table(a=one((2**60, 2**60 + 4))), None, bytes(4), "ends early"),
    "overlapping": (table(a=one((0, 4)), b=one((2, 6))), None, bytes(6), "overlap"),
    "two at one place": (table(a=one((0, 4)), b=one((0, 4))), None, bytes(4), "overlap"),
    "a hole": (table(a=one((0, 4)), b=one((8, 12))), None, bytes(12), "hole"),
    "bytes left over": (table(a=one((0, 4))), None, bytes(9), "follow"),
    "more keys": (table(a=one(extra=1)), None, bytes(4), "lacks"),
    "metadata of numbers": (table(__metadata__={"a": 1}), None, b"", "metadata"),
    "a name of a million letters": (table(**{"x" * 1_000_000: one()}), None, bytes(4), "name of"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_headers_name_file_and_cause(tmp_path, case):
    header, length, data, cause = HOSTILE[case]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"") if not header else raw(path, header, data, length)
    with pytest.raises(VaeFileError) as error:
        inspect(path)
    assert str(error.value).startswith("bad.safetensors: ") and cause in str(error.value)
    assert str(tmp_path) not in str(error.value) and len(str(error.value)) < 400


FOREIGN = [
    (b"PK\x03\x04", "pickle"),
    (b"\x80\x02}q\x00", "pickle"),
    (b"version https://git-lfs.github.com", "LFS"),
    (b"<!DOCTYPE html><html>", "web page"),
    (b"GGUF\x03\x00", "GGUF"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
]


@pytest.mark.parametrize(("start", "cause"), FOREIGN)
def test_other_files_under_this_name(tmp_path, start, cause):
    path = tmp_path / "renamed.safetensors"
    path.write_bytes(start + bytes(200))
    with pytest.raises(VaeFileError, match=cause):
        inspect(path)


def test_truncated_at_every_byte_of_the_header(tmp_path):
    whole = sparse(tmp_path / "whole", {"decoder.conv_in.weight": (2, 4, 3, 3), "b": (2,)}, metadata={"x": "y"})
    content = whole.read_bytes()
    path = tmp_path / "cut.safetensors"
    for count in range(len(content)):
        path.write_bytes(content[:count])
        with pytest.raises(VaeFileError, match=r"cut\.safetensors"):
            inspect(path)


def test_a_real_header_as_large_as_the_limit_is_read_and_one_more_byte_is_not(tmp_path):
    path = tmp_path / "file.safetensors"
    assert read_header(raw(path, b"{}" + b" " * (HEADER_LIMIT - 2))).tensors == {}
    with pytest.raises(VaeFileError, match="claims"):
        read_header(raw(path, b"{}" + b" " * (HEADER_LIMIT - 1)))


def test_folders_pipes_missing_and_forbidden_names(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    for name, cause in (("pipe", "pipe"), ("folder", "folder"), ("gone", "missing"), ("n\0ul", "can't be opened")):
        with pytest.raises(VaeFileError, match=cause):
            inspect(tmp_path / f"{name}.safetensors")


SMALL = struct.pack("<Q", len(table(a=one()))) + table(a=one()) + bytes(4)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=6), st.binary(max_size=40))
def test_any_bytes_give_a_header_or_one_error(tmp_path, changes, more):
    content = bytearray(SMALL)
    for place, value in changes:
        content[place] = value
    path = Path(tmp_path, "fuzzed.safetensors")
    path.write_bytes(bytes(content) + more)
    try:
        header = read_header(path)
    except VaeFileError as error:
        assert "fuzzed.safetensors" in str(error)
    else:
        assert all(
            header.end <= tensor.start <= tensor.end <= path.stat().st_size for tensor in header.tensors.values()
        )
