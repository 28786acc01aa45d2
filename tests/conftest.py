"""For every test: a skip is a failure under CI, and where to find a Chrome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devtools import chromium
from devtools.console import under_ci

ADVICE = "\nSkips fail where CI is set, so that no suite is lost unseen; @pytest.mark.may_skip allows one."


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chrome or Chromium; skips the test when there is none."""
    found = chromium.find()
    if found is None:
        pytest.skip("no Chrome or Chromium found")
    return found


def _fail_a_skip(report: Any) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{reason}{ADVICE}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("may_skip")
    if report.skipped and under_ci() and not expected:
        _fail_a_skip(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.skipped and under_ci():
        _fail_a_skip(report)
