"""The list of VAE files: names, folders, links, changes, hashes."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
import torch

from lib_vaeface.vae import hashes as hashing
from lib_vaeface.vae import library
from lib_vaeface.vae.hashes import Hashes
from lib_vaeface.vae.jsonfile import JsonFile
from lib_vaeface.vae.library import BESIDE_CHECKPOINTS, Folder, Library, VaeNameError
from tests.fixtures import kin
from tests.fixtures.headers import sparse

SHAPES = {name: tuple(tensor.shape) for name, tensor in kin.read(kin.POCKET).items()}


@pytest.fixture(scope="module")
def pocket():
    return kin.read(kin.POCKET)


def vae(path, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    return sparse(path, SHAPES, metadata=metadata or None)


def test_files_of_all_folders_by_name(tmp_path):
    vae(tmp_path / "VAE" / "b10.safetensors"), vae(tmp_path / "VAE" / "deep" / "b9.safetensors")
    vae(tmp_path / "models" / "model.safetensors"), vae(tmp_path / "models" / "model.vae.safetensors")
    (tmp_path / "VAE" / "notes.txt").write_text("no")
    found = Library([tmp_path / "VAE", Folder(tmp_path / "models", BESIDE_CHECKPOINTS), tmp_path / "missing"])
    assert found.entries == ()
    assert [entry.name for entry in found.refresh()] == ["b9.safetensors", "b10.safetensors", "model.vae.safetensors"]
    assert all(entry.usable for entry in found.entries)
    assert found.find("b10").path == found.find("b10.safetensors").path == tmp_path / "VAE" / "b10.safetensors"
    assert found.find("deep/b9.safetensors").name == found.find("deep\\b9").name == "b9.safetensors"


def test_two_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("VAE/a", "VAE/b", "more/b"):
        vae(tmp_path / folder / "diffusion_pytorch_model.safetensors")
    found = Library([tmp_path / "VAE", tmp_path / "more"])
    name = "diffusion_pytorch_model.safetensors"
    assert [entry.name for entry in found.refresh()] == [f"a/{name}", f"more/b/{name}", f"VAE/b/{name}"]
    assert found.find(f"a/{name}").path == tmp_path / "VAE" / "a" / name
    assert found.find(f"more/b/{name}").path == tmp_path / "more" / "b" / name
    with pytest.raises(VaeNameError, match="may be any of"):
        found.find(name)
    with pytest.raises(VaeNameError, match="may be any of"):
        found.find(f"b/{name}")


def test_case_counts_only_where_it_tells_files_apart(tmp_path):
    """`POCKET-EMA.safetensors` was not found, and files that have nothing of the name were called near to it."""
    for name in ("Mse.safetensors", "sub/Twin.safetensors", "other/twin.safetensors", "vae-ft-EMA.safetensors"):
        vae(tmp_path / name)
    found = Library([tmp_path])
    found.refresh()
    for name in ("MSE.SAFETENSORS", "mse", " Mse.safetensors "):
        assert found.find(name).name == "Mse.safetensors"
    assert found.find("twin.safetensors").path.parent.name == "other"
    assert found.find("Twin").path.parent.name == "sub"
    with pytest.raises(VaeNameError, match=r"may be any of (Twin|twin)\.safetensors, (Twin|twin)\.safetensors"):
        found.find("TWIN")
    with pytest.raises(VaeNameError, match=r"Near to it: vae-ft-EMA\.safetensors"):
        found.find("VAE-FT-EMMA")


def test_names_never_become_paths(tmp_path):
    vae(tmp_path / "secret.safetensors"), vae(tmp_path / "VAE" / "mse.safetensors")
    found = Library([tmp_path / "VAE"])
    found.refresh()
    tries = [
        "../secret.safetensors",
        str(tmp_path / "secret.safetensors"),
        "C:\\secret",
        "",
        "None",
        "x" * 10_000,
        "\0",
    ]
    for name in [*tries, "mse.safetensors/", "./mse.safetensors"]:
        with pytest.raises(VaeNameError, match="No VAE is called"):
            found.find(name)
    with pytest.raises(VaeNameError, match=r"Near to it: mse\.safetensors"):
        found.find("msee.safetensors")


def test_links(tmp_path):
    outside = vae(tmp_path / "elsewhere" / "far.safetensors")
    vae(tmp_path / "VAE" / "near.safetensors")
    (tmp_path / "VAE" / "out.safetensors").symlink_to(outside)
    (tmp_path / "VAE" / "again.safetensors").symlink_to(tmp_path / "VAE" / "near.safetensors")
    (tmp_path / "VAE" / "ring").symlink_to(tmp_path / "VAE")
    (tmp_path / "VAE" / "broken.safetensors").symlink_to(tmp_path / "nothing")
    (tmp_path / "linked").symlink_to(tmp_path / "VAE")
    entries = {entry.name: entry for entry in Library([tmp_path / "linked"]).refresh()}
    assert len(entries) == 2  # one name per file, and the one that leads out
    assert "leads out" in entries["out.safetensors"].problem and not entries["out.safetensors"].usable
    assert str(tmp_path) not in entries["out.safetensors"].problem
    allowed = Library([tmp_path / "VAE", tmp_path / "elsewhere"]).refresh()
    assert all(entry.usable for entry in allowed) and len(allowed) == 2


def test_what_is_broken_or_a_pickle_is_listed_with_the_reason(tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    (tmp_path / "old.vae.pt").write_bytes(b"PK\x03\x04....")
    (tmp_path / "folder.safetensors").mkdir()
    sparse(tmp_path / "lora.safetensors", {"lora_unet_x.lora_up.weight": (4, 4)})
    entries = {entry.name: entry for entry in Library([tmp_path]).refresh()}
    assert set(entries) == {"cut.safetensors", "old.vae.pt", "lora.safetensors"}
    assert "ends within" in entries["cut.safetensors"].problem
    assert "Convert" in entries["old.vae.pt"].problem and entries["old.vae.pt"].info.kind == "pickle"
    assert "LoRA" in entries["lora.safetensors"].problem


def test_a_refresh_opens_only_what_changed(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(library, "inspect", lambda path, real=library.inspect: looked.append(path.name) or real(path))
    vae(tmp_path / "a.safetensors"), vae(tmp_path / "b.safetensors")
    found = Library([tmp_path])
    found.refresh(), found.refresh()
    assert sorted(looked) == ["a.safetensors", "b.safetensors"]
    sparse(tmp_path / "a.safetensors", {"x": (1,)})
    (tmp_path / "b.safetensors").unlink()
    assert [(entry.name, entry.usable) for entry in found.refresh()] == [("a.safetensors", False)]
    assert len(looked) == 3


def test_names_that_are_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9\n<img src=x>.safetensors"
    vae(tmp_path / "x.safetensors")
    os.rename(tmp_path / "x.safetensors", path)
    (entry,) = Library([tmp_path]).refresh()
    entry.name.encode("utf8")
    assert "\n" not in entry.name and entry.usable


# hashes


def test_the_weight_hash_knows_a_copy_in_any_dress(tmp_path, pocket):
    state = {name: tensor * 1.0001 for name, tensor in pocket.items()}  # not on fp16's grid
    plain = Hashes().weights(kin.write(state, tmp_path / "a.safetensors", torch.float32))
    dresses = [
        {"dtype": torch.float16},
        {"dtype": torch.float32, "layout": "diffusers"},
        {"layout": "ema"},
        {"prefix": "first_stage_model."},
    ]
    for i, dress in enumerate(dresses):
        assert Hashes().weights(kin.write(state, tmp_path / f"{i}.safetensors", **dress)) == plain, dress
    other = kin.write(state, tmp_path / "bf16.safetensors", torch.bfloat16)
    one_more = dict(state, **{"decoder.conv_out.bias": state["decoder.conv_out.bias"] + 0.01})
    assert Hashes().weights(other) != plain
    assert Hashes().weights(kin.write(one_more, tmp_path / "c.safetensors", torch.float32)) != plain


def test_hashes_are_kept_by_path_size_and_time(tmp_path, pocket, monkeypatch):
    path, cache = kin.write(pocket, tmp_path / "a.safetensors"), tmp_path / "cache" / "hashes.json"
    first = Hashes(cache)
    weights, digest = first.weights(path), first.sha256(path)
    monkeypatch.setattr(hashing, "weight_hash", lambda opened: pytest.fail("computed again"))
    monkeypatch.setattr(hashing, "file_sha256", lambda path: pytest.fail("computed again"))
    again = Hashes(cache)
    assert (again.weights(path), again.sha256(path)) == (weights, digest)
    monkeypatch.undo()
    kin.write(kin.noisy(pocket, 0.01, 0), path)
    assert again.weights(path) != weights


def test_a_renamed_copy_is_found_by_its_hash(tmp_path, pocket):
    vae(tmp_path / "VAE" / "zeros.safetensors")
    kin.write(pocket, tmp_path / "VAE" / "renamed.safetensors", layout="diffusers")
    found = Library([tmp_path / "VAE"], Hashes(tmp_path / "hashes.json"))
    found.refresh()
    wanted = Hashes().weights(kin.POCKET)[:10]
    assert found.by_hash(wanted) is None  # never hashed yet
    assert found.by_hash(wanted, compute=True).name == "renamed.safetensors"
    assert found.by_hash(wanted).name == "renamed.safetensors"
    assert found.refresh()[0].info.weight_hash.startswith(wanted)
    assert [found.by_hash(start, compute=True) for start in ("", "0000000", "../../etc", wanted[:4])] == [None] * 4


# the file that keeps them


def test_a_damaged_cache_is_put_aside(tmp_path):
    path = tmp_path / "cache.json"
    for damage in (b"{half", b"[1]", b"\xff\xfe", b"[" * 100_000):
        path.write_bytes(damage)
        table = JsonFile(path)
        assert table.get("a") is None
        table.put("a", 1)
        assert JsonFile(path).get("a") == 1
        assert (tmp_path / "cache.json.damaged").read_bytes() == damage


def _put_many(path, who):
    table = JsonFile(path)
    for i in range(20):
        table.put(f"{who}:{i}", i)


def test_several_processes_lose_nothing(tmp_path):
    path = tmp_path / "cache.json"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_put_many, args=(path, who)) for who in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(json.loads(path.read_text())) == 60
    assert os.listdir(tmp_path) == ["cache.json"]


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    path = vae(tmp_path / "a.safetensors")
    found = Hashes(blocked / "hashes.json")
    assert found.sha256(path) == found.sha256(path) == hashing.file_sha256(path)
