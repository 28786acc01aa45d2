"""Another VAE for the next generation: ours against the host's reload. `python -m benchmarks vae_change`.

SD1's autoencoder at full size in fp32 with random weights. With --a1111 the real A1111's `sd_vae.reload_vae_weights`
runs beside ours in one process, on a model with SD1's U-Net and autoencoder. Without it, only a part of such a reload
is the baseline: the file read and its weights copied over the model's. On a GPU: the time that the same bytes take over
the bus.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks import a1111, full_vae
from benchmarks.flags import Flags, flags
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import Times, Work, cpu_once, wall_once
from lib_vaeface.vae.picked import Codecs, Picker, picker_of
from lib_vaeface.vae.protocol import HostVae

BAR = 20.0
NAMES = ("first.safetensors", "second.safetensors")
Taken = dict[str, Times]
FIRST, KNOWN, AGAIN = "a file never seen before", "first time in this process", "used before in this process"


def by_turns() -> Callable[[], str]:
    """The one file, then the other, ..."""
    return itertools.cycle(NAMES).__next__


def ready(picker: Picker, own: HostVae, name: str) -> Any:
    """The codec of a file, proved and with its weights where they compute."""
    pick = picker.pick(name, own)
    if pick.codec is None:
        raise RuntimeError(pick.why)
    pick.codec.net(pick.codec.dtype)
    return pick.codec


def works(picker: Callable[[], Picker], change: Callable[[str], Any], forget: Callable[[], None]) -> dict[str, Work]:
    """Ours in three states of what is known. Each leaves both files open, as two generations before would have."""
    turns = by_turns()

    def first() -> None:
        forget()
        change(turns())

    def known() -> None:
        picker().codecs._kept.clear()
        change(turns())

    return {AGAIN: lambda: change(turns()), KNOWN: known, FIRST: first}


def measured(baselines: dict[str, Work], ours: dict[str, Work], runs: int, once: Callable[[Work], float]) -> Taken:
    """Each by itself, for a reload of the host's makes another model for us; what forgets comes last.

    Before each repeat the processor's caches are filled with something else, as a generation does.
    """
    other = torch.empty(2**24)
    taken: Taken = {}
    for name, work in [*baselines.items(), *((state, ours[state]) for state in (AGAIN, KNOWN, FIRST))]:
        for _ in range(0 if name == FIRST else 2):
            work()
        seconds = []
        for _ in range(runs):
            other.fill_(0.0)
            seconds.append(once(work))
        taken[name] = Times(tuple(seconds))
    return taken


def rows(times: Taken, baseline: str) -> Iterator[list[str]]:
    base = times[baseline].median
    for name, one in times.items():
        yield [name, f"{one.median * 1e3:,.1f}", one.spread, f"{base / one.median:,.1f}"]


def judge(times: Taken, baseline: str, against: str) -> None:
    ratio = times[baseline].median / times[AGAIN].median
    late = times[baseline].median / times[KNOWN].median
    text = f"{ratio:,.0f} x ({times[AGAIN].median * 1e3:.1f} ms), {late:.1f} x where the file is read first"
    why = "" if ratio >= BAR else f"below {BAR:.0f} x"
    found("change", text, ratio >= BAR, against, why)


# ours alone


def alone(asked: Flags, folder: Path, runs: int) -> None:
    device = torch.device(asked.device)
    base = {name: tensor.to(device) for name, tensor in full_vae.weights(full_vae.SD1, 0).items()}
    for number, name in enumerate(NAMES, 1):
        full_vae.relative(folder, name.removesuffix(".safetensors"), full_vae.weights(full_vae.SD1, 0), number)
    own = HostVae("sd1", "", "", ("sd1",), 4, 0.18215, 0.0, base, _unused, _unused, device)
    data = folder / "data"

    def change(name: str) -> Any:
        return ready(_picker(data, folder), own, name)

    ours = works(lambda: _picker(data, folder), change, lambda: _forgotten(data))
    target, turns = {name: tensor.clone() for name, tensor in base.items()}, by_turns()
    reading = "reading the file and copying its weights"

    def read() -> None:
        for name, tensor in load_file(folder / turns()).items():
            target[name].copy_(tensor)

    baselines: dict[str, Work] = {reading: read}
    if asked.device == "cuda":
        baselines |= bus(base, change, lambda: _picker(data, folder).codecs)
    times = measured(baselines, ours, runs, wall_once if asked.device == "cuda" else cpu_once)
    table((f"change to a file ({asked.device})", "ms", "least .. most", "times faster"), rows(times, reading), words=1)
    if asked.device == "cuda":
        judge_bus(times)
    else:
        judge(times, reading, "reading and copying alone")


BUS, WAITING = "the same bytes from pinned memory over the bus", "weights waiting in the computer's memory"


def bus(base: dict[str, Tensor], change: Callable[[str], Any], codecs: Callable[[], Codecs]) -> dict[str, Work]:
    """What a GPU adds: the bytes alone over the bus, and a change to weights that had left the device."""
    pinned = [tensor.cpu().pin_memory() for tensor in base.values()]
    turns = by_turns()

    def copied() -> list[Tensor]:
        return [tensor.to("cuda", non_blocking=True) for tensor in pinned]

    def waiting() -> None:
        codecs().leave_device()
        change(turns())

    return {BUS: copied, WAITING: waiting}


def judge_bus(times: Taken) -> None:
    ratio = times[WAITING].median / times[BUS].median
    text = f"{ratio:.1f} x the bytes' own time; on the device already: {times[AGAIN].median * 1e3:.1f} ms"
    found("change", text, ratio <= 2, "GPU", "" if ratio <= 2 else "proof and kernels' phases beside the copy")


def _picker(data: Path, folder: Path) -> Picker:
    return picker_of(data, (folder,), ())


def _forgotten(data: Path) -> None:
    """As after the first installation: nothing in memory, nothing in files."""
    picker_of.cache_clear()
    for path in data.glob("vae-*.json"):
        path.unlink()


def _unused(value: Tensor) -> Tensor:
    raise AssertionError("files that are near the model's own need no probe")


# beside the real A1111


def beside_a1111(asked: Flags, folder: Path, runs: int) -> None:
    assert asked.a1111 is not None
    weights = full_vae.weights(full_vae.SD1, 0)
    files = {name: full_vae.relative(folder, name.split(".")[0], weights, n) for n, name in enumerate(NAMES, 1)}
    a1111.start(asked.a1111, a1111.data_folder(), "--vae-dir", str(folder))
    with contextlib.redirect_stdout(sys.stderr):
        parameters = _full_model(asked.a1111, weights)
        times = _both(files, runs)
    print(
        f"\nThe model: SD1's U-Net and autoencoder, a small text encoder, {parameters / 1e6:,.0f} million parameters."
    )
    baseline = next(iter(times))
    table(("change to a file (CPU)", "CPU ms", "least .. most", "times faster"), rows(times, baseline))
    judge(times, baseline, "A1111's own reload, CPU")


def _full_model(folder: Path, weights: dict[str, Tensor]) -> int:
    """SD1's U-Net and autoencoder in place of the loaded model's; the number of parameters now."""
    from ldm.util import instantiate_from_config
    from omegaconf import OmegaConf

    from modules import sd_disable_initialization, sd_hijack, shared

    config: Any = OmegaConf.load(folder / "configs" / "v1-inference.yaml").model.params
    model: Any = shared.sd_model
    sd_hijack.model_hijack.undo_hijack(model)
    with sd_disable_initialization.DisableInitialization(disable_clip=False):
        model.model.diffusion_model = instantiate_from_config(config.unet_config).eval()
        model.first_stage_model = instantiate_from_config(config.first_stage_config).eval()
    model.first_stage_model.load_state_dict(weights)
    sd_hijack.model_hijack.hijack(model)
    return sum(parameter.numel() for parameter in model.parameters())


class Job:
    """What the adapter asks of a job here."""

    tiling = False


def _both(files: dict[str, Path], runs: int) -> Taken:
    from modules import sd_vae, shared

    session: Any = sys.modules["lib_vaeface.session.vaes"]
    webui: Any = sys.modules["lib_vaeface.host"].current()
    coder: Any = sys.modules["lib_vaeface.vae.protocol"].Coder
    picked: Any = sys.modules["lib_vaeface.vae.picked"]
    job, turns = Job(), by_turns()

    def change(name: str) -> None:
        codec = ready(session.picker(), webui.vae(job), name)
        webui.point_vae(job, coder(codec.decode_raw, codec.moments))
        webui.release_vae()

    def forget() -> None:
        picked.picker_of.cache_clear()
        for path in webui.data_folder().rglob("vae-*.json"):
            path.unlink()

    def reload(keep: int) -> None:
        shared.opts.data["sd_vae_checkpoint_cache"] = keep
        sd_vae.reload_vae_weights(vae_file=str(files[turns()]))

    baselines = {
        "A1111's reload": lambda: reload(0),
        "A1111's reload, its own cache of VAEs on": lambda: reload(2),
    }
    return measured(baselines, works(session.picker, change, forget), runs, cpu_once)


def main() -> None:
    asked = flags()
    if asked.a1111 and a1111.elsewhere(asked, "vae_change"):
        return
    print(machine("torch", "safetensors", device=asked.device))
    with tempfile.TemporaryDirectory() as name:
        (beside_a1111 if asked.a1111 else alone)(asked, Path(name), 1 if asked.quick else 9)


if __name__ == "__main__":
    main()
