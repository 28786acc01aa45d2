"""Verdicts: each rung of the ladder, what is remembered, and kin and strangers of the pocket VAE."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
import torch

from lib_vaeface.vae import kinship
from lib_vaeface.vae.autoencoder import load
from lib_vaeface.vae.errors import VaeFileError
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.inspect import inspect
from lib_vaeface.vae.kinship import CheckpointFacts, facts_from_file, fitting, judge
from lib_vaeface.vae.known import SHA256
from lib_vaeface.vae.lineage import sample_tensors
from lib_vaeface.vae.probe import picture, probe
from lib_vaeface.vae.structure import Half, Structure, expected
from lib_vaeface.vae.verdicts import RULE, Verdicts
from tests.fixtures import kin
from tests.fixtures.headers import sparse

SD1 = BY_KEY["sd1"]
Z16 = Structure(16, Half((128, 256, 512, 512), 2), Half((128, 256, 512, 512), 3), False, False, False)
Z4 = replace(Z16, channels=4, encoder_quant=True, decoder_quant=True)
X4 = replace(Z4, encoder=Half((128, 256, 512), 2), decoder=Half((128, 256, 512), 3))


@pytest.fixture(scope="module")
def base():
    return kin.read(kin.POCKET)


@pytest.fixture(scope="module")
def facts():
    return facts_from_file(kin.POCKET)


@pytest.fixture(scope="module")
def host():
    return load(kin.POCKET, format=SD1)


def decoder_of(path):
    return lambda latents: load(path, format=SD1).decode(latents)


def never(_):
    pytest.fail("asked for a picture that was not needed")


def levels(verdict):
    return [found.level for found in verdict.evidence]


# L0


@pytest.mark.parametrize(
    ("structure", "checkpoint", "reason"),
    [
        (Z16, CheckpointFacts("sd15", 4, 8, ("sd1",)), "16 latent channels at 1/8"),
        (Z4, CheckpointFacts("flux", 16, 8, ("flux1",)), "4 latent channels at 1/8"),
        (X4, CheckpointFacts("sd15", 4, 8, ("sd1",)), "at 1/4"),
        (Z16, CheckpointFacts("qwen", 16, 8, ("wan21",)), "SD3, SD3.5, Flux.1"),
    ],
)
def test_shapes_of_another_model_are_refused_by_the_header(tmp_path, structure, checkpoint, reason):
    path = sparse(tmp_path / "vae.safetensors", expected(structure))
    verdict = judge(path, checkpoint, never, never)
    assert verdict.answer == "does not fit" and reason in verdict.reason and levels(verdict) == ["L0"]


def test_what_is_no_vae_is_refused_and_what_cannot_be_read_raises(tmp_path, facts):
    lora = sparse(tmp_path / "lora.safetensors", {"lora_unet_x.lora_up.weight": (4, 4)})
    assert "a LoRA" in judge(lora, facts, never, never).reason
    (tmp_path / "old.pt").write_bytes(b"PK\x03\x04")
    for name, cause in (("old.pt", "pickle"), ("gone.safetensors", "missing")):
        with pytest.raises(VaeFileError, match=cause):
            judge(tmp_path / name, facts, never, never)


@pytest.mark.parametrize(("structure", "model"), [(Z4, ("sd1",)), (Z4, ("sdxl",)), (Z16, ("sd3",)), (Z16, ("flux1",))])
def test_the_two_ambiguous_pairs_stay_open_without_proof(tmp_path, structure, model):
    path = sparse(tmp_path / "sdxl_vae_flux.safetensors", expected(structure))  # a name proves nothing
    verdict = judge(path, CheckpointFacts("model", structure.channels, 8, model))
    assert verdict.answer == "unknown" and not verdict.may_decode
    titles = [BY_KEY[key].title for key in inspect(path).formats]
    assert len(titles) > 1 and all(title in verdict.reason for title in titles)


# L1


def test_a_published_hash_decides(tmp_path):
    path = sparse(tmp_path / "any.safetensors", expected(Z4))
    mse = next(digest for digest, known in SHA256.items() if "MSE" in known.title)
    for model, answer in (
        ("sd1", "fits"),
        ("sd2", "fits"),
        ("sdxl", "does not fit"),
        ("playground-2.5", "does not fit"),
    ):
        verdict = judge(path, CheckpointFacts(model, 4, 8, (model,)), sha256=mse)
        assert verdict.answer == answer and "ft-MSE" in verdict.reason and "L1" in levels(verdict), model
    assert judge(path, CheckpointFacts("sd1", 4, 8, ("sd1",)), sha256="0" * 64).answer == "unknown"


def test_metadata_is_shown_and_proves_nothing(tmp_path):
    path = sparse(tmp_path / "v.safetensors", expected(Z4), metadata={"modelspec.architecture": "stable-diffusion-v1"})
    for model in ("sd1", "sdxl"):
        verdict = judge(path, CheckpointFacts("m", 4, 8, (model,)))
        assert verdict.answer == "unknown" and "stable-diffusion-v1" in verdict.evidence[0].text


# L2


def test_kin_are_known_by_their_weights_alone(tmp_path, base, facts):
    dresses = [{"dtype": dtype} for dtype in (torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)]
    for i, dress in enumerate([*dresses, {"layout": "diffusers"}, {"layout": "ema"}, {"prefix": "first_stage_model."}]):
        path = kin.write(kin.noisy(base, 0.02, i), tmp_path / f"{i}.safetensors", **dress)
        verdict = judge(path, facts, never, never)
        assert verdict.answer == "fits" and "L2" in levels(verdict), (dress, verdict.evidence)


def test_a_host_may_give_its_weights_instead_of_a_file(tmp_path, base, facts):
    in_memory = CheckpointFacts("loaded", 4, 8, ("sd1",), sample_tensors({n: t.half() for n, t in base.items()}))
    assert in_memory.sample.fingerprint() == facts.sample.fingerprint()
    assert judge(kin.POCKET, in_memory, never, never).answer == "fits"


def test_a_decoder_drawn_anew_behind_the_same_encoder_is_no_kin(tmp_path, base, facts):
    path = kin.write(kin.initial(base, 0, "decoder.up.1"), tmp_path / "v.safetensors")
    assert judge(path, facts).answer == "unknown"


def test_numbers_that_are_none_are_nobodys_kin(tmp_path, base, facts, host):
    broken = {name: torch.full_like(tensor, torch.nan) for name, tensor in base.items()}
    path = kin.write(broken, tmp_path / "nan.safetensors")
    assert judge(path, facts).answer == "unknown"
    verdict = judge(path, facts, host.encode, decoder_of(path))
    assert verdict.answer == "does not fit" and verdict.reason.startswith("It can't decode")


# L3


@pytest.mark.parametrize(
    "stranger",
    [
        lambda base: kin.shuffled(base, 3),
        lambda base: kin.initial(base, 3),
        lambda base: kin.turned(base, 3),
        lambda base: kin.turned(base, 3, permute=True),
    ],
    ids=["shuffled", "drawn anew", "latent space turned", "latent channels permuted"],
)
def test_strangers_are_refused_by_the_probe(tmp_path, base, facts, host, stranger):
    path = kin.write(stranger(base), tmp_path / "stranger.safetensors")
    assert judge(path, facts).answer == "unknown"
    verdict = judge(path, facts, host.encode, decoder_of(path))
    assert verdict.answer == "does not fit" and levels(verdict)[0] == "L3" and "another family" in verdict.reason


def test_swapped_channels_that_a_picture_hardly_shows_are_not_called_fitting(tmp_path, base, facts, host):
    """The pocket VAE's first and last channel: the probe alone would pass (15.6 dB)."""
    swapped = kin.remapped(base, torch.eye(4)[[3, 1, 2, 0]])
    path = kin.write(swapped, tmp_path / "swapped.safetensors")
    assert kinship.by_probe(probe(host.encode, decoder_of(path))).answer == "fits"
    verdict = judge(path, facts, host.encode, decoder_of(path))
    assert verdict.answer == "unknown" and "between them and the latent" in verdict.reason


