"""What a file is, from its header alone: nothing past it is read, no pickle is opened.

`inspect` answers for every readable file, also when it is no VAE; VaeFileError says why a file can't be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import layouts
from .architecture import Architecture, of_file
from .errors import VaeFileError
from .formats import TINY, by_shape
from .header import Header, Identity, header_of, identity_of, is_pickle, open_file
from .known import Claim, claims
from .others import describe, family, model_channels

PICKLES = (".pt", ".ckpt", ".pth", ".bin")
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
VALUE_LIMIT = 500  # characters of one metadata value that are kept: thumbnails and logs are cut


@dataclass(frozen=True)
class VaeInfo:
    """One file. Shapes are of raw latents (Flux.2: before packing).

    kind: "vae", "tiny" (TAESD type), "checkpoint" (a whole model with a VAE in it), "pickle" (not opened), "other".
    what: the same in words, for a person. problem: why it can't be used here; "" where it can.
    formats: keys of the latent formats it can belong to, by its header; claims: what metadata and others say.
    layout, prefix, names: see layouts.Naming. dtypes: of the VAE's tensors, the most frequent first.
    """

    identity: Identity
    kind: str
    what: str
    problem: str = ""
    layout: str = ""
    prefix: str = ""
    architecture: str = ""
    channels: int = 0
    downscale: int = 0
    encoder: bool = False
    decoder: bool = False
    dtypes: tuple[str, ...] = ()
    tensors: int = 0
    parameters: int = 0
    formats: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    weight_hash: str = ""

    @property
    def path(self) -> Path:
        return Path(self.identity.path)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def usable(self) -> bool:
        return not self.problem and self.decoder

    def to_json(self) -> dict[str, Any]:
        """For the page and the API: without the folder, which is nobody's business."""
        plain = {name: getattr(self, name) for name in PLAIN}
        return plain | {
            "name": self.name, "size": self.identity.size, "usable": self.usable, "dtypes": list(self.dtypes),
            "formats": list(self.formats), "claims": [claim.to_json() for claim in self.claims],
            "metadata": dict(self.metadata),
        }  # fmt: skip


