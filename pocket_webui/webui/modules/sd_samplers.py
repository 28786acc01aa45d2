"""The list of samplers, and what a name typed by a person or read from a picture means."""

from __future__ import annotations

import functools
import logging
from typing import Any

from modules import (
    sd_samplers_common,
    sd_samplers_kdiffusion,
    sd_samplers_lcm,
    sd_samplers_timesteps,
    sd_schedulers,
    shared,
)
from modules.sd_samplers_common import SamplerData, sample_to_image, samples_to_image_grid  # noqa: F401

all_samplers: list[SamplerData] = [
    *sd_samplers_kdiffusion.samplers_data_k_diffusion,
    *sd_samplers_timesteps.samplers_data_timesteps,
    *sd_samplers_lcm.samplers_data_lcm,
]
all_samplers_map: dict[str, SamplerData] = {x.name: x for x in all_samplers}

samplers: list[SamplerData] = []
samplers_for_img2img: list[SamplerData] = []
samplers_map: dict[str, str] = {}
samplers_hidden: set[str] = set()


def find_sampler_config(name: str | None) -> SamplerData | None:
    """The sampler of that name, the first one for None; None for an unknown name."""
    return all_samplers[0] if name is None else all_samplers_map.get(name)


def create_sampler(name: str | None, model: Any) -> sd_samplers_common.Sampler:
    """A new sampler for one pass. Raises AssertionError for an unknown name."""
    config = find_sampler_config(name)
    assert config is not None, f"bad sampler name: {name}"
    sampler = config.constructor(model)
    sampler.config = config
    return sampler


def set_samplers() -> None:
    """Reads which samplers are hidden, and lists the names each one answers to (samplers_map, lower case)."""
    global samplers, samplers_for_img2img, samplers_hidden
    samplers_hidden = set(shared.opts.hide_samplers)
    samplers = samplers_for_img2img = all_samplers
    samplers_map.clear()
    for sampler in all_samplers:
        samplers_map.update({name.lower(): sampler.name for name in (sampler.name, *sampler.aliases)})


def visible_samplers() -> list[SamplerData]:
    return [x for x in samplers if x.name not in samplers_hidden]


def visible_sampler_names() -> list[str]:
    return [x.name for x in visible_samplers()]


def get_sampler_from_infotext(d: dict[str, str]) -> str:
    return get_sampler_and_scheduler(d.get("Sampler"), d.get("Schedule type"))[0]


def get_scheduler_from_infotext(d: dict[str, str]) -> str:
    return get_sampler_and_scheduler(d.get("Sampler"), d.get("Schedule type"))[1]


def get_hr_sampler_and_scheduler(d: dict[str, str]) -> tuple[str, str]:
    """Sampler and schedule of the hires pass, "Use same ..." where they are the first pass's."""
    same_sampler, same_scheduler = "Use same sampler", "Use same scheduler"
    wanted_sampler = d.get("Hires sampler", same_sampler)
    wanted_scheduler = d.get("Hires schedule type", same_scheduler)
    sampler, scheduler = get_sampler_and_scheduler(
        d.get("Sampler") if wanted_sampler == same_sampler else wanted_sampler,
        d.get("Schedule type") if wanted_scheduler == same_scheduler else wanted_scheduler,
    )
    return (
        same_sampler if sampler == d.get("Sampler") else sampler,
        same_scheduler if scheduler == d.get("Schedule type") else scheduler,
    )


def get_hr_sampler_from_infotext(d: dict[str, str]) -> str:
    return get_hr_sampler_and_scheduler(d)[0]


def get_hr_scheduler_from_infotext(d: dict[str, str]) -> str:
    return get_hr_sampler_and_scheduler(d)[1]


@functools.cache
def get_sampler_and_scheduler(
    sampler_name: str | None, scheduler_name: str | None, *, convert_automatic: bool = True
) -> tuple[str, str]:
    """(sampler, schedule label). Older names that end in a schedule ("DPM++ 2M Karras") are taken apart; unknown names
    become the first sampler and Automatic; with convert_automatic a sampler's own schedule becomes Automatic."""
    automatic = sd_schedulers.schedulers[0]
    found = sd_schedulers.schedulers_map.get(scheduler_name, automatic)
    name = sampler_name or samplers[0].name
    for scheduler in sd_schedulers.schedulers:
        endings = [f" {ending}" for ending in (scheduler.label, scheduler.name, *scheduler.aliases)]
        ending = next((ending for ending in endings if name.endswith(ending)), None)
        if ending is not None:
            found, name = scheduler, name.removesuffix(ending)
    sampler = all_samplers_map.get(name, samplers[0])
    if convert_automatic and sampler.options.get("scheduler") == found.name:
        found = automatic
    return sampler.name, found.label


def fix_p_invalid_sampler_and_scheduler(p: Any) -> None:
    """Corrects p's names in place, with a warning if that changes anything."""
    before = p.sampler_name, p.scheduler
    p.sampler_name, p.scheduler = get_sampler_and_scheduler(*before, convert_automatic=False)
    if (p.sampler_name, p.scheduler) != before:
        logging.warning("Sampler Scheduler autocorrection: %s -> %s", before, (p.sampler_name, p.scheduler))


set_samplers()
