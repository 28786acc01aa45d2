"""The table of prompts whose timelines the page must answer as the server does, and how two answers are compared.

`python -m tests.schedule.timeline_table` writes tests/fixtures/timeline_cases.json anew, when the schedule has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib_vaeface.schedule.compile import compile_prompt

FIXTURES = Path(__file__).parents[1] / "fixtures"
TABLE = FIXTURES / "timeline_cases.json"
GOLDEN = FIXTURES / "golden" / "schedules.jsonl"
CLOSE = 3e-6  # both round to six digits

WRITTEN = [
    "a plain prompt, (with:1.2) [emphasis]", "", "[cat:dog:5]", "a [cat:dog:0.5] b", "[dog:3] [cat::7]", "[cat|dog]",
    "[a|b|c:3]", "[cat|dog:3:smooth]", "[a|b:25%:catmull]", "[cat:dog:fox:3,6]", "[cat:2-8]", "[cat:20%,50%]",
    "[cat:dog:2,8:smooth]", "[a:b:c: ,4, ]", "[a:b:c:1,5,9:bezier]", "[a:b:c:1,5,9:catmull]", "[a:b:2,8:step]",
    "[a:b:2,8:linear]",
    "[a:b:2,8:slerp] [c:d:0,9]", "[a:b:2,8:ease-in] [c:d:2,8:ease-out]", "[a:b:1,9:ease-in-out]", "[a:b:1,9:sine]",
    "(cat:0.5->1.5)", "(a:.5@0,1.2@40%:smooth) (b:1,2)", "(a:1.03125,2) (b:-0.0,1e3)", "[a:b:5s] [c:d:9s,2s]",
    "a:0.2->1 AND b", "a AND b:1.5 AND c:.5@2,1@8:sine", "x [fox AND wolf:bear:3]", "ANDy AND\tmANDrill",
    "[a:[b:[c:d:8]:5]:2]", "[[x|y]:[p:q:3,9]:6]", "([a:b:5]:1.3)", "[a:b:1.5]", "[a:b:1e999] [c:d:-1.0e999,1.e999]",
    "[a:b:0] [c:d:-3] [e:f:99]", "[fur:10:15]", "[a:b:c:5]", "x\n [a:b]", "[a:b:5-10]", "[a:b:5,15:smoth]",
    "[a:5,15:smooth]", "[a:b:5:smooth]", "[a:b:5s,10]", "[a:b:5s,]", "[a:b:5", "[a:b:[5]]", "[a|b:x]", "[a|b:5s]",
    "[a|b:0]", "[a|b:3:bezier]", "[(a|b):c:3]", "[a:[b:c]:5]", "[a:b (c:5]", "[a:b|c]", "[a:b:10,5]", "[a:b:5] | c",
    "[a:b:5]\\", "(a:1.2.3)", "(a:1,x)", "(a:1,2:smoth)", "{x|y} [a:b:5] [c:2-4]", "\\[a:b:5\\] [\\|a|b]",
    "[Ωmega😀:😀😀b:4] 😀\n😀 [x:y", "(a:٣.1)", "b:٣ AND c:1.٥", "[a :\u00a0b: 5 ]", "<img src=x onerror=alert(1)>",
    "[<img src=x onerror=alert(1)>:b:5]", " ".join(f"[a{i}:b{i}:0,20]" for i in range(9)), "[a:b:7,3:bezier]",
    "[" * 40 + "a" + ":b:5]" * 40, "[a:" * 40, "(" * 12 + "x" + ":1,2)" * 12, "[a:b:2,2] [c:d:4,4:catmull]",
    "[cat:dog:5%s]", "[a:b:,]", "[a:b:c:d:,5%,,]", "(a:1~2:ease-in)", "(a:1,)", "[a:b:3,4,5,6]", "[x:5, 6, 7]",
    "[a:b:5,15:lineer]", "[a:b:5,15:Smoothie]", "[a:b:5,15:zz]", "a AND b\\:1,2", "a AND b\\\\:1,2:sine",
]  # fmt: skip
CLOCKS: list[dict[str, Any]] = [
    {"steps": 10},
    {"steps": 20, "hires_steps": 7},
    {"steps": 20, "timing": "exact", "calls": 39},
    {"steps": 9, "hires_steps": 12, "timing": "exact", "calls": 24},
    {"steps": 12, "hires_steps": 5, "old": True},
    {"steps": 8, "negative": True},
    {"steps": 1, "extensions": False},
]


def asked() -> Iterator[dict[str, Any]]:
    """The table's questions: each prompt over two clocks; those with fractions or percent in a second pass as well."""
    for i, prompt in enumerate(WRITTEN):
        yield {"prompt": prompt, **CLOCKS[0]}
        second = i % (len(CLOCKS) - 1)
        yield {"prompt": prompt, **CLOCKS[1 + second]}
        if second and any(mark in prompt for mark in ".%"):
            yield {"prompt": prompt, **CLOCKS[1]}


