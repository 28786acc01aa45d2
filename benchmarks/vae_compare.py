"""N VAEs on one latent: ours against N generations, and against N decodes alone. `python -m benchmarks vae_compare`.

Without --full-size the pocket family in the pocket WebUI, whose X/Y/Z plot is written after A1111's, or with --a1111 in
the real one; with it SD1's autoencoder with random weights.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import a1111, full_vae
from benchmarks.flags import Flags, flags
from benchmarks.plots import chart
from benchmarks.pocket import start
from benchmarks.summary import found
from benchmarks.tables import machine, table
from benchmarks.timing import Times, exponent, in_turn, process_once, wall_once
from lib_vaeface.vae.autoencoder import from_state_dict
from lib_vaeface.vae.codec import Autoencoder
from lib_vaeface.vae.compare import compare, decode_each
from lib_vaeface.vae.contact_sheet import contact_sheet
from lib_vaeface.vae.formats import BY_KEY
from lib_vaeface.vae.picked import Picker, picker_of
from lib_vaeface.vae.protocol import HostVae
from tests.extension import xyz_run
from tests.fixtures import kin

MOST, BAR, LINEAR = 8, 1.05, 1.1
OURS, DECODES = "proved, decoded, measured", "the decodes alone"
State = dict[str, Tensor]


def names(count: int) -> list[str]:
    return [f"kin-{number}.safetensors" for number in range(count)]


def written(folder: Path, base: State, count: int) -> None:
    for number, name in enumerate(names(count)):
        kin.write(kin.noisy(base, 0.01, number), folder / name, torch.float32)


# one latent, no generation


def works(picker: Picker, own: HostVae, latents: Tensor, count: int) -> dict[str, Callable[[], Any]]:
    def codec(name: str) -> Autoencoder:
        found = picker.pick(name, own).codec
        assert found is not None
        return found

    some = names(count)
    opened = [codec(name) for name in some]
    return {
        DECODES: lambda: [one.decode_tiled(latents) for one in opened],
        OURS: lambda: compare(decode_each(latents, {name: partial(codec, name) for name in some})),
    }


def core(own: HostVae, folder: Path, side: int, counts: Sequence[int], runs: int) -> dict[int, dict[str, Times]]:
    picker = picker_of(folder / "data", (folder,), ())
    picker.codecs.most_bytes = 2**40
    latents = torch.randn(1, own.channels, side // 8, side // 8, generator=torch.Generator().manual_seed(1))
    once = wall_once if own.device.type == "cuda" else process_once
    times = {}
    for count in counts:
        both = works(picker, own, latents, count)
        for work in both.values():
            work()
        times[count] = in_turn(both, runs, once)
    return times


def sheet_seconds(own: HostVae, folder: Path, side: int) -> Times:
    """Of the picture that shows a comparison of two, which is made for people and saved."""
    latents = torch.zeros(1, own.channels, side // 8, side // 8)
    base = from_state_dict(own.tensors, own.device, format=BY_KEY["sd1"])
    done = compare(decode_each(latents, {"one": base, "two": base}))
    return in_turn({"sheet": lambda: contact_sheet(done)}, 3, process_once)["sheet"]


def told(times: dict[int, dict[str, Times]], what: str) -> None:
    rows = []
    for count, both in times.items():
        ours, decodes = both[OURS].median, both[DECODES].median
        rows.append([count, f"{decodes * 1e3:,.0f}", f"{ours * 1e3:,.0f}", f"{ours / decodes:.3f}"])
    table(("VAEs", f"{DECODES}, ms", f"{OURS}, ms", "ratio"), rows, words=0)
    worst = max(both[OURS].median / both[DECODES].median for both in times.values())
    why = "" if worst <= BAR else "opening, proof and metrics weigh more where a decode is this cheap"
    found("compare", f"{worst:.3f} x N decodes at most", worst <= BAR, what, why)


# beside generations


def own_of(model: Path, device: str) -> HostVae:
    return HostVae("pocket", str(model), "pocket", ("sd1",), 4, BY_KEY["sd1"].scale, 0.0, kin.read(model), _no, _no,
                   torch.device(device))  # fmt: skip


def _no(value: Tensor) -> Tensor:
    raise AssertionError("kin needs no probe")


def plots(api: Any, counts: Sequence[int], runs: int, side: int) -> Iterator[list[object]]:
    """X/Y/Z plots over the WebUI's own VAE axis, which paints every cell, and over ours."""
    body = {"prompt": "a woman with red hair", "width": side, "height": side, "steps": 20}

    def plot(axis: str, some: list[str]) -> None:
        found = xyz_run.plot(api, (axis, some), ours={"schedule": False} if axis == "VAE file" else None, **body)
        if found["status"] != 200:
            raise RuntimeError(found["error"])

    for count in counts:
        some = names(count)
        kinds = {"theirs": partial(plot, "VAE", some), "ours": partial(plot, "VAE file", some)}
        for work in kinds.values() if count == counts[0] else ():
            work()  # first times are not typical
        times = in_turn(kinds, runs, process_once)
        theirs, ours = times["theirs"].median, times["ours"].median
        yield [count, f"{theirs:,.2f}", f"{ours:,.2f}", f"{theirs / ours:.2f}"]


