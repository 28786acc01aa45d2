"""Faults at chosen moments of a generation: at the n-th call of a function of ours, or of the WebUI's.

A trap of ours uses the interpreter's tracing of calls, so every function of the extension is a place; a trap of the
WebUI's stands in the place of the function. Each springs once.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

OURS = "lib_vaeface"


class Injected(RuntimeError):
    """The fault."""


def name_of(code: Any) -> str:
    """Such as session/generation.py:Session.process; "" for code that is not ours."""
    _, found, path = code.co_filename.replace("\\", "/").rpartition(f"/{OURS}/")
    return f"{path}:{getattr(code, 'co_qualname', code.co_name)}" if found else ""


@contextlib.contextmanager
def tracing(heard: Callable[[str], None]) -> Iterator[None]:
    """Calls heard(name) at every call of a function of ours in this thread; what it raises is raised there."""
    names: dict[Any, str] = {}

    def trace(frame: Any, event: str, arg: Any) -> None:
        code = frame.f_code
        name = names.get(code)
        if name is None:
            name = names[code] = name_of(code)
        if name and event == "call":
            heard(name)

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


@contextlib.contextmanager
def counting(calls: Counter[str]) -> Iterator[None]:
    """How often each function of ours is called."""
    with tracing(lambda name: calls.update((name,))):
        yield


@dataclass
class Trap:
    """act: what happens; it may raise. sprung: whether it has happened."""

    where: str
    nth: int
    act: Callable[[], None]
    sprung: bool = False
    seen: int = field(default=0)

    def heard(self, name: str) -> None:
        if name == self.where:
            self.seen += 1
            if self.seen == self.nth and not self.sprung:
                self.sprung = True
                sys.settrace(None)
                self.act()

    def in_ours(self) -> contextlib.AbstractContextManager[None]:
        return tracing(self.heard)

    @contextlib.contextmanager
    def in_place_of(self, owner: Any, name: str, spoil: Callable[[Any], Any] | None = None) -> Iterator[None]:
        """The n-th call of owner.name acts first; with `spoil`, what it returns is spoiled instead."""
        kept = vars(owner)[name]

        def call(*args: Any, **keywords: Any) -> Any:
            self.seen += 1
            mine = self.seen == self.nth and not self.sprung
            if mine:
                self.sprung = True
                if spoil is None:
                    self.act()
            found = kept(*args, **keywords)
            return spoil(found) if mine and spoil else found

        setattr(owner, name, call)
        try:
            yield
        finally:
            setattr(owner, name, kept)


def raises(token: str) -> Callable[[], None]:
    def act() -> None:
        raise Injected(token)

    return act


def out_of_memory(token: str) -> Callable[[], None]:
    def act() -> None:
        import torch

        raise torch.cuda.OutOfMemoryError(f"CUDA out of memory. {token}")

    return act


def disk_full(token: str) -> Callable[[], None]:
    def act() -> None:
        raise OSError(errno.ENOSPC, f"No space left on device {token}")

    return act


def stops(word: str) -> Callable[[], None]:
    """word: "interrupt" or "skip", as the page's buttons."""

    def act() -> None:
        from modules import shared

        getattr(shared.state, word)()

    return act


ACTS: dict[str, Callable[[str], Callable[[], None]]] = {
    "exception": raises,
    "memory": out_of_memory,
    "disk": disk_full,
    "interrupt": lambda token: stops("interrupt"),
    "skip": lambda token: stops("skip"),
}


def not_numbers(found: Any) -> Any:
    """The same with NaN: in one value in the middle of a tensor, of each of a tuple's or list's tensors."""
    import torch

    if isinstance(found, torch.Tensor) and found.is_floating_point():
        found = found.clone()
        found.view(-1)[found.numel() // 2] = float("nan")
        return found
    if isinstance(found, (tuple, list)):
        return type(found)(not_numbers(one) for one in found)
    return found
