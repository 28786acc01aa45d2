"""Which node a closed bracket is: the hosts' own forms first, then ours, else a refusal with its reason.

The counting rule: k texts with k-1 times are stages, k texts with k times are keyframes to blend, one text with two
times is a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from .curves import CURVES
from .nodes import BLANK, Blend, Node, Ramp, Seq, Stages, Time, Turns
from .tails import looks_weighted, native_time, span, times, weights


@dataclass(frozen=True)
class Refusal:
    """Why a bracket stays text, and what to write instead ("" where nothing helps)."""

    reason: str
    instead: str = ""


def plain(field: Seq) -> str | None:
    """The field's text; None when something in it changes over time."""
    if not field:
        return ""
    return field[0] if len(field) == 1 and isinstance(field[0], str) else None


def native_square(fields: list[Seq], pipes: int) -> Node | None:
    """[A:B:N], [B:N] or [A|B|...] as the hosts read it; None when they leave it as text."""
    if pipes:
        return Turns(tuple(fields)) if pipes == len(fields) - 1 else None
    if len(fields) > 3 or (last := plain(fields[-1])) is None or (time := native_time(last)) is None:
        return None
    return Stages((() if len(fields) == 2 else fields[0], fields[-2]), (time,))


def our_square(fields: list[Seq], pipes: int) -> Node | Refusal:
    """The forms in square brackets that the hosts do not know. `fields` has at least two, `pipes` come first."""
    return _turns(fields, pipes) if pipes else _timed(fields)


def _turns(fields: list[Seq], pipes: int) -> Node | Refusal:
    options, tail = fields[: pipes + 1], [plain(field) for field in fields[pipes + 1 :]]
    wanted = f"{_head(options, '|')}:3]"
    found = times(tail[0] or "")[:2] or [t for t in [native_time(tail[0] or "")] if t]
    if len(found) != 1 or len(tail) > 2:
        return Refusal("after the options of an alternation comes one time, how long each holds", wanted)
    if found[0].unit == "s":
        return Refusal("options hold for steps, a fraction or %, not for a sigma", wanted)
    if found[0].value <= 0.0:
        return Refusal("options must hold for more than 0 steps", wanted)
    if len(tail) == 1:
        return Turns(tuple(options), found[0])
    curve = (tail[1] or "").strip()
    if curve not in CURVES or curve == "bezier":
        return _unknown(curve, f"{_head(options, '|')}:{found[0]}")
    return Turns(tuple(options), found[0], curve)


def _timed(fields: list[Seq]) -> Node | Refusal:
    last = plain(fields[-1])
    if last is None:
        return Refusal("a time must be a plain number, it cannot change itself", f"{_head(fields[:-1])}:10]")
    if last.strip() in CURVES and len(fields) > 2:
        return _curved(fields[:-2], plain(fields[-2]) or "", last.strip())
    found = times(last) or [t for t in [native_time(last)] if t]
    if found:
        return _counted(fields[:-1], found)
    if pair := span(last):
        return _window(fields[:-1], pair)
    before = plain(fields[-2])
    if len(fields) > 2 and before and len(times(before)) > 1:
        return _unknown(last.strip(), f"{_head(fields[:-2])}:{before.strip()}")
    return Refusal(f'"{last.strip()[:30]}" is no time', f"{_head(fields[:-1])}:10]")


def _window(texts: list[Seq], pair: list[Time]) -> Node | Refusal:
    if len(texts) != 1:
        return Refusal('only one text can have a span; times of several stand between ","',
                       f"{_head(texts)}:{pair[0]},{pair[1]}]")  # fmt: skip
    return Stages(((), texts[0], ()), tuple(pair))


