"""KL decoders of given widths, and one piece of work with one of them in a process of its own.

`run` starts `python -m benchmarks.decoders JOB` and gives back what it measured: seconds of each repeat (CPU seconds of
the process, or by the clock on a GPU) and the most bytes that the work held beside weights and latent: on a CPU the
process's peak of resident memory, on a GPU what torch's allocator counted. Each network is diffusers' `AutoencoderKL`
with random weights, or the pocket model's trained ones, so peers compute with the very same numbers.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.flags import ROOT
from benchmarks.timing import process_once, wall_once
from lib_vaeface.vae.autoencoder import FIRST_STAGE, LATENT, Autoencoder, from_state_dict, load
from lib_vaeface.vae.budget import Job as Budget
from lib_vaeface.vae.layouts import to_diffusers
from lib_vaeface.vae.precision import RUNGS

# Channels of each resolution, of the latent, residual blocks of each resolution in the encoder. The narrow one has the
# structure of the others at 1/128 of the finest level's work, so that 4096 px can be had in minutes on one core.
NETS = {
    "narrow": ((32, 32, 32, 32), 4, 2), "pocket": ((64, 64, 64, 64), 4, 1), "SD1, SDXL": ((128, 256, 512, 512), 4, 2),
    "Flux": ((128, 256, 512, 512), 16, 2),
}  # fmt: skip
FULL, TILES, PEER, PEER_TILES, REGIONS = "full", "tiles", "diffusers", "diffusers, tiled", "regions"
POCKET = ROOT / "pocket_webui" / "models" / "pocket.safetensors"


@dataclass(frozen=True)
class Task:
    """way: one of the five above. side: of the picture in pixels. share: of a full decode's bytes that tiles may hold.

    boxes: of the regions, in pixels. cut: where they start. given: a file with the latent, made here without one.
    keep: a file for what came out. precision: "" for the device's best.
    """

    net: str
    way: str
    side: int
    device: str = "cpu"
    runs: int = 1
    share: float = 1.0
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    cut: str = FIRST_STAGE
    given: str = ""
    keep: str = ""
    precision: str = ""

    def of(self, way: str, share: float, keep: str) -> Task:
        """The same picture decoded in another way."""
        return replace(self, way=way, share=share, keep=keep)


@dataclass(frozen=True)
class Measured:
    seconds: tuple[float, ...]
    peak: int
    operations: int = 0  # multiply-adds twice, of a full decode
    told: str = ""


def peer(name: str) -> Any:
    """diffusers' autoencoder with random weights, "pocket" with the pocket model's."""
    from diffusers import AutoencoderKL

    widths, channels, layers = NETS[name]
    torch.manual_seed(0)
    count = len(widths)
    made = AutoencoderKL(
        block_out_channels=widths, latent_channels=channels, layers_per_block=layers, norm_num_groups=32,
        down_block_types=("DownEncoderBlock2D",) * count, up_block_types=("UpDecoderBlock2D",) * count, sample_size=512,
        use_quant_conv=channels == 4, use_post_quant_conv=channels == 4,  # Flux has neither
    ).eval()  # fmt: skip
    if name == "pocket":
        shapes = {key: tensor.shape for key, tensor in made.state_dict().items()}
        trained = {to_diffusers(key, count): tensor for key, tensor in load(POCKET).source().items()}
        made.load_state_dict({key: trained[key].reshape(shape).float() for key, shape in shapes.items()})
    return made


class OutOfMemory(RuntimeError):
    """The work needs more memory than there is."""


def ours(model: Any, device: str, precision: str = "") -> Autoencoder:
    codec = from_state_dict(model.state_dict(), device, RUNGS.get(precision))
    codec.net(codec.dtype)
    return codec


def latent(name: str, side: int, device: str) -> Tensor:
    """What a sampler might leave: unlike parts, at the scale of SD1's."""
    random = torch.Generator().manual_seed(1)
    size = side // 8
    coarse = torch.randn(1, NETS[name][1], 4, 4, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    return (smooth + 0.5 * torch.randn(1, NETS[name][1], size, size, generator=random)).to(device)


def work(task: Task) -> tuple[Callable[[], Tensor], Autoencoder]:
    model = peer(task.net).to(task.device)
    codec = ours(model, task.device, task.precision)
    z = torch.load(task.given).to(task.device) if task.given else latent(task.net, task.side, task.device)
    if task.way in (PEER, PEER_TILES):
        if task.way == PEER_TILES:
            model.enable_tiling()
        decode = model.to(codec.dtype).decode
        return lambda: picture(decode(codec.scaling.to_raw(z).to(codec.dtype)).sample.float()), codec
    del model
    if task.way == TILES:
        budget = Budget(codec.decoder, (z.shape[2], z.shape[3]), codec.dtype.itemsize)
        room = max(int(task.share * budget.whole().nbytes), int(1.5 * budget.least_bytes()) + 2**20)
        return lambda: codec.decode_tiled(z, room), codec
    if task.way == REGIONS:
        _, memories = codec.decode_keeping(z, (FIRST_STAGE, LATENT))
        parts = lambda: [codec.decode_region(z, box, memories, task.cut) for box in task.boxes]  # noqa: E731
        return lambda: torch.stack([part.mean() for part in parts()]) if not task.keep else torch.cat(parts()), codec
    return lambda: codec.decode(z), codec


def picture(sample: Tensor) -> Tensor:
    """-1..1 -> 0..1, as our codec does it."""
    return (sample / 2 + 0.5).clamp(0, 1)


def measure(task: Task) -> Measured:
    with torch.no_grad():
        call, codec = work(task)
        seconds, peak = taken(call, task.device, task.runs, task.keep)
    size = task.side // codec.downscale
    macs = codec.decoder.macs(0, len(codec.decoder.ops), size, size)
    return Measured(seconds, peak, 2 * macs)


def taken(call: Callable[[], Tensor], device: str, runs: int, keep: str) -> tuple[tuple[float, ...], int]:
    """Seconds of each repeat, and the peak of bytes beside what was held before. keep: a file for what came out."""
    once = process_once if device == "cpu" else wall_once
    if device == "cuda":
        call()  # a GPU's first time chooses kernels, and takes memory for that
    gc.collect()
    before = _forget_peak(device)
    seconds: list[float] = []
    kept: list[Tensor] = []
    for _ in range(runs):
        kept.clear()
        seconds.append(once(lambda: kept.append(call())))
    peak = _peak(device) - before
    if keep:
        torch.save(kept[0].cpu(), keep)
    return tuple(seconds), peak


def _forget_peak(device: str) -> int:
    """Bytes held now; the peak is counted from here."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pass
    return _status("VmRSS")


def _peak(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else _status("VmHWM")


def _status(name: str) -> int:
    """A line of /proc/self/status in bytes; 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def run(task: Task) -> Measured:
    """In a process of its own, on one thread. RuntimeError: it failed, with the end of what it said."""
    return answered([sys.executable, "-m", "benchmarks.decoders", json.dumps(asdict(task))], task.device)


def answered(command: list[str], device: str) -> Measured:
    """What a program prints in its last line. RuntimeError: it failed, with the end of what it said; OutOfMemory."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if device == "cpu":
        environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf8")
    if done.returncode != 0:
        words = ("OutOfMemoryError", "can't allocate memory", "MemoryError")
        short = done.returncode == -9 or any(word in done.stderr for word in words)  # -9: Linux was short of memory
        raise (OutOfMemory if short else RuntimeError)(f"{command}: {done.stderr[-600:]}")
    read = json.loads(done.stdout.splitlines()[-1])
    return Measured(**{**read, "seconds": tuple(read["seconds"])})


def main() -> None:
    read = json.loads(sys.argv[1])
    read["boxes"] = tuple(tuple(box) for box in read["boxes"])
    task = Task(**read)
    if task.device == "cpu":
        torch.set_num_threads(1)
    print(json.dumps(asdict(measure(task))))


if __name__ == "__main__":
    main()
