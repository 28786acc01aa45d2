"""What the extension asks of a WebUI, and nothing it does not use. One adapter per WebUI fulfils it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from lib_vaeface.face.protocol import LatentCoder, Resampler
from lib_vaeface.schedule.protocol import Answer, Request
from lib_vaeface.vae.protocol import Coder, HostVae


@dataclass(frozen=True)
class ModelCall:
    """One call of the denoiser, before the model sees it.

    `step` counts calls from 0 and restarts in every pass; `total_steps` is how many the sampler plans, twice `steps`
    for second-order samplers; `steps` are those that this pass really makes. Conditionings are tensors
    [rows, tokens, width] or, for SDXL, mappings of tensors; `text_uncond` is None where the WebUI skips it.
    """

    job: Any
    step: int
    total_steps: int
    steps: int
    hires: bool
    text_cond: Any
    text_uncond: Any
    sigma: Callable[[], float] = lambda: math.nan
    """The noise level of this call, of the first image. Asking waits for the device."""
    floor: float = 0.0
    """The last noise level, of samplers that make as many calls as they like (DPM adaptive); 0 for all others."""
    variant: tuple[int, ...] = ()
    """Which of the requests of this pass the conditionings are of, see `schedule.protocol.Request`."""


@dataclass(frozen=True)
class Listeners:
    """What the extension wants to hear.

    model_call: at every model call of every job. conditioning: a job and a function that makes its request, before a
    pass samples; an Answer is taken in place of the WebUI's own, None leaves it to the WebUI. counted: (prompt, steps,
    negative, function that counts tokens) of the token counter; gives the text whose tokens are to be counted.
    model_loaded: another checkpoint has been loaded, for a hires pass, a refiner or by the person. image_saved: a job,
    the path of a picture of it that has been written, and its infotext; not of grids. failed: a job, where an adapter
    failed for it, and the error; the WebUI has gone its own way.
    """

    model_call: Callable[[ModelCall], None]
    conditioning: Callable[[Any, Callable[[], Request]], Answer | None]
    counted: Callable[[str, int, bool, Callable[[str], int]], str]
    model_loaded: Callable[[], None]
    image_saved: Callable[[Any, str, str], None]
    failed: Callable[[Any, str, Exception], None]


class Option(Protocol):
    """One entry of the extension's section on the WebUI's settings page.

    The default's type says what it holds: a truth value, a number with its range, or a text. listed: "vaes" offers the
    WebUI's own files after `choices`, and takes any other text.
    """

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> bool | int | float | str: ...
    @property
    def label(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def listed(self) -> str: ...
    @property
    def minimum(self) -> float | None: ...
    @property
    def maximum(self) -> float | None: ...
    @property
    def step(self) -> float | None: ...
    @property
    def private(self) -> bool: ...
    def taken(self, value: object) -> bool | int | float | str:
        """A valid value for one from anywhere."""


class Host(Protocol):
    """A WebUI. `job` is its processing object (`p`), `processed` its result object."""

    name: str

    @property
    def script_class(self) -> type:
        """Base class of the doorbell's Script. Used as `webui.script_class`: as a name in the script file, the WebUI
        would take it for a script of ours."""

    @property
    def extras_class(self) -> type:
        """Base class of the doorbell's script for the Extras tab."""

    @property
    def always_visible(self) -> object:
        """What `Script.show` returns."""

    def version(self) -> str:
        """The WebUI's own version, "" when it does not know."""

    def listen(self, listeners: Listeners, options: Sequence[Option]) -> None:
        """Tell the listeners, and show the options. Calling it again changes nothing."""

    def redirect_conditioning(self) -> None:
        """From now on ask the listener for conditioning. Calling it again changes nothing."""

    def vae_names(self, again: bool = False) -> Sequence[str]:
        """Names of the files that may be picked, as they stand in the list on the page. again: look at the folders."""

    def has_model(self) -> bool:
        """Whether a model is loaded. Asking loads none."""

    def sampler_names(self) -> Sequence[str]:
        """Names of the samplers, as they stand in the list on the page."""

    def vae_folders(self) -> Sequence[Path]:
        """Where this WebUI keeps VAE files."""

    def checkpoint_folders(self) -> Sequence[Path]:
        """Where it keeps checkpoints, among which there may be VAEs named for them."""

    def reachable_from_outside(self) -> bool:
        """Whether it was started so that other computers may open its page."""

    def data_folder(self) -> Path:
        """Where the extension may keep files of its own; it may not be there yet."""

    def vae(self, job: Any) -> HostVae:
        """The VAE of the model that is loaded now. ValueError: none is."""

    def point_vae(self, job: Any, coder: Coder) -> None:
        """Let the loaded model decode and encode by `coder` while `job` runs in this thread, and for nobody else."""

    def decoding(self) -> Hashable | None:
        """Which latent of a finished batch this thread is decoding: equal where the same one is decoded again. None for
        previews, and for decodes of other extensions."""

    def pass_of(self, job: Any) -> str:
        """Which pass the job is in: "first", "hires", or "between": the first pass of a hires fix that upscales pixels,
        whose result the WebUI cuts to 8 bits."""

    def second_models(self, job: Any) -> Collection[str]:
        """Which of "hires" and "refiner" will take over the job's latents with another checkpoint."""

    def refining(self, job: Any) -> bool:
        """Whether the model that is loaded now is the job's refiner."""

    def release_vae(self) -> None:
        """Take back every `point_vae`. Calling it again changes nothing."""

    def infotexts(self, processed: Any) -> Sequence[str]:
        """Of all pictures of a result, without its grid."""

    def save_beside(self, job: Any, index: int, image: Image.Image, suffix: str) -> None:
        """Save a picture about picture `index` of the running iteration, where the job's pictures are saved at all."""

    def add_pictures(self, processed: Any, images: Sequence[tuple[int, Image.Image]]) -> None:
        """Show more pictures behind those of a result, each with the infotext of the picture of that number."""

    def texts(self, job: Any) -> Sequence[tuple[str, str, int]]:
        """Prompt with its tags of extra networks, negative prompt and seed of each picture of this iteration."""

    def resampler(self, job: Any, coder: LatentCoder, open_session: Callable[[Any], None]) -> Resampler:
        """Img2img for faces of `job`. open_session: called with each job that is made for it."""

    def settle_model(self) -> None:
        """Load the page's checkpoint again where a hires pass or a refiner left another."""

    def stopped(self) -> bool:
        """Whether the person has asked to interrupt or to skip."""

    def finished(self, job: Any) -> None:
        """Its pictures are whole: who stops now stops what is added to them, and they are saved."""

    def compute_device(self) -> torch.device:
        """Where pictures are worked on."""

    def face_folders(self) -> Sequence[Path]:
        """Where this WebUI keeps weights of face detectors."""

    def face_models(self) -> Mapping[str, Path]:
        """Model files of the person's for finding things in pictures, by name."""

    def lend_sampling(self, job: Any, work: Callable[[Callable[[], Any]], Any]) -> None:
        """The job's next sampling is `work`, which is given the WebUI's own; only where nobody else has taken it."""

    def take_sampling_back(self, job: Any) -> None:
        """The job samples by itself again, where that was lent and it has not sampled."""

    def sampling_key(self, job: Any, title: str) -> str | None:
        """Equal for two jobs whose sampling gives the same latents, whatever our own settings; None where that can't be
        told, or sampling can't be left out. title: of our own script."""

    def watch_sampling(self, job: Any, sample: Callable[[], Any]) -> tuple[Any, Any]:
        """What `sample` gives, and what it left on the job, for `as_sampled`: None where it can serve nobody else."""

    def as_sampled(self, job: Any, latents: torch.Tensor, left: Any) -> torch.Tensor:
        """Kept latents, and the job, as that sampling would have left them."""

    def running(self, job: Any) -> bool:
        """Whether this thread is inside the processing of `job` right now: false once it has returned or failed."""

    def option(self, name: str) -> Any:
        """Value of one of our options, always a valid one; its default where the WebUI has none."""

    def report_error(self, message: str) -> None:
        """Print the message and the exception being handled to the WebUI's console."""

    def comment(self, job: Any, text: str, processed: Any = None) -> None:
        """Show a line under the picture, once. Give `processed` when the job has already got its result."""

    def parse_infotext(self, text: str) -> Mapping[str, Any]:
        """The parameters of one picture's infotext, as the WebUI reads them."""

    def input_accordion(self, value: bool, *, label: str, elem_id: str) -> Any:
        """The WebUI's accordion with a checkbox in its header; a control with `.extra()`, to be used by `with`."""

    def tool_button(self, symbol: str, *, elem_id: str, tooltip: str) -> Any:
        """The WebUI's small button of one symbol, for a row of controls."""

    def paste_field(self, component: Any, read: Callable[[Mapping[str, Any]], Any]) -> Any:
        """An entry of `infotext_fields`; `read` gets parsed infotext and gives a value, or None to leave it alone."""
