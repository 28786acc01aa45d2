"""The tools behind dev.py: pip's settings for uv, stamps, locks, the choice of tests, skips under CI, old Pythons."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devtools import checks, chromium, cli, console, environments, interpreters, pipsettings, plain
from devtools.environments import ENVIRONMENTS, Environment

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted(ENVIRONMENTS.values(), key=lambda environment: environment.name)
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==[^ +]+( ; .+)?$")


def test_pip_settings_become_uv_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [*pipsettings.NAMES.values(), "UV_INDEX_STRATEGY"]:
        monkeypatch.delenv(variable, raising=False)
    listing = (
        "global.find-links='a-folder'\n"
        ":env:.find-links='wheels more-wheels'\n"
        "global.index-url='https://mirror.example/simple'\n"
        "install.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'\n"
        "global.timeout='60'\nnot a setting\n"
    )
    assert pipsettings.for_uv(pipsettings.parse(listing)) == {
        "UV_FIND_LINKS": "wheels,more-wheels",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_uv_settings_of_the_person_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")
    assert "UV_DEFAULT_INDEX" not in pipsettings.for_uv({"index-url": ["https://other.example/simple"]})


@pytest.mark.parametrize("environment", LOCKS, ids=lambda environment: environment.name)
def test_a_lock_pins_everything_for_every_machine(environment: Environment) -> None:
    lines = [line for line in environment.lock.read_text(encoding="utf8").splitlines() if not line.startswith("#")]
    assert len(lines) > 5
    assert [line for line in lines if not PIN.match(line)] == [], "only name==version, with no local version"
    assert not [line for line in lines if re.match(r"(torch|torchvision|triton|nvidia-.*|cuda-.*)==", line)]


@pytest.mark.parametrize("environment", LOCKS, ids=lambda environment: environment.name)
def test_a_lock_has_what_its_in_file_names(environment: Environment) -> None:
    text = environment.lock.with_suffix(".in").read_text(encoding="utf8")
    named = re.findall(r"^([A-Za-z0-9_.-]+)", text, flags=re.M)
    locked = environment.lock.read_text(encoding="utf8").lower().replace("_", "-")
    assert [name for name in named if f"\n{name.lower().replace('_', '-')}==" not in locked and name[0] != "-"] == []


def test_dev_has_the_demo_as_it_is() -> None:
    demo, dev = ({*ENVIRONMENTS[name].lock.read_text(encoding="utf8").splitlines()[1:]} for name in ("demo", "dev"))
    assert demo <= dev


def make_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Environment, Environment]:
    monkeypatch.setattr(environments, "ROOT", root)
    monkeypatch.setattr(environments, "REQUIREMENTS", root)
    part, whole = Environment("demo", "env", torch=False, part_of="dev"), Environment("dev", "env", torch=False)
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"demo": part, "dev": whole})
    for environment in (part, whole):
        environment.lock.write_text("pytest==9.0\n")
    part.interpreter.parent.mkdir(parents=True)
    part.interpreter.touch()
    return part, whole


def test_an_environment_is_made_again_only_when_its_lock_or_python_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, whole = make_environment(tmp_path, monkeypatch)
    assert not environments.is_ready(part, "3.11")
    (tmp_path / "env" / "installed-dev.txt").write_text(environments.fingerprint(whole, "3.11") + "\n")
    assert environments.is_ready(whole, "3.11")
    assert environments.is_ready(part, "3.11"), "the whole has it"
    assert not environments.is_ready(whole, "3.12")
    whole.lock.write_text("pytest==9.1\n")
    assert not environments.is_ready(part, "3.11")


def test_the_python_of_an_environment_is_read_not_run(tmp_path: Path) -> None:
    assert interpreters.version_of_environment(tmp_path) is None
    (tmp_path / "pyvenv.cfg").write_text("home = somewhere\nversion = 3.10.13\n")
    assert interpreters.version_of_environment(tmp_path) is None, "its interpreter is gone"
    python = Environment("x", str(tmp_path)).interpreter
    python.parent.mkdir()
    python.touch()
    assert interpreters.version_of_environment(tmp_path) == "3.10"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the commands would run, with the environment standing and programs not started."""
    started: list[list[str]] = []
    monkeypatch.setattr(environments, "ensure", lambda environment: Path(environment.name))
    monkeypatch.setattr(cli, "run", lambda command, env=None: started.append([str(word) for word in command]) or 0)
    return started


def test_demo_serves_this_checkout_and_passes_flags_on(commands: list[list[str]]) -> None:
    assert cli.main(["demo", "--port", "7999", "--api"]) == 0
    serve = ["demo", "-m", "pocket_webui", "serve", "--extension", str(ROOT), "--port", "7999", "--api"]
    assert commands == [serve]


def test_demo_paints_where_the_person_stands(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--paint", "a man, blue hat", "-o", "hat.png", "--seed", "3"]) == 0
    assert commands[0][1:7] == ["-m", "pocket_webui", "paint", "a man, blue hat", "-o", str(tmp_path / "hat.png")]
    assert commands[0][-2:] == ["--seed", "3"]


def test_an_output_without_a_prompt_is_explained(commands: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "-o", "hat.png"]) == 1
    assert "--paint" in capsys.readouterr().out
    assert commands == []


