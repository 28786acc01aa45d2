"""Chunks, BREAK, emphasis and clip skip of the text encoding, and SDXL's conditioning."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.pocket.tiny import Files, files, load, sd1  # noqa: F401  (fixtures)

from tests.pocket.tiny import _sd1 as _sd1  # isort: skip  (fixture behind sd1)


def encode(model: Any, *texts: str) -> torch.Tensor:
    return model.get_learned_conditioning(list(texts))


def chunks(model: Any, text: str) -> list[list[int]]:
    """Tokens of each chunk, without start, end and padding."""
    clip = model.cond_stage_model
    return [[t for t in chunk.tokens if t not in (clip.id_start, clip.id_end)] for chunk in clip.tokenize_line(text)[0]]


def words(n: int) -> str:
    return " ".join(["red"] * n)


@pytest.fixture
def word_tokens(sd1: Any) -> int:  # noqa: F811
    """How many tokens the filler word takes; the tests below count words."""
    assert len(sd1.cond_stage_model.tokenize(["red"])[0]) == 1
    return 1


@pytest.mark.parametrize(("count", "expected"), [(0, 77), (1, 77), (75, 77), (76, 154), (150, 154), (151, 231)])
def test_length_in_tokens(count: int, expected: int, sd1: Any, word_tokens: int) -> None:  # noqa: F811
    from modules.sd_hijack import model_hijack

    assert encode(sd1, words(count)).shape == (1, expected, sd1.cond_stage_model.wrapped.width)
    assert model_hijack.get_prompt_lengths(words(count)) == (count, max(expected // 77, 1) * 75)


def test_texts_of_one_call_are_filled_with_empty_chunks(sd1: Any, word_tokens: int) -> None:  # noqa: F811
    both = encode(sd1, "red", words(80))
    assert both.shape[1] == 154
    assert torch.allclose(both[0, :77], encode(sd1, "red")[0], atol=1e-5)
    assert torch.allclose(both[0, 77:], encode(sd1, "")[0], atol=1e-5)


def test_break_begins_a_new_chunk(sd1: Any, word_tokens: int) -> None:  # noqa: F811
    assert [len(chunk) for chunk in chunks(sd1, "red red BREAK red")] == [2, 1]
    # facts on schedules 1.2: a BREAK inside emphasis is a word
    assert len(chunks(sd1, "(red BREAK red)")) == 1


def test_words_after_a_near_comma_move_to_the_next_chunk(sd1: Any, host: Any, word_tokens: int) -> None:  # noqa: F811
    text = words(70) + ", " + words(10)
    host.opts.data["comma_padding_backtrack"] = 20
    assert [len(chunk) for chunk in chunks(sd1, text)] == [71, 10]
    host.opts.data["comma_padding_backtrack"] = 0
    assert [len(chunk) for chunk in chunks(sd1, text)] == [75, 6]
    host.opts.data["comma_padding_backtrack"] = 3
    assert [len(chunk) for chunk in chunks(sd1, text)] == [75, 6]


def test_emphasis_scales_a_token_and_keeps_the_mean_of_the_batch(sd1: Any, host: Any) -> None:  # noqa: F811
    host.opts.data["emphasis"] = "No norm"
    plain, scaled = encode(sd1, "red hat"), encode(sd1, "(red:1.5) hat")
    assert torch.allclose(scaled[0, 1], plain[0, 1] * 1.5, atol=1e-5)
    assert torch.allclose(scaled[0, 2:], plain[0, 2:], atol=1e-5)
    host.opts.data["emphasis"] = "Original"
    normed = encode(sd1, "(red:1.5) hat")
    assert torch.allclose(normed, scaled * (plain.mean() / scaled.mean()), atol=1e-4)
    # schedules.md finding 6: texts encoded together change each other
    together = encode(sd1, "(red:1.5) hat", "(green:0.2) hat")
    assert not torch.allclose(together[0], normed[0], atol=1e-5)


def test_emphasis_modes_without_weights(sd1: Any, host: Any) -> None:  # noqa: F811
    from modules.sd_hijack import model_hijack

    plain = encode(sd1, "red hat")
    host.opts.data["emphasis"] = "Ignore"
    model_hijack.clear_comments()
    assert torch.allclose(encode(sd1, "(red:1.5) hat"), plain, atol=1e-5)
    assert model_hijack.extra_generation_params == {"Emphasis": "Ignore"}
    host.opts.data["emphasis"] = "None"
    assert not torch.allclose(encode(sd1, "(red:1.5) hat"), plain, atol=1e-3)
    assert len(chunks(sd1, "(red)")[0]) >= 3


def test_clip_skip_takes_an_earlier_layer(sd1: Any, host: Any) -> None:  # noqa: F811
    clip = sd1.cond_stage_model
    tokens = torch.tensor([clip.tokenize_line("red hat")[0][0].tokens])
    last = encode(sd1, "red hat")
    host.opts.data["CLIP_stop_at_last_layers"] = 2
    skipped = encode(sd1, "red hat")
    assert not torch.allclose(skipped, last, atol=1e-4)
    assert torch.allclose(skipped, clip.wrapped.hidden(tokens, skip=2), atol=1e-5)


def test_hijack_is_undone_completely(sd1: Any, files: Files) -> None:  # noqa: F811
    from modules.sd_hijack import model_hijack
    from pocket_webui.nets import checkpoint

    model_hijack.undo_hijack(sd1)
    try:
        assert set(sd1.state_dict()) == set(checkpoint.load(files.sd1).state_dict())
        assert model_hijack.get_prompt_lengths("red") == ("-", "-")
        with pytest.raises(RuntimeError, match="forward"):
            encode(sd1, "red")
    finally:
        model_hijack.hijack(sd1)
    assert encode(sd1, "red").shape[1] == 77


def test_tiling_wraps_convolutions(sd1: Any) -> None:  # noqa: F811
    from modules.sd_hijack import model_hijack

    convolutions = [m for m in sd1.modules() if type(m) is torch.nn.Conv2d]
    model_hijack.apply_circular(True)
    assert {m.padding_mode for m in convolutions} == {"circular"}
    model_hijack.apply_circular(False)
    assert {m.padding_mode for m in convolutions} == {"zeros"}


@pytest.fixture(scope="module")
def xl(_sd1: Any, files: Files) -> Any:  # noqa: F811
    yield load(files.xl)
    load(files.sd1)


class TestSdxl:
    """Runs last in this file: the fixture replaces the model."""

    def encode(self, model: Any, texts: list[str], **size: Any) -> dict[str, torch.Tensor]:
        from modules.prompt_parser import SdConditioning

        return model.get_learned_conditioning(SdConditioning(texts, **size))

    def test_shapes(self, xl: Any, host: Any) -> None:
        cond = self.encode(xl, ["red", "green"], width=64, height=64)
        width = xl.conditioner.embedders[0].wrapped.width
        assert cond["crossattn"].shape == (2, 77, width)
        assert cond["vector"].shape == (2, xl.conditioner.embedders[0].wrapped.width + 3 * 512)

    def test_vector_knows_the_size(self, xl: Any, host: Any) -> None:
        small, large = (self.encode(xl, ["red"], width=side, height=side) for side in (64, 128))
        assert torch.equal(small["crossattn"], large["crossattn"])
        assert not torch.equal(small["vector"], large["vector"])
        unknown, default = self.encode(xl, ["red"]), self.encode(xl, ["red"], width=1024, height=1024)
        assert torch.equal(unknown["vector"], default["vector"])

    def test_empty_negative_prompt_is_zero_but_for_the_sizes(self, xl: Any, host: Any) -> None:
        negative = self.encode(xl, ["", ""], is_negative_prompt=True)
        positive = self.encode(xl, ["", ""])
        assert not negative["crossattn"].any() and positive["crossattn"].any()
        width = negative["crossattn"].shape[-1]
        assert not negative["vector"][:, :width].any()
        assert torch.equal(negative["vector"][:, width:], positive["vector"][:, width:])
        assert self.encode(xl, ["", "red"], is_negative_prompt=True)["crossattn"].any()

    def test_clip_skip_needs_its_own_setting(self, xl: Any, host: Any) -> None:
        plain = self.encode(xl, ["red"])["crossattn"]
        host.opts.data["CLIP_stop_at_last_layers"] = 2
        assert torch.equal(self.encode(xl, ["red"])["crossattn"], plain)
        host.opts.data["sdxl_clip_l_skip"] = True
        assert not torch.equal(self.encode(xl, ["red"])["crossattn"], plain)

    def test_long_prompt_pools_its_first_chunk(self, xl: Any, host: Any) -> None:
        long, short = self.encode(xl, [words(80)]), self.encode(xl, [words(75)])
        assert long["crossattn"].shape[1] == 154
        assert torch.allclose(long["vector"], short["vector"], atol=1e-5)
