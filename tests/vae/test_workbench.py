"""Comparing, pairing and crossing around a loaded model: what fits is decoded, what does not is named."""

import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from lib_vaeface.vae import crossing
from lib_vaeface.vae.jsonfile import JsonFile
from lib_vaeface.vae.library import Library, VaeNameError
from lib_vaeface.vae.metrics import mse, psnr
from lib_vaeface.vae.pairing import pairing_test
from lib_vaeface.vae.picked import Picker, facts_of
from lib_vaeface.vae.protocol import HostVae
from lib_vaeface.vae.sampled import read_file, read_latents
from lib_vaeface.vae.universal import Stored, for_codec
from lib_vaeface.vae.verdicts import FITS, REFUSED, UNKNOWN, Evidence, Verdict, Verdicts
from lib_vaeface.vae.workbench import BUILT_IN, Undecided, Workbench, compare_in
from tests.fixtures import kin
from tests.vae import family

SCALE = family.POCKET.scale


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fine-tune of the model's VAE, and one as good of another latent space."""
    made = tmp_path_factory.mktemp("vaes")
    tuned = {**family.base_state()}
    tuned["decoder.conv_out.weight"] = tuned["decoder.conv_out.weight"] * 0.9
    for name, state in {"tuned": tuned, "foreign": kin.turned(family.base_state(), 3)}.items():
        save_file({key: value.contiguous() for key, value in state.items()}, str(made / f"{name}.safetensors"))
    (made / "broken.safetensors").write_bytes(b"nothing")
    return made


def own(identity="first"):
    tensors, base = family.base_state(), family.base()
    return HostVae(
        "pocket",
        str(kin.POCKET),
        identity,
        ("sd1",),
        4,
        SCALE,
        0.0,
        tensors,
        base.encode,
        base.decode,
        torch.device("cpu"),
    )


@pytest.fixture
def bench(folder):
    made = Workbench(Picker(Library([folder]), Verdicts(), JsonFile(None)), own)
    made.entries()
    return made


@pytest.fixture(scope="module")
def latents():
    return family.base().encode(family.portraits(1))


def test_the_models_own_vae_decodes_as_the_model_does(bench, latents):
    model = bench.built_in()
    assert (model.codec.format.scale, model.codec.format.shift) == (SCALE, 0.0)
    assert torch.equal(model.codec.decode(latents), family.base().decode(latents))


def test_what_fits_is_compared_and_what_does_not_is_named(bench, latents):
    told = []
    names = ["tuned.safetensors", "foreign.safetensors", "broken.safetensors"]
    found = compare_in(bench, bench.built_in(), latents, names, told=lambda done, what: told.append(done))
    entries = {entry.name: entry for entry in found.entries}
    assert found.against == BUILT_IN and [entry.name for entry in found.measured] == [BUILT_IN, "tuned.safetensors"]
    assert entries["foreign.safetensors"].problem.startswith("does not fit")
    assert "broken.safetensors" in entries["broken.safetensors"].problem
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize("name", ["../tuned.safetensors", "/etc/passwd", "no such", "tuned.safetensors/../x", "a\0b"])
def test_a_name_is_looked_up_and_never_a_path(bench, name):
    with pytest.raises(VaeNameError):
        bench.kin(name, bench.built_in())


def test_an_unknown_pair_needs_a_yes_which_is_remembered_and_can_be_taken_back(bench):
    model, entry = bench.built_in(), bench.usable("foreign")
    open_question = Verdict(UNKNOWN, "It can't be told.", (Evidence("L3", "in between"),))
    bench.picker.memory.put(entry.info.identity, model.facts.fingerprint, open_question)
    with pytest.raises(VaeNameError, match="unknown"):
        bench.kin("foreign", model)
    bench.allow(entry, model)
    assert bench.kin("foreign", model).format == model.codec.format
    bench.allow(entry, model, False)
    with pytest.raises(VaeNameError, match="unknown"):
        bench.kin("foreign", model)


def test_latents_are_decoded_by_their_own_vae_or_asked_about(bench, latents):
    assert bench.whose(Stored(latents))[0].name == BUILT_IN
    theirs = family.foreign().encode(family.portraits(1))
    raw = family.foreign().scaling.to_raw(theirs)
    assert bench.whose(Stored(raw, raw=True))[0].name == "foreign.safetensors"
    with pytest.raises(Undecided):
        bench.whose(Stored(torch.randn(1, 4, 8, 8)))
    assert bench.whose(Stored(latents), said=BUILT_IN)[0].name == BUILT_IN


