"""Face restorers. The pocket WebUI ships none; an extension may append its own to `shared.face_restorers`."""

from __future__ import annotations

import numpy as np

from modules import shared


class FaceRestoration:
    def name(self) -> str:
        return "None"

    def restore(self, np_image: np.ndarray) -> np.ndarray:
        """[H, W, 3] uint8 in, the same out."""
        return np_image


def restore_faces(np_image: np.ndarray) -> np.ndarray:
    """Apply the restorer that the option `face_restoration_model` names (any if it is None); without one, nothing."""
    wanted = shared.opts.face_restoration_model
    fitting = [restorer for restorer in shared.face_restorers if wanted is None or restorer.name() == wanted]
    return fitting[0].restore(np_image) if fitting else np_image
