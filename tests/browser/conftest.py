"""A pocket WebUI, and a Chrome that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.browser.serving import Server, open_page, serve

CHROME_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync"]
PATIENCE_MS = 60_000
TRIES = 3

# gradio 3.41 says this on A1111's bare page too.
KNOWN_ERROR = "Cannot read properties of undefined (reading 'props')"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from devtools import chromium

    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium.find(), headless=True, args=CHROME_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def errors() -> list[str]:
    """What went wrong in the page so far."""
    return []


@pytest.fixture
def page(server: Server, chrome: Any, errors: list[str]) -> Iterator[Any]:
    """The opened page. Errors in its console and requests to other servers fail the test at its end."""
    page = chrome.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)) if str(e) != KNOWN_ERROR else None)
    page.on("request", lambda r: None if r.url.startswith((server.address, "data:", "blob:")) else
            errors.append(f"asked another server: {r.url}"))
    page.on("response", lambda r: errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    open_page(page, server)
    yield page
    page.close()
    assert not errors


def _why(reports: list[Any]) -> str:
    """Of the first failure: the line of the test, and what was said."""
    told = next(report for report in reports if report.failed).longrepr
    entries = getattr(getattr(told, "reprtraceback", None), "reprentries", [])
    lines = [str(entry.reprfileloc) for entry in entries if "tests" in str(getattr(entry, "reprfileloc", ""))]
    return " ".join(f"{lines[-1] if lines else ''} {getattr(told, 'reprcrash', told)}".split())[:400]


def pytest_runtest_protocol(item: Any, nextitem: Any) -> bool | None:
    """Another try, in a new page, for a test that failed.

    gradio 3.41's queue now and then never tells a page, of a busy machine, what its event gave: the server is done and
    idle, and the page waits for ever. What is broken here fails every time.
    """
    if "page" not in item.fixturenames:  # this hook is asked about every test there is
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(TRIES):
        item._initrequest()
        # As if another test of this file followed: the page goes, the server stays.
        reports = runtestprotocol(item, nextitem=item.parent, log=False)
        if not any(report.failed for report in reports) or attempt == TRIES - 1:
            break
        print(f"\n{item.nodeid} failed, another try: {_why(reports)}")
    item.session._setupstate.teardown_exact(nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
