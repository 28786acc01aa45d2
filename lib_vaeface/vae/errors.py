"""What can be wrong with a VAE file, in words for the person who chose it."""

from __future__ import annotations

from pathlib import Path


class VaeFileError(ValueError):
    """A file that can't be used: the text names it (without its folder), says the cause and what to do.

    `path` is the whole path, for logs of this machine; it is not in the text, which may reach a page.
    """

    def __init__(self, path: Path | str, cause: str) -> None:
        self.path = Path(path)
        self.cause = cause
        super().__init__(f"{self.path.name or self.path}: {cause}")
