"""Crop regions around masks, filling, and upscalers of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modules import masking  # isort: skip  (conftest puts the WebUI on the path)


def mask_of(box: tuple[int, int, int, int], size: tuple[int, int] = (100, 80)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


def test_crop_region_is_padded_inside_the_picture() -> None:
    mask = mask_of((10, 20, 30, 40))
    assert masking.get_crop_region_v2(mask) == (10, 20, 30, 40)
    assert masking.get_crop_region_v2(mask, 15) == (0, 5, 45, 55)
    assert masking.get_crop_region(np.array(mask), 15) == (0, 5, 45, 55)


def test_blank_mask() -> None:
    blank = Image.new("L", (100, 80))
    assert masking.get_crop_region_v2(blank, 4) is None
    assert masking.get_crop_region(blank) == (100, 80, 0, 0)


def test_region_takes_the_proportions_of_the_result() -> None:
    assert masking.expand_crop_region((40, 40, 168, 72), 512, 512, 640, 640) == (40, 0, 168, 128)
    assert masking.expand_crop_region((300, 300, 332, 428), 512, 512, 640, 640) == (252, 300, 380, 428)


@given(st.integers(0, 90), st.integers(0, 70), st.integers(1, 100), st.integers(1, 80),
       st.sampled_from([(64, 64), (128, 64), (64, 192)]))
def test_region_only_grows_and_stays_inside(x: int, y: int, w: int, h: int, target: tuple[int, int]) -> None:
    x2, y2 = min(x + w, 100), min(y + h, 80)
    a, b, c, d = masking.expand_crop_region((x, y, x2, y2), *target, 100, 80)
    assert 0 <= a <= x and 0 <= b <= y and x2 <= c <= 100 and y2 <= d <= 80


def test_fill_keeps_what_is_kept() -> None:
    picture = Image.new("RGB", (64, 64), (200, 30, 30))
    picture.paste((0, 0, 255), (24, 24, 40, 40))
    mask = mask_of((24, 24, 40, 40), (64, 64))
    filled = np.array(masking.fill(picture, mask)).astype(int)
    outside = np.array(mask) == 0
    assert np.array_equal(filled[outside], np.array(picture)[outside])
    assert np.abs(filled[32, 32] - (200, 30, 30)).max() < 12


def test_upscalers(booted: Any) -> None:
    names = [data.name for data in booted.sd_upscalers]
    assert sorted(names[:3]) == ["Lanczos", "Nearest", "None"]
    picture = Image.new("RGB", (10, 20), "red")
    for data in booted.sd_upscalers[:3]:
        assert data.scaler.upscale(picture, 2.0, data.data_path).size == (16, 40)
    assert "Lanczos" in repr(booted.sd_upscalers[names.index("Lanczos")])


def test_an_extensions_upscaler_repeats_until_large_enough(booted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import upscaler

    class Doubling(upscaler.Upscaler):
        name = "Doubling"

        def __init__(self, dirname: str | None = None) -> None:
            super().__init__()
            self.scalers = [upscaler.UpscalerData("Doubling", None, self, 2)]

        def do_upscale(self, img: Image.Image, selected_model: str | None) -> Image.Image:
            return img.resize((img.width * 2, img.height * 2))

    before = booted.sd_upscalers
    booted.state.begin("test")
    upscaler.load_upscalers()
    found = booted.sd_upscalers[-1]
    monkeypatch.setattr(booted, "sd_upscalers", before)
    assert found.name == "Doubling"
    assert found.scaler.upscale(Image.new("RGB", (8, 8)), 4.0).size == (32, 32)


def test_face_restorers(booted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modules import face_restoration

    picture = np.zeros((4, 4, 3), np.uint8)
    assert face_restoration.restore_faces(picture) is picture

    class White(face_restoration.FaceRestoration):
        def name(self) -> str:
            return "White"

        def restore(self, np_image: np.ndarray) -> np.ndarray:
            return np.full_like(np_image, 255)

    monkeypatch.setattr(booted, "face_restorers", [face_restoration.FaceRestoration(), White()])
    monkeypatch.setitem(booted.opts.data, "face_restoration_model", "White")
    assert face_restoration.restore_faces(picture).min() == 255
