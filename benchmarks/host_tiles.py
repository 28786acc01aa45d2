"""The WebUIs' own ways to decode a big picture, each in a process of its own with that WebUI's Python and code.

`decoded` starts `python -m benchmarks.host_tiles JOB` with it. A1111 is started headless with the extension Tiled VAE,
whose script is run as for a generation; of Forge its `backend` alone is imported. Both get the weights by their names
in a checkpoint, and the raw latent. Nothing in their folders is written to.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks import a1111
from benchmarks.decoders import NETS, Measured, answered, picture, taken

EXTENSION = "multidiffusion-upscaler-for-automatic1111"
A1111, FAST, NOT_FAST = "A1111, whole", "Tiled VAE, fast decoder", "Tiled VAE, not fast"
FORGE, FORGE_TILES = "Forge, whole", "Forge, tiled"
Decode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Job:
    """folder: of the WebUI. tiled_vae: of the extension. weights, given: safetensors files: the VAE, the raw latent.

    net, runs, keep: as of `decoders.Task`, computed on the CPU.
    """

    way: str
    net: str
    folder: str
    tiled_vae: str
    weights: str
    given: str
    runs: int
    keep: str


def decoded(job: Job, python: str) -> Measured:
    return answered([python, "-m", "benchmarks.host_tiles", json.dumps(asdict(job))], "cpu")


def in_a1111(job: Job) -> tuple[Decode, str]:
    """The decode, and the tile that the extension proposes for this device. Once per process."""
    data = Path(tempfile.mkdtemp(prefix="vaeface-a1111-"))
    a1111.furnish(data, extension=False)
    (data / "extensions" / EXTENSION).symlink_to(job.tiled_vae)
    a1111.start(Path(job.folder), data)
    from ldm.models.autoencoder import AutoencoderKL

    from modules import scripts, shared

    model: Any = shared.sd_model
    model.first_stage_model = filled(AutoencoderKL(_ldm(job.net), {"target": "torch.nn.Identity"}, 4), job.weights)
    if job.way == A1111:
        return model.first_stage_model.decode, ""
    found = next(one for one in scripts.scripts_data if Path(one.path).name == "tilevae.py")
    side = found.module.get_rcmd_dec_tsize()
    processing = type("Job", (), {"sd_model": model})
    found.script_class().process(processing, True, 512, side, True, job.way == FAST, True, False)
    return model.first_stage_model.decode, f"{8 * side} px"


def _ldm(net: str) -> dict[str, Any]:
    """The network as a checkpoint's configuration names it."""
    widths, channels, layers = NETS[net]
    return {
        "double_z": True, "z_channels": channels, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": widths[0],
        "ch_mult": [width // widths[0] for width in widths], "num_res_blocks": layers, "attn_resolutions": [],
        "dropout": 0.0,
    }  # fmt: skip


def in_forge(job: Job) -> tuple[Decode, str]:
    """The decode, and the tile that it takes by itself. Once per process."""
    widths, channels, layers = NETS[job.net]
    sys.argv = ["webui.py", "--always-cpu", "--vae-in-fp32"]
    sys.path[:0] = [job.folder, str(Path(job.folder) / "packages_3rdparty")]
    os.chdir(job.folder)
    import inspect

    from backend import memory_management
    from backend.nn.vae import IntegratedAutoencoderKL
    from backend.patcher.vae import VAE

    levels = len(widths)
    net = IntegratedAutoencoderKL(
        block_out_channels=widths, layers_per_block=layers, latent_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
    )  # fmt: skip
    vae = VAE(model=filled(net, job.weights))
    memory_management.load_model_gpu(vae.patcher)
    if job.way == FORGE:
        return lambda raw: vae.decode(raw).movedim(-1, 1) * 2 - 1, ""
    side = inspect.signature(vae.decode_tiled).parameters["tile_x"].default
    return lambda raw: vae.decode_tiled(raw).movedim(-1, 1) * 2 - 1, f"{8 * side} px"


def filled(net: Any, weights: str) -> Any:
    """The network with the weights of a file, whatever of the 1x1 kernels is written as a matrix there."""
    given = load_file(weights)
    net.load_state_dict({name: given[name].reshape(own.shape) for name, own in net.state_dict().items()})
    return net.eval()


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    torch.set_num_threads(1)
    with torch.no_grad(), contextlib.redirect_stdout(sys.stderr):
        decode, told = (in_forge if job.way in (FORGE, FORGE_TILES) else in_a1111)(job)
        raw = load_file(job.given)["raw"]
        seconds, peak = taken(lambda: picture(decode(raw)), "cpu", job.runs, job.keep)
    print(json.dumps(asdict(Measured(seconds, peak, told=told))), flush=True)
    os._exit(0)  # without waiting for threads of the WebUI


if __name__ == "__main__":
    main()