PLAIN = ("kind", "what", "problem", "layout", "prefix", "architecture", "channels", "downscale", "encoder", "decoder",
         "tensors", "parameters", "sha256", "weight_hash")  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A header with the VAE found in it; naming and architecture are None where there is none that can be used."""

    info: VaeInfo
    header: Header
    naming: layouts.Naming | None
    architecture: Architecture | None


def inspect(path: Path | str) -> VaeInfo:
    """What `path` is. VaeFileError: it can't be read, or claims to be safetensors and isn't."""
    path = Path(path)
    if path.suffix.lower() in PICKLES and is_pickle(path):
        return VaeInfo(identity_of(path), "pickle", "a pickle, not opened", PICKLE_PROBLEM)
    with open_file(path) as file:
        return examine(header_of(file, path)).info


PICKLE_PROBLEM = "Pickles can run code and are not opened. Convert it to safetensors once."


def examine(header: Header) -> Opened:
    """The VAE in a header, and what is to be said of the file."""
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}
    whole = family(shapes) or model_channels(shapes)
    naming = layouts.read(shapes)
    base: dict[str, Any] = {"identity": header.identity, "metadata": _short(header.metadata)}
    if naming is None or not (naming.levels or _is_tiny(naming, shapes)):
        what = describe(shapes)
        return Opened(VaeInfo(**base, kind="other", what=what, problem=f"It is {what}."), header, None, None)
    places = [header.tensors[name] for name in naming.names.values()]
    base |= {
        "kind": "checkpoint" if whole else "vae" if naming.levels else "tiny",
        "layout": naming.layout, "prefix": naming.prefix, "tensors": len(places),
        "parameters": sum(place.count for place in places),
        "dtypes": tuple(dtype for dtype, _ in Counter(place.dtype for place in places).most_common()),
        "encoder": any(name.startswith("encoder.") for name in naming.names),
        "decoder": any(name.startswith("decoder.") for name in naming.names),
    }  # fmt: skip
    return _with_architecture(base, header, naming, shapes)


def _with_architecture(
    base: dict[str, Any], header: Header, naming: layouts.Naming, shapes: Mapping[str, tuple[int, ...]]
) -> Opened:
    try:
        found = of_file(naming, shapes)
    except ValueError as error:
        info = VaeInfo(**base, what=_words(base["kind"], ()), problem=f"It can't be used: {error}.")
        return Opened(info, header, None, None)
    models = family(shapes)
    formats = _formats(found, naming)
    said = claims(Path(header.identity.path), header.metadata, found.raw_channels)
    if models:
        said = (Claim("the diffusion model in the same file", models), *said)
    info = VaeInfo(
        **base,
        what=_words(base["kind"], models),
        problem=_problem(found, formats, base["dtypes"], base["decoder"]),
        architecture=_describe(found, naming),
        channels=found.raw_channels,
        downscale=found.downscale,
        formats=formats,
        claims=said,
    )
    return Opened(info, header, naming, found)


def _formats(found: Architecture, naming: layouts.Naming) -> tuple[str, ...]:
    if not naming.levels:
        return TINY.get(found.raw_channels, ())
    quant = "" if not found.quant_conv else "nested" if found.packed else "top"
    return by_shape(found.raw_channels, found.downscale, quant, "flux2" if found.packed else "kl")


def _problem(found: Architecture, formats: tuple[str, ...], dtypes: tuple[str, ...], decoder: bool) -> str:
    strange = [dtype for dtype in dtypes if dtype not in FLOATS]
    if strange:
        return f"Its weights are stored as {', '.join(strange)}, which can't be computed with here."
    if not decoder:
        return "It holds an encoder only: nothing to decode with."
    if not formats:
        quant = "with" if found.quant_conv else "without"
        return (
            f"No latent format that is known here has {found.raw_channels} channels at 1/{found.downscale} "
            f"{quant} quant convolutions."
        )
    return ""


def _words(kind: str, models: tuple[str, ...]) -> str:
    if kind == "checkpoint":
        return "a whole checkpoint with a VAE in it" + (f" ({', '.join(models)})" if models else "")
    return "a tiny autoencoder (TAESD type)" if kind == "tiny" else "a VAE"


def _describe(found: Architecture, naming: layouts.Naming) -> str:
    if not naming.levels:
        return "tiny autoencoder"
    coder = found.decoder or found.encoder
    wide = max(coder.widths) if coder else 0
    return f"AutoencoderKL, {naming.levels} resolutions, up to {wide} channels wide"


def _is_tiny(naming: layouts.Naming, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Numbered layers alone are common; TAESD's first ones are 3x3 kernels over latents or colours."""
    first = {"decoder.1.weight": tuple(TINY), "encoder.0.weight": (3,)}
    found = [(shapes[naming.names[name]], wanted) for name, wanted in first.items() if name in naming.names]
    return bool(found) and all(len(shape) == 4 and shape[1] in ok and shape[2:] == (3, 3) for shape, ok in found)


def _short(metadata: Mapping[str, str]) -> dict[str, str]:
    cut = {name[:VALUE_LIMIT]: value for name, value in list(metadata.items())[:VALUE_LIMIT]}
    return {name: value if len(value) <= VALUE_LIMIT else value[:VALUE_LIMIT] + "..." for name, value in cut.items()}


def require(path: Path | str) -> Opened:
    """The VAE in a file. VaeFileError where there is none that can be used."""
    path = Path(path)
    if path.suffix.lower() in PICKLES and is_pickle(path):
        raise VaeFileError(path, PICKLE_PROBLEM)
    with open_file(path) as file:
        opened = examine(header_of(file, path))
    if opened.info.problem:
        raise VaeFileError(path, opened.info.problem)
    return opened
