"""Starts the WebUI's parts in A1111's order: options, model list, extensions' scripts, upscalers, VAEs, the model."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from threading import Thread

from modules import command_line
from modules.timer import startup_timer

_started = False


def imports() -> None:
    """Import what is heavy, and fill `modules.shared`."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import torch  # noqa: F401

    startup_timer.record("import torch")
    # gradio 3.41 is built on libraries that have deprecated what it uses; nobody here can act on it.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import gradio  # noqa: F401

    startup_timer.record("import gradio")
    from modules import paths

    startup_timer.record("setup paths")
    from modules import shared, shared_init

    if shared.opts is None:
        shared_init.initialize()
    startup_timer.record("initialize shared")
    if shared.cmd_opts.host_mode == "forge":
        sys.path.append(paths.forge_path)
        importlib.import_module("modules_forge.behaviour").install()
    from modules import gradio_extensons, processing, ui  # noqa: F401

    startup_timer.record("other imports")


def initialize() -> None:
    """First start: everything that Reload UI does not do again, then the rest."""
    from modules import initialize_util, sd_models, shared

    shared.reload_gradio_theme()
    initialize_util.configure_opts_onchange()
    sd_models.setup_model()
    startup_timer.record("setup SD model")
    initialize_rest(reload_script_modules=False)


def reload_ui_modules() -> None:
    """Load `modules.ui*` again. Libraries of extensions stay as they are, which is why they go stale."""
    for module in [module for name, module in sys.modules.items() if name.startswith("modules.ui")]:
        importlib.reload(module)


def initialize_rest(*, reload_script_modules: bool = False) -> None:
    """What a start and a Reload UI have in common."""
    from modules import extensions, extra_networks, scripts, sd_models, sd_samplers, sd_unet, sd_vae, shared, upscaler

    sd_samplers.set_samplers()
    extensions.list_extensions()
    startup_timer.record("list extensions")
    sd_models.list_models()
    startup_timer.record("list SD models")
    with startup_timer.subcategory("load scripts"):
        scripts.load_scripts()
    if reload_script_modules and shared.opts.enable_reloading_ui_scripts:
        reload_ui_modules()
        startup_timer.record("reload script modules")
    upscaler.load_upscalers()
    sd_vae.refresh_vae_list()
    startup_timer.record("refresh VAE")
    sd_unet.list_unets()
    extra_networks.initialize()
    extra_networks.register_default_extra_networks()
    startup_timer.record("initialize extra networks")
    if not shared.cmd_opts.skip_load_model_at_start and not shared.cmd_opts.ui_debug_mode:
        Thread(target=load_model, daemon=True).start()


def load_model() -> None:
    """Load the chosen checkpoint (and so call on_model_loaded). A failure is shown, and tried again at the first
    generation."""
    from modules import errors, shared

    try:
        shared.sd_model  # noqa: B018  (reading it loads it)
    except Exception as e:
        errors.display(e, "loading the checkpoint")


def _apply_arguments(args: list[str] | None) -> None:
    if args is None:
        return
    if "modules.paths_internal" in sys.modules and command_line.arguments() != list(args):
        raise RuntimeError(
            f"the WebUI's flags were read already ({' '.join(command_line.arguments())}); "
            "start() must come before other imports of modules.*, and once per process with the same flags"
        )
    command_line.use(args)


def _build_page_parts() -> None:
    """Everything that on_before_ui and ui() of scripts can see, in a page that nobody opens."""
    from modules import script_callbacks, shared, ui

    script_callbacks.before_ui_callback()
    shared.demo = ui.create_ui()


def start(headless: bool = False, args: list[str] | None = None) -> None:
    """Bring the WebUI up in this process. A second call returns at once.

    `args` are command line flags (None: those already chosen, or sys.argv). With `headless` nothing is served: the
    page is built (so that scripts have their controls, arguments and names), the model is loaded when this returns,
    and `processing.process_images` or `webui.create_api(FastAPI())` can be used. Without it, `webui.webui()` serves
    until stopped. Raises RuntimeError if other flags were read earlier in this process, FileNotFoundError if there
    is no checkpoint to load."""
    global _started
    if _started:
        return
    _apply_arguments(args)
    from modules import launch_utils

    launch_utils.run_extensions_installers(launch_utils.args.ui_settings_file)
    imports()
    if not headless:
        import webui

        _started = True
        webui.webui()
        return
    from modules import shared

    shared.cmd_opts.skip_load_model_at_start = True
    initialize()
    _build_page_parts()
    shared.sd_model  # noqa: B018  (reading it loads it; here in this thread, so that errors reach the caller)
    _started = True


def script_defaults(img2img: bool = False) -> list:
    """Values for `p.script_args` as a page nobody touched would send them; index 0 is "no script"."""
    from modules import scripts

    runner = scripts.scripts_img2img if img2img else scripts.scripts_txt2img
    return [0, *(getattr(control, "value", None) for control in runner.inputs[1:])]
