"""Makes `import modules.xyz` work in tests as inside the pocket WebUI, with user data in a throw-away folder."""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEBUI = ROOT / "pocket_webui" / "webui"
PROBE = ROOT / "tests" / "fixtures" / "extensions" / "probe"
sys.path.insert(0, str(WEBUI))

from modules import command_line  # noqa: E402  (needs the path above)

# Removed by the interpreter when the test process ends.
_data = tempfile.TemporaryDirectory(prefix="pocket-tests-", ignore_cleanup_errors=True)
command_line.use(["--data-dir", _data.name, "--skip-install", "--use-cpu", "all", "--no-half", "--api", "--no-hashing",
                  "--disable-console-progressbars", "--extension", str(PROBE)])


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
    before = dict(shared.opts.data)
    # In place: built-in scripts add their options to shared.options_templates, which may be the same table.
    tables = [(table, dict(table)) for table in (shared.opts.data_labels, shared.options_templates)]
    yield shared
    shared.opts.data, shared.opts.data_labels = before, tables[0][0]
    for table, contents in tables:
        table.clear()
        table.update(contents)


@pytest.fixture(scope="session")
def booted(data_dir: Path) -> object:
    """`modules.shared` of a WebUI that is up, without a page: tiny random checkpoints tiny, tinyb, tinyxl, the VAEs
    alt-mse and broken (another number of channels), the extension "probe"; tiny is loaded, its VAE is its own."""
    import torch

    from modules import initialize, shared, shared_init
    from pocket_webui.nets import checkpoint

    # Networks this small gain nothing from threads, and lose a hundredfold where other tests run beside them.
    torch.set_num_threads(1)
    models = data_dir / "models" / "Stable-diffusion"
    checkpoint.random_checkpoint(models / "tiny.safetensors", seed=1)
    checkpoint.random_checkpoint(models / "tinyb.safetensors", seed=2)
    checkpoint.random_checkpoint(models / "tinyxl.safetensors", kind="xl", seed=3, width=160)
    vaes = data_dir / "models" / "VAE"
    vaes.mkdir(parents=True, exist_ok=True)
    checkpoint.random_vae(vaes / "alt-mse.safetensors", seed=4)
    checkpoint.random_vae(vaes / "broken-vae.safetensors", seed=5, z=16)
    if shared.opts is None:
        shared_init.initialize()
    shared.opts.data.update({"sd_model_checkpoint": "tiny.safetensors", "sd_vae": "Automatic"})
    initialize.start(headless=True)
    return shared


@pytest.fixture
def webui(booted: object) -> Iterator[object]:
    """`booted`, in a known state (see jobs.settle); options are undone afterwards."""
    from modules import shared
    from tests.pocket.jobs import settle

    settle()
    before = copy.deepcopy(shared.opts.data)
    shared.state.begin(job="test")
    yield shared
    shared.state.end()
    shared.opts.data.clear()
    shared.opts.data.update(before)
    settle()


@pytest.fixture
def probe(webui: object) -> Iterator[object]:
    """The module of the probe extension: `start()`, generate, `stop()` gives the trace."""
    from modules import scripts

    found = next(data.module for data in scripts.scripts_data if data.script_class.__name__ == "Probe")
    yield found
    found.stop()
