"""Where the pocket WebUI, started with `--host-mode forge`, does otherwise than A1111."""

from __future__ import annotations


def install() -> None:
    """Put Forge's ways in place of A1111's. Once, before the page and the API are imported."""
    from modules_forge.behaviour import denoiser, jobs, models, pipeline

    models.install()
    denoiser.install()
    pipeline.install()
    jobs.install()
