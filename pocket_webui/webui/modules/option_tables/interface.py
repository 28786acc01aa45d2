"""Settings about the page, infotext, live previews, the API and the program itself."""

from __future__ import annotations

import gradio as gr

from modules import shared, shared_items
from modules.option_tables.kinds import dropdown, radio, several, slider
from modules.options import OptionHTML, OptionInfo, options_section

_STYLES_CHOICES = ["Ignore", "Apply", "Discard", "Apply if any"]


def _localizations() -> list[str]:
    from modules import localization

    return ["None", *localization.localizations]


def _refresh_localizations() -> None:
    from modules import localization

    localization.list_localizations(shared.cmd_opts.localizations_dir)


def _tabs() -> list[str]:
    return list(shared.tab_names)


def system() -> dict[str, OptionInfo]:
    program = options_section(("system", "System", "system"), {
        "auto_launch_browser": radio("Local", "Open the page in a browser", ["Disable", "Local", "Remote"]),
        "enable_console_prompts": OptionInfo(shared.cmd_opts.enable_console_prompts, "Print prompts to the console"),
        "show_warnings": OptionInfo(False, "Print warnings").needs_reload_ui(),
        "show_gradio_deprecation_warnings": OptionInfo(True, "Print gradio's deprecation warnings").needs_reload_ui(),
        "memmon_poll_rate": slider(8, "Memory polls per second", 0, 40, 1),
        "samples_log_stdout": OptionInfo(False, "Print infotext of every image"),
        "multiple_tqdm": OptionInfo(True, "Second progress bar for the whole job"),
        "enable_upscale_progressbar": OptionInfo(True, "Progress bar for upscaling"),
        "list_hidden_files": OptionInfo(True, "List files in hidden folders"),
        "disable_mmap_load_safetensors": OptionInfo(False, "Read .safetensors without memory mapping"),
        "hide_ldm_prints": OptionInfo(True, "Silence messages of model code"),
        "dump_stacks_on_signal": OptionInfo(False, "Print stacks on Ctrl+C"),
        "profiling_enable": OptionInfo(False, "Profile generations"),
        "profiling_filename": OptionInfo("trace.json", "Profile file"),
    })
    api = options_section(("API", "API", "system"), {
        "api_enable_requests": OptionInfo(True, "Input images may be http(s) addresses", restrict_api=True),
        "api_forbid_local_requests": OptionInfo(True, "But not local ones", restrict_api=True),
        "api_useragent": OptionInfo("", "User agent for fetching them", restrict_api=True),
    })
    return {**program, **api}


def prompt_editing() -> dict[str, OptionInfo]:
    editing = options_section(("ui_prompt_editing", "Prompt editing", "ui"), {
        "keyedit_precision_attention": slider(0.1, "Step of Ctrl+up/down for (attention:1.1)", 0.01, 0.2, 0.001),
        "keyedit_precision_extra": slider(0.05, "Step of Ctrl+up/down for <network:0.9>", 0.01, 0.2, 0.001),
        "keyedit_delimiters": OptionInfo(r".,\/!?%^*;:{}=`~() ", "Characters that end a word there"),
        "keyedit_delimiters_whitespace": several(
            "White space that ends a word there", lambda: ["Tab", "Carriage Return", "Line Feed"],
            ["Tab", "Carriage Return", "Line Feed"]),
        "keyedit_move": OptionInfo(True, "Alt+left/right moves parts of the prompt"),
        "disable_token_counters": OptionInfo(False, "No token counters"),
        "include_styles_into_token_counters": OptionInfo(True, "Token counters count styles too"),
    })
    networks = options_section(("extra_networks", "Extra Networks", "sd"), {
        "extra_networks_default_multiplier": slider(1.0, "Default multiplier", 0.0, 2.0, 0.01),
        "extra_networks_add_text_separator": OptionInfo(" ", "Text before an added <...>"),
        "textual_inversion_add_hashes_to_infotext": OptionInfo(True, "Embedding hashes in infotext"),
        "sd_hypernetwork": dropdown("None", "Hypernetwork", lambda: ["None", *shared.hypernetworks]),
    })
    return {**editing, **networks}


def page() -> dict[str, OptionInfo]:
    gallery = options_section(("ui_gallery", "Gallery", "ui"), {
        "return_grid": OptionInfo(True, "Show the grid in the gallery"),
        "do_not_show_images": OptionInfo(False, "Show no images in the gallery"),
        "js_modal_lightbox": OptionInfo(True, "Full page viewer"),
        "js_modal_lightbox_initially_zoomed": OptionInfo(True, "Zoomed in at first"),
        "gallery_height": OptionInfo("", "Gallery height", gr.Textbox).info("CSS value").needs_reload_ui(),
        "open_dir_button_choice": radio("Subdirectory", "What the folder button opens",
                                        ["Output Root", "Subdirectory", "Subdirectory (even temp dir)"]),
    })
    layout = options_section(("ui_alternatives", "UI alternatives", "ui"), {
        "compact_prompt_box": OptionInfo(False, "Compact prompt").needs_reload_ui(),
        "samplers_in_dropdown": OptionInfo(True, "Samplers in a dropdown").needs_reload_ui(),
        "dimensions_and_batch_together": OptionInfo(True, "Size and batch in one row").needs_reload_ui(),
        "sd_checkpoint_dropdown_use_short": OptionInfo(False, "Checkpoint names without folders"),
        "hires_fix_show_sampler": OptionInfo(False, "Checkpoint and sampler for hires fix").needs_reload_ui(),
        "hires_fix_show_prompts": OptionInfo(False, "Prompts for hires fix").needs_reload_ui(),
        "txt2img_settings_accordion": OptionInfo(False, "txt2img settings in an accordion").needs_reload_ui(),
        "img2img_settings_accordion": OptionInfo(False, "img2img settings in an accordion").needs_reload_ui(),
        "interrupt_after_current": OptionInfo(True, "Interrupt finishes the current image first"),
    })
    return {**gallery, **layout}


