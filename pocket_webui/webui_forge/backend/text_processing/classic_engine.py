"""What CLIP encoders have to say about the last texts."""

from __future__ import annotations

last_extra_generation_params: dict[str, str] = {}
