"""install.py: quick when nothing is missing, and never a reason for the WebUI not to start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / "install.py"
HOST_PINNED = {"torch", "torchvision", "numpy", "pillow", "gradio", "safetensors", "pydantic", "fastapi", "protobuf"}
MISSING = """
import sys
from importlib import metadata
sys.modules["pyparsing"] = None
def version(name): raise metadata.PackageNotFoundError(name)
metadata.version = version
"""
LAUNCH = """
from types import SimpleNamespace
args = SimpleNamespace(skip_install={skip})
def run_pip(command, desc=None, live=False): print("pip", command); {then}
"""


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(folder), **environment}
    return subprocess.run([sys.executable, str(INSTALL)], env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def without_pyparsing(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(MISSING)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text("import sys; print('plain pip', *sys.argv[1:]); sys.exit(1)")
    return tmp_path


def test_nothing_to_do_is_quick_and_silent(tmp_path):
    (tmp_path / "launch.py").write_text("raise SystemExit('the launcher must not be imported')")
    code = "import time,runpy,sys; t=time.process_time(); runpy.run_path(sys.argv[1], run_name='__main__')"
    code += "; print(time.process_time()-t); assert 'subprocess' not in sys.modules and 'torch' not in sys.modules"
    times = []
    for _ in range(3):
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code, str(INSTALL)], env=env, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        times.append(float(done.stdout))
    assert min(times) < 0.1


def test_installs_through_the_launcher(without_pyparsing):
    (without_pyparsing / "launch.py").write_text(LAUNCH.format(skip=False, then="pass"))
    done = run(without_pyparsing)
    assert done.returncode == 0 and done.stdout.strip() == 'pip install "pyparsing>=3.0.9,<4" --no-deps'


def test_skip_install_is_respected(without_pyparsing):
    (without_pyparsing / "launch.py").write_text(LAUNCH.format(skip=True, then="pass"))
    done = run(without_pyparsing)
    assert done.returncode == 0 and not done.stdout


def test_a_failing_launcher_is_survived(without_pyparsing):
    (without_pyparsing / "launch.py").write_text(LAUNCH.format(skip=False, then="raise RuntimeError('no network')"))
    done = run(without_pyparsing)
    assert done.returncode == 0 and "VAE Face" in done.stderr and "no network" in done.stderr


def test_without_a_launcher_plain_pip_is_tried_and_may_fail(without_pyparsing):
    done = run(without_pyparsing)
    assert done.returncode == 0 and "could not install" in done.stderr
    assert "plain pip install --no-deps pyparsing>=3.0.9,<4" in done.stdout


def test_without_a_launcher_skip_install_is_read_from_the_command_line(without_pyparsing):
    done = run(without_pyparsing, COMMANDLINE_ARGS="--api --skip-install")
    assert done.returncode == 0 and not done.stdout and not done.stderr


def test_no_host_pin_is_required():
    text = INSTALL.read_text()
    requirements = re.search(r"REQUIREMENTS = \{(.*?)\}", text, re.S).group(1)
    named = set(re.findall(r'"([A-Za-z0-9_-]+)', requirements))
    assert named == {"pyparsing"} and not named & HOST_PINNED
    assert " -U" not in text and "--upgrade" not in text
