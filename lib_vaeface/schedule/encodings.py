"""Conditionings kept between requests, so that each distinct text is encoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from .attention import has_emphasis
from .conditioning import even, size_in_bytes
from .protocol import Cond, Encoded, Request

MOST_BYTES = 256 * 2**20


@dataclass
class Encodings:
    """The last used conditionings, at most `most_bytes` of them. Not for several threads at once.

    encoded, reused: texts given to the text encoder so far, and those that were at hand.
    """

    most_bytes: int = MOST_BYTES
    encoded: int = 0
    reused: int = 0
    _kept: OrderedDict[Hashable, tuple[Encoded, ...]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def alone(self, request: Request, text: str) -> Encoded:
        """One text, encoded by itself."""
        return self._batch(request, (text,))[0]

    def texts(self, request: Request, texts: Sequence[str]) -> list[Encoded]:
        """Texts encoded each by itself and brought to one length; a text that comes twice is encoded once. The empty
        one is zeros only where it is alone."""
        found = {text: self.alone(request, text) for text in dict.fromkeys(texts) if text or not zeroes(request, texts)}
        if zeroes(request, texts):
            found[""] = Encoded(self.empty(request))
        conds = even([encoded.cond for encoded in found.values()], lambda: self.empty(request))
        by_text = {
            text: Encoded(cond, encoded.remarks) for (text, encoded), cond in zip(found.items(), conds, strict=True)
        }
        return [by_text[text] for text in texts]

    def native(self, request: Request, texts: Sequence[str]) -> list[Encoded]:
        """The texts of one prompt's pieces, with the conditioning that the WebUI's own parser would give them.

        The WebUI encodes them as one batch, a repeated text again each time. That is kept where it shows in the
        picture; else each distinct text is encoded alone.
        """
        return list(self._batch(request, tuple(texts))) if coupled(request, texts) else self.texts(request, texts)

    def _batch(self, request: Request, texts: tuple[str, ...]) -> tuple[Encoded, ...]:
        key = (request.state, request.negative and request.zeroes_empty, texts)
        if key in self._kept:
            self._kept.move_to_end(key)
            self.reused += len(texts)
            return self._kept[key]
        encoded = tuple(request.encode(texts))
        self.encoded += len(texts)
        self._keep(key, encoded)
        return encoded

    def empty(self, request: Request) -> Cond:
        """The conditioning that fills up short texts."""
        key = (request.state, False, ("",))
        if key not in self._kept:
            self.encoded += 1
            self._keep(key, (request.encode_empty(),))
        return self._kept[key][0].cond

    def _keep(self, key: Hashable, encoded: tuple[Encoded, ...]) -> None:
        self._kept[key] = encoded
        self._bytes += sum(size_in_bytes(one.cond) for one in encoded)
        while self._bytes > self.most_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= sum(size_in_bytes(one.cond) for one in dropped)


def coupled(request: Request, texts: Sequence[str]) -> bool:
    """Whether the WebUI's batch of these texts gives other conditionings than each alone.

    Weights of one text change all others of its batch; an SDXL negative prompt is zeros only where its whole batch is
    empty; and where arithmetic depends on the size of a batch (on GPUs) the last bits differ.
    """
    if len(texts) < 2:
        return False
    weighted = request.pools_emphasis and any(map(has_emphasis, dict.fromkeys(texts)))
    return weighted or zeroes(request, texts) or not request.exact_alone


def zeroes(request: Request, texts: Sequence[str]) -> bool:
    """Whether an empty text among these would become zeros alone, but does not in the WebUI's batch of them all."""
    return request.negative and request.zeroes_empty and "" in texts and any(texts)
