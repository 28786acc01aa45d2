"""`dev.py train --quick`: every stage runs from nothing, writes what it promises, and goes on where it was stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pocket_webui.nets import checkpoint
from pocket_webui.train.__main__ import FILES

ROOT = Path(__file__).resolve().parents[2]


def train(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pocket_webui.train", "--quick", "--work", str(folder), "--threads", "1", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    done = train(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "quick"


def test_every_file_of_the_family_is_written_and_loads(work: Path) -> None:
    for name in ("pocket", "pocket-xl"):
        model = checkpoint.load(work / "models" / f"{name}.safetensors")
        assert model.is_sdxl == (name == "pocket-xl")
    keys = {stage: checkpoint.load_vae_state(work / "models" / f"{name}.safetensors") for stage, name in FILES.items()}
    assert len({frozenset(state) for state in keys.values()}) == 1


def test_fine_tunes_keep_the_encoder_and_change_the_decoder(work: Path) -> None:
    base, ema, mse, other = (
        checkpoint.load_vae_state(work / "models" / f"{FILES[stage]}.safetensors")
        for stage in ("vae", "vae_ema", "vae_mse", "xl_vae")
    )
    for tuned in (ema, mse):
        changed = {key for key in base if not torch.equal(base[key], tuned[key])}
        assert changed and not any(key.startswith(("encoder.", "quant_conv.")) for key in changed)
    assert not torch.equal(base["encoder.conv_in.weight"], other["encoder.conv_in.weight"])


def test_the_checkpoint_carries_the_base_autoencoder(work: Path) -> None:
    inside = checkpoint.load_vae_state(work / "models" / "pocket.safetensors")
    alone = checkpoint.load_vae_state(work / "models" / f"{FILES['vae']}.safetensors")
    assert all(torch.equal(inside[key], alone[key]) for key in alone)


def test_sheets_and_logs_are_left(work: Path) -> None:
    for sheet in ("vae", "vae_ema", "vae_mse", "diffusion", "xl_vae", "xl"):
        assert (work / "models" / f"{sheet}-sheet.png").stat().st_size > 1000
    last = json.loads((work / "states" / "diffusion.log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 12 and last["loss"] > 0


def test_a_finished_stage_is_not_trained_again(work: Path) -> None:
    state = work / "states" / "diffusion.pt"
    before = torch.load(state, weights_only=True)
    again = train(work.parent, "diffusion")
    assert again.returncode == 0, again.stderr[-2000:]
    after = torch.load(state, weights_only=True)
    assert after["step"] == before["step"]
    assert all(torch.equal(before["module"][key], after["module"][key]) for key in before["module"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nonsense",), "Unknown stage nonsense; the stages are render, vae"),
        (("--minutes", "vae"), "--minutes wants STAGE=N"),
        (("--minutes", "soup=3"), "--minutes: unknown soup"),
        (("xl",), "Stage xl_vae has not run yet"),
    ],
)
def test_bad_arguments_are_explained(tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    done = train(tmp_path, *args)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
