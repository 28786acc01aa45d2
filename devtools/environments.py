"""Virtual environments made from lock files: once, and again only when the lock or the Python changes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from devtools import interpreters, pipsettings
from devtools.console import ROOT, Failed, output_of, run, say, windows

REQUIREMENTS = ROOT / "requirements"
UV_PIN = REQUIREMENTS / "uv.txt"
EXCLUDES = REQUIREMENTS / "excludes.txt"
NETWORK_HELP = (
    "The line above says why. Usual reasons: no network, or a proxy or mirror that pip is not told about\n"
    "(`pip config set global.proxy ...`, `pip config set global.index-url ...`; uv is given pip's settings).\n"
    "Nothing is lost: run the same command again and it goes on."
)


@dataclass(frozen=True)
class Environment:
    """One virtual environment: `<checkout>/<folder>` with requirements/<name>.lock, and torch unless `torch` is False.

    python: "3.10" for an interpreter other than the one that runs dev.py.
    part_of: the name of an environment in the same folder that has everything this one has.
    beside: the name of an environment whose packages it finds too, behind its own.
    """

    name: str
    folder: str
    torch: bool = True
    python: str | None = None
    part_of: str | None = None
    beside: str | None = None

    @property
    def path(self) -> Path:
        return ROOT / self.folder

    @property
    def interpreter(self) -> Path:
        return self.path / ("Scripts/python.exe" if windows() else "bin/python")

    @property
    def lock(self) -> Path:
        return REQUIREMENTS / f"{self.name}.lock"

    @property
    def requirement_files(self) -> list[Path]:
        return [self.lock, REQUIREMENTS / "torch.txt"] if self.torch else [self.lock]


ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("demo", ".venv", part_of="dev"),
        Environment("dev", ".venv"),
        Environment("plain", ".venv-plain", torch=False, python="3.10"),
        Environment("gradio4", ".venv-gradio4", torch=False, beside="dev"),
    )
}


def fingerprint(environment: Environment, version: str) -> str:
    """Changes with everything that decides what is installed: the pins and the Python version ("3.11")."""
    digest = hashlib.sha256(f"{version} {sys.platform}".encode())
    for file in [*environment.requirement_files, EXCLUDES, UV_PIN]:
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _stamp(environment: Environment) -> Path:
    return environment.path / f"installed-{environment.name}.txt"


def _stamped(environment: Environment, version: str) -> bool:
    try:
        kept = _stamp(environment).read_text(encoding="utf8").strip()
    except OSError:
        return False
    return environment.interpreter.exists() and kept == fingerprint(environment, version)


def is_ready(environment: Environment, version: str) -> bool:
    """Whether nothing is to be done: it, or the environment it is a part of, stands as its lock says."""
    whole = ENVIRONMENTS.get(environment.part_of or "")
    return _stamped(environment, version) or (whole is not None and _stamped(whole, version))


def ensure(environment: Environment) -> Path:
    """The environment's interpreter, after making or updating it where needed. Raises Failed with advice."""
    version = environment.python or interpreters.running_version()
    if is_ready(environment, version):
        return environment.interpreter
    if not environment.lock.exists():
        raise Failed(f"{environment.lock.relative_to(ROOT)} is missing. Make it: python dev.py lock")
    started = time.monotonic()
    say(f"Preparing {environment.folder} for Python {version} (once; a minute or a few)")
    if interpreters.version_of_environment(environment.path) != version:
        _create(environment)
    _install(environment, uv())
    _see_beside(environment)
    _stamp(environment).write_text(fingerprint(environment, version) + "\n", encoding="utf8")
    say(f"{environment.folder} is ready after {time.monotonic() - started:.0f} s")
    return environment.interpreter


def _create(environment: Environment) -> None:
    say(f"1/3  new virtual environment {environment.folder}")
    if environment.python:
        _create_with(environment.python, environment)
        return
    if environment.beside:
        _create_bare(environment, sys.executable)
        return
    if Path(sys.prefix).resolve() == environment.path.resolve():
        raise Failed(f"{environment.folder} must be made anew, and it is running this: use the Python outside of it.")
    try:
        venv.create(environment.path, clear=environment.path.exists(), with_pip=True, symlinks=not windows())
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failed(
            f"Could not make the virtual environment {environment.folder}: {error}\n"
            "On Debian and Ubuntu its parts come apart: sudo apt-get install python3-venv, then run this again."
        ) from error


def _create_with(python: str, environment: Environment) -> None:
    base = interpreters.find(python)
    if base is None:
        raise Failed(f"{environment.folder} needs Python {python}, and none is found on this machine.")
    _create_bare(environment, base)


def _create_bare(environment: Environment, python: str | Path) -> None:
    """Without pip of its own."""
    if run([uv(), "venv", "--quiet", "--clear", "--python", python, environment.path]):
        raise Failed(f"Could not make {environment.folder}; the line above says why.")


def _see_beside(environment: Environment) -> None:
    """Put the other environment's packages behind its own on its path: torch and all else is there once."""
    if environment.beside:
        other = ENVIRONMENTS[environment.beside].interpreter
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        theirs, ours = (output_of([python, "-c", code]).strip() for python in (other, environment.interpreter))
        Path(ours, "beside.pth").write_text(theirs + "\n", encoding="utf8")


def uv() -> Path:
    """uv in the main environment, made if need be. pip installs uv, uv everything else: seconds, not minutes."""
    home = ENVIRONMENTS["demo"]
    if interpreters.version_of_environment(home.path) is None:
        _create(home)
    program = home.interpreter.with_name("uv.exe" if windows() else "uv")
    marker = home.path / "installed-uv.txt"
    pin = UV_PIN.read_text(encoding="utf8")
    if program.exists() and marker.exists() and marker.read_text(encoding="utf8") == pin:
        return program
    say("2/3  the installer uv, with pip")
    quiet = ["--quiet", "--disable-pip-version-check"]
    if run([home.interpreter, "-m", "pip", "install", *quiet, "-r", UV_PIN]):
        raise Failed(f"pip could not install uv.\n{NETWORK_HELP}")
    marker.write_text(pin, encoding="utf8")
    return program


def _install(environment: Environment, installer: Path) -> None:
    say(f"3/3  the packages of {environment.lock.relative_to(ROOT)}" + (" and torch" if environment.torch else ""))
    settings = pipsettings.uv_variables(ENVIRONMENTS["demo"].interpreter)
    command: list[str | Path] = [installer, "pip", "install", "--python", environment.interpreter]
    command += ["--excludes", EXCLUDES]
    for file in environment.requirement_files:
        command += ["-r", file]
    if run(command, settings):
        raise Failed(f"uv could not install the packages of {environment.lock.relative_to(ROOT)}.\n{NETWORK_HELP}")
