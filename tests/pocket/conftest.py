"""Makes `import modules.xyz` work in tests as inside the pocket WebUI, with user data in a throw-away folder."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

WEBUI = Path(__file__).resolve().parents[2] / "pocket_webui" / "webui"
sys.path.insert(0, str(WEBUI))

from modules import command_line  # noqa: E402  (needs the path above)

# Removed by the interpreter when the test process ends.
_data = tempfile.TemporaryDirectory(prefix="pocket-tests-", ignore_cleanup_errors=True)
command_line.use(["--data-dir", _data.name, "--skip-install", "--use-cpu", "all", "--no-half", "--api"])


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The WebUI's data folder of this test run."""
    return Path(_data.name)


@pytest.fixture
def host(data_dir: Path) -> Iterator[object]:
    """`modules.shared` with options, state and styles set up; option changes are undone afterwards."""
    from modules import shared, shared_init

    if shared.opts is None:
        shared_init.initialize()
    before, labels = dict(shared.opts.data), dict(shared.opts.data_labels)
    yield shared
    shared.opts.data, shared.opts.data_labels = before, labels
