"""A WebUI for the tab: its model is the trained pocket VAE, its files are kin and strangers of it."""

import contextlib
import threading
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from lib_vaeface.ui.tab import desk_of
from lib_vaeface.vae.protocol import HostVae
from tests.extension.sample_host import SampleHost
from tests.fixtures import kin
from tests.vae import family

SCALE = family.POCKET.scale


class TabHost(SampleHost):
    """`busy` is held while a handler works."""

    def __init__(self, data: Path):
        super().__init__()
        self.data = data
        self.saved = []
        self.busy = threading.Lock()
        self.model = own_vae("first")

    def vae(self, job):
        return self.model

    def data_folder(self):
        return self.data / "vaeface"

    def vae_folders(self):
        return [self.data / "VAE"]

    def checkpoint_folders(self):
        return []

    def show_tabs(self, build):
        self.build = build

    def alone(self):
        return self.busy

    def samplers(self):
        return [("Euler a", 1), ("Heun", 2)]

    def count_tokens(self, text):
        return len(text.split())

    def picture_folders(self):
        return [self.data / "outputs"]

    def save_picture(self, image, infotext):
        self.saved.append((image, infotext))
        return "vae-compare-0001.png"


def own_vae(identity):
    tensors = family.base_state()
    return HostVae("pocket", str(kin.POCKET), identity, ("sd1",), 4, SCALE, 0.0, tensors,
                   family.base().encode, family.base().decode, torch.device("cpu"))


@lru_cache(maxsize=1)
def states():
    """name -> weights: a fine-tune, the same VAE again, and one of another latent space."""
    base = family.base_state()
    tuned = {**base, "decoder.conv_out.weight": base["decoder.conv_out.weight"] * 0.9}
    return {"tuned": tuned, "same": base, "foreign": kin.turned(base, 3)}


def desk(data: Path, *names: str):
    """A desk over a folder with these VAEs."""
    folder = data / "VAE"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        tensors = {key: value.contiguous() for key, value in states()[name].items()}
        save_file(tensors, str(folder / f"{name}.safetensors"))
    made = desk_of(TabHost(data))
    made.bench.entries()
    return made


@contextlib.contextmanager
def last_generation(latents, identity="first", infotext="a prompt\nSteps: 4"):
    """`latents` of the pocket model as those of the last generation."""
    from lib_vaeface.vae import kept
    from lib_vaeface.vae.latent_files import About

    raws = [(latents / SCALE)[n : n + 1] for n in range(len(latents))]
    kept.keep(raws, About(), [infotext] * len(latents), identity, SCALE, 0.0)
    try:
        yield
    finally:
        kept.forget()
