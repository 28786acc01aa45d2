"""Names of saved images: patterns like [seed]-[prompt_words], made safe for file systems."""

from __future__ import annotations

import datetime
import functools
import hashlib
import os
import re
import string
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PIL import Image

from modules import errors, shared

invalid_filename_chars = "/" if shared.cmd_opts.unix_filenames_sanitization else '#<>:"/\\|?*\n\r\t'
invalid_filename_prefix = " "
invalid_filename_postfix = " ."
max_filename_part_length = shared.cmd_opts.filenames_max_length

re_nonletters = re.compile(r"[\s" + re.escape(string.punctuation) + "]+")
re_pattern = re.compile(r"(.*?)(?:\[([^\[\]]+)\]|$)")
re_pattern_arg = re.compile(r"(.*)<([^>]*)>$")

NOTHING_AND_SKIP_PREVIOUS_TEXT = object()
"""A pattern's value that also drops the text before the pattern."""


def sanitize_filename_part(text: str | None, replace_spaces: bool = True) -> str | None:
    """`text` without characters that file systems forbid, cut to the longest allowed length."""
    if text is None:
        return None
    if replace_spaces:
        text = text.replace(" ", "_")
    text = text.translate({ord(character): "_" for character in invalid_filename_chars})
    return text.lstrip(invalid_filename_prefix)[:max_filename_part_length].rstrip(invalid_filename_postfix)


@functools.cache
def get_scheduler_str(sampler_name: str, scheduler_name: str) -> str:
    """The schedule's name; for Automatic the sampler's own."""
    if scheduler_name == "Automatic":
        from modules import sd_samplers

        scheduler_name = sd_samplers.find_sampler_config(sampler_name).options.get("scheduler", "Automatic")
    return scheduler_name.capitalize()


@functools.cache
def get_sampler_scheduler_str(sampler_name: str, scheduler_name: str) -> str:
    return f"{sampler_name} {get_scheduler_str(sampler_name, scheduler_name)}"


def get_sampler_scheduler(p: Any, sampler: bool) -> Any:
    """Name of the schedule, with `sampler` after the sampler's; nothing if the job has neither."""
    if not (hasattr(p, "scheduler") and hasattr(p, "sampler_name")):
        return NOTHING_AND_SKIP_PREVIOUS_TEXT
    name = (get_sampler_scheduler_str if sampler else get_scheduler_str)(p.sampler_name, p.scheduler)
    return sanitize_filename_part(name, replace_spaces=False)


def _length(args: tuple[str, ...], default: int | None) -> int | None:
    return int(args[0]) if args and args[0] else default


def _spaced(text: str | None) -> str | None:
    return sanitize_filename_part(text, replace_spaces=False)


