"""Switching VAEs and checkpoints, with A1111's defects; such tests quote their line of the facts page, section VAE."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.pocket.tiny import Files, files, load, sd1  # noqa: F401  (fixtures)

from tests.pocket.tiny import _sd1 as _sd1  # isort: skip  (fixture behind sd1)


@pytest.fixture
def vaes(sd1: Any, files: Files, host: Any) -> Iterator[Any]:  # noqa: F811
    """modules.sd_vae, listing the tiny VAEs; the checkpoint's own VAE is in use before and after."""
    from modules import sd_vae

    sd_vae.vae_dict.clear()
    sd_vae.vae_dict.update({path.name: str(path) for path in (files.vae, files.vae2, files.wrong)})
    yield sd_vae
    host.opts.data["sd_vae"] = "None"
    sd_vae.reload_vae_weights()
    sd_vae.refresh_vae_list()


@pytest.fixture
def loaded_calls(sd1: Any) -> Iterator[list[Any]]:  # noqa: F811
    """The models that on_model_loaded was called with."""
    from modules import script_callbacks

    seen: list[Any] = []

    def note(model: Any) -> None:
        seen.append(model)

    script_callbacks.on_model_loaded(note)
    yield seen
    script_callbacks.remove_callbacks_for_function(note)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.first_stage_model.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> list[str]:
    """Keys whose tensors are equal."""
    return [key for key, value in left.items() if key in right and torch.equal(value, right[key].to(value))]


def choose(vaes: Any, name: str) -> None:
    from modules import shared

    shared.opts.data["sd_vae"] = name
    vaes.reload_vae_weights()


def test_switch_and_back(vaes: Any, sd1: Any, files: Files, loaded_calls: list) -> None:  # noqa: F811
    own = weights(sd1)
    choose(vaes, files.vae.name)
    assert len(same(weights(sd1), load_file(files.vae))) == len(own)
    assert vaes.get_loaded_vae_name() == files.vae.name
    choose(vaes, "None")
    assert len(same(weights(sd1), own)) == len(own)
    assert vaes.get_loaded_vae_name() is None
    # "each reload ... fires on_model_loaded"
    assert loaded_calls == [sd1, sd1]


def test_each_reload_moves_the_whole_model(vaes: Any, sd1: Any, files: Files, monkeypatch: Any) -> None:  # noqa: F811
    # "each reload moves the WHOLE model to the CPU and back"
    moves: list[Any] = []
    real = type(sd1).to
    monkeypatch.setattr(type(sd1), "to", lambda self, *to: (moves.append(to), real(self, *to))[1])
    choose(vaes, files.vae.name)
    assert len(moves) == 2


def test_choosing_the_same_again_does_nothing(vaes: Any, files: Files, loaded_calls: list) -> None:  # noqa: F811
    choose(vaes, files.vae.name)
    choose(vaes, files.vae.name)
    assert len(loaded_calls) == 1


@pytest.mark.parametrize("name", ["no-such.safetensors", "alt-one"])
def test_wrong_name_is_silently_the_own_vae(name: str, vaes: Any, sd1: Any, files: Files, capsys: Any) -> None:  # noqa: F811
    # "A wrong or extension-less name is silently the baked VAE: a line in the log, no error"
    own = weights(sd1)
    choose(vaes, files.vae.name)
    choose(vaes, name)
    assert f"Couldn't find VAE named {name}; using None instead" in capsys.readouterr().out
    assert len(same(weights(sd1), own)) == len(own)
    assert vaes.get_loaded_vae_name() is None


def test_wrong_size_leaves_the_model_broken(vaes: Any, files: Files, host: Any) -> None:  # noqa: F811
    # "A VAE of the wrong size: HTTP 500, and the model is left un-hijacked with a half-overwritten VAE; the next image
    # is silently wrong, the next new prompt fails, until another VAE or checkpoint is loaded."
    from modules.sd_hijack import model_hijack

    model = load(files.sd1)
    own = weights(model)
    with pytest.raises(RuntimeError, match="size mismatch"):
        choose(vaes, files.wrong.name)
    broken, wrong = weights(model), load_file(files.wrong)
    misfits = {key for key, value in own.items() if wrong[key].shape != value.shape}
    assert 0 < len(misfits) < 0.1 * len(own)
    assert set(same(broken, wrong)) == set(own) - misfits
    assert misfits <= set(same(broken, own))
    assert vaes.loaded_vae_file is None
    assert model_hijack.clip is None
    decoded = model.decode_first_stage(torch.zeros(1, 4, 8, 8))  # silently wrong: it runs
    assert decoded.shape == (1, 3, 64, 64)
    with pytest.raises(RuntimeError, match="forward"):
        model.get_learned_conditioning(["a new prompt"])
    # choosing the own VAE repairs nothing, because it counts as loaded (facts on VAEs, finding 1)
    choose(vaes, "None")
    assert len(same(weights(model), own)) < len(own)
    choose(vaes, files.vae.name)
    assert model.get_learned_conditioning(["a new prompt"]).shape[1] == 77
    assert len(same(weights(model), load_file(files.vae))) == len(own)


