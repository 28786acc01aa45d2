"""What a script is: the base class with every hook, and the arguments of some hooks.

Extensions get all of this from `modules.scripts`."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

AlwaysVisible = object()
"""What `Script.show` returns for a script that runs with every generation."""

ScriptFile = namedtuple("ScriptFile", ["basedir", "filename", "path"])
ScriptClassData = namedtuple("ScriptClassData", ["script_class", "path", "basedir", "module"])


class MaskBlendArgs:
    """Latents [batch, 4, h, w] while an inpainted latent is blended with the original's.

    `denoiser` and `sigma` are set during sampling; the blend after the last step has none and is_final_blend True."""

    def __init__(
        self,
        current_latent: Any,
        nmask: Any,
        init_latent: Any,
        mask: Any,
        blended_latent: Any,
        denoiser: Any = None,
        sigma: Any = None,
    ) -> None:
        self.current_latent = current_latent
        self.nmask = nmask
        self.init_latent = init_latent
        self.mask = mask
        self.blended_latent = blended_latent
        self.denoiser = denoiser
        self.is_final_blend = denoiser is None
        self.sigma = sigma


@dataclass(eq=False)
class PostSampleArgs:
    """Latents [batch, 4, h, w]; with hires fix decoded images, see `already_decoded` on the object."""

    samples: Any


@dataclass(eq=False)
class PostprocessImageArgs:
    """One PIL image, which may be replaced."""

    image: Any


@dataclass(eq=False)
class PostProcessMaskOverlayArgs:
    index: int
    mask_for_overlay: Any
    overlay_image: Any


@dataclass(eq=False)
class PostprocessBatchListArgs:
    """The batch as a list of [3, h, w] tensors in 0..1, which may be changed, shortened and lengthened."""

    images: list[Any]


@dataclass
class OnComponent:
    component: Any


class Script:
    """Base class of all scripts. One object per tab; `args` of the hooks are the values of the controls that `ui`
    returned. An exception in a hook is reported and otherwise ignored.

    Set by the runner: filename, args_from, args_to (the script's part of p.script_args), alwayson, is_txt2img,
    is_img2img, tabname, name (the title in lower case), group, api_info, controls. Set by the script, in `ui`:
    infotext_fields (PasteField objects) and paste_field_names. Class attributes a script may set: section,
    create_group, setup_for_ui_only."""

    name: str | None = None
    section: str | None = None
    filename: str | None = None
    args_from: int | None = None
    args_to: int | None = None
    alwayson = False
    is_txt2img = False
    is_img2img = False
    tabname: str | None = None
    group: Any = None
    create_group = True
    infotext_fields: list[Any] | None = None
    paste_field_names: list[str] | None = None
    api_info: Any = None
    on_before_component_elem_id: list[tuple[str, Callable]] | None = None
    on_after_component_elem_id: list[tuple[str, Callable]] | None = None
    setup_for_ui_only = False
    controls: list[Any] | None = None

    def title(self) -> str:
        """What the page and the API call the script. Every script must define it."""
        raise TypeError(f"{type(self).__name__} in {self.filename} must define title()")

    def ui(self, is_img2img: bool) -> list[Any] | None:
        """Create gradio components; return those whose values the hooks receive. Called several times per tab."""

    def show(self, is_img2img: bool) -> Any:
        """False: not on this tab. True: in the script dropdown. AlwaysVisible: runs with every generation."""
        return True

    def run(self, p: Any, *args: Any) -> Any:
        """Only for a script chosen in the dropdown: does the whole generation and returns a Processed."""

    def setup(self, p: Any, *args: Any) -> None:
        """First of all; from the page some fields of `p` are not set yet."""

    def before_process(self, p: Any, *args: Any) -> None:
        """Before override_settings are applied."""

    def process(self, p: Any, *args: Any) -> None:
        """After override_settings, with all_prompts and all_seeds made."""

    def before_process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Before extra network tags are taken out of the prompts.
        kwargs: batch_number, prompts, seeds, subseeds."""

    def after_extra_networks_activate(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """kwargs: as before, and extra_network_data."""

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Before each pass, so twice with hires fix. kwargs: x, noise [batch, 4, h, w], c, uc."""

    def process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Before prompts are encoded. kwargs: batch_number, prompts, seeds, subseeds."""

    def postprocess_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """kwargs: images [batch, 3, h, w] in 0..1, batch_number."""

    def postprocess_batch_list(self, p: Any, pp: PostprocessBatchListArgs, *args: Any, **kwargs: Any) -> None:
        """As before with a list. A script that changes its length must change p.prompts, p.negative_prompts,
        p.seeds and p.subseeds too. kwargs: batch_number."""

    def on_mask_blend(self, p: Any, mba: MaskBlendArgs, *args: Any) -> None:
        """At every model call of inpainting, and once after the last."""

    def post_sample(self, p: Any, ps: PostSampleArgs, *args: Any) -> None:
        """After sampling, before decoding."""

    def postprocess_image(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """Per image, before it is pasted back into the picture it was cropped from."""

    def postprocess_maskoverlay(self, p: Any, ppmo: PostProcessMaskOverlayArgs, *args: Any) -> None:
        """Per image, before that."""

    def postprocess_image_after_composite(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """Per image, when it has been pasted back."""

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        """Last of all, with the Processed; not after an error."""

    def before_hr(self, p: Any, *args: Any) -> None:
        """Before the second pass of hires fix."""

    def before_component(self, component: Any, **kwargs: Any) -> None:
        """Before any component of the page is created; kwargs are its arguments."""

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """After any component of the page was created."""

    def on_before_component(self, callback: Callable[[OnComponent], object], *, elem_id: str) -> None:
        """Have `callback` called before the component with this id is created. Call it in `show`, not later."""
        if self.on_before_component_elem_id is None:
            self.on_before_component_elem_id = []
        self.on_before_component_elem_id.append((elem_id, callback))

    def on_after_component(self, callback: Callable[[OnComponent], object], *, elem_id: str) -> None:
        """Have `callback` called after the component with this id was created."""
        if self.on_after_component_elem_id is None:
            self.on_after_component_elem_id = []
        self.on_after_component_elem_id.append((elem_id, callback))

    def describe(self) -> str:
        return ""

    def _tab_prefix(self) -> str:
        """The tab's name where the script is on both tabs, since ids must be unique on the page."""
        on_both = self.show(True) == self.show(False)
        return ("img2img_" if self.is_img2img else "txt2img_") if on_both else ""

    def elem_id(self, item_id: str) -> str:
        """HTML id `script_[<tab>_]<title>_<item_id>`, where the title is reduced to a-z, 0-9 and _."""
        title = re.sub(r"[^a-z_0-9]", "", re.sub(r"\s", "_", self.title().lower()))
        return f"script_{self._tab_prefix()}{title}_{item_id}"


class ScriptBuiltinUI(Script):
    """Base of scripts that make up the page itself: ids without title, `setup` not called for the API."""

    setup_for_ui_only = True

    def elem_id(self, item_id: str) -> str:
        """HTML id `[<tab>_]<item_id>`."""
        return f"{self._tab_prefix()}{item_id}"

    def show(self, is_img2img: bool) -> Any:
        return AlwaysVisible