def interface() -> dict[str, OptionInfo]:
    return options_section(("ui", "User interface", "ui"), {
        "localization": dropdown("None", "Language", _localizations, _refresh_localizations).needs_reload_ui(),
        "quicksettings_list": several("Settings at the top of the page", lambda: list(shared.opts.data_labels),
                                      ["sd_model_checkpoint"]).needs_reload_ui(),
        "ui_tab_order": several("Order of tabs", _tabs).needs_reload_ui(),
        "hidden_tabs": several("Hidden tabs", _tabs).needs_reload_ui(),
        "ui_reorder_list": several("Order of items in txt2img and img2img",
                                   lambda: list(shared_items.ui_reorder_categories())).needs_reload_ui(),
        "gradio_theme": dropdown("Default", "Theme", lambda: ["Default"]).needs_reload_ui(),
        "gradio_themes_cache": OptionInfo(True, "Keep themes on disk"),
        "show_progress_in_title": OptionInfo(True, "Progress in the window title"),
        "send_seed": OptionInfo(True, "Send the seed with a prompt or image"),
        "send_size": OptionInfo(True, "Send the size with a prompt or image"),
        "enable_reloading_ui_scripts": OptionInfo(False, "Reload UI also reloads the WebUI's own page code"),
    })


def infotext() -> dict[str, OptionInfo]:
    return options_section(("infotext", "Infotext", "ui"), {
        "infotext_explanation": OptionHTML("Infotext is the text with all generation parameters in a picture."),
        "enable_pnginfo": OptionInfo(True, "Write infotext into images"),
        "save_txt": OptionInfo(False, "Write infotext into a text file too"),
        "add_model_name_to_info": OptionInfo(True, "Model name in infotext"),
        "add_model_hash_to_info": OptionInfo(True, "Model hash in infotext"),
        "add_vae_name_to_info": OptionInfo(True, "VAE name in infotext"),
        "add_vae_hash_to_info": OptionInfo(True, "VAE hash in infotext"),
        "add_user_name_to_info": OptionInfo(False, "User name in infotext"),
        "add_version_to_infotext": OptionInfo(True, "Program version in infotext"),
        "disable_weights_auto_swap": OptionInfo(True, "Pasting does not change the checkpoint"),
        "infotext_skip_pasting": several("Fields not to paste", shared_items.get_infotext_names),
        "infotext_styles": radio("Apply if any", "Styles found in pasted prompts", _STYLES_CHOICES),
    })


def live_previews() -> dict[str, OptionInfo]:
    return options_section(("ui", "Live previews", "ui"), {
        "show_progressbar": OptionInfo(True, "Progress bar"),
        "live_previews_enable": OptionInfo(True, "Live previews"),
        "live_previews_image_format": radio("png", "Preview file format", ["jpeg", "png", "webp"]),
        "show_progress_grid": OptionInfo(True, "Preview all images of a batch as a grid"),
        "show_progress_every_n_steps": slider(10, "Steps between previews", -1, 32, 1)
        .info("-1 = only when a batch is done"),
        "show_progress_type": radio("Approx NN", "Preview method", ["Full", "Approx NN", "Approx cheap", "TAESD"]),
        "live_preview_allow_lowvram_full": OptionInfo(False, "Allow Full previews with little memory"),
        "live_preview_content": radio("Prompt", "Preview of", ["Combined", "Prompt", "Negative prompt"]),
        "live_preview_refresh_period": OptionInfo(1000, "Milliseconds between progress updates"),
        "live_preview_fast_interrupt": OptionInfo(False, "Interrupt returns the preview"),
        "js_live_preview_in_modal_lightbox": OptionInfo(False, "Previews in the full page viewer"),
        "prevent_screen_sleep_during_generation": OptionInfo(True, "Keep the screen on while generating"),
    })


def hidden() -> dict[str, OptionInfo]:
    return options_section((None, "Hidden options"), {
        "disabled_extensions": OptionInfo([], "Disabled extensions"),
        "disable_all_extensions": radio("none", "Disable all extensions", ["none", "extra", "all"]),
        "restore_config_state_file": OptionInfo("", "Config state file"),
        "sd_checkpoint_hash": OptionInfo("", "SHA256 of the current checkpoint"),
    })
