"""How much memory the program uses."""

from __future__ import annotations

from typing import Any

import torch


def _ram() -> dict[str, Any]:
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return {"error": "psutil is not installed"}
    process = psutil.Process()
    used, total = process.memory_info().rss, psutil.virtual_memory().total
    return {"free": total - used, "used": used, "total": total}


def _cuda() -> dict[str, Any]:
    if not torch.cuda.is_available():
        return {"error": "unavailable"}
    free, total = torch.cuda.mem_get_info()
    stats = dict(torch.cuda.memory_stats())
    parts: dict[str, Any] = {"system": {"free": free, "used": total - free, "total": total}}
    for name, key in (("allocated", "allocated_bytes"), ("reserved", "reserved_bytes"), ("active", "active_bytes"),
                      ("inactive", "inactive_split_bytes")):
        parts[name] = {"current": stats[f"{key}.all.current"], "peak": stats[f"{key}.all.peak"]}
    parts["events"] = {"retries": stats["num_alloc_retries"], "oom": stats["num_ooms"]}
    return parts


def memory() -> dict[str, Any]:
    """{"ram": ..., "cuda": ...} in bytes; {"error": reason} for what is not there."""
    return {"ram": _ram(), "cuda": _cuda()}
