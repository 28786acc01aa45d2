"""Pictures as parts of HTML: no file is written, so no path reaches the page."""

from __future__ import annotations

import base64
import io

from PIL import Image
from torch import Tensor

from lib_vaeface.vae.compare import difference_map
from lib_vaeface.vae.contact_sheet import to_image

# Five colours of increasing lightness, so that the map reads in grey as well.
HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))


def data_url(picture: Tensor | Image.Image) -> str:
    """[3,H,W] in 0..1, or an image, as a PNG in a data URL."""
    image = to_image(picture) if isinstance(picture, Tensor) else picture
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def heat(picture: Tensor, reference: Tensor, gain: float) -> Image.Image:
    """The mean difference of two pictures [3,H,W] over the colours, times gain, in the colours of HEAT."""
    levels = (difference_map(picture, reference, gain).mean(0) * 255).round().byte().cpu().contiguous()
    image = Image.fromarray(levels.numpy(), mode="L")
    shown = Image.frombytes("P", image.size, image.tobytes())
    shown.putpalette(palette())
    return shown


def palette() -> list[int]:
    """256 colours between those of HEAT, as Pillow wants them."""
    found: list[int] = []
    last = len(HEAT) - 1
    for level in range(256):
        place = level / 255 * last
        left = min(int(place), last - 1)
        pairs = zip(HEAT[left], HEAT[left + 1], strict=True)
        found += [round(low + (high - low) * (place - left)) for low, high in pairs]
    return found
