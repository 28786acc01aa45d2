"""Painting from the command line, once the WebUI has been started without a page."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pocket_webui.launch import LaunchError, explain


def _override_settings(options: argparse.Namespace) -> dict[str, Any]:
    from modules import sd_vae

    settings: dict[str, Any] = {}
    if options.clip_skip is not None:
        settings["CLIP_stop_at_last_layers"] = options.clip_skip
    if options.vae is not None:
        known = ["Automatic", "None", *sd_vae.vae_dict]
        if options.vae not in known:
            raise explain(known, options.vae, "VAE")
        settings["sd_vae"] = options.vae
    return settings


def _sampler(name: str, scheduler: str | None) -> tuple[str, str]:
    """(sampler, scheduler) as the WebUI names them; an alias or another case will do."""
    from modules import sd_samplers, sd_schedulers

    known = sd_samplers.samplers_map.get(name.lower())
    plain, found = sd_samplers.get_sampler_and_scheduler(known or name, scheduler)
    if known is None and not name.lower().startswith(plain.lower()):
        raise explain(sd_samplers.visible_sampler_names(), name, "sampler")
    if scheduler is not None and scheduler not in sd_schedulers.schedulers_map:
        raise explain([s.label for s in sd_schedulers.schedulers], scheduler, "scheduler")
    return plain, found


@contextmanager
def progress_bar() -> Iterator[None]:
    """A bar in the console that follows the job of the block."""
    from tqdm import tqdm

    from modules import progress

    done = threading.Event()
    with tqdm(total=100, unit="%", bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed}", desc="painting") as bar:

        def follow() -> None:
            while not done.wait(0.1):
                made = 100 * progress.job_progress() - bar.n
                if made > 0:
                    bar.update(made)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
            bar.update(100 - bar.n)
        finally:
            done.set()
            thread.join()


def make_job(options: argparse.Namespace) -> Any:
    """The job as the API would make it, with every script's arguments as the page shows them at first."""
    from modules import initialize, processing, scripts, shared

    sampler, scheduler = _sampler(options.sampler, options.scheduler)
    p = processing.StableDiffusionProcessingTxt2Img(
        sd_model=shared.sd_model, prompt=options.prompt, negative_prompt=options.negative, seed=options.seed,
        steps=options.steps, cfg_scale=options.cfg, width=options.width, height=options.height, sampler_name=sampler,
        scheduler=scheduler, do_not_save_samples=True, do_not_save_grid=True,
        override_settings=_override_settings(options))
    p.is_api = True
    p.scripts, p.script_args = scripts.scripts_txt2img, tuple(initialize.script_defaults())
    return p


def paint(options: argparse.Namespace) -> str:
    """Paint, write the file with its infotext, and return a line that names both. LaunchError for a bad name."""
    from modules import images, processing, shared

    with closing(make_job(options)) as p:
        shared.state.begin(job="paint")
        try:
            with progress_bar():
                result = processing.process_images(p)
        finally:
            shared.state.end()
    if not result.images:
        raise LaunchError("No picture was painted; the messages above say why.")
    path = Path(options.output)
    images.save_image_with_geninfo(result.images[0], result.infotexts[0], str(path))
    return f"{path}: {result.infotexts[0]}"
