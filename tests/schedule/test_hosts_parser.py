"""The same schedules as lark's Earley parser with the hosts' grammar, as the pocket WebUI runs it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from lib_vaeface.schedule.compile import segments

sys.path.insert(0, str(Path(__file__).parents[2] / "pocket_webui" / "webui"))

from modules.prompt_grammar import get_learned_conditioning_prompt_schedules

WORDS = ["fox", " wolf ", ", ", r"\:", r"\[", r"\|", "1.5", " 5", "ü", "\n", "", "<lora:x>".replace(":", r"\:")]
NUMBERS = ["5", " 0.5 ", ".25", "3", "0", "-1", "1.5", "12", "1e1", "0.95\t", "99"]


def sequence(dice: random.Random, depth: int) -> str:
    return "".join(item(dice, depth) for _ in range(dice.randint(0, 2)))


def item(dice: random.Random, depth: int) -> str:
    """A prompt without stray brackets: there lark is deterministic."""
    kind = dice.choice(["words", "words", "edit", "add", "turns", "round", "weight", "square"]) if depth else "words"
    if kind == "words":
        return dice.choice(WORDS)
    inner = [sequence(dice, depth - 1) for _ in range(dice.randint(2, 3))]
    number = dice.choice(NUMBERS)
    return {
        "edit": f"[{inner[0]}:{inner[1]}:{number}]",
        "add": f"[{inner[0]}:{number}]",
        "turns": f"[{'|'.join(inner)}]",
        "round": f"({inner[0]})",
        "weight": f"({inner[0]}:1.2)",
        "square": f"[{inner[0]}]",
    }[kind]


def test_five_hundred_random_prompts() -> None:
    dice = random.Random(7)
    scheduled = 0
    for _ in range(500):
        prompt = "".join(item(dice, 2) for _ in range(dice.randint(1, 3)))
        asked = 12, dice.choice([None, 6]), dice.random() < 0.2
        theirs = get_learned_conditioning_prompt_schedules([prompt], *asked)[0]
        assert segments(prompt, *asked) == theirs, prompt
        scheduled += len(theirs) > 1
    assert scheduled > 150