def test_second_vae_has_the_first_ones_hash(vaes: Any, files: Files, host: Any, monkeypatch: Any) -> None:  # noqa: F811
    # '"VAE hash" in infotext is wrong for the second VAE used (one shared cache key).'
    from modules import hashes

    monkeypatch.setattr(host.cmd_opts, "no_hashing", False)
    os.utime(files.vae, (2e9, 2e9))
    os.utime(files.vae2, (1e9, 1e9))
    choose(vaes, files.vae.name)
    first = vaes.get_loaded_vae_hash()
    assert first == hashes.calculate_sha256(str(files.vae))[:10]
    choose(vaes, files.vae2.name)
    assert vaes.get_loaded_vae_hash() == first


def test_function_argument_is_not_a_setting(vaes: Any, sd1: Any, files: Files, host: Any) -> None:  # noqa: F811
    host.opts.data["sd_vae"] = "None"
    vaes.reload_vae_weights(vae_file=str(files.vae2))
    assert vaes.get_loaded_vae_name() == files.vae2.name
    assert host.opts.sd_vae == "None"


def test_near_checkpoint_by_prefix(vaes: Any, sd1: Any, host: Any) -> None:  # noqa: F811
    # facts on VAEs 2.1: `anything.safetensors` matches `anything-v4.vae`
    vaes.vae_dict["tiny-v4.vae.safetensors"] = "elsewhere/tiny-v4.vae.safetensors"
    host.opts.data["sd_vae"] = "Automatic"
    found = vaes.resolve_vae(sd1.sd_checkpoint_info.filename)
    assert found.tuple() == ("elsewhere/tiny-v4.vae.safetensors", "found near the checkpoint")
    host.opts.data["sd_vae"] = "None"
    assert vaes.resolve_vae(sd1.sd_checkpoint_info.filename).vae is None


def test_lists_of_files(sd1: Any, files: Files, tmp_path: Any, monkeypatch: Any, host: Any) -> None:  # noqa: F811
    from modules import paths, sd_checkpoints, sd_models, sd_vae

    shipped, own, vae_folder = tmp_path / "shipped", tmp_path / "own", tmp_path / "vae"
    for folder in (shipped, own, vae_folder):
        folder.mkdir()
    for target in (shipped / "pocket.safetensors", shipped / "another.safetensors", own / "sub-model.safetensors"):
        shutil.copy(files.sd1, target)
    shutil.copy(files.vae, shipped / "pocket-ema.safetensors")
    shutil.copy(files.vae, own / "sub-model.vae.safetensors")
    shutil.copy(files.vae, vae_folder / "b.safetensors")
    (shipped / "torn-vae.safetensors").write_bytes(b"\xff" * 20)
    monkeypatch.setattr(paths, "shipped_models_path", str(shipped))
    monkeypatch.setattr(sd_checkpoints, "model_path", str(own))
    monkeypatch.setattr(sd_models, "model_path", str(own))
    monkeypatch.setattr(sd_vae, "vae_path", str(vae_folder))
    monkeypatch.setattr(host.cmd_opts, "no_hashing", True)
    try:
        sd_models.list_models()
        assert list(sd_models.checkpoints_list) == [
            "pocket.safetensors", "another.safetensors", "sub-model.safetensors",
        ]
        assert sd_models.get_closet_checkpoint_match("sub-model").filename == str(own / "sub-model.safetensors")
        assert sd_models.get_closet_checkpoint_match("sub-model.safetensors [0123456789]").name_for_extra == "sub-model"
        assert sd_models.get_closet_checkpoint_match("nothing like it") is None
        host.opts.data["sd_model_checkpoint"] = "gone"
        assert sd_models.select_checkpoint().name == "pocket.safetensors"
        sd_vae.refresh_vae_list()
        assert list(sd_vae.vae_dict) == [
            "b.safetensors", "pocket-ema.safetensors", "sub-model.vae.safetensors", "torn-vae.safetensors",
        ]
    finally:
        monkeypatch.undo()
        sd_models.list_models()
        sd_vae.refresh_vae_list()


