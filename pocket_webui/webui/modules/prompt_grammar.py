"""The WebUI's prompt schedules: text -> [[last step, text], ...], one entry per stretch of steps.

Read with lark's Earley parser, as the hosts do; a prompt outside the grammar is one entry with the text unchanged.

    document  ::= (item | STRAY)*                 STRAY is one bracket or colon that opens or closes nothing
    item      ::= emphasis | edit | turns | words | SPACE
    emphasis  ::= "(" item* [":" item*] ")" | "[" item* "]"
    edit      ::= "[" [item* ":"] item* ":" NUMBER "]"          before : after : when
    turns     ::= "[" item* ("|" item*)+ "]"                    one option a step
    words     ::= characters other than [ ] ( ) : | \\, or a backslash with the character after it
"""

from __future__ import annotations

from dataclasses import dataclass

import lark

_GRAMMAR = r"""
start: (run | stray)*
stray: /[\[\]():]/
run: (emphasis | edit | turns | words | SPACE)*
!emphasis: "(" run ")" | "(" run ":" run ")" | "[" run "]"
edit: "[" [run ":"] run ":" [SPACE] NUMBER [SPACE] "]"
turns: "[" run ("|" [run])+ "]"
words: /(?:[^\\\[\]():|]|\\.)+/
SPACE: /\s+/
%import common.SIGNED_NUMBER -> NUMBER
"""

_parser = lark.Lark(_GRAMMAR)


@dataclass(frozen=True)
class _Clock:
    """Turns the number written in an edit into a step of this pass."""

    steps: int
    int_offset: int = 0
    float_offset: float = 0.0
    old: bool = False

    def step(self, number: str) -> int:
        value = float(number)
        if self.old:
            value = value * self.steps if value < 1 else value
        elif "." in number:
            value = (value - self.float_offset) * self.steps
        else:
            value -= self.int_offset
        return min(self.steps, int(value))


def _cuts(tree: lark.Tree, clock: _Clock) -> list[int]:
    """Every step after which the text may change, the last step included; 1 .. steps, ascending."""
    found = {clock.steps}
    for node in tree.iter_subtrees():
        if node.data == "edit":
            when = clock.step(node.children[-2])
            found.update([when] if when >= 1 else [])
        elif node.data == "turns":
            found.update(range(1, clock.steps + 1))
    return sorted(found)


def _text(node: lark.Tree | str | None, step: int, clock: _Clock) -> str:
    if node is None or isinstance(node, str):
        return node or ""
    if node.data == "edit":
        before, after, _, number, _ = node.children
        return _text(before if step <= clock.step(number) else after, step, clock)
    if node.data == "turns":
        return _text(node.children[(step - 1) % len(node.children)], step, clock)
    return "".join(_text(child, step, clock) for child in node.children)


def _schedule(prompt: str, clock: _Clock) -> list[list]:
    try:
        tree = _parser.parse(prompt)
    except lark.exceptions.LarkError:
        return [[clock.steps, prompt]]
    return [[cut, _text(tree, cut, clock)] for cut in _cuts(tree, clock)]


def get_learned_conditioning_prompt_schedules(
    prompts: list[str], base_steps: int, hires_steps: int | None = None, use_old_scheduling: bool = False
) -> list[list[list]]:
    """One schedule per prompt: [[end_at_step, text], ...], steps from 1, the last entry ends at the last step.

    base_steps and hires_steps are model calls of the two passes. With hires_steps the schedule is the second pass's:
    fractions 1.0 .. 2.0 and whole numbers base_steps .. base_steps + hires_steps fall into it. With
    use_old_scheduling a number below 1 is a fraction whatever it looks like, and the first pass's steps are used for
    both passes.
    """
    if hires_steps is None or use_old_scheduling:
        clock = _Clock(base_steps, old=use_old_scheduling)
    else:
        clock = _Clock(hires_steps, int_offset=base_steps, float_offset=1.0)
    schedules = {prompt: _schedule(prompt, clock) for prompt in set(prompts)}
    return [schedules[prompt] for prompt in prompts]
