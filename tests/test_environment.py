"""What requirements/ leaves out on purpose is missed by nobody: in a new environment everything used here imports."""

from __future__ import annotations

import importlib

import pytest

pytestmark = pytest.mark.torch  # the names below are imported without an import statement


@pytest.mark.parametrize(
    "name",
    ["torch", "torchsde", "torchdiffeq", "gradio", "fastapi", "lark", "transformers", "diffusers", "safetensors.torch",
     "skimage", "scipy", "einops", "piexif", "psutil", "yaml"],
)  # fmt: skip
def test_imports(name: str) -> None:
    importlib.import_module(name)
