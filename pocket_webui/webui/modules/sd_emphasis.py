"""How (emphasised:1.2) words change the text encoder's output."""

from __future__ import annotations

import torch


class Emphasis:
    """Set tokens [rows][77], multipliers [rows, 77] and z [rows, 77, width], call after_transformers, read z."""

    name = "Base"
    description = ""
    tokens: list[list[int]]
    multipliers: torch.Tensor
    z: torch.Tensor

    def after_transformers(self) -> None:
        """Applies the emphasis to z."""


class EmphasisNone(Emphasis):
    name = "None"
    description = "brackets and weights are ordinary characters"


class EmphasisIgnore(Emphasis):
    name = "Ignore"
    description = "brackets and weights are removed and have no effect"


class EmphasisOriginalNoNorm(Emphasis):
    name = "No norm"
    description = "every token's vector is scaled by its weight (often better for SDXL)"

    def after_transformers(self) -> None:
        self.z = self.z * self.multipliers.unsqueeze(-1)


class EmphasisOriginal(EmphasisOriginalNoNorm):
    name = "Original"
    description = "scaled by weight, then rescaled to the mean it had before"

    def after_transformers(self) -> None:
        # over the whole batch, so that the texts of one schedule change each other: kept, pictures depend on it
        before = self.z.mean()
        super().after_transformers()
        self.z = self.z * (before / self.z.mean())


options = [EmphasisNone, EmphasisIgnore, EmphasisOriginal, EmphasisOriginalNoNorm]


def get_current_option(emphasis_option_name: str) -> type[Emphasis]:
    """The class of that name; EmphasisOriginal for an unknown one."""
    return next((x for x in options if x.name == emphasis_option_name), EmphasisOriginal)


def get_options_descriptions() -> str:
    return ", ".join(f"{x.name}: {x.description}" for x in options)
