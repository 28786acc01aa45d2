"""Jobs: their parameters (`StableDiffusionProcessing...`), how they run (`process_images`), what they return.

Everything is offered under this name, and the parts call each other through it: an extension that replaces, say,
`modules.processing.decode_latent_batch` replaces it for the whole pipeline, as on A1111.
"""

from __future__ import annotations

import modules.images as images  # noqa: F401
import modules.paths as paths  # noqa: F401
import modules.sd_models as sd_models  # noqa: F401
import modules.sd_vae as sd_vae  # noqa: F401
import modules.shared as shared  # noqa: F401
from modules import (  # noqa: F401
    devices,
    errors,
    extra_networks,
    face_restoration,
    infotext_utils,
    lowvram,
    masking,
    prompt_parser,
    rng,
    scripts,
    sd_hijack,
    sd_samplers,
    sd_samplers_common,
    sd_unet,
    sd_vae_approx,
    styles,
)
from modules.rng import slerp  # noqa: F401
from modules.sd_hijack import model_hijack  # noqa: F401
from modules.sd_samplers_common import (  # noqa: F401
    approximation_indexes,
    decode_first_stage,
    images_tensor_to_samples,
)
from modules.shared import cmd_opts, opts, state  # noqa: F401

# isort: split
from modules.processing.base import StableDiffusionProcessing  # noqa: F401
from modules.processing.compose import (  # noqa: F401
    apply_color_correction,
    apply_overlay,
    create_binary_mask,
    setup_color_correction,
    uncrop,
)
from modules.processing.conditioning import txt2img_image_conditioning  # noqa: F401
from modules.processing.decode import DecodedSamples, decode_latent_batch  # noqa: F401
from modules.processing.hires_size import old_hires_fix_first_pass_dimensions  # noqa: F401
from modules.processing.image_to_image import StableDiffusionProcessingImg2Img  # noqa: F401
from modules.processing.infotext import create_infotext, program_version  # noqa: F401
from modules.processing.job import process_images  # noqa: F401
from modules.processing.loop import process_images_inner  # noqa: F401
from modules.processing.result import Processed  # noqa: F401
from modules.processing.seeds import create_random_tensors, fix_seed, get_fixed_seed  # noqa: F401
from modules.processing.text_to_image import StableDiffusionProcessingTxt2Img  # noqa: F401

opt_C = 4
opt_f = 8
