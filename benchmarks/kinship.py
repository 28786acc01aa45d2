"""Kinship's verdicts over kin and strangers, and the time of L0 to L2: `python benchmarks/kinship.py [--few]`.

Two families: the pocket VAE with everything that lies in pocket_webui/models, and random VAEs of SD1's full size. Every
candidate is written as a file and judged as a host does it: header, slices, and the probe only where these leave it
open. For the pocket family L2 and L3 are also measured where they were not needed, for the distributions.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lib_vaeface.vae import kinship, lineage  # noqa: E402  (needs the path above)
from lib_vaeface.vae.autoencoder import load  # noqa: E402
from lib_vaeface.vae.formats import BY_KEY  # noqa: E402
from lib_vaeface.vae.header import open_file  # noqa: E402
from lib_vaeface.vae.inspect import inspect, require  # noqa: E402
from lib_vaeface.vae.probe import picture, probe  # noqa: E402
from tests.fixtures import kin  # noqa: E402
from tests.fixtures.kin import State  # noqa: E402

FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
DTYPES = (torch.float32, torch.float16, torch.bfloat16, *FP8)
SD1 = BY_KEY["sd1"]
KIN, STRANGER = "kin", "stranger"


@dataclass
class Row:
    """What one class of candidates came to."""

    truth: str
    answers: Counter[str] = field(default_factory=Counter)
    by: Counter[str] = field(default_factory=Counter)
    cosines: list[float] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)  # of its own round trip: how good a VAE it is
    milliseconds: list[float] = field(default_factory=list)

    def wrong(self) -> int:
        return self.answers["does not fit" if self.truth == KIN else "fits"]


Candidate = tuple[str, str, State, dict]  # class, truth, weights, how to write them


def pocket_kin(base: State, few: bool) -> Iterator[Candidate]:
    """Fine-tunes of the decoder, noise, merges, casts and other layouts."""
    rng, tunes = Random(1), []
    for kind in ("l1", "mse", "contrast"):
        for seed in range(1 if few else 2):
            for state in kin.fine_tunes(base, seed, 4 if few else 50, 2 if few else 5, kind):
                tunes.append(state)
                yield f"decoder fine-tuned ({kind})", KIN, state, {}
    for i in range(3 if few else 60):
        yield "noise up to 2 %", KIN, kin.noisy(base, rng.uniform(0.001, 0.02), i), {}
    for i in range(2 if few else 40):
        other = kin.noisy(rng.choice(tunes), 0.02, 100 + i)
        yield "merges", KIN, kin.merged(rng.choice([base, *tunes]), other, rng.random()), {}
    for i in range(4 if few else 40):
        state = kin.noisy(rng.choice([base, *tunes]), 0.02 * rng.random(), 200 + i)
        yield f"cast to {str(DTYPES[i % 5])[6:]}", KIN, state, {"dtype": DTYPES[i % 5]}
    for i in range(2 if few else 10):
        layout = ("diffusers", "ema")[i % 2]
        yield f"layout {layout}", KIN, kin.noisy(base, 0.01, 300 + i), {"layout": layout}


def pocket_strangers(base: State, few: bool) -> Iterator[Candidate]:
    """Trained from scratch, shuffled, drawn anew, and equally good VAEs with another latent space."""
    rng, trained = Random(2), []
    for seed in range(1 if few else 2):
        for state in kin.from_scratch(base, seed, 4 if few else 240, 2 if few else 6):
            trained.append(state)
            yield "trained from scratch", STRANGER, state, {}
    for i in range(2 if few else 38):
        changed = kin.noisy(rng.choice(trained), 0.02, i)
        yield "trained from scratch, perturbed", STRANGER, changed, {"dtype": DTYPES[i % 5]}
    for i in range(2 if few else 40):
        yield "shuffled", STRANGER, kin.shuffled(base, i), {}
    for i in range(2 if few else 20):
        yield "drawn anew", STRANGER, kin.initial(base, i), {}
        yield "decoder drawn anew", STRANGER, kin.initial(base, i, "decoder."), {}
    for i in range(2 if few else 40):
        yield "latent space turned", STRANGER, kin.turned(base, i), {}
    for i in range(2 if few else 18):
        yield "latent channels reordered", STRANGER, kin.turned(base, i, permute=True), {}


def full_size(few: bool) -> Iterator[Candidate]:
    """Random VAEs of SD1's size: kin by noise and casts, and others."""
    base = kin.full_size(0)
    for i in range(2 if few else 20):
        state = kin.noisy(base, 0.02 * (i % 4 + 1) / 4, i)
        yield "full size: noise and casts", KIN, state, {"dtype": DTYPES[1:][i % 4]}
    for i in range(1 if few else 12):
        state = kin.full_size(1 + i) if i % 2 else kin.shuffled(base, i)
        yield "full size: drawn anew, shuffled", STRANGER, state, {}


def found_models() -> Iterator[tuple[str, str, Path]]:
    """VAE files among the shipped models, told kin from stranger by their encoder's bytes."""
    base = kin.read(kin.POCKET)
    for path in sorted(kin.POCKET.parent.glob("*.safetensors")):
        if path != kin.POCKET and inspect(path).usable:
            same = torch.equal(kin.read(path)["encoder.conv_in.weight"], base["encoder.conv_in.weight"])
            yield f"shipped: {path.name}", KIN if same else STRANGER, path


