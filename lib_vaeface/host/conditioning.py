"""The place where A1111 and its relatives turn prompts into conditioning, redirected for jobs that have a session.

Every one of them asks `p.get_conds_with_caching` for both prompts, for the second pass, and again when a refiner takes
over. The redirect stands on the class, is put there when the first job asks for it, and passes everything else through.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from lib_vaeface.schedule.protocol import Answer, Cond, Encoded, Part, Request, joined
from modules import devices, processing, prompt_parser, sd_hijack, sd_samplers_common, shared

Ask = Callable[[Any, Callable[[], Request]], Answer | None]
"""(job, makes its request) -> the answer, or None to let the WebUI do it."""

_SERIAL = itertools.count()
METHOD = "get_conds_with_caching"
STATE_OPTIONS = (
    "CLIP_stop_at_last_layers",
    "comma_padding_backtrack",
    "emphasis",
    "enable_emphasis",
    "fp8_storage",
    "cache_fp16_weight",
    "sd_text_encoder",  # reForge: a file in place of the checkpoint's own
    "sdxl_clip_l_skip",
    "use_old_emphasis_implementation",
)
SIZED_OPTIONS = (
    "sdxl_crop_left",
    "sdxl_crop_top",
    "sdxl_refiner_high_aesthetic_score",
    "sdxl_refiner_low_aesthetic_score",
)


class Texts:
    """A1111's text encoder, and where it keeps what it remarks on the way."""

    def encode(self, model: Any, asked: Any) -> tuple[Any, dict[str, str]]:
        """Conditioning of one batch, and remarks for the infotext."""
        hijack = sd_hijack.model_hijack
        before: Any = getattr(hijack, "extra_generation_params", None)
        hijack.extra_generation_params = {}
        try:
            with devices.autocast():
                conds = model.get_learned_conditioning(asked)
            return conds, {str(key): str(value) for key, value in hijack.extra_generation_params.items()}
        finally:
            hijack.extra_generation_params = before

    def remarks(self) -> Any:
        """The mapping that goes to the infotext."""
        return getattr(sd_hijack.model_hijack, "extra_generation_params", None)

    def embeddings(self, model: Any) -> Iterable[tuple[str, Any]]:
        """Name and embedding of each loaded textual inversion."""
        known = getattr(getattr(sd_hijack.model_hijack, "embedding_db", None), "word_embeddings", None)
        return (known or {}).items()

    def about(self, prompts: Any) -> dict[str, Any]:
        """What the encoder reads of the WebUI's list of prompts besides the texts."""
        return {name: getattr(prompts, name, None) for name in ("width", "height")}

    def variant(self, hires: bool) -> tuple[int, ...]:
        """See `Request`; A1111 asks once for each pass."""
        return ()

    def state(self, prompts: Any, plain: bool) -> Hashable:
        """What a text's conditioning depends on here besides the checkpoint. plain: not on the picture's size."""
        return () if plain else tuple(self.about(prompts).values())


class Redirect:
    """`install` may be called again at any time; `remove` leaves another extension's redirect on top of ours alone."""

    def __init__(self, ask: Ask, failed: Callable[[Any, Exception], None], texts: Texts | None = None) -> None:
        self.ask, self.failed, self.texts = ask, failed, texts or Texts()
        self._original: Any = None
        self._walked = False

    def install(self) -> None:
        current = getattr(processing.StableDiffusionProcessing, METHOD)
        if getattr(current, "redirect", None) is self or (self._original is not None and self._is_below(current)):
            return
        self._original = current
        setattr(processing.StableDiffusionProcessing, METHOD, self._method())

    def _is_below(self, method: Any) -> bool:
        """Whether this method, another extension's, still leads to ours: only walking it tells. An extension that puts
        back what it found at its own start takes ours off with it."""
        self._walked = False
        with contextlib.suppress(Exception):
            method(processing.StableDiffusionProcessingTxt2Img(), self._walk, [""], 1, [[None, None]], {})
        return self._walked

    def _walk(self, *_: Any) -> None:
        """Stands for the function that reads prompts, where `_is_below` walks."""

    def remove(self) -> None:
        current = getattr(processing.StableDiffusionProcessing, METHOD)
        if self._original is not None and getattr(current, "redirect", None) is self:
            setattr(processing.StableDiffusionProcessing, METHOD, self._original)
            self._original = None

    def _method(self) -> Callable[..., Any]:
        original = self._original

        def get_conds_with_caching(
            job: Any, function: Any, prompts: Any, steps: int, *args: Any, **keywords: Any
        ) -> Any:
            if function == self._walk:
                self._walked = True
                return None
            try:
                found = self._answer(job, function, prompts, steps, *args, **keywords)
            except Exception as error:
                self.failed(job, error)
                found = None
            return original(job, function, prompts, steps, *args, **keywords) if found is None else found

        get_conds_with_caching.redirect = self  # type: ignore[attr-defined]
        return get_conds_with_caching

    def _answer(
        self,
        job: Any,
        function: Any,
        prompts: Any,
        steps: int,
        caches: Any,
        networks: Any,
        hires_steps: int | None = None,
        **_: Any,
    ) -> Any:
        make = {"get_learned_conditioning": _schedules, "get_multicond_learned_conditioning": _multicond}.get(
            getattr(function, "__name__", "")
        )
        if make is None or getattr(function, "__module__", "") != prompt_parser.__name__:
            return None  # another extension reads the prompts in its own way
        answer = self.ask(job, lambda: request(job, prompts, steps, networks, hires_steps, self.texts))
        if answer is None:
            return None
        _remark(job, answer, self.texts.remarks())
        return make(answer)


