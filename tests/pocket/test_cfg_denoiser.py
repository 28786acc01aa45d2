"""What a model call shows to callbacks and what they can change: facts page, "Shapes", "What callbacks can change"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.pocket.tiny import Files, calls, files, job, load, paint, sd1  # noqa: F401  (fixtures)

from tests.pocket.tiny import _sd1 as _sd1  # isort: skip  (fixture behind sd1)

LONG = "red " * 80


@contextmanager
def callback(kind: str, function: Callable[[Any], None]) -> Iterator[None]:
    """kind: cfg_denoiser, cfg_denoised or cfg_after_cfg."""
    from modules import script_callbacks

    getattr(script_callbacks, f"on_{kind}")(function)
    try:
        yield
    finally:
        script_callbacks.remove_callbacks_for_function(function)


@contextmanager
def model_rows(model: Any) -> Iterator[list[int]]:
    """How many rows each run of the U-Net had."""
    seen: list[int] = []
    hook = model.model.diffusion_model.register_forward_pre_hook(lambda _, args, kwargs: seen.append(len(args[0])),
                                                                 with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def euler(model: Any, prompts: list[str], negative: str = "", **fields: Any) -> SimpleNamespace:
    return job(model, prompts, 2, "Euler", negative, **fields)


def test_rows_are_positive_then_negative(sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, euler(sd1, ["red", "green"], "ugly"))
    call, width = calls[0], sd1.cond_stage_model.wrapped.width
    assert call.x.shape == (4, 4, 8, 8) and call.sigma.shape == (4,)
    assert call.text_cond.shape == call.text_uncond.shape == (2, 77, width)
    assert torch.equal(call.x[:2], call.x[2:])


def test_and_has_a_row_for_each_part(sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, euler(sd1, ["red AND green :0.5 AND red", "blue"]))
    call = calls[0]
    assert len(call.text_cond) == 4 and len(call.text_uncond) == 2 and len(call.x) == 6
    assert torch.equal(call.x[0], call.x[1]) and torch.equal(call.x[0], call.x[4])
    assert torch.equal(call.x[3], call.x[5]) and not torch.equal(call.x[0], call.x[3])


def test_guidance_with_weights(sd1: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    p = euler(sd1, ["red AND green :0.5"])
    denoiser = sd_samplers.create_sampler("Euler", sd1).model_wrap_cfg
    rows = torch.tensor([3.0, 5.0, 1.0])[:, None, None, None].expand(3, 4, 8, 8)
    got = denoiser.combine_denoised(rows, [[(0, 1.0), (1, 0.5)]], torch.zeros(1, 77, 4), p.cfg_scale)
    assert torch.equal(got, torch.full((1, 4, 8, 8), 1 + 7 * (2 * 1.0 + 4 * 0.5)))


def test_order_of_events(sd1: Any) -> None:  # noqa: F811
    seen: list[str] = []

    class Scripts:
        def on_mask_blend(self, p: Any, args: Any) -> None:
            seen.append("blend")

    names = ("cfg_denoiser", "cfg_denoised", "cfg_after_cfg")
    notes = [lambda params, name=name: seen.append(name) for name in names]
    mask = torch.zeros(1, 1, 8, 8)
    p = euler(sd1, ["red"], mask=mask, nmask=1 - mask, scripts=Scripts(), denoising_strength=0.9)
    with callback(names[0], notes[0]), callback(names[1], notes[1]), callback(names[2], notes[2]):
        paint(sd1, p, latent=torch.zeros(1, 4, 8, 8))
    assert seen == ["cfg_denoiser", "cfg_denoised", "blend", "cfg_after_cfg"] * 2
    seen.clear()
    p = job(sd1, ["red"], 4, "DDIM", mask=mask, nmask=1 - mask, scripts=Scripts(), denoising_strength=0.9)
    with callback(names[0], notes[0]):
        paint(sd1, p, latent=torch.zeros(1, 4, 8, 8))
    assert seen[:2] == ["blend", "cfg_denoiser"]  # by timesteps the mask is applied before the model


def test_mask_keeps_the_picture_and_scripts_can_change_it(sd1: Any) -> None:  # noqa: F811
    picture, mask = torch.full((1, 4, 8, 8), 0.3), torch.ones(1, 1, 8, 8)

    class Scripts:
        def on_mask_blend(self, p: Any, args: Any) -> None:
            args.blended_latent = args.blended_latent + 1

    kept = paint(sd1, euler(sd1, ["red"], mask=mask, nmask=1 - mask), latent=picture)
    assert torch.allclose(kept, picture, atol=1e-5)
    moved = paint(sd1, euler(sd1, ["red"], mask=mask, nmask=1 - mask, scripts=Scripts()), latent=picture)
    assert torch.allclose(moved, picture + 1, atol=1e-5)


def test_replaced_text_is_used(sd1: Any) -> None:  # noqa: F811
    green = paint(sd1, euler(sd1, ["green"]))
    text = sd1.get_learned_conditioning(["green"])

    def replace(params: Any) -> None:
        params.text_cond = text

    def edit(params: Any) -> None:
        params.text_cond[:] = text

    def replace_double(params: Any) -> None:
        params.text_cond = text.double()

    def edit_all(params: Any) -> None:
        params.text_cond[:] = 0

    p = euler(sd1, ["red"])
    red = paint(sd1, p)
    assert not torch.allclose(red, green)
    for change in (replace, edit, replace_double):
        with callback("cfg_denoiser", change):
            assert torch.equal(paint(sd1, euler(sd1, ["red"])), green)
    # "In-place edits ... leak neither to later steps nor to the cache"
    with callback("cfg_denoiser", edit_all):
        p.rng = euler(sd1, ["red"]).rng
        paint(sd1, p)
    p.rng = euler(sd1, ["red"]).rng
    assert torch.equal(paint(sd1, p), red)


@pytest.mark.parametrize("rows", [1, 3])
def test_wrong_row_count_raises(rows: int, sd1: Any) -> None:  # noqa: F811
    # "Wrong row count: HTTP 500"
    def change(params: Any) -> None:
        params.text_cond = params.text_cond[:1].repeat(rows, 1, 1)

    with callback("cfg_denoiser", change), pytest.raises(RuntimeError, match="changed the number of rows"):
        paint(sd1, euler(sd1, ["red", "green"]))


@pytest.mark.parametrize("tokens", [1, 78, 150])
def test_any_token_count_is_accepted(tokens: int, sd1: Any) -> None:  # noqa: F811
    def change(params: Any) -> None:
        params.text_cond = params.text_cond[:, :1].repeat(1, tokens, 1)

    with callback("cfg_denoiser", change):
        assert paint(sd1, euler(sd1, ["red"])).isfinite().all()


def test_denoised_can_be_edited_but_not_replaced(sd1: Any) -> None:  # noqa: F811
    # "on_cfg_denoised: reassigning x is ignored, in-place works. on_cfg_after_cfg: reassigning works."
    plain = paint(sd1, euler(sd1, ["red"]))

    def replace(params: Any) -> None:
        params.x = params.x * 0

    def edit(params: Any) -> None:
        params.x.mul_(0)

    with callback("cfg_denoised", replace):
        assert torch.equal(paint(sd1, euler(sd1, ["red"])), plain)
    for kind, change in (("cfg_denoised", edit), ("cfg_after_cfg", replace)):
        with callback(kind, change):
            assert torch.allclose(paint(sd1, euler(sd1, ["red"])), torch.zeros(1), atol=1e-5)


def test_error_in_a_callback_is_only_logged(sd1: Any, capsys: Any) -> None:  # noqa: F811
    # "An exception in a callback is only logged; the image comes out as if the callback were not there."
    def fail(params: Any) -> None:
        raise RuntimeError("callback went wrong")

    plain = paint(sd1, euler(sd1, ["red"]))
    with callback("cfg_denoiser", fail):
        assert torch.equal(paint(sd1, euler(sd1, ["red"])), plain)
    captured = capsys.readouterr()
    assert "callback went wrong" in captured.out + captured.err


def test_unequal_lengths_run_apart(sd1: Any, calls: list) -> None:  # noqa: F811
    # "cond and uncond of different length: two UNet runs, no padding (default)"
    with model_rows(sd1) as rows:
        paint(sd1, euler(sd1, [LONG, "red"], "ugly"))
    assert rows == [2, 2, 2, 2]
    assert calls[0].text_cond.shape[1] == 154 and calls[0].text_uncond.shape[1] == 77


@pytest.mark.parametrize(
    ("option", "label"), [("pad_cond_uncond", "Pad conds"), ("pad_cond_uncond_v0", "Pad conds v0")]
)
@pytest.mark.parametrize(("prompt", "negative"), [(LONG, "ugly"), ("red", LONG)])
def test_padding(option: str, label: str, prompt: str, negative: str, sd1: Any, host: Any, calls: list) -> None:  # noqa: F811
    apart = paint(sd1, euler(sd1, [prompt], negative))
    calls.clear()
    host.opts.data[option] = True
    p = euler(sd1, [prompt], negative)
    with model_rows(sd1) as rows:
        together = paint(sd1, p)
    assert rows == [2, 2]
    assert p.extra_generation_params[label] is True
    # "The callback always sees the unpadded tensors."
    assert calls[0].text_cond.shape[1] != calls[0].text_uncond.shape[1]
    assert not torch.equal(apart, together)


def test_without_batching_rows_run_in_batches(sd1: Any, host: Any) -> None:  # noqa: F811
    together = paint(sd1, euler(sd1, ["red", "green"]))
    host.opts.data["batch_cond_uncond"] = False
    with model_rows(sd1) as rows:
        apart = paint(sd1, euler(sd1, ["red", "green"]))
    assert rows == [2, 2, 2, 2]
    assert torch.allclose(together, apart, atol=1e-3, rtol=1e-4)


def test_low_noise_leaves_out_negative_rows_on_odd_calls(sd1: Any, host: Any, calls: list) -> None:  # noqa: F811
    # '"Skip early CFG" and NGMS drop the uncond rows after the callback: it still sees all of x.'
    p = job(sd1, ["red"], 4, "Euler", s_min_uncond=100.0)
    with model_rows(sd1) as rows:
        paint(sd1, p)
    assert rows == [2, 1, 2, 1]
    assert {len(call.x) for call in calls} == {2}
    assert p.extra_generation_params["NGMS"] == 100.0
    host.opts.data["s_min_uncond_all"] = True
    with model_rows(sd1) as rows:
        paint(sd1, job(sd1, ["red"], 4, "Euler", s_min_uncond=100.0))
    assert rows == [1, 1, 1, 1]


def test_skip_early_cfg(sd1: Any, host: Any) -> None:  # noqa: F811
    host.opts.data["skip_early_cond"] = 0.5
    p = job(sd1, ["red"], 4, "Euler")
    with model_rows(sd1) as rows:
        paint(sd1, p)
    assert rows == [1, 1, 1, 2]
    assert p.extra_generation_params["Skip Early CFG"] == 0.5


def test_refiner_switches_in_mid_sampling(sd1: Any, files: Files, host: Any, calls: list) -> None:  # noqa: F811
    # "Refiner: on_model_loaded in mid-sampling; conds are rebuilt; denoiser.step goes on counting."
    from modules import prompt_parser, sd_models

    model = load(files.sd1)
    info = sd_models.CheckpointInfo(str(files.other))
    p = job(model, ["red"], 6, "Euler", refiner_checkpoint_info=info, refiner_switch_at=0.5)

    def setup_conds() -> None:
        p.c = prompt_parser.get_multicond_learned_conditioning(host.sd_model, ["red"], 6)
        p.uc = prompt_parser.get_learned_conditioning(host.sd_model, [""], 6)

    p.setup_conds, p.get_conds = setup_conds, lambda: (p.c, p.uc)
    latent = paint(model, p)
    assert latent.isfinite().all()
    assert [call.step for call in calls] == list(range(6))
    changed = [not torch.equal(call.text_cond, calls[0].text_cond) for call in calls]
    assert changed == [False] * 3 + [True] * 3
    assert host.sd_model.sd_checkpoint_info is info
    assert p.extra_generation_params["Refiner"].startswith("tiny-b")
    assert p.sampler.model_wrap_cfg.inner_model.inner_model is host.sd_model


class TestSdxl:
    """Runs last in this file: the model is replaced."""

    @pytest.fixture(scope="class")
    def xl(self, _sd1: Any, files: Files) -> Any:  # noqa: F811
        return load(files.xl)

    def test_conditioning_is_a_dict_with_shape(self, xl: Any, host: Any, calls: list) -> None:  # noqa: F811
        host.state.begin("test")
        assert paint(xl, euler(xl, ["red", "green"])).isfinite().all()
        width = xl.cond_stage_model.wrapped.width
        for cond in (calls[0].text_cond, calls[0].text_uncond):
            assert {key: tuple(value.shape) for key, value in cond.items()} == {
                "crossattn": (2, 77, width), "vector": (2, width + 1536),
            }
            assert cond.shape == (2, 77, width)

    def test_plain_dict_raises(self, xl: Any, host: Any) -> None:
        # "SDXL: assign a DictWithShape or edit ['crossattn']; a plain dict is HTTP 500."
        def change(params: Any) -> None:
            params.text_cond = dict(params.text_cond)

        host.state.begin("test")
        with callback("cfg_denoiser", change), pytest.raises(AttributeError, match="shape"):
            paint(xl, euler(xl, ["red"]))

    def test_padding_of_a_dict(self, xl: Any, host: Any) -> None:
        host.state.begin("test")
        host.opts.data["pad_cond_uncond"] = True
        with model_rows(xl) as rows:
            paint(xl, euler(xl, [LONG], "ugly"))
        assert rows == [2, 2]
