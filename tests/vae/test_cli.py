"""`python -m lib_vaeface ...` about VAEs: every command with real files, its exit codes, its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lib_vaeface.__main__ import main
from lib_vaeface.cli.shared import number_of_bytes, size, split_vae
from lib_vaeface.vae.contact_sheet import to_image
from tests.fixtures import kin
from tests.vae import family

ROOT = Path(__file__).parents[2]
POCKET = "@0.55881"
COMMANDS = (
    "timeline",
    "faces",
    "list",
    "inspect",
    "fit",
    "convert",
    "formats",
    "compare",
    "bridge",
    "calibrate",
    "decode",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base, kin of it, a foreign VAE, latents of base in three files, pictures."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "vaes").mkdir()
    (folder / "pictures").mkdir()
    base = family.base_state()
    kin.write(base, folder / "vaes" / "base.safetensors")
    kin.write(kin.noisy(base, 0.01, 1), folder / "vaes" / "kin.safetensors", layout="diffusers")
    kin.write(kin.turned(base, 3), folder / "vaes" / "foreign.safetensors")
    latents = family.base().encode(family.portraits())
    save_file({"latents": latents}, folder / "scaled.safetensors")
    raw = family.base().scaling.to_raw(latents)
    save_file({"latent_tensor": raw, "latent_format_version_0": torch.zeros(0)}, folder / "raw.latent")
    for number, picture in enumerate(family.portraits(6)):
        to_image(picture).save(folder / "pictures" / f"{number}.png")
    return folder


class Ran:
    """What a command printed and ended with."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def command(*arguments: str) -> Ran:
        code = main([one.format(f=files) for one in arguments])
        return Ran(code, *capsys.readouterr())

    return command


def test_list(run: Any) -> None:
    shown = run("list", "{f}/vaes", "--json").json
    assert [one["name"] for one in shown] == ["base.safetensors", "foreign.safetensors", "kin.safetensors"]
    assert all(one["usable"] and "sdxl" in one["info"]["formats"] for one in shown)
    assert "base.safetensors: a VAE" in run("list", "{f}/vaes").out
    gone = run("list", "{f}/nowhere")
    assert gone.code == 2 and "there is no such folder" in gone.err and gone.out == ""


def test_inspect(run: Any, files: Path) -> None:
    shown = run("inspect", "{f}/vaes/base.safetensors", "--hash", "--json").json[0]
    assert shown["channels"] == 4 and len(shown["sha256"]) == len(shown["weight_hash"]) == 64
    assert str(files) not in json.dumps(shown)
    both = run("inspect", "{f}/raw.latent", "{f}/vaes/kin.safetensors", "{f}/nothing.safetensors")
    assert both.code == 1 and "layout: diffusers" in both.out and "nothing.safetensors" in both.out


def test_fit_answers_by_its_exit_code(run: Any) -> None:
    assert run("fit", "{f}/vaes/kin.safetensors", "--checkpoint", "{f}/vaes/base.safetensors").code == 0
    shown = run("fit", "{f}/vaes/foreign.safetensors", "--checkpoint", "{f}/vaes/base.safetensors", "--json")
    assert shown.code == 1 and shown.json[0]["answer"] == "does not fit" and shown.json[0]["evidence"]


def test_convert(run: Any, files: Path) -> None:
    state = {"state_dict": {name: tensor.half() for name, tensor in family.base_state().items()}}
    torch.save(state, files / "old.vae.pt")
    shown = run("convert", "{f}/old.vae.pt", "{f}/new.safetensors", "--json")
    assert shown.code == 0 and Path(shown.json["file"]).is_file()
    again = run("convert", "{f}/old.vae.pt", "{f}/new.safetensors", "--json")
    assert again.code == 2 and "there already" in again.json["error"]


def test_formats(run: Any) -> None:
    assert {row["key"] for row in run("formats", "--json").json} >= {"sd1", "sdxl", "flux1", "flux2"}
    assert "| SDXL (`sdxl`)" in run("formats").out


