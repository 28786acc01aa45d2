"""What all stages share: the step loop with budget, learning rate, averaged weights, log, saved state and resume."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .settings import Budget

SAVE_EVERY = 120.0  # seconds


class Averaged:
    """An exponential moving average of a module's weights; the decay grows with the steps up to `decay`."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, source: nn.Module, step: int) -> None:
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        for mine, theirs in zip(self.module.parameters(), source.parameters(), strict=True):
            mine.lerp_(theirs.to(mine), 1.0 - decay)


def learning_rate(progress: float, step: int, peak: float, warm_up: int = 100) -> float:
    """Linear over the first steps, then a cosine from `peak` at progress 0 to 2 % of it at progress 1."""
    return peak * min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0))))


class Stage:
    """One training run: `run` takes a function step -> {"loss": tensor, ...}. State lives in `<folder>/<name>.pt`."""

    def __init__(
        self, name: str, folder: Path, module: nn.Module, budget: Budget, decay: float = 0.999, clip: float = 1.0
    ) -> None:
        self.name, self.folder, self.module, self.budget, self.clip = name, folder, module, budget, clip
        self.average = Averaged(module, decay)
        trained = [p for p in module.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=budget.rate, betas=(0.9, 0.99), weight_decay=1e-4)
        self.step, self.seconds = 0, 0.0
        self.state_file = folder / f"{name}.pt"
        self.log_file = folder / f"{name}.log.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_file.exists():
            self._load()

    @property
    def progress(self) -> float:
        by_time = self.seconds / 60.0 / self.budget.minutes if self.budget.minutes else 0.0
        return max(self.step / self.budget.steps, by_time)

    def run(
        self, step_losses: Callable[[int], dict[str, Tensor]], on_save: Callable[[], None] | None = None
    ) -> nn.Module:
        """Train until the budget is spent; returns the averaged module."""
        last_save = last = time.monotonic()
        means: dict[str, float] = {}
        with tqdm(total=self.budget.steps, initial=self.step, desc=self.name, unit="step") as bar:
            while self.progress < 1.0:
                rate = self._advance(step_losses(self.step), means)
                now = time.monotonic()
                self.seconds += now - last
                last = now
                bar.update(1)
                if self.step % 50 == 0 or self.progress >= 1.0:
                    self._log(means, rate)
                    bar.set_postfix({key: f"{value:.4f}" for key, value in means.items()})
                if now - last_save > SAVE_EVERY:
                    self._save()
                    if on_save:
                        on_save()
                    last_save = last = time.monotonic()
        self._save()
        return self.average.module

    def _advance(self, losses: dict[str, Tensor], means: dict[str, float]) -> float:
        rate = learning_rate(self.progress, self.step, self.budget.rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.average.update(self.module, self.step)
        for key, value in losses.items():
            means[key] = 0.98 * means.get(key, value.item()) + 0.02 * value.item()
        return rate

    def _log(self, means: dict[str, float], rate: float) -> None:
        record = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            "rate": rate,
            **{key: round(value, 5) for key, value in means.items()},
        }
        with self.log_file.open("a", encoding="utf8") as log:
            log.write(json.dumps(record) + "\n")

    def _save(self) -> None:
        partial = self.state_file.with_suffix(".part")
        torch.save(
            {
                "module": self.module.state_dict(),
                "average": self.average.module.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
            partial,
        )
        partial.replace(self.state_file)

    def _load(self) -> None:
        state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        self.module.load_state_dict(state["module"])
        self.average.module.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
