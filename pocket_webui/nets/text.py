"""The text encoder: a small CLIP text model from `transformers`, with CLIP's tokenizer cut to its commonest merges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        model_max_length=77,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
    )


class TextEncoder(nn.Module):
    """What SD1 checkpoints hold under `cond_stage_model.`: tokens [B,77] -> hidden states [B,77,width]."""

    def __init__(self, folder: Path, **overrides: Any) -> None:
        """`folder` holds config.json, vocab.json and merges.txt; `overrides` replace values of config.json."""
        super().__init__()
        settings = json.loads((folder / "config.json").read_text(encoding="utf8")) | overrides
        self.tokenizer = load_tokenizer(folder)
        self.transformer = CLIPTextModel(CLIPTextConfig(**settings)).eval()
        self.max_length = 77
        self.layer = "last"

    @property
    def width(self) -> int:
        return int(self.transformer.config.hidden_size)

    @property
    def layers(self) -> int:
        return int(self.transformer.config.num_hidden_layers)

    def hidden(self, tokens: Tensor, skip: int = 1) -> Tensor:
        """Hidden states [B,n,width] of the `skip`-th layer from the end (1 = the last), after the final norm."""
        out = self.transformer(input_ids=tokens, output_hidden_states=skip > 1)
        if skip <= 1:
            return out.last_hidden_state
        return self.transformer.text_model.final_layer_norm(out.hidden_states[-skip])
