"""Pickles: what is taken out of them, and that nothing in them runs."""

from __future__ import annotations

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from lib_vaeface.vae import convert as conversion
from lib_vaeface.vae.convert import convert, inspect_pickle
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.pickles import PickleError, read_pickle
from tests.fixtures import kin


@pytest.fixture(scope="module")
def base():
    return kin.read(kin.POCKET)


class Runs:
    """A pickle that runs something when it is opened."""

    def __init__(self, function, *arguments):
        self.made = (function, arguments)

    def __reduce__(self):
        return self.made


def saved(path, content, old=False):
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


def test_a_pickled_vae_becomes_the_same_vae(tmp_path, base):
    """With what training leaves in such files, and the pickle still there afterwards."""
    content = {
        "state_dict": {**{n: torch.nn.Parameter(t) for n, t in base.items()}, "loss.logvar": torch.zeros(())},
        "epoch": np.int64(3),
        "optimizer_states": [{"lr": np.float32(0.1)}],
    }
    path = saved(tmp_path / "old.vae.pt", content)
    before = path.read_bytes()
    assert inspect(path).kind == "pickle"
    seen = inspect_pickle(path)
    assert (seen.channels, seen.dtypes, seen.usable) == (4, ("F32",), False) and "a pickle with a VAE" in seen.what
    target = convert(path)
    assert target == tmp_path / "old.vae.safetensors" and inspect(target).usable
    assert Hashes().weights(target) == Hashes().weights(kin.POCKET)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["old.vae.pt", "old.vae.safetensors"]
    with pytest.raises(VaeFileError, match="there already"):
        convert(path)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_tensors_in_both_formats(tmp_path, old, dtype):
    whole = torch.arange(24).reshape(4, 6).to(dtype)
    content = {"a": whole, "row": whole[1], "turned": whole.T, "step": whole[::2, 1::2], "empty": whole[:0], "x": 3}
    found = read_pickle(saved(tmp_path / "file.pt", content, old))
    assert set(found.places) == set(content) - {"x"}
    for name, place in found.places.items():
        assert found.tensor(name).dtype == place.dtype == dtype
        assert torch.equal(found.tensor(name), content[name]), name


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [(os.system, ("touch ran",)), (eval, ("open('ran','w')",)), (exec, ("open('ran','w')",)), (getattr, ({}, "a"))],
)
def test_code_in_a_pickle_does_not_run(tmp_path, monkeypatch, base, old, function, arguments):
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "evil.pt", {"state_dict": base, "more": Runs(function, *arguments)}, old)
    with pytest.raises(PickleError, match=r"asks for .*harmful"):
        read_pickle(path)
    assert os.listdir(tmp_path) == ["evil.pt"]


def test_a_harmful_pickle_is_not_converted(tmp_path, base):
    target = tmp_path / "ran"
    path = saved(tmp_path / "evil.pt", {"state_dict": base, "more": Runs(os.system, f"touch {target}")})
    with pytest.raises(VaeFileError, match=r"evil\.pt: it asks for .*harmful"):
        convert(path)
    assert os.listdir(tmp_path) == ["evil.pt"]


def test_objects_of_harmless_modules_are_built_as_nothing(tmp_path):
    """torch.load, open and the like are named in torch too: what is built from there does nothing either."""
    path = saved(tmp_path / "file.pt", {"a": torch.ones(2), "more": Runs(torch.hub.load_state_dict_from_url, "x")})
    assert set(read_pickle(path).places) == {"a"}


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
def test_truncated_pickles_are_told(tmp_path, old):
    path = saved(tmp_path / "file.pt", {"a": torch.randn(50, 50)}, old)
    content, cut = path.read_bytes(), tmp_path / "cut.pt"
    for length in range(0, len(content), 131):
        cut.write_bytes(content[:length])
        with pytest.raises(PickleError):
            read_pickle(cut).tensor("a")


def test_a_changed_byte_in_a_zip_is_noticed(tmp_path):
    path = saved(tmp_path / "file.pt", {"a": torch.ones(50, 50)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(PickleError, match="CRC"):
        read_pickle(path).tensor("a")


def test_a_pickle_that_asks_for_all_memory_ends_in_one_error(tmp_path):
    path = tmp_path / "hostile.pt"
    path.write_bytes(b"\x80\x02Nr\xff\xff\xff\xff.")  # a memo of 4 billion entries
    with pytest.raises(VaeFileError, match=r"hostile\.pt: "):
        convert(path)
    path.write_bytes(pickle.dumps({"a": 1}, 2))
    with pytest.raises(PickleError, match="no PyTorch file"):
        read_pickle(path)
    assert os.listdir(tmp_path) == ["hostile.pt"]


def test_tensors_outside_their_storage_are_refused(tmp_path):
    path = saved(tmp_path / "file.pt", {"a": torch.ones(4)})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    program = next(name for name in parts if name.endswith("data.pkl"))
    # The shape (4,) is written as K\x04\x85: make it 200.
    parts[program] = parts[program].replace(b"K\x04\x85", b"K\xc8\x85")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(PickleError, match="outside"):
        read_pickle(path).tensor("a")


def test_what_the_process_answers_where_it_cannot_convert(tmp_path, base, monkeypatch):
    monkeypatch.setattr(conversion, "_limit_memory", lambda more: None)  # here it would hold for the tests
    model = {"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(2)}}
    answer = conversion.main([str(saved(tmp_path / "model.ckpt", model)), str(tmp_path / "new.safetensors")])
    assert answer == {"error": "it holds no VAE: it is a diffusion model without a VAE"}
    path = saved(tmp_path / "old.pt", dict(base))
    assert "can't be converted here" in conversion.main([str(path), str(tmp_path / "missing" / "new")])["error"]
    assert sorted(os.listdir(tmp_path)) == ["model.ckpt", "old.pt"]


def test_a_missing_file(tmp_path):
    with pytest.raises(VaeFileError, match="missing"):
        convert(tmp_path / "gone.pt")


def test_a_conversion_that_hangs_is_stopped(tmp_path, base, monkeypatch):
    monkeypatch.setattr(conversion, "TIME", 0.01)
    with pytest.raises(VaeFileError, match="stopped"):
        convert(saved(tmp_path / "old.pt", dict(base)))


def test_bytes_of_another_order_are_refused(tmp_path):
    path = saved(tmp_path / "file.pt", {"a": torch.ones(4)})
    with zipfile.ZipFile(path, "a") as archive:
        root = archive.namelist()[0].split("/")[0]
        if f"{root}/byteorder" not in archive.namelist():
            archive.writestr(f"{root}/byteorder", "big")
    content = path.read_bytes().replace(b"little", b"big   ")
    path.write_bytes(content)
    with pytest.raises(PickleError):
        read_pickle(path)