def test_no_checkpoint_says_where_to_put_one(sd1: Any, monkeypatch: Any) -> None:  # noqa: F811
    from modules import sd_checkpoints

    monkeypatch.setattr(sd_checkpoints, "checkpoints_list", {})
    monkeypatch.setattr(sd_checkpoints, "checkpoint_aliases", {})
    with pytest.raises(FileNotFoundError, match=r"Put a \.safetensors file and its \.yaml into"):
        sd_checkpoints.select_checkpoint()


class TestCheckpoints:
    """Runs last in this file: the model is replaced."""

    def info(self, path: Any) -> Any:
        from modules import sd_models

        return sd_models.CheckpointInfo(str(path))

    def test_switch_frees_the_model_before(self, sd1: Any, files: Files, host: Any, loaded_calls: list) -> None:  # noqa: F811
        from modules import sd_models

        before = load(files.sd1)
        loaded_calls.clear()
        after = sd_models.reload_model_weights(info=self.info(files.other))
        assert host.sd_model is after and loaded_calls == [after]
        assert after.sd_checkpoint_info.name_for_extra == "tiny-b"
        assert host.opts.data["sd_model_checkpoint"] == after.sd_checkpoint_info.title
        assert next(before.parameters()).device.type == "meta"

    def test_the_same_checkpoint_is_read_again_only_if_forced(
        self, files: Files, host: Any, loaded_calls: list  # noqa: F811
    ) -> None:
        from modules import sd_models

        model = load(files.sd1)
        loaded_calls.clear()
        with sd_models.SkipWritingToConfig():
            assert sd_models.reload_model_weights(info=self.info(files.sd1)) is model and not loaded_calls
            weight = next(model.model.parameters())
            known = weight.clone()
            weight.zero_()
            assert sd_models.reload_model_weights(info=self.info(files.sd1), forced_reload=True) is model
        assert torch.equal(next(model.model.parameters()), known) and loaded_calls == [model]
        assert model.get_learned_conditioning(["a"]).shape[1] == 77

    def test_two_models_may_stay_loaded(self, files: Files, host: Any) -> None:  # noqa: F811
        from modules import sd_models

        host.opts.data["sd_checkpoints_limit"] = 2
        with sd_models.SkipWritingToConfig():
            first = load(files.sd1)
            second = sd_models.reload_model_weights(info=self.info(files.other))
            assert second is not first
            assert sd_models.reload_model_weights(info=self.info(files.sd1)) is first
            host.opts.data["sd_checkpoints_limit"] = 1
            third = sd_models.reload_model_weights(info=self.info(files.xl))
        assert sd_models.model_data.loaded_sd_models == [third]

    def test_settings_are_not_written_inside_skip(self, files: Files, host: Any) -> None:  # noqa: F811
        from modules import sd_models

        host.opts.data["sd_model_checkpoint"] = "as it was"
        with sd_models.SkipWritingToConfig():
            sd_models.reload_model_weights(info=self.info(files.other))
        assert host.opts.data["sd_model_checkpoint"] == "as it was"
        assert not sd_models.SkipWritingToConfig.skip

    def test_checkpoint_without_its_yaml(self, files: Files, host: Any, tmp_path: Any) -> None:  # noqa: F811
        from modules import sd_models
        from pocket_webui.nets.checkpoint import CheckpointError

        shutil.copy(files.sd1, tmp_path / "lonely.safetensors")
        with pytest.raises(CheckpointError, match=r"no \.yaml beside it"), sd_models.SkipWritingToConfig():
            sd_models.load_model(self.info(tmp_path / "lonely.safetensors"))

    def test_short_hash_enters_the_title(self, files: Files, host: Any, monkeypatch: Any) -> None:  # noqa: F811
        from modules import hashes, sd_models

        monkeypatch.setattr(host.cmd_opts, "no_hashing", False)
        info = self.info(files.xl)
        info.register()
        short = info.calculate_shorthash()
        assert short == hashes.calculate_sha256(str(files.xl))[:10]
        assert info.title == f"tiny-xl.safetensors [{short}]"
        assert info.short_title == f"tiny-xl [{short}]"
        assert sd_models.checkpoints_list[info.title] is info
        assert "tiny-xl.safetensors" not in sd_models.checkpoints_list
        assert sd_models.get_closet_checkpoint_match(short) is info
        sd_models.list_models()