class FilenameGenerator:
    """Values of the patterns for one image. `p` may be None; then patterns about the job give nothing."""

    default_time_format = "%Y%m%d%H%M%S"

    def __init__(
        self, p: Any, seed: Any, prompt: str | None, image: Image.Image | None, zip: bool = False, basename: str = ""
    ) -> None:
        self.p = p
        self.seed = seed
        self.prompt = prompt
        self.image = image
        self.zip = zip
        self.basename = basename

    def get_vae_filename(self) -> str:
        """Name of the loaded VAE file up to its first dot, "NoneType" for the checkpoint's own."""
        from modules import sd_vae

        if sd_vae.loaded_vae_file is None:
            return "NoneType"
        parts = os.path.basename(sd_vae.loaded_vae_file).split(".")
        return parts[1] if len(parts) > 1 and not parts[0] else parts[0]

    def hasprompt(self, *args: str) -> str | None:
        """For each "word|other": the word if the prompt has it, else the other."""
        if self.p is None or self.prompt is None:
            return None
        found = ""
        for argument in args:
            word, _, other = argument.partition("|")
            if argument:
                found += word.lower() if word.lower() in self.prompt.lower() else other.partition("|")[0]
        return sanitize_filename_part(found)

    def prompt_no_style(self) -> str | None:
        """The prompt without the texts of its styles."""
        if self.p is None or self.prompt is None:
            return None
        text = self.prompt
        for style in filter(None, shared.prompt_styles.get_style_prompts(self.p.styles)):
            for part in style.split("{prompt}"):
                text = text.replace(part, "").replace(", ,", ",").strip().strip(",")
            text = text.replace(style, "").strip().strip(",").strip()
        return _spaced(text)

    def prompt_words(self) -> str | None:
        """The first words of the prompt, "empty" if it has none."""
        words = [word for word in re_nonletters.split(self.prompt or "") if word] or ["empty"]
        return _spaced(" ".join(words[: shared.opts.directories_max_prompt_words]))

    def datetime(self, *args: str) -> str | None:
        """Now, in the format and time zone given, either of which may be left out or wrong."""
        zone = None
        if len(args) > 1:
            try:
                zone = ZoneInfo(args[1])
            except (ZoneInfoNotFoundError, ValueError, OSError):
                zone = None
        now = datetime.datetime.now().astimezone(zone)
        try:
            text = now.strftime(args[0] if args and args[0] else self.default_time_format)
        except ValueError:
            text = now.strftime(self.default_time_format)
        return _spaced(text)

    def image_hash(self, *args: str) -> str:
        """SHA-256 of the pixels, cut to the length given."""
        return hashlib.sha256(self.image.tobytes()).hexdigest()[: _length(args, None)]  # type: ignore[union-attr]

    def string_hash(self, text: str, *args: str) -> str:
        """SHA-256 of a text, cut to 8 characters or the length given."""
        return hashlib.sha256(text.encode()).hexdigest()[: _length(args, 8)]

    def _in_batch(self, number: Any, several: bool) -> Any:
        return number if several and not self.zip else NOTHING_AND_SKIP_PREVIOUS_TEXT

    def apply(self, x: str) -> str:
        """`x` with all patterns replaced. Unknown patterns, and those without a value, stay as they are."""
        res = ""
        for match in re_pattern.finditer(x):
            text, pattern = match.groups()
            value = None if pattern is None else self._value(pattern)
            if value is NOTHING_AND_SKIP_PREVIOUS_TEXT:
                continue
            if pattern is not None and value is None:
                text += f"[{pattern}]"
            res += text + ("" if value is None else str(value))
        return res

    def _value(self, pattern: str) -> Any:
        args: list[str] = []
        while match := re_pattern_arg.match(pattern):
            pattern, argument = match.groups()
            args.insert(0, argument)
        replacement = self.replacements.get(pattern.lower())
        if replacement is None:
            return None
        try:
            return replacement(self, *args)
        except Exception:
            errors.report(f"Error adding [{pattern}] to filename", exc_info=True)
            return None

    replacements: dict[str, Callable[..., Any]] = {
        "basename": lambda self: self.basename or "img",
        "seed": lambda self: "" if self.seed is None else self.seed,
        "seed_first": lambda self: self.seed if self.p.batch_size == 1 else self.p.all_seeds[0],
        "seed_last": lambda self: (
            NOTHING_AND_SKIP_PREVIOUS_TEXT if self.p.batch_size == 1 else self.p.all_seeds[-1]
        ),
        "steps": lambda self: self.p and self.p.steps,
        "cfg": lambda self: self.p and self.p.cfg_scale,
        "width": lambda self: self.image.width,
        "height": lambda self: self.image.height,
        "styles": lambda self: self.p and _spaced(", ".join(s for s in self.p.styles if s != "None") or "None"),
        "sampler": lambda self: self.p and _spaced(self.p.sampler_name),
        "sampler_scheduler": lambda self: self.p and get_sampler_scheduler(self.p, True),
        "scheduler": lambda self: self.p and get_sampler_scheduler(self.p, False),
        "model_hash": lambda self: getattr(self.p, "sd_model_hash", None) or shared.sd_model.sd_model_hash,
        "model_name": lambda self: _spaced(shared.sd_model.sd_checkpoint_info.name_for_extra),
        "date": lambda self: datetime.datetime.now().strftime("%Y-%m-%d"),
        "datetime": lambda self, *args: self.datetime(*args),
        "job_timestamp": lambda self: getattr(self.p, "job_timestamp", shared.state.job_timestamp),
        "prompt_hash": lambda self, *args: self.string_hash(self.prompt, *args),
        "negative_prompt_hash": lambda self, *args: self.string_hash(self.p.negative_prompt, *args),
        "full_prompt_hash": lambda self, *args: self.string_hash(f"{self.p.prompt} {self.p.negative_prompt}", *args),
        "prompt": lambda self: sanitize_filename_part(self.prompt),
        "prompt_no_styles": lambda self: self.prompt_no_style(),
        "prompt_spaces": lambda self: _spaced(self.prompt),
        "prompt_words": lambda self: self.prompt_words(),
        "batch_number": lambda self: self._in_batch(self.p.batch_index + 1, self.p.batch_size > 1),
        "batch_size": lambda self: self.p.batch_size,
        "generation_number": lambda self: self._in_batch(
            self.p.iteration * self.p.batch_size + self.p.batch_index + 1, self.p.n_iter > 1 or self.p.batch_size > 1
        ),
        "hasprompt": lambda self, *args: self.hasprompt(*args),
        "clip_skip": lambda self: shared.opts.CLIP_stop_at_last_layers,
        "denoising": lambda self: (self.p and self.p.denoising_strength) or NOTHING_AND_SKIP_PREVIOUS_TEXT,
        "user": lambda self: self.p.user,
        "vae_filename": lambda self: self.get_vae_filename(),
        "none": lambda self: "",
        "image_hash": lambda self, *args: self.image_hash(*args),
    }


def get_next_sequence_number(path: str, basename: str) -> int:
    """One more than the highest number after `basename-` among the folder's file names, 0 if there is none."""
    prefix = f"{basename}-" if basename else ""
    numbers = [-1]
    for name in os.listdir(path):
        first = os.path.splitext(name.removeprefix(prefix))[0].split("-")[0]
        if name.startswith(prefix) and first.isdecimal():
            numbers.append(int(first))
    return max(numbers) + 1
