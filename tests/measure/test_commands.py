"""`python -m pocket_webui.measure`: every command runs on tiny untrained models, and bad input is named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from pocket_webui.measure import judge, vae
from pocket_webui.measure.__main__ import main
from pocket_webui.measure.files import load_vae
from pocket_webui.nets import checkpoint
from pocket_webui.portraits import sample


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint.random_checkpoint(tmp_path_factory.mktemp("measure") / "tiny.safetensors")


def test_attributes_of_a_checkpoint(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["attributes", str(tiny), "--prompts", "2", "--steps", "2", "--side", "64"]
    main([*command, "--sheet", str(tmp_path / "sheet.png")])
    text = capsys.readouterr().out
    assert "| background" in text and "face found near the centre: 0.0 %" in text
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    main([*command, "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["prompts"] == 2 and figures["attributes"]["shirt"]["judged"] == 2
    assert 0 <= figures["summary"]["worst"] <= figures["summary"]["mean"] <= 1


def test_autoencoders_side_by_side(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = checkpoint.random_vae(tmp_path / "other.safetensors", seed=5)
    main(["vae", str(tiny), str(other), "--pictures", "3", "--side", "64", "--json"])
    first, second = json.loads(capsys.readouterr().out)
    assert first["name"] == "tiny" and second["name"] == "other"
    assert set(first["mean"]) == {"whole", "faces", "eyes"} and first["mean"] != second["mean"]
    main(["vae", str(tiny), "--pictures", "2", "--side", "64"])
    assert "eyes, pooled" in capsys.readouterr().out


def test_psnr_counts_only_the_boxes() -> None:
    scene = sample(3, 1, "closeup", 64, 64)[0]
    wrong = torch.zeros(3, 64, 64)
    left, top, right, bottom = (round(edge) for edge in scene.people[0].box)
    wrong[:, top + 4 : bottom - 4, left + 4 : right - 4] = 255.0
    boxes = vae.regions_of(scene)
    errors = {region: vae.squared_error(wrong, boxes[region]) for region in vae.REGIONS}
    assert errors["whole"] < errors["faces"] < errors["eyes"]
    assert vae.psnr(255.0**2) == 0 and math.isnan(vae.squared_error(wrong, [(0.0, 0.0, 0.2, 0.2)]))


def test_fine_tunes_share_latents_and_others_do_not(tmp_path: Path) -> None:
    a, b = (load_vae(checkpoint.random_vae(tmp_path / f"{seed}.safetensors", seed=seed)) for seed in (1, 2))
    assert vae.same_encoder(a, a) and not vae.same_encoder(a, b)


def test_a_judge_is_trained_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, keep, mush = tmp_path / "judge.safetensors", tmp_path / "pictures.pt", tmp_path / "mush.safetensors"
    checkpoint.random_vae(mush)
    command = ["train-judge", "--pictures", "8", "--steps", "2", "--out", str(out), "--keep", str(keep)]
    main([*command, "--vae", str(mush)])
    assert keep.exists() and "Wrote" in capsys.readouterr().out
    assert judge.load(out)(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 32, 64))["skin"].shape == (1, 5)


def test_judges_are_validated(capsys: pytest.CaptureFixture[str]) -> None:
    main(["judges", "--pictures", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| attribute") and "blur 1.5" in lines[0] and len(lines) >= 8


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["vae", "nowhere.safetensors"], "there is no file nowhere.safetensors"),
        (["attributes", "nowhere.safetensors"], "there is no file"),
        (["judges", "--pictures", "0"], "wants a whole number from 1"),
    ],
)
def test_bad_input_is_named(command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(command)
    assert said in capsys.readouterr().err


def test_a_file_that_holds_no_autoencoder(tmp_path: Path) -> None:
    stray = checkpoint.random_vae(tmp_path / "stray.safetensors", z=16)
    with pytest.raises(checkpoint.CheckpointError, match="no autoencoder of a known build"):
        load_vae(stray)


def test_the_weights_are_small() -> None:
    assert judge.WEIGHTS.stat().st_size <= 1_000_000
