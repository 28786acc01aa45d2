"""How errors are answered, and the log of requests."""

from __future__ import annotations

import datetime
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse
from starlette.middleware.base import BaseHTTPMiddleware

from modules import errors, shared
from modules.initialize_util import insert_middleware


def handle_exception(request: Request, e: Exception) -> JSONResponse:
    """{"error": type, "detail", "body", "errors": text} with the exception's status code, 500 if it has none."""
    # Newer anyio wraps what a request raises in a group, once per middleware.
    while len(inner := getattr(e, "exceptions", ())) == 1:
        e = inner[0]
    answer = {"error": type(e).__name__, "detail": vars(e).get("detail", ""), "body": vars(e).get("body", ""),
              "errors": str(e)}
    if not isinstance(e, HTTPException):
        errors.report(f"API error: {request.method}: {request.url} {answer}", exc_info=True)
    return JSONResponse(status_code=vars(e).get("status_code", 500), content=jsonable_encoder(answer))


def api_middleware(app: FastAPI) -> None:
    """Give all of `app` these answers, and a header with the seconds each request took."""

    async def log_and_time(request: Request, call_next: Any) -> Any:
        began = time.time()
        response = await call_next(request)
        seconds = str(round(time.time() - began, 4))
        response.headers["X-Process-Time"] = seconds
        path = request.scope.get("path", "err")
        if shared.cmd_opts.api_log and path.startswith("/sdapi"):
            now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")
            print(f"API {now} {response.status_code} {request.method} {path} {seconds}")
        return response

    async def exception_handling(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Exception as e:
            return handle_exception(request, e)

    for dispatch in (log_and_time, exception_handling):
        insert_middleware(app, BaseHTTPMiddleware, dispatch=dispatch)

    @app.exception_handler(Exception)
    async def fastapi_exception_handler(request: Request, e: Exception) -> JSONResponse:
        return handle_exception(request, e)

    @app.exception_handler(HTTPException)
    async def http_exception_handler(request: Request, e: HTTPException) -> JSONResponse:
        return handle_exception(request, e)