def request(job: Any, prompts: Any, steps: int, networks: Any, hires_steps: int | None, encoder: Texts) -> Request:
    """What the WebUI asks for; the arguments are those of its method."""
    negative = bool(getattr(prompts, "is_negative_prompt", False))
    model = shared.sd_model
    plain = bool(getattr(model, "is_sd1", False) or getattr(model, "is_sd2", False))
    ui_steps, hires_ui_steps, calls = _plan(job, steps, hires_steps)
    return Request(
        prompts=tuple(prompts),
        negative=negative,
        steps=steps,
        hires_steps=hires_steps,
        ui_steps=ui_steps,
        hires_ui_steps=hires_ui_steps,
        calls=calls,
        old=bool(shared.opts.use_old_scheduling),
        state=_state(job, model, prompts, _active(job, networks, hires_steps), plain, encoder),
        encode=lambda texts: _encode(encoder, model, prompts, texts, negative),
        encode_empty=lambda: _encode(encoder, model, prompts, [""], False)[0],
        pools_emphasis=getattr(shared.opts, "emphasis", "Original") not in ("None", "Ignore", "No norm"),
        zeroes_empty=not plain,
        exact_alone=devices.device.type == "cpu",
        read=lambda text: _read(text, steps, hires_steps, bool(shared.opts.use_old_scheduling)),
        variant=encoder.variant(hires_steps is not None),
    )


@functools.lru_cache(maxsize=64)
def _read(text: str, steps: int, hires_steps: int | None, old: bool) -> list[tuple[int, str]]:
    """The WebUI's own reading of a prompt, or of one part between ANDs; it does not change within a process."""
    read = prompt_parser.get_learned_conditioning_prompt_schedules
    return [(end, said) for end, said in read([text], steps, hires_steps, old)[0]]


def _plan(job: Any, steps: int, hires_steps: int | None) -> tuple[int, int | None, int]:
    """Steps of the slider really made in the first pass and in the second, and model calls of the pass asked for."""
    made = job.steps
    if hasattr(job, "init_latent") and hasattr(job, "init_images"):
        made = sd_samplers_common.setup_img2img_steps(job)[1] + 1
    calls = steps // max(job.steps, 1) * made
    if hires_steps is None:
        return made, None, calls
    return made, getattr(job, "hr_second_pass_steps", 0) or job.steps, hires_steps


def _state(job: Any, model: Any, prompts: Any, networks: Any, plain: bool, encoder: Texts) -> Hashable:
    """Everything besides a text that its conditioning depends on."""
    info = model.sd_checkpoint_info
    options = STATE_OPTIONS if plain else STATE_OPTIONS + SIZED_OPTIONS
    return (
        getattr(info, "filename", None),
        getattr(info, "shorthash", None),
        type(model).__name__,
        str(devices.device),
        str(devices.dtype),
        tuple(str(getattr(shared.opts, name, "")) for name in options),
        _networks(networks),
        tuple(sorted((name, str(getattr(one, "shorthash", ""))) for name, one in encoder.embeddings(model))),
        encoder.state(prompts, plain),
        None if getattr(shared.opts, "persistent_cond_cache", True) else _serial(job),
    )


def _serial(job: Any) -> int:
    """A number of its own for each job; id() comes again when a job has gone."""
    number: int = vars(job).setdefault("_vaeface_serial", next(_SERIAL))
    return number


def _active(job: Any, networks: Any, hires_steps: int | None) -> Any:
    """The networks that are at work now: where the WebUI encodes the second pass's prompts ahead, still the first's."""
    if getattr(job, "disable_extra_networks", False):
        return None
    ahead = hires_steps is not None and not getattr(job, "is_hr_pass", False)
    return job.extra_network_data if ahead else networks


def _networks(networks: Any) -> Hashable:
    """LoRAs and their like with all their arguments; what is active changes the text encoder."""
    return tuple(
        (name, tuple(str(getattr(params, "items", params)) for params in found))
        for name, found in sorted((networks or {}).items())
    )


def _encode(encoder: Texts, model: Any, prompts: Any, texts: Sequence[str], negative: bool) -> list[Encoded]:
    """One batch through the WebUI's own text encoder, with what it remarked on the way."""
    conds, remarks = encoder.encode(
        model, prompt_parser.SdConditioning(list(texts), negative, **encoder.about(prompts))
    )
    return [Encoded(_row(conds, i), remarks) for i in range(len(texts))]


def _row(conds: Any, index: int) -> Cond:
    return {key: value[index] for key, value in conds.items()} if isinstance(conds, dict) else conds[index]


def _remark(job: Any, answer: Answer, target: Any) -> None:
    """What the WebUI writes to the infotext while it reads and encodes prompts."""
    if isinstance(target, dict):
        said = {key: str(target[key]) for key in answer.remarks if key in target}
        target.update(joined((answer.remarks, said)))
    if answer.old_differs:
        job.extra_generation_params["Old prompt editing timelines"] = True


def _schedules(answer: Answer) -> Any:
    return [_entries(parts[0]) for parts in answer.images]


def _multicond(answer: Answer) -> Any:
    batch = [[_composable(part) for part in parts] for parts in answer.images]
    return prompt_parser.MulticondLearnedConditioning(shape=(len(batch),), batch=batch)


def _composable(part: Part) -> Any:
    part.carrier = made = prompt_parser.ComposableScheduledPromptConditioning(_entries(part), part.weight)
    return made


def _entries(part: Part) -> list[Any]:
    return [prompt_parser.ScheduledPromptConditioning(end, cond) for end, cond in part.schedule]