def test_a_far_decoder_for_the_same_latents_fits_by_the_probe(tmp_path, base, facts, host):
    """Weights say nothing here: the encoder is another one, the decoder decodes all the same."""
    path = kin.write(kin.initial(base, 1, "encoder."), tmp_path / "far.safetensors")
    assert judge(path, facts).answer == "unknown"
    assert judge(path, facts, host.encode, decoder_of(path)).answer == "fits"


def test_a_deliberate_contrast_is_forgiven_and_a_negative_is_not(host):
    plain = probe(host.encode, host.decode)
    bold = probe(host.encode, lambda z: (host.decode(z) - 0.5) * 1.3 + 0.55)
    assert bold.gain == pytest.approx(plain.gain, abs=0.01) and kinship.by_probe(bold).answer == "fits"
    assert kinship.by_probe(probe(host.encode, lambda z: 1 - host.decode(z))).answer == "does not fit"
    flat = probe(host.encode, lambda z: picture().mean((2, 3), keepdim=True).expand(-1, -1, 128, 128))
    assert flat.gain == pytest.approx(0, abs=1e-3) and kinship.by_probe(flat).answer == "does not fit"


def test_between_the_thresholds_the_answer_is_unknown(host):
    noise = torch.randn(picture().shape, generator=torch.Generator().manual_seed(0))
    some = probe(host.encode, lambda z: picture() + 0.13 * noise)
    assert kinship.GAIN_REFUSED <= some.gain < kinship.GAIN_FITS
    assert kinship.by_probe(some).answer == "unknown"