def test_compare_on_a_latent_refuses_the_wrong_family(run: Any, files: Path) -> None:
    vaes = [part for name in ("base", "kin", "foreign") for part in ("--vae", f"{{f}}/vaes/{name}.safetensors")]
    found = run("compare", "{f}/raw.latent", *vaes, "--region", "eyes:20,20,44,32@2", "-o", "{f}/sheet.png", "--json")
    assert "3 of 3 VAEs" in found.err and found.json["file"].endswith("sheet.png")
    base, twin, foreign = found.json["vaes"]
    assert found.code == 0 and base["all"]["picture"]["psnr"] is None
    assert twin["all"]["picture"]["psnr"] > 25 and [part["picture"] for part in twin["parts"]] == [0, 1, 1]
    assert foreign["problem"].startswith("does not fit")
    with Image.open(files / "sheet.png") as sheet:
        assert sheet.width > 3 * 256


def test_compare_needs_a_scale_that_can_be_told(run: Any) -> None:
    asks = run("compare", "{f}/scaled.safetensors", "--vae", "{f}/vaes/base.safetensors")
    assert asks.code == 3 and "base.safetensors@sdxl" in asks.err
    tells = run("compare", "{f}/scaled.safetensors", "--vae", "{f}/vaes/base.safetensors" + POCKET,
                "--vae", "{f}/vaes/kin.safetensors", "--truth", "{f}/pictures/0.png")  # fmt: skip
    assert tells.code == 2 and "pictures of shape" in tells.err  # two latents, one truth


def test_compare_families_by_pictures(run: Any) -> None:
    both = ("--vae", "{f}/vaes/base.safetensors", "--vae", "{f}/vaes/foreign.safetensors")
    found = run("compare", "{f}/pictures", *both)
    assert found.code == 0 and found.out.startswith("1. ") and "to the true picture" in found.out


def test_bridge_and_decode(run: Any, files: Path) -> None:
    done = run("bridge", "{f}/scaled.safetensors", "--source", "{f}/vaes/base.safetensors" + POCKET, "--target",
               "{f}/vaes/foreign.safetensors@0.4,0.2", "--out", "{f}/crossed.safetensors", "--json")  # fmt: skip
    assert done.code == 0 and done.json["psnr"] > 20 and done.json["shape"] == [2, 4, 8, 8]
    expected = family.foreign().encode(family.base().decode(family.base().encode(family.portraits())))
    torch.testing.assert_close(load_file(files / "crossed.safetensors")["latents"], expected, atol=0.02, rtol=0)
    decoded = run("decode", "{f}/crossed.safetensors", "--vae-dir", "{f}/vaes", "--out", "{f}/out.png", "--json")
    assert decoded.code == 0 and decoded.json["chosen"]["vae"] == "foreign.safetensors"
    assert sorted(Path(file).name for file in decoded.json["files"]) == ["out-1.png", "out-2.png"]
    again = run("bridge", "{f}/scaled.safetensors", "--source", "{f}/vaes/base.safetensors" + POCKET, "--target",
                "{f}/vaes/foreign.safetensors@0.4", "--out", "{f}/crossed.safetensors")  # fmt: skip
    assert again.code == 2 and "--overwrite" in again.err


def test_decode_with_the_right_one_by_the_latents_alone(run: Any, files: Path) -> None:
    found = run("decode", "{f}/raw.latent", "--vae-dir", "{f}/vaes", "--out", "{f}/free.png", "--json")
    assert found.code == 0 and found.json["chosen"]["vae"] in ("base.safetensors", "kin.safetensors")


