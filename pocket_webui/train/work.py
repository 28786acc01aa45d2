"""Where a run keeps its things: plan, seed, device and the folders below the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .settings import Budget, Plan

BUDGET_OF = {
    "vae": "vae",
    "text": "text",
    "xl_text": "text",
    "vae_ema": "tune",
    "vae_mse": "tune",
    "diffusion": "diffusion",
    "detail": "detail",
    "xl_vae": "xl_vae",
    "xl": "xl",
    "xl_detail": "xl_detail",
}


@dataclass(frozen=True)
class Work:
    """`folder` holds pool/ (pictures), states/ (resume, logs) and models/ (finished files)."""

    folder: Path
    plan: Plan
    seed: int = 0
    device: str = "cpu"

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    @property
    def states(self) -> Path:
        return self.folder / "states"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def budget(self, stage: str) -> Budget:
        return getattr(self.plan, BUDGET_OF[stage])
