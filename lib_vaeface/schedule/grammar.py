r"""Reading a prompt: text -> sequence of strings and nodes, with notes. Linear time, any depth, never an exception.

(N) marks what the hosts know; everything else is ours, and is taken only where they leave the bracket as text.

    prompt  ::= (item | stray)*                                     (N)
    stray   ::= "[" | "]" | "(" | ")" | ":"                         (N)  also "|" where one of our forms is present
    item    ::= words | round | square                              (N)
    words   ::= (any character but [ ] ( ) : | \ or "\" with the next character, not a newline)+     (N)
    seq     ::= item*                                               (N)
    round   ::= "(" seq [":" seq] ")"                               (N)  emphasis: plain text to a schedule
              | "(" seq ":" weights [":" CURVE] ")"                      (a:1.0,2.0) (a:1->2) (a:.5@0,1.2@40%:smooth)
    square  ::= "[" seq "]"                                         (N)  de-emphasis: plain text
              | "[" [seq ":"] seq ":" NUMBER "]"                    (N)  edit, whitespace around the number
              | "[" seq ("|" seq)+ "]"                              (N)  alternation
              | "[" seq ("|" seq)+ ":" time [":" CURVE] "]"              hold per option; a curve cross-fades
              | "[" seq ":" span "]" | "[" seq ":" time "," time "]"     window
              | "[" [seq ":"] seq ":" time UNIT "]"                      edit at % or sigma
              | "[" seq (":" seq)+ ":" times [":" CURVE] "]"             k-1 times: stages; k times: keyframes to blend
    CURVE   ::= "linear" | "smooth" | "ease-in" | "ease-out" | "ease-in-out" | "sine" | "step" | "catmull" | "bezier"
              | "slerp"

times, span, weights, time, UNIT and NUMBER are in tails.py. Brackets that open and never close properly are strays, and
so is everything that encloses them: inside a bracket only items may stand. Where no form of ours is present, one stray
"|" or "\" (before a newline or at the end) makes the hosts take the whole prompt as text, and so do we.

How: pyparsing cuts the text into marks and the words between. Pieces go to one list; an open bracket remembers where
in that list it began. If it turns out to be a schedule, its stretch of the list becomes one node; otherwise it is
already what it has to be, text. So nothing is read twice and nothing recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyparsing as pp

from .forms import Refusal, backwards, hint, native_square, our_square, ramp
from .nodes import Node, Ramp, Seq
from .notes import Note, Places

# Words and the mark behind them; whitespace belongs to the words. (Own set of white characters: scan_string skips.)
_TOKEN: Any = pp.Regex(r"(?:[^\\\[\]():|]+|\\.)*([\[\]():|]|\\|\Z)", as_match=True)
_TOKEN.leave_whitespace().set_whitespace_chars("").parse_with_tabs()
# What makes A1111's emphasis parser raise ValueError unless float() takes it.
_WEIGHT = re.compile(r":\s*([+-]?[.\d]+)\s*\)")


@dataclass(frozen=True)
class Reading:
    """A prompt as read. extended: a form is in it that the hosts do not know. left_open: offset of a "[", or -1.

    uncertain: a stray mark stands beside a schedule. The hosts' parser reads such a text in one way or another, by
    the hash seed of its process.
    """

    nodes: Seq
    notes: tuple[Note, ...]
    extended: bool
    left_open: int = -1
    uncertain: bool = False


@dataclass
class _Frame:
    """An open bracket: its mark, where it stands in the text and in the list of pieces, and its separators."""

    mark: str
    at: int
    start: int
    cuts: list[int]
    pipes: int = 0
    died: str = ""


def read(prompt: str, extensions: bool = True, places: Places | None = None) -> Reading:
    """Reads one prompt (one AND part). extensions=False takes only what the hosts take."""
    reader = _Reader(prompt, extensions, places or Places(prompt))
    for words, mark, at in _tokens(prompt):
        if words:
            reader.pieces.append(words)
        if mark:
            reader.take(mark, at)
    return reader.result()


def _tokens(prompt: str) -> Iterator[tuple[str, str, int]]:
    """(words before the mark, mark, the mark's offset); the last mark is ""."""
    done = 0
    for found, _, end in _TOKEN.scan_string(prompt):
        mark = found[0][1]
        yield prompt[done : end - len(mark)], mark, end - len(mark)
        done = end


class _Reader:
    def __init__(self, prompt: str, extensions: bool, places: Places) -> None:
        self.prompt, self.extensions, self.places = prompt, extensions, places
        self.pieces: list[Node] = []
        self.frames: list[_Frame] = []
        self.dead = 0  # so many of the outermost open brackets can only become text
        self.notes: list[Note] = []
        self.extended = False
        self.schedules = 0
        self.pipes: list[int] = []  # offsets of those that are not (yet) part of an alternation
        self.broken = -1  # offset of the first stray backslash
        self.strays = False  # brackets that close nothing or are never closed, and ":" outside of brackets

    def take(self, mark: str, at: int) -> None:
        """One mark, the words before it taken already."""
        if mark in "])":
            self._close(mark, at)
            return
        if mark in "[(":
            self.frames.append(_Frame(mark, at, len(self.pieces), []))
        elif mark == "\\":
            self.broken = at if self.broken < 0 else self.broken
            self._die("it holds a backslash before a line's end")
        else:
            self._separate(mark, at)
        self.pieces.append(mark)

    def _separate(self, mark: str, at: int) -> None:
        if mark == "|":
            self.pipes.append(at)
        if not self.frames:
            self.strays |= mark == ":"
            return
        frame = self.frames[-1]
        if mark == "|" and (frame.mark == "(" or frame.pipes < len(frame.cuts)):
            self._die('"|" stands where it separates no options' if frame.mark == "[" else 'a "|" stands inside "( )"')
        frame.pipes += mark == "|"
        frame.cuts.append(len(self.pieces))

    def _die(self, reason: str) -> None:
        """No bracket that is open now can be more than text: only items may stand inside."""
        for frame in self.frames[self.dead :]:
            frame.died = reason
        self.dead = len(self.frames)

    def _close(self, mark: str, at: int) -> None:
        opener = "[" if mark == "]" else "("
        if self.frames and self.frames[-1].mark != opener:
            self._die(f'"{mark}" closes a bracket that is not the one open last')
            while self.frames and self.frames[-1].mark != opener:
                self._lose(self.frames.pop())
        if not self.frames:
            self.dead, self.strays = 0, True
            self.pieces.append(mark)
            return
        frame = self.frames.pop()
        alive = len(self.frames) >= self.dead
        self.dead = min(self.dead, len(self.frames))
        if not frame.cuts:
            self.pieces.append(mark)
        elif not alive:
            self._lose(frame)
            self.pieces.append(mark)
        else:
            self._settle(frame, mark)

    def _settle(self, frame: _Frame, mark: str) -> None:
        """Decides on a bracket with separators that was closed properly."""
        found = self._square(frame) if mark == "]" else self._round(frame)
        if found is None or isinstance(found, Refusal):
            if found:
                self._note(frame.at, found)
            if mark == "]" or len(frame.cuts) > 1:
                self.strays = True
                self._die(f"the bracket at {self._where(frame.at)} inside it is no schedule")
            self.pieces.append(mark)
            return
        self._replace(frame, found)

    def _replace(self, frame: _Frame, node: Node) -> None:
        del self.pieces[frame.start :]
        self.pieces.append(node)
        self.schedules += 1
        if frame.pipes:
            del self.pipes[-frame.pipes :]
        if advice := hint(node):
            self._note(frame.at, advice)
        if backwards(node):
            self._note(frame.at, Refusal("its times go backwards, so one of its texts is never shown"))

    def _square(self, frame: _Frame) -> Node | Refusal | None:
        fields = self._fields(frame)
        found: Node | Refusal | None = native_square(fields, frame.pipes)
        if found is None and self.extensions:
            found = our_square(fields, frame.pipes)
            self.extended |= found is not None and not isinstance(found, Refusal)
        return found

    def _round(self, frame: _Frame) -> Node | Refusal | None:
        # The end tells emphasis from ramps: joining the body at each level would cost squared time.
        tail = self.pieces[frame.cuts[0] + 1 : frame.cuts[0] + 3]
        if not (self.extensions and len(frame.cuts) < 3 and tail and isinstance(tail[0], str)):
            return None
        if not any(mark in tail[0] for mark in ",>~@"):
            return None
        ends = [*frame.cuts[1:], len(self.pieces)]
        short = all(end - start <= 2 for start, end in zip(frame.cuts, ends, strict=True))
        found = ramp(self._fields(frame) if short else [(), joined(tail)])
        self.extended |= isinstance(found, Ramp)
        return found

    def _fields(self, frame: _Frame) -> list[Seq]:
        """What stands between the bracket's separators, neighbouring strings joined."""
        starts = [frame.start, *frame.cuts]
        ends = [*frame.cuts, len(self.pieces)]
        return [joined(self.pieces[start + 1 : end]) for start, end in zip(starts, ends, strict=True)]

    def _lose(self, frame: _Frame) -> None:
        """A bracket stays text that was not closed properly or holds such a one."""
        self.strays = True
        if frame.cuts and frame.mark == "[":
            self._note(frame.at, Refusal(frame.died or 'this "[" is never closed'))

    def _note(self, at: int, refusal: Refusal) -> None:
        self.notes.append(self.places.note(at, refusal.reason, refusal.instead))

    def _where(self, at: int) -> str:
        line, column = self.places.line_column(at)
        return f"line {line}, column {column}"

    def result(self) -> Reading:
        """The reading of the whole text, after its last mark."""
        for frame in self.frames:
            self._lose(frame)
        nodes = joined(self.pieces)
        if (self.pipes or self.broken >= 0) and not self.extended:
            if self.schedules:
                self._note_all_text()
            nodes = (self.prompt,) if self.prompt else ()
        self._note_weights()
        left_open = next((frame.at for frame in self.frames if frame.mark == "["), -1)
        notes = tuple(sorted(self.notes, key=lambda n: (n.line, n.column)))
        uncertain = self.strays and self.schedules > 0 and not self.extended
        return Reading(nodes, notes, self.extended, left_open, uncertain)

    def _note_all_text(self) -> None:
        at = min(offset for offset in [*self.pipes[:1], self.broken] if offset >= 0)
        mark = "|" if at in self.pipes[:1] else "\\"
        self._note(at, Refusal(f'this stray "{mark}" makes the WebUI take every schedule here as text', f"\\{mark}"))

    def _note_weights(self) -> None:
        for found in _WEIGHT.finditer(self.prompt):
            if not is_number(found[1]):
                self._note(found.start(), Refusal(f'"{found[1]}" is no number: the WebUI would stop; it stays text'))


def joined(pieces: list[Node]) -> Seq:
    """The pieces with neighbouring strings made one."""
    out: list[Node] = []
    words: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        if words:
            out.append("".join(words))
            words = []
        out.append(piece)
    return (*out, "".join(words)) if words else tuple(out)


def is_number(text: str) -> bool:
    """Whether float() takes it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def harmless(text: str) -> str:
    """The text with a backslash in weights such as 1.2.3, on which the hosts' emphasis parser would raise.

    That parser drops the backslash, so the words stay what they were: `(a:1.2.3)` is "a:1.2.3", emphasised.
    """
    return _WEIGHT.sub(lambda found: found[0] if is_number(found[1]) else ":\\" + found[0][1:], text)