class Judge:
    """One checkpoint, and what its verdicts come to."""

    def __init__(self, checkpoint: Path, folder: Path, always: bool) -> None:
        self.facts = kinship.facts_from_file(checkpoint)
        self.host = load(checkpoint, format=SD1)
        self.folder, self.always = folder, always
        self.rows: dict[str, Row] = {}

    def candidate(self, name: str, truth: str, state: State, how: dict) -> None:
        path = kin.write(state, self.folder / "candidate.safetensors", **how)
        self.file(name, truth, path)
        if self.always and truth == STRANGER:
            codec = load(path, format=SD1)
            self.rows[name].own.append(probe(codec.encode, codec.decode).gain)
        path.unlink()

    def file(self, name: str, truth: str, path: Path) -> None:
        row = self.rows.setdefault(name, Row(truth))
        started = time.process_time()
        kinship.judge(path, self.facts)
        row.milliseconds.append(1e3 * (time.process_time() - started))
        verdict = kinship.judge(path, self.facts, self.host.encode, lambda z: load(path, format=SD1).decode(z))
        row.answers[verdict.answer] += 1
        row.by[next((e.level for e in verdict.evidence if e.level in ("L0", "L3")), "L2")] += 1
        row.cosines.append(self._least_cosine(path))
        if self.always:
            row.gains.append(probe(self.host.encode, load(path, format=SD1).decode).gain)
        if verdict.answer != ("fits" if truth == KIN else "does not fit"):
            print(f"  {name}: {verdict.answer}: {verdict.reason}", flush=True)

    def _least_cosine(self, path: Path) -> float:
        opened = require(path)
        assert opened.naming and self.facts.sample
        with open_file(path) as file:
            close = lineage.compare(lineage.sample_file(file, opened.header, opened.naming), self.facts.sample)
        return min(close.interface, close.encoder, close.decoder) if close else -1.0


def span(values: list[float], digits: int) -> str:
    return f"{min(values):.{digits}f} .. {max(values):.{digits}f}" if values else "-"


COLUMNS = ("candidates", "truth", "number", "fits", "does not fit", "unknown", "decided by", "least cosine", "gain, dB",
           "own gain")  # fmt: skip


def print_table(rows: dict[str, Row]) -> None:
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    for name, row in rows.items():
        number, by = sum(row.answers.values()), ", ".join(f"{level} {n}" for level, n in sorted(row.by.items()))
        answers = " | ".join(str(row.answers[answer]) for answer in ("fits", "does not fit", "unknown"))
        figures = f"{span(row.cosines, 4)} | {span(row.gains, 2)} | {span(row.own, 2)}"
        print(f"| {name} | {row.truth} | {number} | {answers} | {by} | {figures} |")


def print_sums(rows: list[Row]) -> None:
    for truth in (KIN, STRANGER):
        some = [row for row in rows if row.truth == truth]
        number = sum(sum(row.answers.values()) for row in some)
        unknown, wrong = sum(row.answers["unknown"] for row in some), sum(row.wrong() for row in some)
        gains = [gain for row in some for gain in row.gains]
        print(f"{truth}: {number}, wrong {wrong}, unknown {unknown}; gain {span(gains, 2)} dB")
    times = sorted(time for row in rows for time in row.milliseconds)
    print(f"L0 to L2, ms of CPU: median {times[len(times) // 2]:.1f}, 95 % below {times[int(len(times) * 0.95)]:.1f}")


def partly_turned(judge: Judge, base: State) -> None:
    """The gain as a latent space is turned in one plane: how sensitive the probe is between kin and stranger."""
    print("\nTwo latent channels turned by an angle: gain in dB")
    z = judge.host.encode(kin.portraits(0, 1) / 2 + 0.5).shape[1]
    for degrees in (0, 5, 10, 20, 30, 45, 60, 90):
        turn, angle = torch.eye(z), torch.tensor(degrees).deg2rad()
        turn[0, 0] = turn[1, 1] = angle.cos()
        turn[0, 1], turn[1, 0] = -angle.sin(), angle.sin()
        found = probe(lambda x, t=turn: torch.einsum("ij,bjhw->bihw", t, judge.host.encode(x)), judge.host.decode)
        print(f"{degrees:3d} degrees {found.gain:6.2f}")


def reordered(judge: Judge) -> None:
    """The probe alone over every order and sign of the latent channels: how far a picture tells by itself."""
    latents = judge.host.encode(picture())
    z = latents.shape[1]
    answers, passed = Counter[str](), []
    for order in itertools.permutations(range(z)):
        for signs in itertools.product((1.0, -1.0), repeat=z):
            turn = torch.eye(z)[list(order)] * torch.tensor(signs)[:, None]
            if torch.equal(turn, torch.eye(z)):
                continue
            mixed = torch.einsum("ij,bjhw->bihw", turn, latents)
            found = probe(lambda _, m=mixed: m, judge.host.decode)
            answers[kinship.by_probe(found).answer] += 1
            if kinship.by_probe(found).answer != "does not fit":
                passed.append(f"{found.gain:.2f}")
    print(f"\nThe probe alone, over all orders and signs of {z} channels: {dict(answers)}; gains {', '.join(passed)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help="a short run, to see that it works")
    few = parser.parse_args().few
    torch.manual_seed(0)
    base = kin.read(kin.POCKET)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pocket = Judge(kin.POCKET, folder, always=True)
        for candidates in (pocket_kin(base, few), pocket_strangers(base, few)):
            for candidate in candidates:
                pocket.candidate(*candidate)
        for label, truth, path in found_models():
            pocket.file(label, truth, path)
        print("pocket family judged", flush=True)
        full = Judge(kin.write(kin.full_size(0), folder / "full.safetensors"), folder, always=False)
        for candidate in full_size(few):
            full.candidate(*candidate)
    print_table(pocket.rows | full.rows)
    print_sums([*pocket.rows.values(), *full.rows.values()])
    print("full size alone: ", end="")
    print_sums(list(full.rows.values()))
    partly_turned(pocket, base)
    if not few:
        reordered(pocket)


if __name__ == "__main__":
    main()