def golden() -> Iterator[dict[str, Any]]:
    """Questions about the prompts whose reading A1111's own code computed, with its answer under "segments"."""
    for line in GOLDEN.read_text(encoding="utf8").splitlines():
        case = json.loads(line)
        if case["kind"] == "schedule":
            old, hires = case["use_old_scheduling"], case["hires_steps"]
            yield {"prompt": case["prompt"], "steps": case["steps"], "hires_steps": hires, "old": old,
                   "negative": True, "extensions": False, "segments": case["schedule"]}  # fmt: skip


def answer(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The server's."""
    given = {key: value for key, value in question.items() if key != "segments"}
    return [line.to_json() for line in compile_prompt(given.pop("prompt"), **given)]


def for_the_page(question: dict[str, Any]) -> dict[str, Any]:
    """The same question as javascript/parts/schedule.js wants it."""
    given = {**question, "hires": question.get("hires_steps"), "exact": question.get("timing") == "exact"}
    return {key: value for key, value in given.items() if key not in ("hires_steps", "timing")}


def difference(server: list[dict[str, Any]], page: Any) -> str:
    """Where two answers differ, "" where nowhere. Pieces are compared call by call."""
    if not isinstance(page, list) or len(page) != len(server):
        return f"{len(server)} parts here, there {page!r:.300}"
    for i, (ours, theirs) in enumerate(zip(server, page, strict=True)):
        for key in ours:
            here, there = (_by_call(one) if key == "pieces" else one.get(key) for one in (ours, theirs))
            if key != "texts" and not alike(here, there):
                return f"part {i}, {key}: here {here!r:.600}, there {there!r:.600}"
        if set(ours["texts"]) != set(theirs["texts"]):
            return f"part {i}, texts: {set(ours['texts']) ^ set(theirs['texts'])!r:.600}"
    return ""


def _by_call(line: dict[str, Any]) -> list[Any]:
    """For each call {text: weight}, without weights that rounding makes nothing."""
    found: list[Any] = []
    for piece in line["pieces"]:
        weights = {line["texts"][i]: weight for i, weight in piece["weights"] if weight is None or abs(weight) > CLOSE}
        found += [weights] * (piece["until"] - piece["from"] + 1)
    return found


def alike(here: Any, there: Any) -> bool:
    """Equal, numbers up to CLOSE."""
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(alike(here[key], there[key]) for key in here)
    if isinstance(here, list) and isinstance(there, list):
        return len(here) == len(there) and all(map(alike, here, there))
    if isinstance(here, float) and isinstance(there, (int, float)) and not isinstance(there, bool):
        return abs(here - there) <= CLOSE * max(1.0, abs(here))
    return bool(here == there)


def main() -> None:
    rows = [{"asked": question, "answer": answer(question)} for question in asked()]
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    TABLE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf8")


if __name__ == "__main__":
    main()
