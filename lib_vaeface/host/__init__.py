"""The seam to the WebUI: the only package that imports `modules.*`. Everyone else sees the `Host` protocol."""

from lib_vaeface.host.detect import current
from lib_vaeface.host.protocol import Host, Listeners, ModelCall

__all__ = ["Host", "Listeners", "ModelCall", "current"]