def test_a_file_of_several_formats_must_be_told_its_own(bench):
    with pytest.raises(Undecided) as asked:
        bench.opened("foreign")
    assert {"sd1", "sdxl"} <= set(asked.value.options)
    assert bench.opened("foreign", "sdxl").codec.format.key == "sdxl"
    assert bench.opened("tuned").codec.format == bench.built_in().codec.format
    with pytest.raises(Undecided):
        bench.opened("foreign", "flux1")


@pytest.mark.parametrize("name, answer", [("tuned", FITS), ("foreign", REFUSED)])
def test_the_pairing_test_shows_what_the_verdict_rests_on(bench, name, answer):
    found = pairing_test(bench, name, bench.built_in())
    assert found.verdict.answer == found.shown.answer == answer
    assert found.probe.psnr == pytest.approx(found.probe.flat + found.probe.gain)
    assert found.round_trip > 25, "a good VAE brings its own pictures back, whether it fits or not"
    assert bench.measured_of(found.entry)["round_trip"] == pytest.approx(found.round_trip, abs=0.01)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_bridge_is_measured_saved_and_read_back(bench, latents, tmp_path):
    source, target = bench.built_in(), bench.opened("foreign", "sd1")
    found = crossing.cross_latents(latents, source, target)
    assert found.report.psnr == pytest.approx(psnr(mse(found.after, found.before)))
    assert psnr(mse(found.before, source.codec.decode(latents))) > 100
    paths = crossing.save_both(tmp_path, "x", found, target, "a prompt")
    for path in paths:
        kept = read_file(path)
        assert kept.infotext == "a prompt" and kept.stored.vae_hash == target.weight_hash
        assert torch.allclose(for_codec(kept.stored, target.codec), found.latents, atol=1e-5)
        assert bench.whose(kept.stored)[0].name == "foreign.safetensors"
    assert len(crossing.save_both(tmp_path, "x", found, target)) == 2 and len(list(tmp_path.iterdir())) == 4


def test_latents_of_a_scale_that_no_table_knows_come_back_from_both_layouts(bench, latents, tmp_path):
    model = bench.built_in()
    found = crossing.cross_pictures(family.portraits(1), model)
    for path in crossing.save_both(tmp_path, "pocket", found, model):
        assert torch.allclose(for_codec(read_latents(path), model.codec), found.latents, atol=1e-5)


def test_a_fitted_map_says_its_error_and_works_for_its_two_vaes_only(bench, latents, tmp_path):
    source, target = bench.built_in(), bench.opened("foreign", "sd1")
    name, via = crossing.fit_map(tmp_path, list(family.portraits(4)), source, target)
    assert (tmp_path / name).is_file() and via.held_out.pictures == 1
    assert crossing.cross_latents(latents, source, target, via).report.approximate
    with pytest.raises(ValueError, match="the weights at hand are others"):
        crossing.cross_latents(latents, target, source, via)


def test_files_are_listed_newest_first_without_links_and_strangers(tmp_path):
    day = tmp_path / "2026-01-01"
    day.mkdir()
    for age, path in enumerate([tmp_path / "new.latent", day / "old.latent", day / "x.png", day / "new.latent"]):
        path.write_bytes(b"x")
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "link.latent").symlink_to("/etc/hostname")
    found = crossing.listed([tmp_path, tmp_path / "missing"], (".latent",))
    assert list(found) == ["new.latent", "old.latent"] and found["new.latent"] == tmp_path / "new.latent"


def test_another_checkpoint_is_another_reference(bench, latents):
    there = replace(own("second"), tensors=kin.turned(family.base_state(), 3))
    other = bench.built_in(there)
    assert bench.verdict(bench.usable("tuned"), other, prove=True).answer == REFUSED
    assert bench.verdict(bench.usable("foreign"), other, prove=True).answer == FITS


def test_facts_of_a_model_are_read_again_when_its_weights_change():
    model = own()
    before = facts_of(model)
    assert facts_of(model) is before and facts_of(own()).fingerprint == before.fingerprint
    turned = {name: tensor.clone() for name, tensor in model.tensors.items()}
    other = replace(model, tensors=turned)
    assert facts_of(other).fingerprint == before.fingerprint
    for tensor in turned.values():
        tensor.mul_(-1)  # as a load into the same memory
    assert facts_of(other).fingerprint != before.fingerprint
    assert facts_of(replace(model, identity="second")) is not before
    assert facts_of(model).fingerprint == before.fingerprint


def test_facts_of_tensors_that_count_no_changes_are_read_each_time():
    with torch.inference_mode():
        model = replace(own(), tensors={name: tensor.clone() for name, tensor in own().tensors.items()})
    assert facts_of(model) is not facts_of(model)
    assert facts_of(model).fingerprint == facts_of(own()).fingerprint
