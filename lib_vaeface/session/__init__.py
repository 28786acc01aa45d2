"""One generation, from the WebUI's hooks to the stages: schedule, VAE, faces."""

from .hooks import find, hook, listen, open_session, opener

__all__ = ["find", "hook", "listen", "open_session", "opener"]
