"""Serves the page and the API until told to stop; "restart" builds both anew on the same port."""

from __future__ import annotations

import time
from typing import Any

from modules import initialize, initialize_util, timer

startup_timer = timer.startup_timer


def create_api(app: Any) -> Any:
    """Add the /sdapi routes to `app`. Builds every script's controls again, twice each, as A1111 does."""
    from modules.api.api import Api
    from modules.call_queue import queue_lock

    return Api(app, queue_lock)


def _allowed_paths() -> list[str]:
    from modules import extensions, shared

    return [*shared.cmd_opts.gradio_allowed_path, shared.script_path, *(e.path for e in extensions.active())]


def patient_queue() -> None:
    """gradio 3.41 gives the page one second to take what an event gave and then drops it, so that the page waits for
    ever: a busy machine with two cores needs longer."""
    from gradio import queueing

    send = getattr(queueing.Queue, "send_message", None)
    if send is not None and send.__defaults__ == (1,):
        send.__defaults__ = (60,)


def launch_page() -> Any:
    """Serve `shared.demo`; returns its FastAPI application. OSError if the port is taken."""
    from modules import shared

    flags = shared.cmd_opts
    if not flags.no_gradio_queue:
        patient_queue()
        shared.demo.queue(64)
    app, _, _ = shared.demo.launch(
        share=False,
        server_name=initialize_util.gradio_server_name(),
        server_port=flags.port or 7860,
        ssl_keyfile=flags.tls_keyfile,
        ssl_certfile=flags.tls_certfile,
        debug=flags.gradio_debug,
        auth=list(initialize_util.get_gradio_auth_creds()) or None,
        inbrowser=flags.autolaunch,
        prevent_thread_lock=True,
        quiet=True,
        allowed_paths=_allowed_paths(),
        app_kwargs={"docs_url": "/docs", "redoc_url": "/redoc"},
        root_path=f"/{flags.subpath}" if flags.subpath else "",
    )
    flags.autolaunch = False
    return app


def add_routes(app: Any) -> None:
    """The routes beside the page: progress, ping, API; then on_app_started."""
    from modules import progress, script_callbacks, shared, ui

    # gradio lets any web page send requests here; only origins named by flags may.
    app.user_middleware = [m for m in app.user_middleware if m.cls.__name__ != "CORSMiddleware"]
    initialize_util.setup_middleware(app)
    progress.setup_progress_api(app)
    ui.setup_ui_api(app)
    if shared.cmd_opts.api:
        create_api(app)
    startup_timer.record("add APIs")
    # Callbacks may add middleware, which is refused once a request has been served.
    app.middleware_stack = None
    with startup_timer.subcategory("app_started_callback"):
        script_callbacks.app_started_callback(shared.demo, app)


def serve_once() -> None:
    """Build the page from the loaded scripts and serve it."""
    from modules import script_callbacks, shared, ui, ui_tempdir

    if shared.opts.clean_temp_dir_at_start:
        ui_tempdir.cleanup_tmpdr()
    script_callbacks.before_ui_callback()
    startup_timer.record("scripts before_ui_callback")
    shared.demo = ui.create_ui()
    startup_timer.record("create ui")
    app = launch_page()
    startup_timer.record("gradio launch")
    add_routes(app)
    timer.startup_record = startup_timer.dump()
    print(f"Startup time: {startup_timer.summary()}.")
    print(f"The page is at {shared.demo.local_url}", flush=True)


def wait_for_command() -> str:
    """"restart" or "stop" (also for Ctrl+C)."""
    from modules import shared

    try:
        while True:
            command = shared.state.wait_for_server_command(timeout=5)
            if command in ("stop", "restart"):
                return command
            if command:
                print(f"Unknown server command: {command}")
    except KeyboardInterrupt:
        print("Stopping.")
        return "stop"


def reload_ui() -> None:
    """Reload UI: callbacks are told and cleared, scripts are executed again; what they imported is not."""
    from modules import script_callbacks

    startup_timer.reset()
    script_callbacks.app_reload_callback()
    script_callbacks.script_unloaded_callback()
    initialize.initialize_rest(reload_script_modules=True)


def let_go(demo: Any) -> None:
    """Let the server stop at once: it would wait for every connection that a page somewhere still holds open."""
    server = getattr(demo, "server", None)
    if server is not None:
        server.force_exit = True


def webui() -> None:
    """Serve until stopped."""
    from modules import shared

    initialize.initialize()
    while True:
        serve_once()
        command = wait_for_command()
        let_go(shared.demo)
        shared.demo.close()
        if command == "stop":
            return
        print("Restarting UI...", flush=True)
        time.sleep(0.5)
        reload_ui()


def api_only() -> None:
    """The API without a page."""
    import uvicorn
    from fastapi import FastAPI

    from modules import script_callbacks, shared

    initialize.initialize()
    app = FastAPI()
    initialize_util.setup_middleware(app)
    create_api(app)
    script_callbacks.before_ui_callback()
    script_callbacks.app_started_callback(None, app)
    flags = shared.cmd_opts
    uvicorn.run(app, host=initialize_util.gradio_server_name() or "127.0.0.1", port=flags.port or 7861,
                timeout_keep_alive=flags.timeout_keep_alive, log_level="warning")
