"""`python -m lib_vaeface faces`: finds, numbers, decodes again; exit codes and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib_vaeface.__main__ import main
from lib_vaeface.face.shown import to_image
from tests.face.people import rendered
from tests.vae.samples import POCKET

VAE = f"{POCKET}@0.55881"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faces")
    to_image(rendered("closeup", 1)[0][0]).save(made / "one.png")
    Image.new("RGB", (96, 64), "navy").save(made / "none.png")
    (made / "out").mkdir()
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["faces", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def found(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    return json.loads(run(capsys, *arguments, "--json")[1])


def test_a_folder_of_pictures_is_searched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {entry["picture"]: entry for entry in found(capsys, folder)}
    assert len(told["one.png"]["faces"]) == 1 and told["none.png"]["faces"] == []


def test_without_a_vae_faces_are_numbered(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "numbered.png"
    code, text, _ = run(capsys, folder / "one.png", "-o", out)
    assert code == 0 and "1: box" in text
    assert (np.asarray(Image.open(out)) != np.asarray(Image.open(folder / "one.png"))).any()


def test_with_a_vae_only_the_face_changes(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "better.png"
    told = found(capsys, folder / "one.png", "-o", out, "--vae", VAE)
    face = told[0]["faces"][0]
    assert face["done"] == "decoded" and "encoded first" in face["decode"]
    changed = (np.asarray(Image.open(out)) != np.asarray(Image.open(folder / "one.png"))).any(-1)
    assert changed.any() and not changed[:4].any() and not changed[:, :4].any()


@pytest.mark.parametrize("arguments, said", [
    (["missing.png"], "no such file"), (["one.png", "--boxes", "1,2"], "four numbers"),
    (["one.png", "--search", "everywhere"], "must be one of"), (["one.png", "-o", "one.png"], "--overwrite"),
])  # fmt: skip
def test_what_is_wrong_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    code, _, err = run(capsys, *arguments)
    assert code == 2 and said in err
