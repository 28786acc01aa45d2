"""The pocket WebUI's reading of prompts against results computed by A1111's own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from modules import prompt_parser

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden" / "schedules.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text(encoding="utf8").splitlines() if line]


def cases(kind: str) -> Any:
    found = [case for case in CASES if case["kind"] == kind]
    assert found
    return pytest.mark.parametrize("case", found, ids=[str(case["id"]) for case in found])


class Encoder:
    """Encodes each text as a number of its own, so that a row tells which text it came from."""

    def __init__(self, tokens: dict[str, int] | None = None, as_dict: bool = False) -> None:
        self.texts: list[str] = []
        self.batches: list[int] = []
        self.tokens, self.as_dict = tokens or {}, as_dict

    def get_learned_conditioning(self, texts: list[str]) -> Any:
        self.batches.append(len(texts))
        rows = []
        for text in texts:
            self.texts += [] if text in self.texts else [text]
            rows.append(torch.full((self.tokens.get(text, 77), 4), float(self.texts.index(text) + 1)))
        stacked = prompt_parser.stack_conds(rows)
        return {"crossattn": stacked, "vector": stacked[:, 0]} if self.as_dict else stacked

    def read(self, row: torch.Tensor) -> str:
        return self.texts[int(row[0, 0]) - 1]


def schedule(case: dict[str, Any]) -> list[list]:
    return prompt_parser.get_learned_conditioning_prompt_schedules(
        [case["prompt"]], case["steps"], case["hires_steps"], case["use_old_scheduling"]
    )[0]


@cases("schedule")
def test_schedule(case: dict[str, Any]) -> None:
    assert schedule(case) == case["schedule"]


def test_schedules_do_not_depend_on_the_hash_seed() -> None:
    # pinned lark 1.1.2 is not deterministic over A1111's grammar; over ours it must be
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from modules.prompt_grammar import get_learned_conditioning_prompt_schedules as g;"
        "print(g(['[fox:wolf:5]: z', '[fox:wolf:5]]', '[fox:wolf:5])', '][fox:wolf:5]['], 10))"
    )
    webui = str(Path(prompt_parser.__file__).parents[1])
    run = [sys.executable, "-c", code, webui]
    answers = {
        subprocess.run(run, env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True, text=True).stdout
        for seed in range(4)
    }
    assert len(answers) == 1
    assert answers.pop().startswith("[[[5, 'fox: z'], [10, 'wolf: z']]")


@cases("effective")
def test_text_used_at_each_call(case: dict[str, Any]) -> None:
    encoder = Encoder()
    learned = prompt_parser.get_multicond_learned_conditioning(
        encoder, [case["prompt"]], case["steps"], case["hires_steps"]
    )
    used = []
    for call in range(case["calls"]):
        rows, conds = prompt_parser.reconstruct_multicond_batch(learned, call)
        assert [weight for _, weight in rows[0]] == case["weights"]
        used.append([encoder.read(conds[index]) for index, _ in rows[0]])
    assert used == case["per_call"]
    assert encoder.batches == case["encoder_texts"]


@cases("multicond")
def test_and_is_split(case: dict[str, Any]) -> None:
    indexes, flat, _ = prompt_parser.get_multicond_prompt_list([case["prompt"]])
    assert [[index, weight] for index, weight in indexes[0]] == case["indexes"]
    assert list(flat) == case["subprompts"]


@cases("attention")
def test_emphasis(case: dict[str, Any]) -> None:
    if isinstance(case["result"], dict):
        with pytest.raises(ValueError, match="could not convert string to float"):
            prompt_parser.parse_prompt_attention(case["prompt"])
    else:
        assert prompt_parser.parse_prompt_attention(case["prompt"]) == case["result"]


@cases("encoder_calls")
def test_encoder_calls(case: dict[str, Any]) -> None:
    encoder = Encoder()
    prompt_parser.get_multicond_learned_conditioning(encoder, case["prompts"], case["steps"])
    assert encoder.batches == case["texts_per_encoder_call"]


def fact(number: int) -> Any:
    return next(case["result"] for case in CASES if case["id"] == number)


def test_negatives_of_unequal_length_raise() -> None:
    encoder = Encoder({"long": 231})
    learned = prompt_parser.get_learned_conditioning(encoder, ["short", "long"], 10)
    with pytest.raises(RuntimeError) as raised:
        prompt_parser.reconstruct_cond_batch(learned, 0)
    assert "RuntimeError: " + str(raised.value).split("  Target")[0] == fact(310).split("  Target")[0]


def test_positives_of_unequal_length_repeat_the_last_vector() -> None:
    encoder = Encoder({"long": 231})
    learned = prompt_parser.get_multicond_learned_conditioning(encoder, ["short", "long"], 10)
    rows, conds = prompt_parser.reconstruct_multicond_batch(learned, 0)
    assert {"shape": list(conds.shape), "conds_list": [[list(x) for x in parts] for parts in rows]} == fact(311)
    assert torch.equal(conds[0, 77:], conds[0, 76:77].expand(154, 4))


def test_rows_of_a_batch_with_and() -> None:
    encoder = Encoder(as_dict=True)
    prompts = ["a AND b", "c", "d AND e AND f"]
    learned = prompt_parser.get_multicond_learned_conditioning(encoder, prompts, 10)
    rows, conds = prompt_parser.reconstruct_multicond_batch(learned, 0)
    wanted = fact(312)
    assert [[list(x) for x in parts] for parts in rows] == wanted["conds_list"]
    assert conds["crossattn"][:, 0, 0].tolist() == wanted["row_values"]
    assert {key: list(value.shape) for key, value in conds.items()} == wanted["shapes"]
    assert type(conds).__name__ == wanted["type"] and conds.shape == conds["crossattn"].shape


def test_negative_of_sdxl_is_a_dict_with_shape() -> None:
    encoder = Encoder(as_dict=True)
    learned = prompt_parser.get_learned_conditioning(encoder, ["[a:b:2]", "c"], 4)
    cond = prompt_parser.reconstruct_cond_batch(learned, 3)
    assert isinstance(cond, prompt_parser.DictWithShape)
    assert [encoder.read(row) for row in cond["crossattn"]] == ["b", "c"]


def test_a_call_past_the_schedule_gets_the_first_text() -> None:
    # facts, "Steps" 6: DPM adaptive past the last end_at_step falls back to the FIRST entry
    encoder = Encoder()
    learned = prompt_parser.get_learned_conditioning(encoder, ["[a:b:2]"], 4)
    rows = [prompt_parser.reconstruct_cond_batch(learned, call)[0] for call in (2, 3, 4, 5)]
    assert [encoder.read(row) for row in rows] == ["a", "b", "b", "a"]


def test_conditioning_knows_the_picture_size() -> None:
    prompts = prompt_parser.SdConditioning(["a AND b"], width=64, height=96, is_negative_prompt=True)
    _, flat, _ = prompt_parser.get_multicond_prompt_list(prompts)
    assert (flat.width, flat.height, flat.is_negative_prompt) == (64, 96, True)