def test_decode_asks_where_nothing_is_near(run: Any, files: Path) -> None:
    save_file({"latents": torch.randn(1, 4, 8, 8)}, files / "noise.safetensors")
    found = run("decode", "{f}/noise.safetensors", "--vae-dir", "{f}/vaes", "--out", "{f}/noise.png", "--json")
    assert found.code == 3 and len(found.json["options"]) >= 3 and not (files / "noise.png").exists()
    told = run("decode", "{f}/noise.safetensors", "--vae", "{f}/vaes/base.safetensors@sd1", "--out", "{f}/noise.png")
    assert told.code == 0 and (files / "noise.png").exists()


def test_calibrate_and_cross_by_the_map(run: Any, files: Path) -> None:
    both = ("--source", "{f}/vaes/base.safetensors", "--target", "{f}/vaes/foreign.safetensors")
    made = run("calibrate", "{f}/pictures", *both, "--kind", "1x1", "--out", "{f}/map.safetensors", "--json")
    assert made.code == 0 and made.json["kind"] == "1x1" and made.json["held_out"]["pictures"] == 1
    with safe_open(str(files / "map.safetensors"), framework="pt") as file:
        assert "foreign.safetensors" in str(file.metadata())
    start = ("bridge", "{f}/raw.latent", "--source", "{f}/vaes/base.safetensors", "--map", "{f}/map.safetensors")
    crossed = run(*start, "--target", "{f}/vaes/foreign.safetensors@sdxl", "--out", "{f}/fast.latent")
    assert crossed.code == 0 and "approximate: a map (1x1)" in crossed.out
    wrong = run(*start, "--target", "{f}/vaes/kin.safetensors@sdxl", "--out", "{f}/no.latent")
    assert wrong.code == 2 and "the weights at hand are others" in wrong.err and not (files / "no.latent").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "{f}/pictures", "--vae", "{f}/none.safetensors"), "none.safetensors"),
        (("compare", "{f}/vaes", "--vae", "{f}/vaes/base.safetensors"), "no picture"),
        (("compare", "{f}/vaes/base.safetensors", "--vae", "{f}/vaes/base.safetensors"), "no latents"),
        (("compare", "{f}/pictures", "--vae", "{f}/vaes/base.safetensors", "--region", "eyes"), "no region"),
        (("decode", "{f}/raw.latent", "--out", "{f}/x.png"), "--vae"),
        (("decode", "{f}/raw.latent", "--vae-dir", "{f}/vaes", "--out", "{f}/no/x.png"), "no such folder"),
        (("decode", "{f}/raw.latent", "--vae", "{f}/vaes/base.safetensors@sd9", "--out", "{f}/x.png"), "no latent"),
    ],
)  # fmt: skip
def test_errors_are_clear_in_text_and_json(arguments: tuple[str, ...], message: str, run: Any) -> None:
    text = run(*arguments)
    assert text.code == 2 and message in text.err and text.out == "" and "Traceback" not in text.err
    shown = run(*arguments, "--json")
    assert shown.code == 2 and message in shown.json["error"] and message in shown.err


def test_arguments() -> None:
    assert number_of_bytes("1.5G") == 1610612736 and number_of_bytes("800MiB") == 838860800
    assert size("640x480") == (480, 640)
    assert split_vae("a@b.safetensors@sdxl") == (Path("a@b.safetensors"), "sdxl")
    assert split_vae("a.safetensors") == (Path("a.safetensors"), "")


def test_help_needs_no_torch() -> None:
    code = "import sys; from lib_vaeface.__main__ import main\ntry: main(['compare', '--help'])\n"
    code += "except SystemExit: print({'torch', 'gradio', 'modules', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command_is_readable(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*([command] if command else []), "--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0 and "usage: python -m lib_vaeface" in shown
    assert all(name in shown for name in COMMANDS) if not command else "--json" in shown


@pytest.mark.parametrize(
    "arguments", [[], ["vae", "list"], ["timeline"], ["compare", "a.png"], ["timeline", "a", "--steps", "x"]]
)
def test_wrong_arguments_end_with_2_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    shown = capsys.readouterr()
    assert end.value.code == 2 and shown.out == "" and "usage:" in shown.err
