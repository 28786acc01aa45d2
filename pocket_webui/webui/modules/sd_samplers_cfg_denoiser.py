"""Classifier-free guidance: one call of a sampler becomes one call of the model for positive and negative rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from modules import devices, prompt_parser, sd_samplers_common, shared
from modules.script_callbacks import (
    AfterCFGCallbackParams,
    CFGDenoisedParams,
    CFGDenoiserParams,
    cfg_after_cfg_callback,
    cfg_denoised_callback,
    cfg_denoiser_callback,
)
from modules.shared import opts, state

Rows = list[list[tuple[int, float]]]


def catenate_conds(conds: list[Any]) -> Any:
    """Conditionings one under the other: tensors, or dicts key by key."""
    if not isinstance(conds[0], dict):
        return torch.cat(conds)
    return {key: torch.cat([x[key] for x in conds]) for key in conds[0]}


def subscript_cond(cond: Any, a: int, b: int) -> Any:
    """Rows a .. b-1 of a conditioning."""
    return {key: value[a:b] for key, value in cond.items()} if isinstance(cond, dict) else cond[a:b]


def pad_cond(tensor: Any, repeats: int, empty: torch.Tensor) -> Any:
    """The conditioning made longer by `repeats` copies of `empty` [1, 77, width]."""
    if not isinstance(tensor, dict):
        return torch.cat([tensor, empty.repeat((tensor.shape[0], repeats, 1)).to(tensor)], dim=1)
    tensor["crossattn"] = pad_cond(tensor["crossattn"], repeats, empty)
    return tensor


def _take(x: torch.Tensor, rows: list[int]) -> torch.Tensor:
    return x[torch.tensor(rows, device=x.device)]


def _first_rows(rows: Rows) -> list[int]:
    return [parts[0][0] for parts in rows]


class CFGDenoiser(torch.nn.Module):
    """What a sampling function calls as its model. step counts the calls of this pass from 0; steps is what the person
    asked for, total_steps the number of calls expected (twice that for second-order samplers)."""

    def __init__(self, sampler: Any) -> None:
        super().__init__()
        self.model_wrap: Any = None
        self.mask: torch.Tensor | None = None
        self.nmask: torch.Tensor | None = None
        self.init_latent: torch.Tensor | None = None
        self.steps: int | None = None
        self.total_steps: int | None = None
        self.step = 0
        self.image_cfg_scale: float | None = None
        self.padded_cond_uncond = False
        self.padded_cond_uncond_v0 = False
        self.sampler = sampler
        self.p: Any = None
        self.cond_scale_miltiplier = 1.0
        self.need_last_noise_uncond = False
        self.last_noise_uncond: torch.Tensor | None = None
        self.mask_before_denoising = False

    @property
    def inner_model(self) -> Any:
        raise TypeError(f"{type(self).__name__} must define inner_model")

    def combine_denoised(self, x_out: torch.Tensor, conds_list: Rows, uncond: Any, cond_scale: float) -> torch.Tensor:
        """[B, 4, h, w]: the negative row of each image, plus its positive rows' differences to it times weight and
        scale."""
        negative = x_out[-uncond.shape[0] :]
        denoised = negative.clone()
        for i, parts in enumerate(conds_list):
            for row, weight in parts:
                denoised[i] += (x_out[row] - negative[i]) * (weight * cond_scale)
        return denoised

    def get_pred_x0(self, x_in: torch.Tensor, x_out: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The picture that the model's output means."""
        return x_out

    def update_inner_model(self) -> None:
        """After another checkpoint was loaded in mid-sampling."""
        self.model_wrap = None
        c, uc = self.p.get_conds()
        self.sampler.sampler_extra_args["cond"] = c
        self.sampler.sampler_extra_args["uncond"] = uc

    def pad_cond_uncond(self, cond: Any, uncond: Any) -> tuple[Any, Any]:
        """The shorter of the two made as long as the other with the encoding of an empty prompt."""
        empty = shared.sd_model.cond_stage_model_empty_prompt
        repeats = (cond.shape[1] - uncond.shape[1]) // empty.shape[1]
        self.padded_cond_uncond = self.padded_cond_uncond or repeats != 0
        if repeats < 0:
            cond = pad_cond(cond, -repeats, empty)
        elif repeats > 0:
            uncond = pad_cond(uncond, repeats, empty)
        return cond, uncond

    def pad_cond_uncond_v0(self, cond: Any, uncond: Any) -> tuple[Any, Any]:
        """The negative cut to the positive's length, or its last vector repeated: what DDIM did before 1.6.0."""
        text = uncond["crossattn"] if isinstance(uncond, dict) else uncond
        lacking = cond.shape[1] - text.shape[1]
        self.padded_cond_uncond_v0 = self.padded_cond_uncond_v0 or lacking != 0
        text = torch.hstack([text, text[:, -1:].repeat([1, lacking, 1])]) if lacking > 0 else text[:, : cond.shape[1]]
        if isinstance(uncond, dict):
            uncond["crossattn"] = text
            return cond, uncond
        return cond, text

    def forward(
        self,
        x: torch.Tensor,
        sigma: torch.Tensor,
        uncond: Any,
        cond: Any,
        cond_scale: float,
        s_min_uncond: float,
        image_cond: torch.Tensor,
    ) -> torch.Tensor:
        """x [B, 4, h, w] and sigma [B] -> the denoised [B, 4, h, w] (or its noise, for samplers by timesteps)."""
        if state.interrupted or state.skipped:
            raise sd_samplers_common.InterruptedException
        if sd_samplers_common.apply_refiner(self, sigma):
            cond, uncond = (self.sampler.sampler_extra_args[key] for key in ("cond", "uncond"))
        rows, text = prompt_parser.reconstruct_multicond_batch(cond, self.step)
        uncond = prompt_parser.reconstruct_cond_batch(uncond, self.step)
        if self.mask_before_denoising and self.mask is not None:
            x = self._blend(x, sigma)
        params = self._call_hook(x, sigma, image_cond, rows, text, uncond)
        skip = self._skips_uncond(s_min_uncond, sigma)
        x_in, x_out, uncond = self._run_model(params, len(rows), skip)
        if skip:
            # the positive's result stands in for the negative's
            x_out = torch.cat([x_out, _take(x_out, _first_rows(rows))])
        cfg_denoised_callback(CFGDenoisedParams(x_out, state.sampling_step, state.sampling_steps, self.inner_model))
        if self.need_last_noise_uncond:
            self.last_noise_uncond = x_out[-uncond.shape[0] :].clone()
        scale = 1.0 if skip else cond_scale * self.cond_scale_miltiplier
        denoised = self.combine_denoised(x_out, rows, uncond, scale)
        if not self.mask_before_denoising and self.mask is not None:
            denoised = self._blend(denoised, sigma)
        self._keep_preview(x_in, x_out, denoised, rows, uncond, sigma)
        after = AfterCFGCallbackParams(denoised, state.sampling_step, state.sampling_steps)
        cfg_after_cfg_callback(after)
        self.step += 1
        return after.x

    def _blend(self, latent: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Outside the mask, the start picture's latent; scripts may blend otherwise."""
        blended = latent * self.nmask + self.init_latent * self.mask
        if self.p.scripts is None:
            return blended
        from modules import scripts

        args = scripts.MaskBlendArgs(
            latent, self.nmask, self.init_latent, self.mask, blended, denoiser=self, sigma=sigma
        )
        self.p.scripts.on_mask_blend(self.p, args)
        return args.blended_latent

    def _call_hook(self, x: Any, sigma: Any, image_cond: Any, rows: Rows, text: Any, uncond: Any) -> CFGDenoiserParams:
        """All positive rows, image by image, then one negative row per image: what on_cfg_denoiser may change."""
        order = [i for i, parts in enumerate(rows) for _ in parts] + list(range(len(rows)))
        params = CFGDenoiserParams(
            _take(x, order),
            _take(image_cond, order),
            _take(sigma, order),
            state.sampling_step,
            state.sampling_steps,
            text,
            uncond,
            self,
        )
        cfg_denoiser_callback(params)
        return params

    def _skips_uncond(self, s_min_uncond: float, sigma: torch.Tensor) -> bool:
        """Whether the negative rows of this call are left out (early steps, or low noise), noted in the infotext."""
        noted = self.p.extra_generation_params
        if opts.skip_early_cond != 0.0 and self.step / self.total_steps <= opts.skip_early_cond:
            noted["Skip Early CFG"] = opts.skip_early_cond
            return True
        due = self.step % 2 or opts.s_min_uncond_all
        if not (due and s_min_uncond > 0 and sigma[0] < s_min_uncond):
            return False
        noted["NGMS"] = s_min_uncond
        if opts.s_min_uncond_all:
            noted["NGMS all steps"] = opts.s_min_uncond_all
        return True

    def _padded(self, text: Any, uncond: Any) -> tuple[Any, Any]:
        self.padded_cond_uncond = self.padded_cond_uncond_v0 = False
        if text.shape[1] == uncond.shape[1]:
            return text, uncond
        if opts.pad_cond_uncond_v0:
            return self.pad_cond_uncond_v0(text, uncond)
        return self.pad_cond_uncond(text, uncond) if opts.pad_cond_uncond else (text, uncond)

    def _run_model(self, params: CFGDenoiserParams, images: int, skip: bool) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """(rows that went in, the model's output for them, the negative conditioning). Positive and negative of
        different lengths run apart."""
        x, sigma, image_cond = params.x, params.sigma, params.image_cond
        if skip:
            x, sigma, image_cond = x[:-images], sigma[:-images], image_cond[:-images]
        text, uncond = self._padded(params.text_cond, params.text_uncond)
        together = not skip and text.shape[1] == uncond.shape[1]
        parts = [catenate_conds([text, uncond])] if together else [text] if skip else [text, uncond]
        if sum(_count(part) for part in parts) != len(x):
            raise RuntimeError(
                f"{len(x)} rows of latents, but {sum(_count(part) for part in parts)} of conditioning: "
                "a callback changed the number of rows"
            )
        size = len(x) if opts.batch_cond_uncond and len(parts) == 1 else images * (1 + opts.batch_cond_uncond)
        out, start = torch.zeros_like(x), 0
        for part in parts:
            # negative rows that run apart always go in one call
            for a, b in _chunks(_count(part), _count(part) if start else size):
                at = slice(start + a, start + b)
                out[at] = self._call(x[at], sigma[at], subscript_cond(part, a, b), image_cond[at])
            start += _count(part)
        return x, out, uncond

    def _call(self, x: torch.Tensor, sigma: torch.Tensor, cond: Any, image_cond: torch.Tensor) -> torch.Tensor:
        # a callback may hand over float64 or half conditioning
        if isinstance(cond, dict):
            given = {key: value.to(devices.dtype_unet) for key, value in cond.items()}
        else:
            given = {"c_crossattn": [cond.to(devices.dtype_unet)]}
        return self.inner_model(x, sigma, cond={**given, "c_concat": [image_cond]})

    def _keep_preview(self, x_in: Any, x_out: Any, denoised: Any, rows: Rows, uncond: Any, sigma: Any) -> None:
        first, negative = _first_rows(rows), slice(-uncond.shape[0], None)
        inputs = _take(x_in, first)
        self.sampler.last_latent = self.get_pred_x0(inputs, _take(x_out, first), sigma)
        if opts.live_preview_content == "Prompt":
            preview = self.sampler.last_latent
        elif opts.live_preview_content == "Negative prompt":
            preview = self.get_pred_x0(x_in[negative], x_out[negative], sigma)
        else:
            preview = self.get_pred_x0(inputs, denoised, sigma)
        sd_samplers_common.store_latent(preview)


def _count(cond: Any) -> int:
    return int((cond["crossattn"] if isinstance(cond, dict) else cond).shape[0])


def _chunks(length: int, size: int) -> Iterator[tuple[int, int]]:
    return ((a, min(a + size, length)) for a in range(0, length, size))
