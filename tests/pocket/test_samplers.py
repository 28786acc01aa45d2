"""Step counters, calls and results of the samplers, against "Steps" of the facts page and schedules.md 1.3."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.pocket.tiny import calls, files, job, paint, sd1  # noqa: F401  (fixtures)

from tests.pocket.tiny import _sd1 as _sd1  # isort: skip  (fixture behind sd1)

PROMPT = "a [cat:dog:0.5]"

# steps = 4: (sampling_step, denoiser.step) at each call, and denoiser.total_steps
FIRST_ORDER = ([(0, 0), (0, 1), (1, 2), (2, 3)], 4)
SECOND_ORDER = ([(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6)], 8)
COUNTERS = {
    **dict.fromkeys(
        ["Euler a", "Euler", "DPM++ 2M", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE", "LMS", "LCM"], FIRST_ORDER
    ),
    **dict.fromkeys(["Heun", "DPM2", "DPM2 a", "DPM++ SDE", "DPM++ 2S a", "Restart"], SECOND_ORDER),
    **dict.fromkeys(["DDIM", "DDIM CFG++"], ([(0, 0), (0, 1), (1, 2)], 4)),
    **dict.fromkeys(["PLMS", "UniPC"], ([(0, 0), (0, 1), (0, 2), (1, 3)], 4)),
    "DPM fast": ([(0, 0), (0, 1), (0, 2), (0, 3)], 4),
}


@pytest.mark.parametrize("name", COUNTERS)
def test_counters_of_four_steps(name: str, sd1: Any, calls: list) -> None:  # noqa: F811
    latent = paint(sd1, job(sd1, [PROMPT], 4, name))
    counted, total = COUNTERS[name]
    assert [(call.sampling_step, call.step) for call in calls] == counted
    assert {call.total for call in calls} == {total}
    # facts, "Steps" 1: total_sampling_steps is the steps of this pass, never doubled
    assert {call.sampling_steps for call in calls} == {4}
    assert latent.shape == (1, 4, 8, 8) and latent.isfinite().all()


def test_every_sampler_has_a_row_here() -> None:
    from modules import sd_samplers

    assert {sampler.name for sampler in sd_samplers.all_samplers} == {*COUNTERS, "DPM adaptive"}


def test_dpm_adaptive_passes_the_total(sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, job(sd1, [PROMPT], 4, "DPM adaptive"))
    assert len(calls) > 10
    assert calls[-1].sampling_step > calls[-1].sampling_steps == 4
    # facts, "Steps" 6: the schedule is over, and its FIRST entry is used again
    assert torch.equal(calls[-1].text_cond, calls[0].text_cond)
    assert not torch.equal(calls[3].text_cond, calls[0].text_cond)


@pytest.mark.parametrize(
    ("name", "expected"), [("Euler a", 20), ("DPM++ 3M SDE", 20), ("Heun", 39), ("DPM2 a", 39), ("Restart", 39)]
)
def test_calls_of_twenty_steps(name: str, expected: int, sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, job(sd1, ["a"], 20, name))
    assert len(calls) == expected


@pytest.mark.parametrize(("steps", "expected"), [(10, 9), (20, 19), (25, 24), (30, 30), (40, 39), (50, 49)])
def test_calls_of_ddim(steps: int, expected: int, sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, job(sd1, ["a"], steps, "DDIM"))
    assert len(calls) == expected


def test_restart_raises_sigma_again(sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, job(sd1, ["a"], 20, "Restart"))
    sigmas = [float(call.sigma[0]) for call in calls]
    # schedules.md 4.2: at 20 steps sigma rises once
    assert [i for i in range(1, len(sigmas)) if sigmas[i] > sigmas[i - 1]] == [18]


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC"])
def test_timestep_samplers_pass_timestep_numbers(name: str, sd1: Any, calls: list) -> None:  # noqa: F811
    paint(sd1, job(sd1, ["a"], 4, name))
    first = {"DDIM": 751.0, "PLMS": 751.0, "UniPC": 999.0}[name]
    assert calls[0].sigma.tolist() == pytest.approx([first, first])
    assert all(1 <= float(call.sigma[0]) <= 999 for call in calls)


def test_first_text_lasts_one_call_longer(sd1: Any, calls: list) -> None:  # noqa: F811
    # facts, "Steps" 2: 6 steps of [cat:dog:0.5] are 4 cat calls and 2 dog calls
    paint(sd1, job(sd1, ["[cat:dog:0.5]"], 6, "Euler a"))
    assert [torch.equal(call.text_cond, calls[0].text_cond) for call in calls] == [True] * 4 + [False] * 2


def test_img2img_makes_part_of_the_steps(sd1: Any, calls: list) -> None:  # noqa: F811
    # facts, "Steps" 5: at denoise 0.5 and 8 steps [cat:dog:0.5] never becomes dog
    p = job(sd1, ["[cat:dog:0.5]"], 8, "Euler", denoising_strength=0.5)
    paint(sd1, p, latent=torch.zeros(1, 4, 8, 8))
    assert [(call.step, call.total, call.sampling_steps) for call in calls] == [(i, 5, 5) for i in range(5)]
    assert all(torch.equal(call.text_cond, calls[0].text_cond) for call in calls)


@pytest.mark.parametrize("name", sorted({*COUNTERS, "DPM adaptive"}))
def test_img2img_runs_with_every_sampler(name: str, sd1: Any) -> None:  # noqa: F811
    latent = paint(sd1, job(sd1, ["a"], 6, name, denoising_strength=0.7), latent=torch.zeros(1, 4, 8, 8))
    assert latent.shape == (1, 4, 8, 8) and latent.isfinite().all()


@pytest.mark.parametrize("name", ["Euler a", "DPM++ SDE", "DPM++ 2M SDE", "Restart"])
def test_a_picture_does_not_depend_on_its_batch(name: str, sd1: Any) -> None:  # noqa: F811
    both = paint(sd1, job(sd1, ["a", "a"], 3, name))
    alone = paint(sd1, job(sd1, ["a"], 3, name, all_seeds=[1]))
    assert torch.allclose(both[1:], alone, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(both[:1], alone, atol=0.1)


class Gaussian:
    """Data that is one known Gaussian, so that the ideal noise prediction and the end of every path are known."""

    MEAN, STD = 0.7, 0.5

    def __init__(self) -> None:
        from pocket_webui.nets.diffusion import scaled_linear_alphas

        self.alphas_cumprod = scaled_linear_alphas(0.00085, 0.012, 1000)
        self.inner_model = self

    def noise(self, x: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        variance = alpha * self.STD**2 + 1 - alpha
        return (1 - alpha).sqrt() * (x - alpha.sqrt() * self.MEAN) / variance

    def end(self, x: torch.Tensor, alpha: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Where the probability flow takes x from noise level alpha to level last."""
        spread = ((last * self.STD**2 + 1 - last) / (alpha * self.STD**2 + 1 - alpha)).sqrt()
        return last.sqrt() * self.MEAN + (x - alpha.sqrt() * self.MEAN) * spread

    def __call__(self, x: torch.Tensor, t: torch.Tensor, **_: Any) -> torch.Tensor:
        exact = torch.arange(1000).double()
        log_alpha = torch.tensor(float(t[0]))
        low = int(log_alpha.floor().clamp(0, 998))
        share = float(log_alpha) - float(exact[low])
        logs = self.alphas_cumprod.double().log()
        return self.noise(x, (logs[low] * (1 - share) + logs[low + 1] * share).exp()).float()


