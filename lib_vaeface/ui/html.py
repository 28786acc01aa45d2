"""The only place where text becomes HTML. All that is not `Markup` already is escaped."""

from __future__ import annotations

import html


class Markup(str):
    """HTML that was built here and is safe to show."""


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """<name attributes>children</name>; `class_` and `data_x` become the attributes "class" and "data-x"."""
    named = {key.rstrip("_").replace("_", "-"): html.escape(str(value)) for key, value in attributes.items()}
    opening = "".join(f' {key}="{value}"' for key, value in named.items())
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def join(children: tuple[object, ...] | list[Markup]) -> Markup:
    """Children one after the other, each escaped unless it is `Markup`."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(str(child)) for child in children))
