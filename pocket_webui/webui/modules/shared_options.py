"""All built-in settings in the order of the settings page."""

from __future__ import annotations

from modules.option_tables import diffusion, interface, sampling, saving
from modules.options import OptionInfo, categories

restricted_opts = saving.restricted_opts

for _id, _label in (
    ("saving", "Saving images"),
    ("sd", "Stable Diffusion"),
    ("ui", "User Interface"),
    ("system", "System"),
    ("postprocessing", "Postprocessing"),
    ("training", "Training"),
):
    categories.register_category(_id, _label)

options_templates: dict[str, OptionInfo] = {
    **saving.images(),
    **saving.folders(),
    **sampling.upscaling(),
    **interface.system(),
    **diffusion.models(),
    **diffusion.xl(),
    **diffusion.vae(),
    **diffusion.img2img(),
    **diffusion.speed(),
    **diffusion.compatibility(),
    **interface.prompt_editing(),
    **interface.page(),
    **interface.interface(),
    **interface.infotext(),
    **interface.live_previews(),
    **sampling.samplers(),
    **sampling.postprocessing(),
    **interface.hidden(),
}