@pytest.mark.parametrize(
    ("name", "steps", "spacing", "error"),
    [
        ("ddim", 200, "", 0.03),
        ("plms", 100, "", 0.006),
        ("unipc", 100, "time_uniform", 0.02),
        ("unipc", 20, "time_quadratic", 0.004),
        ("unipc", 20, "logSNR", 0.001),
    ],
)
def test_timestep_samplers_follow_the_known_path(
    name: str, steps: int, spacing: str, error: float, sd1: Any, host: Any  # noqa: F811
) -> None:
    from modules import sd_samplers_timesteps_impl

    host.opts.data["uni_pc_skip_type"] = spacing

    class Denoiser(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner_model = Gaussian()

        def forward(self, x: torch.Tensor, t: torch.Tensor, **_: Any) -> torch.Tensor:
            return self.inner_model(x, t)

    model, generator = Denoiser(), torch.Generator().manual_seed(0)
    x = torch.randn((1, 4, 16, 16), generator=generator)
    timesteps = (torch.arange(0, 1000, 1000 // steps) + 1).clip(0, 999)
    got = getattr(sd_samplers_timesteps_impl, name)(model, x, timesteps, disable=True)
    alphas = model.inner_model.alphas_cumprod
    start, last = (999, 0) if name == "unipc" else (int(timesteps[-1]), int(timesteps[0]))
    wanted = model.inner_model.end(x, alphas[start], alphas[last])
    assert float((got - wanted).abs().max()) < error


def test_interrupt_ends_with_the_last_latent(sd1: Any, host: Any, calls: list) -> None:  # noqa: F811
    from modules import script_callbacks

    def stop(params: Any) -> None:
        host.state.interrupted = params.denoiser.step == 1

    script_callbacks.on_cfg_denoiser(stop)
    p = job(sd1, ["a"], 6, "Euler")
    try:
        latent = paint(sd1, p)
    finally:
        script_callbacks.remove_callbacks_for_function(stop)
    assert len(calls) == 2
    assert latent is p.sampler.last_latent


def test_names_and_aliases(sd1: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    assert sd_samplers.samplers_map["k_euler_a"] == "Euler a"
    assert sd_samplers.get_sampler_and_scheduler("DPM++ 2M Karras", None) == ("DPM++ 2M", "Automatic")
    assert sd_samplers.get_sampler_and_scheduler("Euler SGMUniform", None) == ("Euler", "SGM Uniform")
    assert sd_samplers.get_sampler_and_scheduler("nonsense", "nonsense") == ("DPM++ 2M", "Automatic")
    with pytest.raises(AssertionError, match="bad sampler name: nonsense"):
        sd_samplers.create_sampler("nonsense", sd1)


def test_hidden_samplers_are_not_visible(sd1: Any, host: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    host.opts.data["hide_samplers"] = ["Heun"]
    sd_samplers.set_samplers()
    assert "Heun" not in sd_samplers.visible_sampler_names()
    host.opts.data["hide_samplers"] = []
    sd_samplers.set_samplers()
    assert "Heun" in sd_samplers.visible_sampler_names()


def test_wrong_names_of_a_job_are_corrected(sd1: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    p = job(sd1, ["a"], 1, "Euler")
    p.sampler_name, p.scheduler = "Euler a Karras", None
    sd_samplers.fix_p_invalid_sampler_and_scheduler(p)
    assert (p.sampler_name, p.scheduler) == ("Euler a", "Karras")


@pytest.mark.parametrize("label", ["Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform",
                                   "KL Optimal", "Align Your Steps", "Simple", "Normal", "DDIM", "Beta"])
def test_schedules_fall_to_zero(label: str, sd1: Any) -> None:  # noqa: F811
    from modules import sd_samplers

    p = job(sd1, ["a"], 8, "Euler", scheduler=label)
    sigmas = sd_samplers.create_sampler("Euler", sd1).get_sigmas(p, 8)
    assert len(sigmas) in (8 + 1, 9 + 1) and sigmas[-1] < 0.03  # KL Optimal ends at the model's lowest sigma
    assert (sigmas[:-1] > sigmas[1:]).all()
    assert p.extra_generation_params.get("Schedule type", "Automatic") == label


def test_philox_gives_cuda_numbers() -> None:
    from modules import rng_philox

    known = [[-0.92466259, -0.42534415, -2.6438457, 0.14518388], [-0.12086647, -0.57972564, -0.62285122, -0.32838709]]
    got = rng_philox.Generator(seed=0).randn((3, 4))[:2]
    assert got.tolist() == [pytest.approx(row, abs=2e-6) for row in known]


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
def test_noise_of_an_image(source: str, host: Any) -> None:
    from modules import rng

    host.opts.data["randn_source"] = source
    both, alone = rng.ImageRNG((4, 8, 8), [3, 5]), rng.ImageRNG((4, 8, 8), [5])
    assert torch.equal(both.next()[1:], alone.next())
    assert torch.equal(both.next()[1:], alone.next())


def test_variations_and_resized_seeds(host: Any) -> None:
    from modules import rng

    seed = rng.ImageRNG((4, 8, 8), [5]).next()
    other = rng.ImageRNG((4, 8, 8), [6]).next()
    varied = rng.ImageRNG((4, 8, 8), [5], subseeds=[6], subseed_strength=1.0).next()
    assert torch.allclose(varied, other, atol=1e-5)
    assert not torch.allclose(rng.ImageRNG((4, 8, 8), [5], [6], 0.3).next(), seed)
    small = rng.ImageRNG((4, 4, 4), [5]).next()
    resized = rng.ImageRNG((4, 8, 8), [5], seed_resize_from_h=32, seed_resize_from_w=32).next()
    assert torch.equal(resized[:, :, 2:6, 2:6], small)
    cropped = rng.ImageRNG((4, 4, 4), [5], seed_resize_from_h=64, seed_resize_from_w=64).next()
    assert torch.equal(cropped, seed[:, :, 2:6, 2:6])


def test_eta_noise_seed_delta_changes_later_noise_only(host: Any) -> None:
    from modules import rng

    plain = rng.ImageRNG((4, 8, 8), [5])
    first, second = plain.next(), plain.next()
    host.opts.data["eta_noise_seed_delta"] = 31337
    moved = rng.ImageRNG((4, 8, 8), [5])
    assert torch.equal(moved.next(), first)
    later = moved.next()
    assert not torch.equal(later, second)
    assert torch.equal(later, rng.ImageRNG((4, 8, 8), [5 + 31337]).first())
