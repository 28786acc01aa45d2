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


class Lesson:
    """Captions of a pool with what they say, and the loss of a `Reader` on some of them."""

    def __init__(self, pool: Path, encoder: TextEncoder, device: str) -> None:
        self.data, self.tokenizer, self.device = examples(pool), encoder.tokenizer, device
        values = {key: sorted({answer[key] for _, answer in self.data if key in answer}) for key in ATTRIBUTES}
        self.values = {key: options for key, options in values.items() if options}
        self.reader = Reader(encoder, {key: len(options) for key, options in self.values.items()}).to(device)

    def losses(self, count: int, rng: random.Random) -> dict[str, Tensor]:
        """Cross entropy on `count` captions drawn by `rng`, mean over attributes, and the share read right."""
        batch = [rng.choice(self.data) for _ in range(count)]
        logits = self.reader(tokenise([text for text, _ in batch], self.tokenizer).to(self.device))
        losses, right = [], []
        for key, options in self.values.items():
            wanted = torch.tensor([options.index(a[key]) if key in a else -100 for _, a in batch], device=self.device)
            losses.append(F.cross_entropy(logits[key], wanted))
            right.append((logits[key].argmax(-1) == wanted)[wanted >= 0].float().mean())
        return {"loss": torch.stack(losses).nanmean(), "right": torch.stack(right).nanmean()}


def train(work: Work, name: str, text_config: dict[str, Any] | None = None) -> None:
    """Train the encoder; writes `<states>/<name>-encoder.pt`, which the diffusion stage starts from."""
    torch.manual_seed(work.seed)
    lesson = Lesson(work.pool, TextEncoder(checkpoint.TOKENIZER, **(text_config or {})), work.device)
    stage = Stage(name, work.states, lesson.reader.train(), work.budget(name), decay=0.99)
    rng = random.Random(f"{work.seed} {name} {stage.step}")
    trained = stage.run(lambda _: lesson.losses(stage.budget.batch, rng))
    torch.save(trained.text.state_dict(), work.states / f"{name}-encoder.pt")  # type: ignore[union-attr, operator]
