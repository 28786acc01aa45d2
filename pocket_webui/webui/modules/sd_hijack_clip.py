"""Text encoding without a length limit: prompts are cut into chunks of 75 tokens and encoded chunk by chunk."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import torch

from modules import devices, prompt_parser, sd_emphasis
from modules.shared import opts

PromptChunkFix = namedtuple("PromptChunkFix", ["offset", "embedding"])


class PromptChunk:
    """77 token ids (start, 75 of the prompt, end) and the weight of each."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.multipliers: list[float] = []
        self.fixes: list[PromptChunkFix] = []


class _ChunkWriter:
    """Takes weighted tokens one by one and lays them out in chunks."""

    def __init__(self, embedder: TextConditionalModel) -> None:
        self.embedder = embedder
        self.chunks: list[PromptChunk] = []
        self.chunk = PromptChunk()
        self.token_count = 0
        self.last_comma = -1

    def add(self, token: int, weight: float) -> None:
        if token == self.embedder.comma_token:
            self.last_comma = len(self.chunk.tokens)
        elif self._comma_is_near():
            self._move_words_after_comma()
        if len(self.chunk.tokens) == self.embedder.chunk_length:
            self.close()
        self.chunk.tokens.append(token)
        self.chunk.multipliers.append(weight)

    def close(self, is_last: bool = False) -> None:
        """Pads the chunk, frames it with start and end, and begins a new one."""
        length, emb = self.embedder.chunk_length, self.embedder
        self.token_count += len(self.chunk.tokens) if is_last else length
        padding = length - len(self.chunk.tokens)
        self.chunk.tokens = [emb.id_start, *self.chunk.tokens, *[emb.id_end] * padding, emb.id_end]
        self.chunk.multipliers = [1.0, *self.chunk.multipliers, *[1.0] * padding, 1.0]
        self.chunks.append(self.chunk)
        self.chunk = PromptChunk()
        self.last_comma = -1

    def finish(self) -> tuple[list[PromptChunk], int]:
        if self.chunk.tokens or not self.chunks:
            self.close(is_last=True)
        return self.chunks, self.token_count

    def _comma_is_near(self) -> bool:
        limit, filled = opts.comma_padding_backtrack, len(self.chunk.tokens)
        full = filled == self.embedder.chunk_length
        return limit != 0 and full and self.last_comma != -1 and filled - self.last_comma <= limit

    def _move_words_after_comma(self) -> None:
        cut, old = self.last_comma + 1, self.chunk
        moved = PromptChunk()
        moved.tokens, moved.multipliers = old.tokens[cut:], old.multipliers[cut:]
        old.tokens, old.multipliers = old.tokens[:cut], old.multipliers[:cut]
        self.close()
        self.chunk = moved


