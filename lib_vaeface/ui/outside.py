"""What the page must not do for people at other computers, unless whoever runs the WebUI has allowed it."""

from __future__ import annotations

from lib_vaeface.host import Host

OPTION = "vaeface_outside_access"
WHY = (
    "This WebUI can be reached from other computers, so its page saves nothing. Whoever runs it can allow that: with "
    "“Allow saving from outside” on the settings page, started without --listen, --share and their like, or with "
    f'"{OPTION}": true in config.json.'
)


class OutsideError(ValueError):
    """Somebody from outside might be asking."""


def refused(host: Host) -> bool:
    return host.reachable_from_outside() and not host.option(OPTION)


def check(host: Host) -> None:
    """Before anything is written for the page, other than by a generation. OutsideError: it is not allowed."""
    if refused(host):
        raise OutsideError(WHY)
