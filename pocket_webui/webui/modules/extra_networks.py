"""Tags like <lora:name:0.8> in prompts: taken out of the text and handed to the network registered for them."""

from __future__ import annotations

import json
import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from modules import errors

extra_network_registry: dict[str, ExtraNetwork] = {}
extra_network_aliases: dict[str, ExtraNetwork] = {}

re_extra_net = re.compile(r"<(\w+):([^>]+)>")


def initialize() -> None:
    """Forget all registered networks."""
    extra_network_registry.clear()
    extra_network_aliases.clear()


def register_extra_network(extra_network: ExtraNetwork) -> None:
    extra_network_registry[extra_network.name] = extra_network


def register_extra_network_alias(extra_network: ExtraNetwork, alias: str) -> None:
    """Tags named `alias` go to this network unless another is registered under that name."""
    extra_network_aliases[alias] = extra_network


def register_default_extra_networks() -> None:
    """The pocket WebUI brings no networks; extensions register theirs."""


class ExtraNetworkParams:
    """The parts of one tag: `items` all of them, `named` those like key=value, `positional` the others."""

    def __init__(self, items: list[Any] | None = None) -> None:
        self.items = items or []
        self.positional: list[Any] = []
        self.named: dict[str, str] = {}
        for item in self.items:
            parts = item.split("=", 2) if isinstance(item, str) else [item]
            if len(parts) == 2:
                self.named[parts[0]] = parts[1]
            else:
                self.positional.append(item)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExtraNetworkParams) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]


class ExtraNetwork:
    """Base class of a kind of network; tags <name:...> are its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def activate(self, p: Any, params_list: list[ExtraNetworkParams]) -> None:
        """Apply exactly what the list asks for, replacing any call before. The list is empty without tags."""
        raise TypeError(f"{type(self).__name__} must define activate()")

    def deactivate(self, p: Any) -> None:
        """The generation is over."""
        raise TypeError(f"{type(self).__name__} must define deactivate()")


def lookup_extra_networks(
    extra_network_data: dict[str, list[ExtraNetworkParams]]
) -> dict[ExtraNetwork, list[ExtraNetworkParams]]:
    """Networks with the tags meant for them; tags that no network knows are left out."""
    found: dict[ExtraNetwork, list[ExtraNetworkParams]] = {}
    for name, params in list(extra_network_data.items()):
        network = extra_network_registry.get(name) or extra_network_aliases.get(name)
        if network is None:
            logging.info("Skipping unknown extra network: %s", name)
            continue
        found.setdefault(network, []).extend(params)
    return found


def _attempt(call: Callable[[], object], task: str) -> bool:
    try:
        call()
    except Exception as e:
        errors.display(e, task)
        return False
    return True


def activate(p: Any, extra_network_data: dict[str, list[ExtraNetworkParams]]) -> None:
    """Activate every registered network, those with tags first, then run scripts' after_extra_networks_activate.

    A network that fails is reported and called again without tags, to switch it off."""
    active = []
    for network, params in lookup_extra_networks(extra_network_data).items():
        if _attempt(lambda n=network, a=params: n.activate(p, a), f"activating extra network {network.name}"):
            active.append(network)
    for name, network in extra_network_registry.items():
        if network not in active:
            _attempt(lambda n=network: n.activate(p, []), f"activating extra network {name}")
    if p.scripts is not None:
        p.scripts.after_extra_networks_activate(p, batch_number=p.iteration, prompts=p.prompts, seeds=p.seeds,
                                                subseeds=p.subseeds, extra_network_data=extra_network_data)


def deactivate(p: Any, extra_network_data: dict[str, list[ExtraNetworkParams]]) -> None:
    """Deactivate every registered network, those with tags first."""
    for network in dict.fromkeys([*lookup_extra_networks(extra_network_data), *extra_network_registry.values()]):
        _attempt(lambda n=network: n.deactivate(p), f"deactivating extra network {network.name}")


def parse_prompt(prompt: str) -> tuple[str, defaultdict[str, list[ExtraNetworkParams]]]:
    """The prompt without tags, and the tags by network name."""
    tags: defaultdict[str, list[ExtraNetworkParams]] = defaultdict(list)

    def take(match: re.Match[str]) -> str:
        tags[match[1]].append(ExtraNetworkParams(items=match[2].split(":")))
        return ""

    return re_extra_net.sub(take, prompt), tags


def parse_prompts(prompts: list[str]) -> tuple[list[str], Any]:
    """The prompts without tags, and the tags of the FIRST prompt (None without prompts)."""
    parsed = [parse_prompt(prompt) for prompt in prompts]
    return [text for text, _ in parsed], parsed[0][1] if parsed else None


def get_user_metadata(filename: str | None, lister: Any = None) -> dict[str, Any]:
    """Contents of the .json file beside a model file; {} if there is none or it is broken."""
    if filename is None:
        return {}
    path = f"{os.path.splitext(filename)[0]}.json"
    try:
        if lister.exists(path) if lister else os.path.exists(path):
            with open(path, encoding="utf8") as file:
                return json.load(file)
    except Exception as e:
        errors.display(e, f"reading extra network user metadata from {path}")
    return {}
