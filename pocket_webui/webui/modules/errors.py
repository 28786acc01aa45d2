"""Reporting without raising: a failing extension must never stop a generation. Standard library only."""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

exception_records: list[dict[str, Any]] = []
"""The last five exceptions, oldest first: {"exception": text, "traceback": [[place, source line], ...]}."""

_KEPT_RECORDS = 5
already_displayed: dict[str, int] = {}


def format_traceback(tb: TracebackType | None) -> list[list[str | None]]:
    """One [place, source line] pair per frame."""
    return [[f"{frame.filename}, line {frame.lineno}, {frame.name}", frame.line] for frame in traceback.extract_tb(tb)]


def format_exception(e: BaseException, tb: TracebackType | None) -> dict[str, Any]:
    """The exception as it is kept in `exception_records`."""
    return {"exception": str(e), "traceback": format_traceback(tb)}


def get_exceptions() -> list[dict[str, Any]]:
    """The kept exceptions, newest first."""
    return exception_records[::-1]


def record_exception() -> None:
    """Keep the exception being handled, if there is one."""
    _, error, tb = sys.exc_info()
    if error is None:
        return
    record = format_exception(error, tb)
    if exception_records and exception_records[-1] == record:
        return
    exception_records.append(record)
    del exception_records[:-_KEPT_RECORDS]


def report(message: str, *, exc_info: bool = False) -> None:
    """Print `message` to stderr, with the traceback of the exception being handled if `exc_info`; record it."""
    record_exception()
    for line in message.splitlines():
        print("***", line, file=sys.stderr)
    if exc_info:
        print(textwrap.indent(traceback.format_exc(), "    "), file=sys.stderr)
        print("---", file=sys.stderr)


def print_error_explanation(message: str) -> None:
    """Print `message` between two rules, for errors a person can do something about."""
    record_exception()
    lines = message.strip().split("\n")
    rule = "=" * max(map(len, lines))
    print(rule, *lines, rule, sep="\n", file=sys.stderr)


def display(e: BaseException, task: object, *, full_traceback: bool = False) -> None:
    """Print `e` with its traceback; `task` says what was being done."""
    record_exception()
    print(f"{task or 'error'}: {type(e).__name__}", file=sys.stderr)
    formatted = traceback.TracebackException.from_exception(e)
    if full_traceback:
        formatted.stack = traceback.StackSummary.from_list([*traceback.extract_stack()[:-2], *formatted.stack])
    print(*formatted.format(), sep="", file=sys.stderr)


def display_once(e: BaseException, task: str) -> None:
    """`display`, but only the first time for this task."""
    record_exception()
    if task not in already_displayed:
        display(e, task)
        already_displayed[task] = 1


def run(code: Callable[[], object], task: str) -> None:
    """Call `code`; a failure is displayed, not raised."""
    try:
        code()
    except Exception as e:
        display(e, task)
