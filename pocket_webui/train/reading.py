"""Stage `text`: the text encoder learns to read captions before it ever meets a picture.

SD1's text encoder came trained (CLIP). Ours starts from nothing, and a U-Net that is still learning to see is a poor
teacher of words. So it first answers, from its hidden states through attention as a U-Net would look at them, what a
caption says of each attribute: one of the values, or "unsaid".
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets import checkpoint
from ..nets.text import TextEncoder
from .latents import tokenise
from .loop import Stage
from .work import Work

ATTRIBUTES = ("background", "kind", "hair", "style", "eyes", "skin", "shirt", "hat", "glasses", "beard", "face")


def said(record: dict[str, Any], text: str) -> dict[str, str]:
    """What a caption says of each attribute: its words where they stand in it, else "unsaid"; of groups the count."""
    answers = {"background": _if_in(text, f"{record['background']} background"), "kind": record["kind"]}
    if len(record["people"]) > 1:
        return answers | {"kind": f"group of {len(record['people'])}"}
    person = record["people"][0]
    hat = f"{person['hat_colour']} {person['hat']}" if person["hat"] else ""
    words = {
        "hair": f"{person['hair_colour']} hair",
        "style": person["hair_style"],
        "eyes": f"{person['eye_colour']} eyes",
        "skin": f"{person['skin']} skin",
        "shirt": f"{person['shirt_colour']} shirt",
        "hat": hat,
        "glasses": "glasses",
        "beard": "beard",
        "face": person["expression"],
    }
    return answers | {key: _if_in(text, phrase) for key, phrase in words.items()}


def _if_in(text: str, phrase: str) -> str:
    return phrase if phrase and phrase in text else "unsaid"


class Reader(nn.Module):
    """A text encoder with one attention query and one linear answer for each attribute."""

    def __init__(self, encoder: TextEncoder, answers: dict[str, int]) -> None:
        super().__init__()
        self.text = encoder.transformer
        width = encoder.width
        self.queries = nn.Parameter(torch.randn(len(answers), width) * width**-0.5)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.answers = nn.ModuleDict({name: nn.Linear(width, count) for name, count in answers.items()})

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        """tokens [B,77] -> logits [B,values] by attribute."""
        states = self.text(input_ids=tokens).last_hidden_state
        queries = self.queries[None].expand(len(tokens), -1, -1)
        looked = F.scaled_dot_product_attention(queries, self.key(states), self.value(states))
        return {name: layer(looked[:, i]) for i, (name, layer) in enumerate(self.answers.items())}


def examples(pool: Path) -> list[tuple[str, dict[str, str]]]:
    """Every caption of the pool with what it says."""
    records = (record for path in sorted(pool.glob("*.json")) for record in json.loads(path.read_text(encoding="utf8")))
    return [(text, said(record, text)) for record in records for text in record["captions"]]


def train(work: Work, name: str, text_config: dict[str, Any] | None = None) -> None:
    """Train the encoder; writes `<states>/<name>-encoder.pt`, which the diffusion stage starts from."""
    torch.manual_seed(work.seed)
    encoder = TextEncoder(checkpoint.TOKENIZER, **(text_config or {}))
    data = examples(work.pool)
    values = {key: sorted({answer[key] for _, answer in data if key in answer}) for key in ATTRIBUTES}
    values = {key: options for key, options in values.items() if options}
    reader = Reader(encoder, {key: len(options) for key, options in values.items()}).to(work.device).train()
    stage = Stage(name, work.states, reader, work.budget(name), decay=0.99)
    rng = random.Random(f"{work.seed} {name} {stage.step}")

    def step(index: int) -> dict[str, Tensor]:
        batch = [rng.choice(data) for _ in range(stage.budget.batch)]
        logits = reader(tokenise([text for text, _ in batch], encoder.tokenizer).to(work.device))
        losses, right = [], []
        for key, options in values.items():
            wanted = torch.tensor([options.index(a[key]) if key in a else -100 for _, a in batch], device=work.device)
            losses.append(F.cross_entropy(logits[key], wanted))
            right.append((logits[key].argmax(-1) == wanted)[wanted >= 0].float().mean())
        return {"loss": torch.stack(losses).nanmean(), "right": torch.stack(right).nanmean()}

    trained = stage.run(step)
    torch.save(trained.text.state_dict(), work.states / f"{name}-encoder.pt")  # type: ignore[union-attr, operator]
