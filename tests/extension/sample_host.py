"""A WebUI of a few lines for the tests of what needs no WebUI: it keeps what it is told."""

import os
from pathlib import Path
from types import SimpleNamespace

from lib_vaeface.host import ModelCall
from lib_vaeface.options import OPTIONS

DEFAULTS = {option.name: option.default for option in OPTIONS}


class SampleHost:
    name = "sample"
    script_class = object
    always_visible = object()

    def __init__(self):
        self.comments = []
        self.errors = []
        self.options = {"vaeface_keep_latents": False}
        self.stack = []
        self.outside = False
        self.data = Path(os.devnull)

    def reachable_from_outside(self):
        return self.outside

    def data_folder(self):
        return self.data / "vaeface"

    def vae_folders(self):
        return []

    checkpoint_folders = vae_folders

    def version(self):
        return "1"

    def listen(self, listeners, options):
        self.listeners = listeners

    def redirect_conditioning(self):
        pass

    def has_model(self):
        return True

    def vae_names(self, again=False):
        return ["a.safetensors", "b.safetensors"]

    def sampler_names(self):
        return ["Euler", "Euler a"]

    def face_models(self):
        return {}

    def stopped(self):
        return False

    def infotexts(self, processed):
        return list(processed.infotexts)

    def release_vae(self):
        self.pointed = False

    def running(self, job):
        return any(running is job for running in self.stack)

    def option(self, name):
        return self.options.get(name, DEFAULTS.get(name))

    def report_error(self, message):
        self.errors.append(message)

    def comment(self, job, text, processed=None):
        self.comments.append((job, text))

    def parse_infotext(self, text):
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


class Job(SimpleNamespace):
    """What the session touches of the host's processing object."""

    def __init__(self):
        super().__init__(extra_generation_params={}, is_hr_pass=False)

    def infotext(self):
        values = {k: v(p=self, index=0) if callable(v) else v for k, v in self.extra_generation_params.items()}
        return {k: v for k, v in values.items() if v is not None}


def call(job, step=0, cond=None, *, total_steps=4, steps=4, hires=False, uncond=None):
    return ModelCall(job, step, total_steps, steps, hires, cond, uncond)
