"""The two commands: what goes wrong is said in words and ends with code 2; what goes right leaves a picture."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pocket_webui import cli, launch, painting

ROOT = Path(__file__).resolve().parents[2]


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pocket_webui", *args], cwd=ROOT, capture_output=True, text=True,
                          timeout=300, check=False)


def failure(*args: str) -> str:
    """What the command says while it refuses."""
    done = command(*args)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_usage() -> None:
    assert "serve" in failure() and "paint" in failure("pant")
    assert command("--help").returncode == 0
    assert "--extension" in command("serve", "--help").stdout


def test_a_busy_port_is_named(busy_port: int, tmp_path: Path) -> None:
    said = failure("serve", "--port", str(busy_port), "--data-dir", str(tmp_path))
    assert f"Port {busy_port}" in said and f"--port {busy_port + 1}" in said


@pytest.mark.parametrize("port", ["0", "70000"])
def test_a_port_out_of_range(port: str) -> None:
    assert "1 to 65535" in failure("serve", "--port", port)


def test_flags_that_name_nothing(tmp_path: Path) -> None:
    assert str(tmp_path / "no") in failure("serve", "--extension", str(tmp_path / "no"))
    assert "no.safetensors" in failure("paint", "a cat", "-o", str(tmp_path / "x.png"), "--ckpt",
                                       str(tmp_path / "no.safetensors"))


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["--width", "100"], "--width 100"), (["--steps", "0"], "--steps 0"), (["-o", "x.txt"], "x.txt"),
     (["-o", "no such folder/x.png"], "folder")],
)
def test_paint_refuses_before_it_loads_anything(flags: list[str], said: str) -> None:
    assert said in failure("paint", "a cat", *flags)


def places(data: Path, **more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"ckpt": None, "ckpt_dir": None, "models_dir": None, "data_dir": str(data),
                                 "ui_debug_mode": False, **more})


def test_missing_weights_name_the_file_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "WEIGHTS", tmp_path / "shipped" / "pocket.safetensors")
    with pytest.raises(launch.LaunchError) as error:
        launch.check_weights(places(tmp_path))
    assert "pocket.safetensors" in str(error.value) and "dev.py train" in str(error.value)
    folder = tmp_path / "models" / "Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "some-vae.safetensors").touch()
    with pytest.raises(launch.LaunchError):
        launch.check_weights(places(tmp_path))
    (folder / "some.safetensors").touch()
    launch.check_weights(places(tmp_path))


def test_the_checkout_does_not_stay_on_the_path() -> None:
    """facts/extension-conventions.md 2.1: a late import of an extension's library fails on A1111."""
    code = ("from pocket_webui import launch; launch.prepare_process()\n"
            "import modules.command_line, pocket_webui.nets\n"
            "try:\n    import lib_vaeface\nexcept ModuleNotFoundError:\n    print('not found')")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "not found"


def options(*flags: str) -> argparse.Namespace:
    small = ["--steps", "2", "--width", "64", "--height", "64", "--seed", "4"]
    return cli.paint_parser().parse_args(["a cat", *small, *flags])


def test_paint_writes_a_picture_that_tells_how_it_was_made(webui: object, tmp_path: Path) -> None:
    flags = ["-o", str(tmp_path / "out.png"), "--sampler", "dpm++ 2m", "--vae", "alt-mse.safetensors"]
    line = painting.paint(options(*flags))
    image = Image.open(tmp_path / "out.png")
    assert image.size == (64, 64)
    assert "Seed: 4" in image.info["parameters"] and "Sampler: DPM++ 2M" in image.info["parameters"]
    assert "VAE: alt-mse.safetensors" in image.info["parameters"]
    assert "out.png" in line


@pytest.mark.parametrize(
    ("flags", "choice"),
    [(["--sampler", "no such"], "Euler a"), (["--scheduler", "no such"], "Karras"),
     (["--vae", "no such"], "alt-mse.safetensors")],
)
def test_unknown_names_list_the_known_ones(webui: object, flags: list[str], choice: str) -> None:
    with pytest.raises(launch.LaunchError, match="no such") as error:
        painting.make_job(options(*flags))
    assert choice in str(error.value)
