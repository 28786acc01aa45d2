"""The command line of dev.py: one table of commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devtools import checks, environments, interpreters, locking
from devtools.console import ROOT, Failed, run, say

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Command:
    """One word after dev.py. `run` gets the parsed flags and the flags it does not know, and returns an exit code."""

    help: str
    run: Callable[[Arguments, list[str]], int]
    flags: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    passes_on: bool = False


def _demo_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--paint", metavar="PROMPT", help="paint one picture without a page")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the PNG of --paint (default: out.png)")


def _demo(arguments: Arguments, rest: list[str]) -> int:
    if arguments.output and not arguments.paint:
        raise Failed('-o belongs to --paint: python dev.py demo --paint "a woman with red hair" -o out.png')
    if arguments.paint is None:
        return _module("demo", "pocket_webui", "serve", "--extension", str(ROOT), *rest)
    output = Path(arguments.output or "out.png").absolute()
    return _module("demo", "pocket_webui", "paint", arguments.paint, "-o", str(output), "--extension", str(ROOT), *rest)


def _train(arguments: Arguments, rest: list[str]) -> int:
    return _module("demo", "pocket_webui.train", *rest)


def _module(environment: str, module: str, *arguments: str) -> int:
    python = environments.ensure(environments.ENVIRONMENTS[environment])
    return run([python, "-m", module, *arguments], {"PYTHONUTF8": "1"})


def _test_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="no browser, no Python 3.10")
    parser.add_argument("--slow", action="store_true", help="the tests that take minutes too")
    parser.add_argument("--install-chromium", action="store_true", help="as root on Debian: if it is missing")


def _test(arguments: Arguments, rest: list[str]) -> int:
    return checks.test(arguments.slow, arguments.quick, arguments.install_chromium, rest)


def _bench(arguments: Arguments, rest: list[str]) -> int:
    return _module("dev", "benchmarks", *rest)


def _torture(arguments: Arguments, rest: list[str]) -> int:
    return _module("dev", "tests.torture", *rest)


def _lock_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="environments: " + ", ".join(environments.ENVIRONMENTS))


def _lock(arguments: Arguments, rest: list[str]) -> int:
    return locking.lock(arguments.names)


COMMANDS = {
    "demo": Command("start the pocket WebUI with the extension from this checkout", _demo, _demo_flags, passes_on=True),
    "test": Command("ruff, mypy and the tests, as CI runs them", _test, _test_flags, passes_on=True),
    "train": Command("train the pocket model", _train, passes_on=True),
    "bench": Command("measure, and write the tables of docs/performance.md", _bench, passes_on=True),
    "torture": Command("try to break it, and write the table of docs/reliability.md", _torture, passes_on=True),
    "lock": Command("pin the versions of requirements/*.in anew", _lock, _lock_flags),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py", description="VAE Face: the project's commands.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        more = " Flags that are not listed here are passed on." if command.passes_on else ""
        sub = commands.add_parser(name, help=command.help, description=f"{command.help}.{more}", allow_abbrev=False)
        command.flags(sub)
    return parser


def main(argv: list[str]) -> int:
    """Runs one command; returns its exit code, 1 after a failure that was explained."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    command = COMMANDS[arguments.command]
    if rest and not command.passes_on:
        parser.error(f"unknown: {' '.join(rest)}")
    if reason := interpreters.refusal():
        say(reason)
        return 1
    try:
        return command.run(arguments, [word for word in rest if word != "--"])
    except Failed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
