"""Numbers that A1111 1.10.1 gave for the same input: pixels must not merely look alike. They were recorded on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastapi import Request
from PIL import Image

EDGE_BLURRED_BY_2 = [0, 0, 0, 0, 0, 0, 0, 2, 9, 26, 57, 102, 153, 198, 229, 246, 253, 255, 255, 255]
EDGE_BLURRED_BY_4 = [0, 0, 1, 3, 7, 12, 21, 32, 48, 67, 90, 115, 140, 165, 188, 207, 223, 234, 243, 248, 252, 254]


@pytest.mark.parametrize(("sigma", "expected"), [(2, EDGE_BLURRED_BY_2), (4, EDGE_BLURRED_BY_4)])
@pytest.mark.parametrize("axis", [0, 1])
def test_mask_blur(sigma: int, expected: list[int], axis: int, webui: object) -> None:
    from modules.processing import inpaint

    edge = np.zeros((40, 40), dtype=np.uint8)
    edge[12:] = 255
    mask = Image.fromarray(edge if axis == 0 else edge.T.copy())
    blurred = np.asarray(inpaint.blur(mask, sigma, axis))
    row = blurred[:, 0] if axis == 0 else blurred[0]
    assert row[: len(expected)].tolist() == expected
    assert (row[len(expected) :] >= 254).all()


@pytest.mark.parametrize("sigma", [1, 3, 7, 20, 64])
def test_blur_weights_sum_to_one(sigma: int, webui: object) -> None:
    from modules.processing import inpaint

    weights = inpaint.blur_weights(sigma)
    assert weights.sum() == 256
    assert (weights == weights[::-1]).all()


def test_blur_wider_than_the_mask_keeps_a_flat_mask(webui: object) -> None:
    from modules.processing import inpaint

    flat = Image.new("L", (16, 8), 200)
    assert inpaint.blur(flat, 20, axis=0).getextrema() == (200, 200)


def test_luminosity_blend(webui: object) -> None:
    from modules.processing import compose

    colours = np.array([[[200, 30, 10], [0, 255, 0], [90, 91, 92]]], dtype=np.uint8)
    brightness = np.array([[[10, 20, 30], [250, 250, 250], [128, 0, 255]]], dtype=np.uint8)
    blended = compose._with_luminosity_of(colours, brightness)
    assert blended.tolist() == [[[50, 5, 0], [242, 255, 242], [66, 67, 68]]]


def test_api_default_of_denoising_strength(webui: object) -> None:
    from modules.api import models

    def default(model: Any) -> object:
        return model.__fields__["denoising_strength"].default

    assert default(models.StableDiffusionTxt2ImgProcessingAPI) is None
    assert default(models.StableDiffusionImg2ImgProcessingAPI) == 0.75


def test_an_error_wrapped_by_middleware_is_answered_as_itself(webui: object) -> None:
    from modules.api import answers

    class Group(Exception):
        def __init__(self, inner: Exception) -> None:
            self.exceptions = (inner,)

    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"",
                       "server": ("localhost", 80), "scheme": "http"})
    answer = answers.handle_exception(request, Group(Group(KeyError("no such"))))
    assert answer.status_code == 500
    assert b'"error":"KeyError"' in answer.body


def test_lab_of_bytes(webui: object) -> None:
    from modules.processing import compose

    colours = np.array([[[200, 30, 10], [0, 255, 0], [90, 91, 92], [255, 255, 255], [0, 0, 0], [3, 7, 120]]], np.uint8)
    expected = [[110, 191, 181], [224, 42, 211], [99, 128, 127], [255, 128, 128], [0, 128, 128], [33, 170, 68]]
    assert compose.setup_color_correction(Image.fromarray(colours)).tolist() == [expected]
