"""Extensions: finding them, their metadata, their install scripts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pocket.state import extension_state


@pytest.fixture
def listed(host, tmp_path: Path) -> Iterator:
    """`listed({"Folder": metadata.ini or None})` makes extensions of --extension and returns modules.extensions."""
    from modules import extensions

    def make(folders: dict[str, str | None]):
        for name, metadata in folders.items():
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            if metadata is not None:
                (tmp_path / name / "metadata.ini").write_text(metadata)
        host.cmd_opts.extension = [str(tmp_path / name) for name in folders]
        extensions.list_extensions()
        return extensions

    with extension_state():
        yield make


def test_canonical_name_is_the_folder_whatever_metadata_says(listed) -> None:
    extensions = listed({"My-Clone": "[Extension]\nName = nice-name\n"})
    assert [(e.name, e.canonical_name) for e in extensions.extensions] == [("My-Clone", "my-clone")]


def test_extensions_folder_comes_first(listed, data_dir: Path) -> None:
    inside = data_dir / "extensions" / "zz-inside"
    inside.mkdir(parents=True, exist_ok=True)
    try:
        assert [e.name for e in listed({"aaa": None}).extensions] == ["zz-inside", "aaa"]
    finally:
        inside.rmdir()


def test_twins_and_missing_requirements_are_reported(listed, tmp_path: Path, capsys) -> None:
    extensions = listed({"aaa": "[Extension]\nRequires = bbb|ccc, missing\n", "ccc": None, "deep/aaa": None})
    assert [e.path for e in extensions.extensions] == [str(tmp_path / "aaa"), str(tmp_path / "ccc")]
    assert extensions.extensions[0].metadata.requires == ["ccc", "missing"]
    err = capsys.readouterr().err
    assert 'requires "missing" which is not installed' in err and "same canonical name" in err
    assert 'requires "ccc"' not in err


def test_capitals_cannot_be_required(listed, capsys) -> None:
    listed({"aaa": "[Extension]\nRequires = Upper\n", "Upper": None})
    assert 'requires "upper" which is not installed' in capsys.readouterr().err


def test_disabled_extensions(listed, host, monkeypatch) -> None:
    host.opts.data["disabled_extensions"] = ["bbb"]
    extensions = listed({"aaa": None, "bbb": None})
    assert [e.name for e in extensions.active()] == ["aaa"]
    host.opts.data["disable_all_extensions"] = "extra"
    assert extensions.active() == []
    host.opts.data["disable_all_extensions"] = "none"
    monkeypatch.setattr(host.cmd_opts, "disable_all_extensions", True)
    assert extensions.active() == []


def test_files_are_traced_to_their_extension(listed, tmp_path: Path) -> None:
    extensions = listed({"aaa": None})
    found = extensions.find_extension(str(tmp_path / "aaa" / "scripts" / "deep" / "x.py"))
    assert found is not None and found.name == "aaa"
    assert extensions.find_extension(__file__) is None


def test_missing_folder_is_named(listed, host, capsys) -> None:
    extensions = listed({})
    host.cmd_opts.extension = ["/no/such/folder"]
    extensions.list_extensions()
    assert "--extension /no/such/folder: there is no such folder" in capsys.readouterr().err


def test_install_script_sees_launch(host, tmp_path: Path) -> None:
    from modules import launch_utils

    (tmp_path / "install.py").write_text(
        "import sys, pathlib, launch\n"
        "assert 'torch' not in sys.modules and 'gradio' not in sys.modules\n"
        "facts = launch.is_installed('pip-that-is-not-there'), launch.is_installed('json'), launch.args.skip_install\n"
        "pathlib.Path(__file__).with_name('seen.txt').write_text(repr(facts))\n"
    )
    launch_utils.run_extension_installer(str(tmp_path))
    assert (tmp_path / "seen.txt").read_text() == "(False, True, False)"


def test_failing_install_script_is_only_reported(host, tmp_path: Path, capsys) -> None:
    from modules import launch_utils

    (tmp_path / "install.py").write_text("import sys; print('half done'); sys.exit(3)")
    launch_utils.run_extension_installer(str(tmp_path))
    err = capsys.readouterr().err
    assert "Error code: 3" in err and "half done" in err and str(tmp_path) in err


def test_run_pip_respects_skip_install(host, monkeypatch) -> None:
    from modules import launch_utils

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", forbidden)
    monkeypatch.setattr(launch_utils.args, "skip_install", True)
    assert launch_utils.run_pip("install x", "x") is None


def test_preload_adds_flags(host, tmp_path: Path) -> None:
    import argparse

    from modules import script_loading

    for name, text in {"good": "def preload(parser): parser.add_argument('--probe')", "bad": "1 / 0"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "preload.py").write_text(text)
    parser = argparse.ArgumentParser()
    script_loading.preload_extensions(str(tmp_path), parser)
    assert parser.parse_args(["--probe", "x"]).probe == "x"


def test_checkout_is_not_on_the_path_of_a_fresh_process() -> None:
    """A late import of an extension's library must fail here because it fails on A1111."""
    root = Path(__file__).resolve().parents[2]
    webui = root / "pocket_webui" / "webui"
    code = (f"import sys; sys.path.insert(0, {str(webui)!r}); from modules import launch_utils; "
            f"assert {str(root)!r} not in sys.path")
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
