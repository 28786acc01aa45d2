"""Public names for the WebUI's folders. Importing it puts the WebUI root on `sys.path` and guards `torch.load`."""

from __future__ import annotations

import sys

from modules import safe  # noqa: F401  (guards torch.load from here on, as on A1111)
from modules.paths_internal import (  # noqa: F401
    checkout_path,
    cwd,
    data_path,
    extensions_builtin_dir,
    extensions_dir,
    forge_path,
    models_path,
    script_path,
    shipped_models_path,
)

paths: dict[str, str] = {}
sd_path = script_path

if script_path not in sys.path:
    sys.path.insert(0, script_path)
