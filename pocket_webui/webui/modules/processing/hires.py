"""Hires fix: the second pass of txt2img, larger and from the first one's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from modules import devices, extra_networks, images, processing, prompt_parser, rng, sd_models, sd_samplers, shared
from modules.processing.conditioning import encode_method
from modules.processing.hires_size import LATENT, resize_target
from modules.processing.loop import to_pixels
from modules.processing.prompts import total_steps_of, with_negative_styles, with_styles


def _hr_prompt(p: Any, index: int, prompt_text: str, **kwargs: Any) -> str | None:
    prompt = p.all_hr_prompts[index]
    return prompt if prompt != prompt_text else None


def _hr_negative_prompt(p: Any, index: int, negative_prompt: str, **kwargs: Any) -> str | None:
    prompt = p.all_hr_negative_prompts[index]
    return prompt if prompt != negative_prompt else None


class HiresMethods:
    """The methods of a txt2img job for its second pass; its fields are in `StableDiffusionProcessingTxt2Img`."""

    if TYPE_CHECKING:
        # The fields come from the dataclass that this class is mixed into.
        def __getattr__(self, name: str) -> Any: ...

    def note_encoder(self) -> None:
        if shared.opts.sd_vae_encode_method != "Full":
            self.extra_generation_params["VAE Encoder"] = shared.opts.sd_vae_encode_method

    def init_hires(self) -> None:
        """Infotext entries, checkpoint, upscaler, size and step counts of the second pass."""
        params = self.extra_generation_params
        params["Denoising strength"] = self.denoising_strength
        self._find_hr_checkpoint()
        if self.hr_sampler_name is not None and self.hr_sampler_name != self.sampler_name:
            params["Hires sampler"] = self.hr_sampler_name
        params["Hires prompt"] = _hr_prompt
        params["Hires negative prompt"] = _hr_negative_prompt
        # Its place in the infotext; the sampler fills it in.
        params["Hires schedule type"] = None
        self.hr_scheduler = self.scheduler if self.hr_scheduler is None else self.hr_scheduler
        self._find_hr_upscaler()
        self.calculate_target_resolution()
        self._count_hr_jobs()
        if self.hr_second_pass_steps:
            params["Hires steps"] = self.hr_second_pass_steps
        if self.hr_upscaler is not None:
            params["Hires upscaler"] = self.hr_upscaler

    def _find_hr_checkpoint(self) -> None:
        name = self.hr_checkpoint_name
        if not name or name == "Use same checkpoint":
            return
        self.hr_checkpoint_info = sd_models.get_closet_checkpoint_match(name)
        if self.hr_checkpoint_info is None:
            raise ValueError(f"There is no checkpoint '{name}' for hires fix; choose one of the list.")
        self.extra_generation_params["Hires checkpoint"] = self.hr_checkpoint_info.short_title

    def _find_hr_upscaler(self) -> None:
        name = shared.latent_upscale_default_mode if self.hr_upscaler is None else self.hr_upscaler
        self.latent_scale_mode = shared.latent_upscale_modes.get(name)
        if self.latent_scale_mode is None and all(data.name != name for data in shared.sd_upscalers):
            raise ValueError(f"There is no upscaler '{name}' for hires fix; choose one of the list.")

    def calculate_target_resolution(self) -> None:
        """Set `hr_upscale_to_x`, `hr_upscale_to_y` and what is cut off, from `hr_scale` or from `hr_resize_*`."""
        old_way = shared.opts.use_old_hires_fix_width_height
        if old_way and self.applied_old_hires_behavior_to != (self.width, self.height):
            self.hr_resize_x = self.hr_upscale_to_x = self.width
            self.hr_resize_y = self.hr_upscale_to_y = self.height
            self.width, self.height = processing.old_hires_fix_first_pass_dimensions(self.width, self.height)
            self.applied_old_hires_behavior_to = (self.width, self.height)
        if self.hr_resize_x == 0 and self.hr_resize_y == 0:
            self.extra_generation_params["Hires upscale"] = self.hr_scale
            self.hr_upscale_to_x = int(self.width * self.hr_scale)
            self.hr_upscale_to_y = int(self.height * self.hr_scale)
            return
        self.extra_generation_params["Hires resize"] = f"{self.hr_resize_x}x{self.hr_resize_y}"
        target = resize_target(self.width, self.height, self.hr_resize_x, self.hr_resize_y)
        self.hr_upscale_to_x, self.hr_upscale_to_y, self.truncate_x, self.truncate_y = target

    def _count_hr_jobs(self) -> None:
        """Each iteration counts twice in the progress bars; only once per job, which may have several parts."""
        state = shared.state
        if state.processing_has_refined_job_count:
            return
        state.job_count = self.n_iter if state.job_count == -1 else state.job_count
        steps = self.hr_second_pass_steps or self.steps
        if not getattr(self, "txt2img_upscale", False):
            steps += self.steps
        shared.total_tqdm.updateTotal(steps * state.job_count)
        state.job_count *= 2
        state.processing_has_refined_job_count = True

    def sample_hr_pass(self, samples: Any, decoded_samples: Any, seeds: list[int], subseeds: list[int],
                       subseed_strength: float, prompts: list[str]) -> Any:
        """From the first pass (latents, or pictures [n, 3, h, w] in -1..1 for a pixel upscaler) to decoded pictures.
        After an interrupt the first pass's latents are returned as they are."""
        if shared.state.interrupted:
            return samples
        self.is_hr_pass = True
        self.sampler = sd_samplers.create_sampler(self.hr_sampler_name or self.sampler_name, self.sd_model)
        if self.latent_scale_mode is not None:
            samples, image_conditioning = self._enlarge_latents(samples)
        else:
            samples, image_conditioning = self._enlarge_pictures(decoded_samples)
        shared.state.nextjob()
        samples = self._without_cut(samples)
        samples = self._second_pass(samples, image_conditioning, subseed_strength)
        decoded = processing.decode_latent_batch(self.sd_model, samples, target_device=devices.cpu, check_for_nans=True)
        self.is_hr_pass = False
        return decoded

    def _enlarge_latents(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for index in range(samples.shape[0]):
            self._save_intermediate(samples, index)
        size = (self.hr_upscale_to_y // LATENT, self.hr_upscale_to_x // LATENT)
        samples = torch.nn.functional.interpolate(samples, size=size, **self.latent_scale_mode)
        if getattr(self, "inpainting_mask_weight", shared.opts.inpainting_mask_weight) < 1.0:
            pictures = processing.decode_first_stage(self.sd_model, samples)
            return samples, self.img2img_image_conditioning(pictures, samples)
        return samples, self.txt2img_image_conditioning(samples)

    def _enlarge_pictures(self, decoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        enlarged = []
        for index, picture in enumerate(torch.clamp((decoded + 1.0) / 2.0, min=0.0, max=1.0)):
            image = Image.fromarray(to_pixels(picture))
            self._save_intermediate(image, index)
            image = images.resize_image(0, image, self.hr_upscale_to_x, self.hr_upscale_to_y,
                                        upscaler_name=self.hr_upscaler)
            enlarged.append(np.moveaxis(np.array(image).astype(np.float32) / 255.0, 2, 0))
        pictures = torch.from_numpy(np.array(enlarged)).to(shared.device, dtype=devices.dtype_vae)
        self.note_encoder()
        samples = processing.images_tensor_to_samples(pictures, encode_method())
        return samples, self.img2img_image_conditioning(pictures, samples)

    def _save_intermediate(self, image: Any, index: int) -> None:
        if not self.save_samples() or not shared.opts.save_images_before_highres_fix:
            return
        if not isinstance(image, Image.Image):
            image = sd_samplers.sample_to_image(image, index, approximation=0)
        info = processing.create_infotext(self, self.all_prompts, self.all_seeds, self.all_subseeds, [],
                                          iteration=self.iteration, position_in_batch=index)
        images.save_image(image, self.outpath_samples, "", self.seeds[index], self.prompts[index],
                          shared.opts.samples_format, info=info, p=self, suffix="-before-highres-fix")

    def _without_cut(self, samples: torch.Tensor) -> torch.Tensor:
        left, top = self.truncate_x // 2, self.truncate_y // 2
        right, bottom = (self.truncate_x + 1) // 2, (self.truncate_y + 1) // 2
        return samples[:, :, top:samples.shape[2] - bottom, left:samples.shape[3] - right]

    def _second_pass(self, samples: torch.Tensor, image_conditioning: torch.Tensor,
                     subseed_strength: float) -> torch.Tensor:
        self.rng = rng.ImageRNG(
            samples.shape[1:], self.seeds, subseeds=self.subseeds, subseed_strength=subseed_strength,
            seed_resize_from_h=self.seed_resize_from_h, seed_resize_from_w=self.seed_resize_from_w)
        noise = self.rng.next()
        devices.torch_gc()
        with devices.autocast():
            if not self.disable_extra_networks:
                extra_networks.activate(self, self.hr_extra_network_data)
            self.calculate_hr_conds()
        sd_models.apply_token_merging(self.sd_model, self.get_token_merging_ratio(for_hr=True))
        if self.scripts is not None:
            self.scripts.before_hr(self)
            self.scripts.process_before_every_sampling(p=self, x=samples, noise=noise, c=self.hr_c, uc=self.hr_uc)
        samples = self.sampler.sample_img2img(
            self, samples, noise, self.hr_c, self.hr_uc, steps=self.hr_second_pass_steps or self.steps,
            image_conditioning=image_conditioning)
        sd_models.apply_token_merging(self.sd_model, self.get_token_merging_ratio())
        self.sampler = None
        devices.torch_gc()
        return samples

    def setup_prompts(self) -> None:
        """Also the prompts of the second pass; an empty one is the first pass's."""
        super().setup_prompts()  # type: ignore[misc]
        if not self.enable_hr:
            return
        self.hr_prompt = self.prompt if self.hr_prompt == "" else self.hr_prompt
        self.hr_negative_prompt = self.negative_prompt if self.hr_negative_prompt == "" else self.hr_negative_prompt
        self.all_hr_prompts = with_styles(self._for_all(self.hr_prompt), self.styles)
        self.all_hr_negative_prompts = with_negative_styles(self._for_all(self.hr_negative_prompt), self.styles)

    def _for_all(self, prompt: Any) -> list[str]:
        return prompt if isinstance(prompt, list) else [prompt] * (self.batch_size * self.n_iter)

    def parse_extra_network_prompts(self) -> None:
        super().parse_extra_network_prompts()  # type: ignore[misc]
        if not self.enable_hr:
            return
        self.hr_prompts = self.of_iteration(self.all_hr_prompts, self.iteration)
        self.hr_negative_prompts = self.of_iteration(self.all_hr_negative_prompts, self.iteration)
        self.hr_prompts, self.hr_extra_network_data = extra_networks.parse_prompts(self.hr_prompts)

    def calculate_hr_conds(self) -> None:
        """Encode the prompts of the second pass, once per iteration. Their schedules know the steps of both passes.

        The size of the second pass is not part of the cache's key (A1111's omission): with SDXL another `hr_scale`
        may get the size embedding of the last one."""
        if self.hr_c is not None:
            return
        size = {"width": self.hr_upscale_to_x, "height": self.hr_upscale_to_y}
        prompts = prompt_parser.SdConditioning(self.hr_prompts, **size)
        negatives = prompt_parser.SdConditioning(self.hr_negative_prompts, is_negative_prompt=True, **size)
        steps = total_steps_of(self.hr_sampler_name or self.sampler_name, self.hr_second_pass_steps or self.steps)
        self.hr_uc = self.get_conds_with_caching(
            prompt_parser.get_learned_conditioning, negatives, self.firstpass_steps,
            [self.cached_hr_uc, self.cached_uc], self.hr_extra_network_data, steps)
        self.hr_c = self.get_conds_with_caching(
            prompt_parser.get_multicond_learned_conditioning, prompts, self.firstpass_steps,
            [self.cached_hr_c, self.cached_c], self.hr_extra_network_data, steps)
