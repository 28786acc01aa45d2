"""How VAE files are spoken of on the page."""

from __future__ import annotations

from lib_vaeface.ui.html import Markup, tag
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.inspect import VaeInfo


def answer_mark(answer: str) -> Markup:
    """Whether a file fits, as a small label."""
    return tag("span", answer, class_=f"vaeface-fit vaeface-fit-{answer.replace(' ', '-').replace(chr(39), '')}")


def family(info: VaeInfo) -> str:
    """The latent formats that it can be of, by its shapes."""
    return " or ".join(BY_KEY[key].title for key in info.formats)


def precision(info: VaeInfo) -> str:
    """In which its weights are stored, the most frequent first."""
    return ", ".join(f"fp{dtype[1:]}" if dtype[1:].isdecimal() else dtype.lower() for dtype in info.dtypes)


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 2**20:.0f}\u00a0MB" if count >= 2**20 else f"{count / 2**10:.0f}\u00a0KB"
