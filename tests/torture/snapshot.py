"""What a generation must leave as it was, as values that can be compared."""

from __future__ import annotations

import hashlib
import random
from typing import Any

PLAIN = (bool, int, float, str, type(None))
# Of a job: made anew in each, or counters and caches of the WebUI.
CHANGING = (
    "comments", "extra_generation_params", "rng", "batch_index", "script_args", "script_args_value", "iteration",
    "cached_c", "cached_uc", "cached_hr_c", "cached_hr_uc", "c", "uc", "hr_c", "hr_uc",
)  # fmt: skip


def host() -> dict[str, Any]:
    """The WebUI between two generations: its VAE's weights and names, options, callbacks, scripts, torch's switches."""
    import torch
    import vae_run

    from modules import processing, script_callbacks, scripts, shared

    runners = (scripts.scripts_txt2img, scripts.scripts_img2img)
    model = shared.sd_model
    return {
        "vae": vae_run.state(),
        "model": sorted(vars(model)),
        "modules": _hooked(model),
        "options": {name: repr(value) for name, value in sorted(shared.opts.data.items())},
        "callbacks": {name: len(found) for name, found in script_callbacks.callback_map.items()},
        "scripts": [[script.title() for script in runner.alwayson_scripts] for runner in runners],
        "classes": [sorted(vars(one)) for one in (processing.StableDiffusionProcessing,
                                                  processing.StableDiffusionProcessingTxt2Img)],
        "torch": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), str(torch.get_default_dtype())],
        "history": bool(getattr(shared.cmd_opts, "no_prompt_history", False)),
        "bar": type(shared.total_tqdm).__name__,
    }  # fmt: skip


def _hooked(model: Any) -> list[str]:
    """Names of the modules whose forward is not their class's. Forge's model is no module, but holds some."""
    import torch

    parts = {"": model} if isinstance(model, torch.nn.Module) else vars(model)
    modules = [(f"{part}.{name}", module) for part, one in parts.items() if isinstance(one, torch.nn.Module)
               for name, module in one.named_modules()]  # fmt: skip
    return sorted(name for name, module in modules if "forward" in vars(module))


def numbers() -> list[str]:
    """The states of the random numbers that a generation may have drawn from."""
    import numpy as np
    import torch

    states = torch.get_rng_state().numpy().tobytes(), repr(np.random.get_state()).encode(), repr(random.getstate())
    return [hashlib.sha256(one if isinstance(one, bytes) else one.encode()).hexdigest() for one in states]


def progress() -> list[Any]:
    """What the page's bar shows behind a generation."""
    from modules import shared

    state = shared.state
    return [state.job, state.job_no, state.job_count, state.textinfo]


def prompts(job: Any) -> dict[str, str]:
    """What a job asked for: everything on it that is plain."""
    found = {name: value for name, value in vars(job).items() if name not in CHANGING and _plain(value)}
    return {name: repr(value) for name, value in found.items()}


def _plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_plain(one) for one in value)
    if isinstance(value, dict):
        return all(_plain(one) for one in value.values())
    return isinstance(value, PLAIN)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names of what is not equal, with both values."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [f"{name}: {str(before.get(name))[:120]} became {str(after.get(name))[:120]}" for name in names]
