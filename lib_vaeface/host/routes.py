"""Routes of ours beside the WebUI's API. FastAPI is the WebUI's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import shared

OWN = "/sdapi/v1/"


def add(app: Any, path: str, answer: Callable[[], object]) -> None:
    """Answer GET `path` with what `answer` gives, as JSON, for the same people as the WebUI's own routes.

    A1111 asks for --api-auth's password route by route, so what its routes depend on is what ours depends on. Nothing
    is added without that API, twice, or where its password is wanted and can't be found.
    """
    guards = next((route.dependencies for route in app.routes if _is_own(route)), None)
    if guards is None or any(getattr(route, "path", "") == path for route in app.routes):
        return
    if getattr(shared.cmd_opts, "api_auth", None) and not guards:
        return
    app.add_api_route(path, answer, methods=["GET"], dependencies=list(guards))


def _is_own(route: Any) -> bool:
    return str(getattr(route, "path", "")).startswith(OWN) and hasattr(route, "dependencies")
