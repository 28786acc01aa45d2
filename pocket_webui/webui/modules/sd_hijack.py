"""Wraps a model's text encoder for long prompts and emphasis, and switches tiling on and off."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from modules import sd_hijack_clip
from pocket_webui.nets.text import TextEncoder


class EmbeddingDatabase:
    """Textual inversion is not part of the pocket WebUI: both lists stay empty, and are here to be read."""

    def __init__(self) -> None:
        self.word_embeddings: dict[str, Any] = {}
        self.skipped_embeddings: dict[str, Any] = {}


class StableDiffusionModelHijack:
    """One for the process (`model_hijack`). clip is the wrapped text encoder, None while the model is not wrapped."""

    def __init__(self) -> None:
        self.comments: list[str] = []
        self.extra_generation_params: dict[str, Any] = {}
        self.embedding_db = EmbeddingDatabase()
        self.clip: Any = None
        self.layers: list[nn.Module] | None = None
        self.circular_enabled = False
        self.fixes = None
        self.optimization_method = None

    def hijack(self, m: Any) -> None:
        """Wraps the text encoder of m (SD1: m.cond_stage_model; SDXL: the first of m.conditioner.embedders)."""
        conditioner = getattr(m, "conditioner", None)
        if conditioner is not None:
            wrapped = sd_hijack_clip.FrozenCLIPEmbedderForSDXLWithCustomWords(conditioner.embedders[0], self)
            conditioner.embedders[0] = m.cond_stage_model = wrapped
        elif isinstance(m.cond_stage_model, TextEncoder):
            m.cond_stage_model = sd_hijack_clip.FrozenCLIPEmbedderWithCustomWords(m.cond_stage_model, self)
        self.clip = m.cond_stage_model
        self.layers = list(m.modules())

    def undo_hijack(self, m: Any) -> None:
        """Puts the text encoder back, so that the model's tensors have the checkpoint's names again."""
        conditioner = getattr(m, "conditioner", None)
        wrapped = getattr(m, "cond_stage_model", None)
        if isinstance(wrapped, sd_hijack_clip.FrozenCLIPEmbedderWithCustomWordsBase):
            if conditioner is None:
                m.cond_stage_model = wrapped.wrapped
            else:
                conditioner.embedders[0] = wrapped.wrapped
                del m.cond_stage_model
        self.apply_circular(False)
        self.layers = None
        self.clip = None

    def redo_hijack(self, m: Any) -> None:
        self.undo_hijack(m)
        self.hijack(m)

    def apply_circular(self, enable: bool) -> None:
        """Tiling: every plain convolution of the model (the VAE's too) wraps around the edges."""
        if self.circular_enabled == enable:
            return
        self.circular_enabled = enable
        for layer in self.layers or []:
            if type(layer) is torch.nn.Conv2d:
                layer.padding_mode = "circular" if enable else "zeros"

    def clear_comments(self) -> None:
        self.comments = []
        self.extra_generation_params = {}

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, uncut and without start and end."""
        return self.clip.tokenize(texts)

    def get_prompt_lengths(self, text: str) -> tuple[Any, Any]:
        """(tokens of the text, tokens that fit before one more chunk is needed); ("-", "-") without a model."""
        if self.clip is None:
            return "-", "-"
        _, token_count = self.clip.process_texts([text])
        return token_count, self.clip.get_target_prompt_token_count(token_count)


model_hijack = StableDiffusionModelHijack()
