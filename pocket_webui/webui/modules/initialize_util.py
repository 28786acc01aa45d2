"""Small parts of the start: who may connect, what changes of options cause, what the server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def gradio_server_name() -> str | None:
    """Address to listen on; None is this machine only."""
    from modules.shared_cmd_options import cmd_opts

    return cmd_opts.server_name or ("0.0.0.0" if cmd_opts.listen else None)


def get_gradio_auth_creds() -> Iterator[tuple[str, ...]]:
    """(user, password) pairs of --gradio-auth and of the lines of --gradio-auth-path."""
    from modules.shared_cmd_options import cmd_opts

    lines = [cmd_opts.gradio_auth or ""]
    if cmd_opts.gradio_auth_path:
        lines += Path(cmd_opts.gradio_auth_path).read_text("utf8").splitlines()
    for pair in (part.strip() for line in lines for part in line.split(",")):
        if pair:
            yield tuple(pair.split(":", 1))


def configure_opts_onchange() -> None:
    """Have a change of checkpoint or VAE load it, in the queue of generations."""
    from modules import sd_models, sd_vae, shared, ui_tempdir
    from modules.call_queue import wrap_queued_call

    reload_checkpoint = wrap_queued_call(lambda: sd_models.reload_model_weights())
    reload_vae = wrap_queued_call(lambda: sd_vae.reload_vae_weights())
    for key, action in (
        ("sd_model_checkpoint", reload_checkpoint),
        ("sd_vae", reload_vae),
        ("sd_vae_overrides_per_model_preferences", reload_vae),
    ):
        shared.opts.onchange(key, action, call=False)
    shared.opts.onchange("temp_dir", ui_tempdir.on_tmpdir_changed)


def insert_middleware(app: Any, cls: type, **options: Any) -> None:
    """As `app.add_middleware`, which refuses once a browser has asked for anything; gradio is serving by now."""
    from starlette.middleware import Middleware

    app.user_middleware.insert(0, Middleware(cls, **options))
    app.middleware_stack = None


def setup_middleware(app: Any) -> None:
    """Compress answers; allow other origins only where flags name them."""
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    insert_middleware(app, GZipMiddleware, minimum_size=1000)
    insert_middleware(app, CORSMiddleware, **_cors_options())


def _cors_options() -> dict[str, Any]:
    from modules.shared_cmd_options import cmd_opts

    options: dict[str, Any] = {"allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True}
    if cmd_opts.cors_allow_origins:
        options["allow_origins"] = cmd_opts.cors_allow_origins.split(",")
    if cmd_opts.cors_allow_origins_regex:
        options["allow_origin_regex"] = cmd_opts.cors_allow_origins_regex
    return options