def test_a_probe_that_fails_is_no_verdict_and_is_not_remembered(tmp_path, base, facts, host):
    path, memory = kin.write(kin.turned(base, 1), tmp_path / "v.safetensors"), Verdicts()

    def out_of_memory(_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    verdict = judge(path, facts, host.encode, out_of_memory, memory=memory)
    assert verdict.answer == "unknown" and "CUDA out of memory" in verdict.reason
    assert judge(path, facts, host.encode, decoder_of(path), memory=memory).answer == "does not fit"


def test_two_files_are_judged_without_a_host(tmp_path, base):
    turned = kin.write(kin.turned(base, 5), tmp_path / "turned.safetensors")
    kept = kin.write(base, tmp_path / "kept.safetensors", torch.float8_e4m3fn, "diffusers")
    assert kinship.judge_files(kept, kin.POCKET).answer == "fits"
    assert kinship.judge_files(turned, kin.POCKET).answer == "does not fit"
    assert kinship.judge_files(turned, turned).answer == "fits"
    with pytest.raises(VaeFileError, match="missing"):
        kinship.judge_files(kept, tmp_path / "gone.safetensors")


# memory


def test_verdicts_and_the_persons_yes_are_remembered_per_pair(tmp_path, base, facts, host):
    path = kin.write(kin.turned(base, 2), tmp_path / "v.safetensors")
    identity, store = inspect(path).identity, tmp_path / "verdicts.json"
    first = judge(path, facts, memory=Verdicts(store))
    assert first.answer == "unknown" and not first.may_decode
    Verdicts(store).allow(identity, facts.fingerprint)
    assert judge(path, facts, memory=Verdicts(store)).may_decode
    other = replace(facts, formats=("sdxl",))
    assert not judge(path, other, memory=Verdicts(store)).may_decode
    kin.write(kin.turned(base, 2), path)  # written again: the yes was for another state
    assert not judge(path, facts, memory=Verdicts(store)).may_decode
    assert str(path.parent) not in json.dumps(first.to_json())


def test_a_yes_does_not_overrule_a_proof(tmp_path, base, facts, host):
    path, memory = kin.write(kin.shuffled(base, 1), tmp_path / "v.safetensors"), Verdicts()
    memory.allow(inspect(path).identity, facts.fingerprint)
    verdict = judge(path, facts, host.encode, decoder_of(path), memory=memory)
    assert verdict.answer == "does not fit" and verdict.allowed and not verdict.may_decode


def test_a_remembered_verdict_asks_for_no_picture_again(tmp_path, base, facts, host):
    path, store = kin.write(kin.shuffled(base, 2), tmp_path / "v.safetensors"), tmp_path / "verdicts.json"
    before = judge(path, facts, host.encode, decoder_of(path), memory=Verdicts(store))
    after = judge(path, facts, never, never, memory=Verdicts(store))
    assert (after.answer, after.reason, levels(after)) == (before.answer, before.reason, levels(before))


def test_a_store_that_anything_happened_to_is_not_believed(tmp_path, facts):
    store = tmp_path / "verdicts.json"
    judge(kin.POCKET, facts, memory=Verdicts(store))
    table = json.loads(store.read_text())
    for damage in (1, None, [], {}, {"rule": 0, "answer": "does not fit"}, {"rule": RULE, "answer": "yes"}):
        store.write_text(json.dumps(dict.fromkeys(table, damage)))
        assert judge(kin.POCKET, facts, memory=Verdicts(store)).answer == "fits"


def test_the_fitting_ones_are_named(tmp_path, base, facts):
    kin.write(base, tmp_path / "kin.safetensors", layout="diffusers")
    kin.write(kin.turned(base, 0), tmp_path / "turned.safetensors")
    sparse(tmp_path / "flux.safetensors", expected(Z16))
    sparse(tmp_path / "lora.safetensors", {"lora_unet_x.lora_up.weight": (4, 4)})
    infos = [inspect(path) for path in tmp_path.iterdir()]
    assert [info.name for info in fitting(infos, facts)] == ["kin.safetensors"]


# the bar


def test_header_and_slices_of_a_full_size_vae_take_milliseconds(tmp_path):
    """20 ms of CPU for L0 to L2 on 167 MB; the median of five, for a busy machine."""
    path = sparse(tmp_path / "vae.safetensors", expected(Z4))
    facts, times = facts_from_file(path), []
    for _ in range(5):
        started = time.process_time()
        assert judge(path, facts, never, never).answer == "fits"
        times.append(time.process_time() - started)
    assert sorted(times)[2] < 0.02


FAMILY = [("ema", "fits", True), ("mse", "fits", True), ("xl-vae", "does not fit", False)]


@pytest.mark.parametrize("name, answer, kin_too", FAMILY)
def test_the_trained_family(facts, host, name, answer, kin_too):
    """Decoders tuned for thousands of steps lie far from the base's: the probe tells, and latents mean the same."""
    path = kin.POCKET.with_name(f"pocket-{name}.safetensors")
    assert judge(path, facts, host.encode, decoder_of(path)).answer == answer
    assert kinship.same_family(facts, facts_from_file(path)) == kin_too