def _counted(texts: list[Seq], found: list[Time]) -> Node | Refusal:
    """Stages, a window or keyframes, by the number of texts and times."""
    many = len(texts)
    if many == 1 and len(found) == 1:
        return Stages(((), texts[0]), tuple(found))
    if many == 1 and len(found) == 2 and BLANK not in found:
        return _window(texts, found)
    if len(found) == many - 1:
        return _even(found) or Stages(tuple(texts), tuple(found))
    if len(found) == many and many > 1:
        return _even(found) or _one_kind(found) or Blend(tuple(texts), tuple(found))
    if many == 1:
        return Refusal(f"one text needs two times, found {len(found)}", f"{_head(texts)}:5,10]")
    need = f"{many} texts need {many - 1} times to switch or {many} to blend, found {len(found)}"
    return Refusal(need, f"{_head(texts)}:{','.join(str(5 * (i + 1)) for i in range(many - 1))}]")


def _curved(texts: list[Seq], written: str, curve: str) -> Node | Refusal:
    found = times(written)
    if len(found) == len(texts) > 1:
        return _even(found) or _one_kind(found) or Blend(tuple(texts), tuple(found), curve)
    if len(texts) == 1:
        return Refusal("a window has hard edges, it takes no curve", f"{_head(texts)}:{written.strip()}]")
    need = f'a blend ("{curve}") of {len(texts)} texts needs as many times, found {len(found)}'
    return Refusal(need, f"{_head(texts)}:{','.join(str(5 * (i + 1)) for i in range(len(texts)))}:{curve}]")


def _one_kind(found: list[Time]) -> Refusal | None:
    if len({time.unit == "s" for time in found}) > 1:
        return Refusal("a blend has either sigmas for all its times or for none")
    return None


def _even(found: list[Time]) -> Refusal | None:
    if BLANK in found and any(time.unit == "s" for time in found):
        return Refusal("beside sigmas no time can be left out")
    return None


def _unknown(curve: str, head: str, end: str = "]") -> Refusal:
    near = get_close_matches(curve[:20], CURVES, 1) or ["smooth"]
    return Refusal(f'"{curve[:30]}" is no curve here; there are {", ".join(CURVES)}', f"{head}:{near[0]}{end}")


def _head(texts: list[Seq], separator: str = ":") -> str:
    """The bracket's beginning for an advice; letters stand for texts that are long or change."""
    shown = [text if (text := plain(field)) is not None and len(text) < 20 else "…" for field in texts[:8]]
    return "[" + separator.join(shown)


def hint(node: Node) -> Refusal | None:
    """Advice about native brackets that mean something else than they look like: [fur:10:15] is no range."""
    if not isinstance(node, Stages) or len(node.texts) != 2 or len(node.times) != 1:
        return None
    before, after = (plain(text) for text in node.texts)
    if before and after and native_time(after) and not native_time(before):
        return Refusal(
            f'the WebUI reads this as the text "{after}" from {node.times[0]} on, not as a range',
            f"[{before[:40]}:{after.strip()}-{node.times[0]}]",
        )
    return None


def backwards(node: Node) -> bool:
    """Whether native-number times that can be compared as written go down, so that a text is never shown."""
    if not isinstance(node, (Stages, Blend)):
        return False
    pairs = zip(node.times, node.times[1:], strict=False)
    return any(
        (b.value > a.value if a.unit == "s" else b.value < a.value)
        for a, b in pairs
        if a.unit == b.unit != "?" and ("." in a.text) == ("." in b.text)
    )


def ramp(fields: list[Seq]) -> Node | Refusal | None:
    """(A:weights) and (A:weights:curve); None when nothing in it looks like weights over time."""
    last = plain(fields[-1]) or ""
    if len(fields) == 2:
        found = weights(last)
        if found is None:
            return Refusal("weights over time are numbers: 1.0,2.0 or 1.0->2.0 or .5@0,1.2@40%",
                           "(word:1.0,2.0)") if looks_weighted(last) else None  # fmt: skip
        return _ramp(fields[0], *found)
    found = weights(plain(fields[1]) or "")
    if found is None:
        return None
    curve = last.strip()
    return _ramp(fields[0], *found, curve) if curve in CURVES else _unknown(curve, "(word:1.0,2.0", ")")


def _ramp(body: Seq, values: tuple[str, ...], at: tuple[Time, ...], curve: str = "") -> Node | Refusal:
    return _even(list(at)) or _one_kind(list(at)) or Ramp(body, values, at, curve)