class TextConditionalModel(torch.nn.Module):
    """Encodes texts chunk by chunk; a subclass supplies the token ids, tokenize and encode_with_transformers."""

    def __init__(self, hijack: Any) -> None:
        super().__init__()
        self.hijack = hijack
        self.chunk_length = 75
        self.is_trainable = False
        self.input_key = "txt"
        self.return_pooled = False
        self.comma_token: int | None = None
        self.id_start: int | None = None
        self.id_end: int | None = None
        self.id_pad: int | None = None

    def empty_chunk(self) -> PromptChunk:
        """The chunk of an empty prompt."""
        writer = _ChunkWriter(self)
        writer.close()
        return writer.chunks[0]

    def get_target_prompt_token_count(self, token_count: int) -> int:
        """How many tokens fit before a prompt of `token_count` tokens needs one more chunk: 75, 150, ..."""
        return math.ceil(max(token_count, 1) / self.chunk_length) * self.chunk_length

    def tokenize_line(self, line: str) -> tuple[list[PromptChunk], int]:
        """The chunks of one prompt and how many tokens it takes (padding before a BREAK counted)."""
        parsed = [[line, 1.0]] if opts.emphasis == "None" else prompt_parser.parse_prompt_attention(line)
        writer = _ChunkWriter(self)
        for tokens, (text, weight) in zip(self.tokenize([text for text, _ in parsed]), parsed, strict=True):
            if text == "BREAK" and weight == -1:
                writer.close()
                continue
            for token in tokens:
                writer.add(token, weight)
        return writer.finish()

    def process_texts(self, texts: list[str]) -> tuple[list[list[PromptChunk]], int]:
        """The chunks of each text, and the token count of the longest."""
        lines = {line: self.tokenize_line(line) for line in dict.fromkeys(texts)}
        return [lines[line][0] for line in texts], max(count for _, count in lines.values())

    def forward(self, texts: list[str]) -> Any:
        """[n, 77 * chunks, width] for n texts; shorter texts are filled up with empty chunks. With return_pooled also
        the pooled vector [n, width] of the first chunk."""
        batch, _ = self.process_texts(texts)
        encoded: list[Any] = []
        for i in range(max(len(chunks) for chunks in batch)):
            row = [chunks[i] if i < len(chunks) else self.empty_chunk() for chunks in batch]
            encoded.append(self.process_tokens([x.tokens for x in row], [x.multipliers for x in row]))
        if opts.emphasis != "Original" and any("(" in text or "[" in text for text in texts):
            self.hijack.extra_generation_params["Emphasis"] = opts.emphasis
        joined = torch.hstack(encoded)
        return (joined, encoded[0].pooled) if self.return_pooled else joined

    def process_tokens(
        self, remade_batch_tokens: list[list[int]], batch_multipliers: list[list[float]]
    ) -> torch.Tensor:
        """[n, 77, width] for one chunk of n texts, emphasis applied; carries .pooled if the encoder gave one."""
        tokens = torch.asarray(remade_batch_tokens).to(devices.device)
        z: Any = self.encode_with_transformers(tokens)
        emphasis: Any = sd_emphasis.get_current_option(opts.emphasis)()
        emphasis.tokens = remade_batch_tokens
        emphasis.multipliers = torch.asarray(batch_multipliers).to(devices.device)
        emphasis.z = z
        emphasis.after_transformers()
        if (pooled := getattr(z, "pooled", None)) is not None:
            emphasis.z.pooled = pooled
        return emphasis.z


class FrozenCLIPEmbedderWithCustomWordsBase(TextConditionalModel):
    """A text encoder wrapped; the encoder itself is .wrapped."""

    def __init__(self, wrapped: Any, hijack: Any) -> None:
        super().__init__(hijack)
        self.wrapped = wrapped
        self.is_trainable = getattr(wrapped, "is_trainable", False)
        self.input_key = getattr(wrapped, "input_key", "txt")
        self.return_pooled = getattr(wrapped, "return_pooled", False)


class FrozenCLIPEmbedderWithCustomWords(FrozenCLIPEmbedderWithCustomWordsBase):
    """SD1's text encoder."""

    def __init__(self, wrapped: Any, hijack: Any) -> None:
        super().__init__(wrapped, hijack)
        self.tokenizer = wrapped.tokenizer
        self.comma_token = self.tokenizer.get_vocab().get(",</w>")
        self.id_start = self.tokenizer.bos_token_id
        self.id_end = self.id_pad = self.tokenizer.eos_token_id

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, without start and end, uncut."""
        return self.tokenizer(texts, truncation=False, add_special_tokens=False, verbose=False)["input_ids"]

    def encode_with_transformers(self, tokens: torch.Tensor) -> torch.Tensor:
        """[n, 77, width] for ids [n, 77]; clip skip s takes the s-th layer from the end, then the final norm."""
        skip = opts.CLIP_stop_at_last_layers
        outputs = self.wrapped.transformer(input_ids=tokens, output_hidden_states=skip > 1)
        if skip > 1:
            return self.wrapped.transformer.text_model.final_layer_norm(outputs.hidden_states[-skip])
        return outputs.last_hidden_state


class FrozenCLIPEmbedderForSDXLWithCustomWords(FrozenCLIPEmbedderWithCustomWords):
    """SDXL's text encoder: clip skip only with the setting `sdxl_clip_l_skip`, and no final norm after it. Gives the
    pooled vector [n, width] too."""

    def __init__(self, wrapped: Any, hijack: Any) -> None:
        super().__init__(wrapped, hijack)
        self.return_pooled = True

    def encode_with_transformers(self, tokens: torch.Tensor) -> torch.Tensor:
        outputs = self.wrapped.transformer(input_ids=tokens, output_hidden_states=True)
        if opts.sdxl_clip_l_skip is True:
            z = outputs.hidden_states[-opts.CLIP_stop_at_last_layers]
        elif self.wrapped.layer == "last":
            z = outputs.last_hidden_state
        else:
            z = outputs.hidden_states[self.wrapped.layer_idx]
        z.pooled = outputs.pooler_output
        return z
