"""The name under which extensions look for the upscaler list."""

from __future__ import annotations

from modules.upscaler import load_upscalers  # noqa: F401
