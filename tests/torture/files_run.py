"""Hostile VAE files in a pocket WebUI's folder, see child: {"step": 1, "replaced": 50, "seed": 0}."""

from __future__ import annotations

import json
import os
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "bad.safetensors"
MARKER = "executed"


class Evil:
    """A pickle that writes a file when it is opened in full."""

    def __reduce__(self) -> Any:
        return os.mkdir, (str(Path(sys.argv[2]) / MARKER),)


class Files:
    def __init__(self) -> None:
        import vae_run

        self.data = Path(sys.argv[2])
        vae_run.write_files(self.data)
        self.folder = self.data / "models" / "VAE"
        self.path = self.folder / NAME
        self.whole = (self.folder / "tuned.safetensors").read_bytes()
        self.length = struct.unpack("<Q", self.whole[:8])[0]
        self.table = json.loads(self.whole[8 : 8 + self.length])
        self.figures: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.state = vae_run.state
        self.before = vae_run.state()
        self.inspect = sys.modules["lib_vaeface.vae.inspect"].inspect
        self.refused = sys.modules["lib_vaeface.vae.errors"].VaeFileError

    def picked(self, name: str, what: str) -> Any:
        """What a generation would get; the reason names the file and no folder."""
        host, vaes = sys.modules["lib_vaeface.host"].current(), sys.modules["lib_vaeface.session.vaes"]
        self.figures["picks"] += 1
        try:
            pick = vaes.picker().pick(name, host.vae(None))
        except Exception as error:
            self.wrong.append(f"{what}: {type(error).__name__}: {error}")
            return None
        if pick.codec is not None or not pick.refused:
            self.wrong.append(f"{what}: it was used: {pick.why}")
        elif (name not in pick.why and repr(name) not in pick.why) or len(pick.why) < len(name) + 15:
            self.wrong.append(f"{what}: no file and cause in {pick.why!r}")
        if str(self.data) in pick.why.replace(name, ""):
            self.wrong.append(f"{what}: a path in {pick.why!r}")
        if self.state() != self.before:
            self.wrong.append(f"{what}: the WebUI's VAE changed")
            self.before = self.state()
        return pick

    def bytes(self, content: bytes, what: str) -> None:
        """A file of this content is refused, by the reader and by a pick."""
        self.path.write_bytes(content)
        self.picked(NAME, what)
        self.path.unlink()

    def truncated(self, step: int, told: Callable[[int, int], None]) -> None:
        """Cut at each byte of the header: the reader alone for each, which is what a pick asks first."""
        end = 8 + self.length
        for cut in range(0, end + 1, step):
            self.path.write_bytes(self.whole[:cut])
            self.figures["truncated"] += 1
            try:
                info = self.inspect(self.path)
                self.wrong.append(f"cut at {cut}: read as {info.what}")
            except self.refused as error:
                if not str(error).startswith(NAME) or str(self.data) in str(error):
                    self.wrong.append(f"cut at {cut}: {error}")
            except Exception as error:
                self.wrong.append(f"cut at {cut}: {type(error).__name__}: {error}")
            told(cut, end)
        self.bytes(self.whole[: end + (len(self.whole) - end) // 2], "cut in its weights")
        self.bytes(self.whole[:-1], "the last byte missing")

    def with_table(self, change: Callable[[dict[str, Any]], None], what: str) -> None:
        """The tuned VAE with another header."""
        table = json.loads(json.dumps(self.table))
        change(table)
        header = json.dumps(table).encode()
        self.bytes(struct.pack("<Q", len(header)) + header + self.whole[8 + self.length :], what)

    def headers(self) -> None:
        """Every lie of a header, in a file that is else complete."""
        names = [name for name in self.table if name != "__metadata__"]
        first, second = names[0], names[1]
        for value in (0, 1, 2, self.length - 1, self.length + 1, 100 * 2**20, 2**31, 2**63 - 1, 2**63, 2**64 - 1):
            self.bytes(struct.pack("<Q", value) + self.whole[8:], f"length {value}")
        large = json.dumps({"__metadata__": {"x": "x" * (100 * 2**20)}}).encode()
        self.bytes(struct.pack("<Q", len(large)) + large, "100 MB header")
        del large
        lies: dict[str, Callable[[dict[str, Any]], None]] = {
            "overlapping": lambda t: t[second].update(data_offsets=t[first]["data_offsets"]),
            "out of the file": lambda t: t[first].update(data_offsets=[2**40, 2**40 + _bytes(t[first])]),
            "negative offsets": lambda t: t[first].update(data_offsets=[-4, 0]),
            "a hole": lambda t: t.pop(second),
            "no tensors": lambda t: [t.pop(name) for name in names],
            "an unknown dtype": lambda t: t[first].update(dtype="F99"),
            "zero-size": lambda t: t[first].update(shape=[0], data_offsets=[0, 0]),
            "no shape": lambda t: t[first].pop("shape"),
            "deep": lambda t: t[first].update(shape=[[[[1]]]]),
            "a huge shape": lambda t: t[first].update(shape=[2**62, 2**62]),
        }
        for name in names[:: max(1, len(names) // 20)]:
            lies[f"wrong dtype of {name}"] = lambda t, name=name: t[name].update(dtype="I64")
            lies[f"half dtype of {name}"] = lambda t, name=name: t[name].update(dtype="F16")
            lies[f"shape of {name} off by one"] = lambda t, name=name: t[name].update(shape=_more(t[name]["shape"]))
            lies[f"renamed {name}"] = lambda t, name=name: t.update({name + "x": t.pop(name)})
        for what, change in lies.items():
            self.with_table(change, what)
        twice = (
            self.whole[8 : 8 + self.length].rstrip()[:-1] + b"," + json.dumps({first: self.table[first]}).encode()[1:]
        )
        self.bytes(struct.pack("<Q", len(twice)) + twice + self.whole[8 + self.length :], "duplicate keys")

    def weights(self) -> None:
        """Files that are whole, with weights that are none or of another shape."""
        import torch
        from safetensors.torch import load_file, save_file

        tuned = load_file(str(self.folder / "tuned.safetensors"))
        for value in (float("nan"), float("inf")):
            for name in [name for name in tuned if name.startswith("decoder")][::25]:
                spoiled = tuned[name].clone()
                spoiled.view(-1)[0] = value
                save_file({**tuned, name: spoiled}, str(self.path))
                self.picked(NAME, f"{value} in {name}")
        for name in list(tuned)[::12]:
            more = torch.cat([tuned[name], tuned[name][:1]]).contiguous()
            save_file({**tuned, name: more}, str(self.path))
            self.picked(NAME, f"{name} one too large")
            save_file({key: value for key, value in tuned.items() if key != name}, str(self.path))
            self.picked(NAME, f"{name} is missing")
        self.path.unlink()

    def places(self) -> None:
        """What is no file of this folder: links out of it, folders, pipes, names that are paths."""
        outside = self.data / "outside.safetensors"
        outside.write_bytes(self.whole)
        self.path.symlink_to(outside)
        self.picked(NAME, "a link out of the folder")
        self.path.unlink()
        self.path.symlink_to(self.path)
        self.picked(NAME, "a link to itself")
        self.path.unlink()
        self.path.mkdir()
        self.picked(NAME, "a folder")
        self.path.rmdir()
        os.mkfifo(self.path)
        self.picked(NAME, "a pipe")
        self.path.unlink()
        upwards = ("../../outside.safetensors", "..\\..\\outside.safetensors")
        for name in (*upwards, str(outside), "C:\\x", "con", "a\0b", ""):
            self.picked(name, f"the name {name!r}")

    def pickles(self) -> None:
        """Pickles under every name; nothing in them is ever run, converting included."""
        import torch

        convert = sys.modules["lib_vaeface.vae.convert"].convert
        for name in (NAME, "evil.pt", "evil.ckpt", "evil.vae.pt", "evil.pth"):
            for old in (False, True):
                path = self.folder / name
                torch.save({"state_dict": Evil()}, path, _use_new_zipfile_serialization=not old)
                self.picked(name, f"a pickle as {name}")
                try:
                    convert(path)
                    self.wrong.append(f"{name} was converted")
                except Exception:
                    self.figures["conversions refused"] += 1
                path.unlink()
        if (self.data / MARKER).exists():
            self.wrong.append("a pickle's code was run")

    def replaced(self, count: int, chance: random.Random) -> None:
        """A good file that becomes another one between being looked at and being loaded."""
        codec = sys.modules["lib_vaeface.vae.autoencoder"]
        import torch

        others = [self.whole[:5000], b"", b"PK\x03\x04" + bytes(100), bytes(len(self.whole)), self.whole[::-1]]
        weights = sys.modules["lib_vaeface.vae.weights"]
        for number in range(count):
            self.path.write_bytes(self.whole)
            opened = codec.load(self.path)
            self.path.write_bytes(others[number % len(others)])
            try:
                opened.decode(torch.zeros(1, 4, 4, 4))
                self.wrong.append("a file that was replaced was decoded by")
            except self.refused as error:
                self.figures["replaced"] += 1
                if NAME not in str(error):
                    self.wrong.append(f"replaced: {error}")
            except Exception as error:
                self.wrong.append(f"replaced: {type(error).__name__}: {error}")
            self.path.write_bytes(self.whole)
            other, asked = others[number % len(others)], weights.identity_of

            def late(path: Any, other: bytes = other, asked: Any = asked) -> Any:
                found = asked(path)
                Path(path).write_bytes(other)
                return found

            weights.identity_of = late
            try:
                self.picked(NAME, "replaced between the look and the load")
            finally:
                weights.identity_of = asked
        self.path.unlink()


def _bytes(tensor: dict[str, Any]) -> int:
    start, end = tensor["data_offsets"]
    return int(end - start)


def _more(shape: list[int]) -> list[int]:
    return [shape[0] + 1, *shape[1:]] if shape else [2]


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    files = Files()
    files.truncated(asked["step"], told)
    files.headers()
    files.weights()
    files.places()
    files.pickles()
    files.replaced(asked["replaced"], random.Random(asked["seed"]))
    if files.state() != files.before:
        files.wrong.append("the WebUI's VAE changed")
    return {"figures": dict(files.figures), "wrong": files.wrong}