def test_bench_passes_the_names_on(commands: list[list[str]]) -> None:
    assert cli.main(["bench", "schedule"]) == 0
    assert commands == [["dev", "-m", "benchmarks", "schedule"]]


def test_an_unknown_flag_of_lock_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["lock", "--upgrad"])
    assert "--upgrad" in capsys.readouterr().err


def test_what_runs_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert checks.selection(slow=False, browser=False) == "not slow and not browser"
    assert checks.selection(slow=True, browser=True) == ""
    monkeypatch.setenv("CI", "true")
    assert checks.selection(slow=False, browser=False) == "not slow", "a missing browser fails its tests, it hides none"


def test_two_steps_run_at_once_and_each_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def run(command: list[object], env: object = None) -> int:
        commands.append([str(part) for part in command[1:]])
        return int("mypy" in commands[-1])

    monkeypatch.setattr(checks, "run", run)
    monkeypatch.setattr(checks, "_gradio4", lambda: 0)
    monkeypatch.setattr(checks, "_plain", lambda: 0)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(checks.environments, "ensure", lambda environment: Path("python"))
    monkeypatch.setattr(checks.chromium, "ensure", lambda install: True)
    assert checks.test(slow=False, quick=False, install_chromium=False, pytest_flags=[]) == 1
    marks = [command[3] for command in commands if "pytest" in command]
    assert sorted(marks) == ["not slow and browser", "not slow and not browser"]
    assert "FAILED" in capsys.readouterr().out
    commands.clear()
    assert checks.test(slow=False, quick=True, install_chromium=False, pytest_flags=["-k", "tree"]) == 1
    assert [command[3:] for command in commands if "pytest" in command] == [["not slow and not browser", "-k", "tree"]]


def test_what_a_command_says_beside_another_comes_as_a_whole(capfd: pytest.CaptureFixture[str]) -> None:
    script = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    with ThreadPoolExecutor(1) as other:
        assert other.submit(console.run, [sys.executable, "-c", script]).result() == 3
    assert capfd.readouterr().out == "one\ntwo\n"


def test_a_browser_named_by_hand_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert chromium.find() == sys.executable


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("import json, pytest\nfrom lib import light\n", True),
        ("from lib import heavy\n", False),
        ("def test():\n    from lib import heavy\n", False),
        ("from lib import lazy\n", True),
        ("from modules import shared\n", False),
        ("import pytest\npytestmark = pytest.mark.torch\n", False),
    ],
)
def test_plain_tests_are_found_by_what_they_import(text: str, is_plain: bool, tmp_path: Path) -> None:
    for path, body in {
        "lib/light.py": "import math\n",
        "lib/heavy.py": "from lib import torch_user\n",
        "lib/torch_user.py": "import torch\n",
        "lib/lazy.py": "def f():\n    import torch\n",
        "pocket_webui/webui/modules/shared.py": "import gradio\n",
        "tests/test_it.py": text,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text if path == "tests/test_it.py" else body)
    assert bool(plain.test_files(tmp_path)) is is_plain


SKIPPING = """
import pytest
def test_skips(): pytest.skip("no reason")
@pytest.mark.may_skip
def test_may(): pytest.skip("for a reason")
@pytest.mark.xfail
def test_expected(): assert False
"""


def run_pytest(folder: Path, ci: str) -> str:
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf8"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder).stdout


def test_a_skip_fails_under_ci_only(tmp_path: Path) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    assert "2 skipped, 1 xfailed" in run_pytest(tmp_path, ci="")
    assert "1 failed, 1 skipped, 1 xfailed" in run_pytest(tmp_path, ci="true")


def test_a_skipped_file_fails_under_ci(tmp_path: Path) -> None:
    (tmp_path / "test_skipping.py").write_text("import pytest\npytest.importorskip('no_such_package')\n")
    assert "1 skipped" in run_pytest(tmp_path, ci="")
    assert "1 error" in run_pytest(tmp_path, ci="true")


def test_dev_py_parses_on_a_python_too_old_for_it() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf8"), feature_version=(3, 6))
    newer = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


@pytest.mark.may_skip
@pytest.mark.parametrize("version", ["3.6", "3.9"])
def test_an_old_python_is_told_what_to_do(version: str) -> None:
    old = interpreters.find(version)
    if old is None:
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run([str(old), str(ROOT / "dev.py"), "demo"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"this is Python {version}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.may_skip
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends programs without a signal")
def test_ending_dev_py_ends_what_it_runs() -> None:
    script = "from devtools.console import run; import sys; sys.exit(run([sys.executable, '-c', CHILD]) != -15)"
    child = "CHILD = 'import time; print(\"up\", flush=True); time.sleep(60)'\n"
    command = [sys.executable, "-c", child + script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_a_missing_browser_is_a_note(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "NAMES", ())
    monkeypatch.setattr(chromium, "PLACES", ())
    assert not chromium.ensure(install=False)
    assert "--install-chromium" in capsys.readouterr().out
