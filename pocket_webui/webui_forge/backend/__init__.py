"""Forge's own packages, as far as extensions use them. Importable only where the pocket WebUI behaves as Forge."""
