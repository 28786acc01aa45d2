"""Settings: storage, types, what is restored and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def opts(host):
    from modules import options, shared_options

    return options.Options(dict(shared_options.options_templates), shared_options.restricted_opts)


def test_fresh_install_stores_nothing(opts, tmp_path: Path) -> None:
    """Facts page, VAE: "the first override of a never-saved option is NOT restored": only stored options are."""
    opts.load(str(tmp_path / "missing.json"))
    assert opts.data == {} and "sd_vae" not in opts.data
    assert opts.sd_vae == "Automatic", "reading falls back to the default"
    opts.set("sd_vae", "a.safetensors")
    assert opts.data == {"sd_vae": "a.safetensors"}


def test_options_of_extensions_are_stored_at_once(opts, tmp_path: Path) -> None:
    from modules.options import OptionInfo

    opts.load(str(tmp_path / "missing.json"))
    opts.add_option("probe_x", OptionInfo(3, "X", section=("probe", "Probe"), category_id="postprocessing"))
    assert opts.data == {"probe_x": 3} and opts.probe_x == 3


def test_round_trip(opts, tmp_path: Path) -> None:
    path = str(tmp_path / "config.json")
    opts.load(path)
    opts.eta_ddim = 0.5
    opts.save(path)
    assert json.loads(Path(path).read_text(encoding="utf8")) == {"eta_ddim": 0.5}
    opts.eta_ddim = 0.0
    opts.load(path)
    assert opts.eta_ddim == 0.5


def test_broken_file_is_moved_aside(opts, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    opts.load(str(path))
    assert opts.data == {} and not path.exists() and (tmp_path / "config.json.broken").read_text() == "{"


def test_old_files_are_migrated(opts, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"quicksettings": "sd_vae, emphasis", "sd_vae_as_default": True, "eta_ddim": "bad"}))
    opts.load(str(path))
    assert opts.quicksettings_list == ["sd_vae", "emphasis"]
    assert opts.sd_vae_overrides_per_model_preferences is False


def test_bad_types_are_named(opts, tmp_path: Path, capsys) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"eta_ddim": "bad", "s_noise": 1}))
    opts.load(str(tmp_path / "config.json"))
    assert "eta_ddim" in (text := capsys.readouterr().err) and "s_noise" not in text


def test_failed_onchange_undoes_the_change(opts) -> None:
    calls = []
    opts.onchange("sd_vae", lambda: calls.append(opts.sd_vae), call=False)
    assert opts.set("sd_vae", "b") and calls == ["b"]
    assert not opts.set("sd_vae", "b") and calls == ["b"], "no change, no call"
    opts.onchange("sd_vae", lambda: 1 / 0, call=False)
    assert not opts.set("sd_vae", "c") and opts.sd_vae == "b"
    assert opts.set("sd_vae", "c", run_callbacks=False) and opts.sd_vae == "c"


def test_api_cannot_set_restricted_options(opts) -> None:
    assert not opts.set("api_useragent", "x", is_api=True)
    assert opts.set("api_useragent", "x")


def test_frozen_settings(opts, host, monkeypatch) -> None:
    monkeypatch.setattr(host.cmd_opts, "freeze_specific_settings", "eta_ddim, rho")
    with pytest.raises(AssertionError, match="rho"):
        opts.rho = 1.0
    monkeypatch.setattr(host.cmd_opts, "freeze_settings_in_sections", "vae")
    with pytest.raises(AssertionError, match="sd_vae"):
        opts.sd_vae = "x"
    monkeypatch.setattr(host.cmd_opts, "hide_ui_dir_config", True)
    with pytest.raises(RuntimeError, match="outdir_save"):
        opts.outdir_save = "/"


@pytest.mark.parametrize(("key", "text", "value"), [
    ("CLIP_stop_at_last_layers", "2", 2), ("eta_ddim", "0.5", 0.5), ("tiling", "False", False),
    ("tiling", "True", True), ("sd_vae", "a.pt", "a.pt"), ("eta_noise_seed_delta", None, None),
])
def test_cast_value(opts, key: str, text: str | None, value: object) -> None:
    assert opts.cast_value(key, text) == value and type(opts.cast_value(key, text)) is type(value)


def test_dumpjson_has_values_comments_and_categories(opts) -> None:
    dumped = json.loads(opts.dumpjson())
    assert dumped["sd_vae"] == "Automatic" and "requires Reload UI" in dumped["_comments_after"]["gradio_theme"]
    assert ["Saving images/grids", "Saving images"] in dumped["_categories"]
    assert dumped["_categories"][-1] == ["Defaults", "Other"]


def test_reorder_keeps_sections_and_categories_together(opts) -> None:
    from modules.options import OptionInfo

    opts.add_option("probe_y", OptionInfo(1, "Y", section=("vae", "VAE")))
    opts.reorder()
    sections = [info.section for info in opts.data_labels.values()]
    runs = [s for i, s in enumerate(sections) if i == 0 or sections[i - 1] != s]
    assert len(runs) == len(set(runs))
    assert opts.data_labels["probe_y"].category_id == "sd"


def test_labels_chain() -> None:
    from modules.options import OptionInfo

    info = OptionInfo(1, "L").info("why").html("<b></b>").js("l", "f").link("w", "u").needs_restart().needs_reload_ui()
    assert info.comment_after.startswith("<span class='info'>(why)</span><b></b> <span class='info'>(requires restart)")
    assert "onclick='f(); return false'" in info.comment_before and "href='u'" in info.comment_before


def test_unknown_option_is_an_attribute_error(opts) -> None:
    with pytest.raises(AttributeError, match="no_such_option"):
        _ = opts.no_such_option
    opts.no_such_option = 1  # becomes a plain attribute, as on A1111
    assert opts.no_such_option == 1 and "no_such_option" not in opts.data


def test_defaults_are_those_of_a1111(opts) -> None:
    wanted = {
        "sd_vae": "Automatic", "show_progress_every_n_steps": 10, "show_progress_type": "Approx NN",
        "eta_ancestral": 1.0, "comma_padding_backtrack": 20, "disable_weights_auto_swap": True, "s_min_uncond": 0.0,
        "uni_pc_order": 3, "emphasis": "Original", "randn_source": "GPU", "pad_cond_uncond": False,
        "batch_cond_uncond": True, "hires_fix_refiner_pass": "second pass", "live_previews_enable": True,
        "persistent_cond_cache": True,
    }
    assert {key: opts.get_default(key) for key in wanted} == wanted
