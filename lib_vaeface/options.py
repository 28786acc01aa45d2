"""The extension's entries on the WebUI's settings page. Each is read with `host.option(name)` when it is needed.

To add an option, append a line to `OPTIONS`. Names are keys of the WebUI's config.json and are never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass

from lib_vaeface.fields import Field, Value, accept

GIB = 2**30
MIB = 2**20
DEFAULT_VAE, REMEMBER_VAE, VAE_GIB = "vaeface_default_vae", "vaeface_remember_vae", "vaeface_vae_gib"
LATENTS_MIB, NATIVE_SYNTAX, TIMING = "vaeface_latents_mib", "vaeface_native_syntax", "vaeface_timing"


@dataclass(frozen=True)
class Option:
    """One entry. What it may be is said as in `Field`; the kind is that of the default.

    listed: "vaes" offers the WebUI's own files after `choices`; any other text is taken.
    """

    name: str
    default: Value
    label: str
    help: str
    choices: tuple[str, ...] = ()
    listed: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    private: bool = False
    """Neither shown nor set while the WebUI can be reached from outside, nor set by its API."""

    def taken(self, value: object) -> Value:
        """A value from the WebUI's settings, its API or a hand-written config.json, as one that is valid here."""
        field = Field(
            self.name, type(self.default), self.default, self.label, self.help, "options",
            choices=self.choices, listed=self.listed, minimum=self.minimum, maximum=self.maximum,
        )  # fmt: skip
        return accept(field, value)[0]


# fmt: off
OPTIONS = (
    Option(
        "vaeface_record_calls",
        True,
        "Write the counts of model calls and conditioning switches to the infotext",
        "Off: the infotext holds only the settings that restore the panel",
    ),
    Option(
        "vaeface_count_tokens",
        True,
        "Token counter: count the longest text that the prompt's schedule gives",
        "Also where the extension is switched off; off: the WebUI counts by itself, slowly for long prompts",
    ),
    Option(
        "vaeface_allow_yolo",
        False,
        "Allow ultralytics to open your own face models (.pt)",
        "Such a file can run any program when it is opened: only files from people you trust",
    ),
    Option(
        "vaeface_vae_stays",
        True,
        "Picked VAEs stay on the GPU between generations",
        "As many as the limit below allows; off: they wait in the computer's memory and are copied for each generation",
    ),
    Option(
        "vaeface_keep_latents",
        True,
        "Keep the latents of the last generation in memory",
        "For comparing VAEs in the tab without painting again; only of generations with VAE Face on",
    ),
    Option(
        "vaeface_save_latents",
        False,
        "Save latents beside each picture",
        "A .safetensors file of some 70 KB for 512x512 pixels, which the tab and the command line read",
    ),
    Option(
        "vaeface_comfyui_latents",
        False,
        "Save latents in ComfyUI's layout (.latent)",
        "Only with the option above",
    ),
    Option(
        DEFAULT_VAE, "Built-in",
        "Default VAE",
        "What Automatic takes where nothing was picked for a checkpoint and no file is named like it; only if it fits",
        choices=("Built-in",), listed="vaes",
    ),
    Option(
        REMEMBER_VAE, True,
        "Remember the VAE picked for each checkpoint",
        "Automatic takes it. Off: Automatic does not, and what was remembered is forgotten; "
        "a button on the panel forgets it for one checkpoint",
    ),
    Option(
        VAE_GIB, 2.0,
        "Most memory for picked VAEs, in GiB",
        "The ones used last stay open, on the device or waiting in the computer's memory; the one in use always does",
        minimum=0.0, maximum=64.0, step=0.5,
    ),
    Option(
        LATENTS_MIB, 256,
        "Most memory for the latents of the last generation, in MiB",
        "A generation that needs more is not kept",
        minimum=0, maximum=4096, step=1,
    ),
    Option(
        NATIVE_SYNTAX, False,
        "Prompts: the WebUI's own syntax only",
        "Windows, blends, holds and weights over time stay the text that they are to the WebUI",
    ),
    Option(
        TIMING, "webui",
        "Timing at first",
        "What the panel begins with after a reload of the page's UI, and what an API call has that does not say",
        choices=("webui", "exact"),
    ),
    Option(
        "vaeface_preset_folder", "",
        "Folder of presets",
        "Empty: vaeface/presets in the WebUI's data folder. Presets that are there already are not moved",
        private=True,
    ),
    Option(
        "vaeface_outside_access", False,
        "Allow saving from outside",
        "Where the WebUI can be reached from other computers: let them save presets, and the tab write files",
        private=True,
    ),
    Option(
        "vaeface_timeline", True,
        "Show a timeline under prompts that change over the steps",
        "Also where the extension is switched off: then as the WebUI reads them",
    ),
)
# fmt: on
