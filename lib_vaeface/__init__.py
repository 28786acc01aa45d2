"""VAE Face: schedules, VAEs and faces for AUTOMATIC1111-style WebUIs. See docs/architecture.md."""

from lib_vaeface.version import __version__

__all__ = ["__version__"]
