"""The table of latent formats, and the page printed from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_vaeface.vae import formats
from lib_vaeface.vae.formats import BY_KEY, TABLE, by_shape

DOCS = Path(__file__).resolve().parents[2] / "docs" / "vae-formats.md"


def test_the_page_is_the_table():
    assert DOCS.read_text(encoding="utf8") == formats.markdown(), "run: python -m lib_vaeface.vae.formats"


def test_every_row_is_complete():
    assert len(BY_KEY) == len(TABLE)
    for row in TABLE:
        assert row.space and row.sources and row.title, row.key
        assert len(row.mean) == len(row.std) and len(row.mean) in (0, row.channels), row.key


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ((4, 8, "top"), ("sd1", "sd2", "sdxl", "playground-2.5")),
        ((4, 4, "top"), ("sd-x4",)),
        ((16, 8, ""), ("sd3", "flux1")),
        ((32, 8, "nested", "flux2"), ("flux2",)),
        ((4, 8, ""), ()),
    ],
)
def test_shapes_leave_these_formats(shape, keys):
    assert by_shape(*shape) == keys


def test_sd2_shares_the_space_of_sd1_and_sdxl_does_not():
    assert BY_KEY["sd2"].space == BY_KEY["sd1"].space != BY_KEY["sdxl"].space
    assert BY_KEY["playground-2.5"].space == BY_KEY["sdxl"].space


def test_raw_latents():
    factor, addend = BY_KEY["flux1"].to_raw()
    assert len(factor) == 16 and factor[0] == pytest.approx(1 / 0.3611) and addend[0] == 0.1159
    factor, addend = BY_KEY["playground-2.5"].to_raw()
    assert factor[1] == pytest.approx(5.9022 / 0.5) and addend[1] == 1.886
    with pytest.raises(ValueError, match="own file"):
        BY_KEY["flux2"].to_raw()


def test_latent_sizes():
    assert BY_KEY["sd1"].latent_shape(512, 768) == (4, 64, 96)
    assert BY_KEY["flux2"].latent_shape(1024, 1024) == (128, 64, 64)