def compared(api: Any, host: str, counts: Sequence[int], quick: bool) -> None:
    side = 64 if quick else 128
    print(f"X/Y/Z plots in {host}, {side} px, 20 steps, seconds of CPU: over its VAE axis and over ours.")
    with contextlib.redirect_stdout(sys.stderr):
        made = list(plots(api, counts, 1 if quick else 2, side))
    table(("VAEs", "its VAE axis", "our VAE axis", "ratio"), made, words=0)
    count, *_, ratio = made[-1]
    why = "" if float(str(ratio)) > 1 else "sampling is a small part here"
    found("compare", f"{ratio} x faster than {count} generations", float(str(ratio)) > 1, f"X/Y/Z in {host}", why)


def pocket(folder: Path, quick: bool) -> None:
    counts = [1, 2] if quick else [1, 2, 4, MOST]
    side = 128 if quick else 256
    written(folder, kin.read(kin.POCKET), counts[-1])
    start("--vae-dir", str(folder))
    own = own_of(kin.POCKET, "cpu")
    print(machine("torch"))
    print(f"\nThe pocket family, one picture of {side} px, CPU time of the process, medians.")
    times = core(own, folder, side, counts, 1 if quick else 7)
    told(times, "pocket family")
    sheet = sheet_seconds(own, folder, side).median * 1e3
    print(f"The sheet for people to look at comes on top where one is asked for: {sheet:,.0f} ms for two.")
    grown(times)
    compared(xyz_run.client(), "the pocket WebUI", counts, quick)


def in_a1111(asked: Flags, folder: Path) -> None:
    assert asked.a1111 is not None
    counts = [1, 2] if asked.quick else [1, 2, 4, MOST]
    written(folder, kin.read(kin.POCKET), counts[-1])
    api = a1111.start(asked.a1111, a1111.data_folder(), "--vae-dir", str(folder))
    print(machine("torch"))
    print()
    compared(api, "A1111", counts, asked.quick)


def grown(times: dict[int, dict[str, Times]]) -> None:
    series = {name: ([*times], [both[name].median * 1e3 for both in times.values()]) for name in (OURS, DECODES)}
    chart("growth-vaes", "One latent, N VAEs", "VAEs", "CPU time, ms", series)
    slope = exponent(*series[OURS])
    found("growth", f"exponent {slope:.2f}", slope < LINEAR, "VAEs", "" if slope < LINEAR else "see the chart")


def full_size(folder: Path, quick: bool, device: str) -> None:
    base = full_vae.weights(full_vae.SD1, 0)
    counts = [1] if quick else [1, 2, 4]
    side = 64 if quick else 256
    written(folder, base, counts[-1])
    tensors = {name: tensor.to(device) for name, tensor in base.items()}
    own = HostVae("sd1", "", "sd1", ("sd1",), 4, 0.18215, 0.0, tensors, _no, _no, torch.device(device))
    print(machine("torch", device=device))
    print(f"\nSD1's autoencoder, one picture of {side} px, medians.")
    told(core(own, folder, side, counts, 1 if quick else 3), f"SD1, {side} px, {device}")


def main() -> None:
    asked = flags()
    if asked.a1111 and a1111.elsewhere(asked, "vae_compare"):
        return
    with tempfile.TemporaryDirectory() as name:
        if asked.a1111:
            in_a1111(asked, Path(name))
        elif asked.full_size or asked.device == "cuda":
            full_size(Path(name), asked.quick, asked.device)
        else:
            pocket(Path(name), asked.quick)


if __name__ == "__main__":
    main()
