"""Which VAE decodes these latents? The right one, or the choice is asked for.

Evidence, the strongest first:

    the weight hash in the file, of a VAE that is at hand: decides
    the latent format in the file, and a VAE that is proved to be of it: decides, unless the latents speak against it
    a VAE whose latents these are: decoded and encoded again they come back. Decides where the error is as small as that
    VAE's own on a picture, and no VAE of another family comes near
    else: asked, with everything that fits in channels, the likeliest first

Decoders without their encoder can't be tested, so they are taken by metadata only.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

import torch
from torch import Tensor

from . import metrics, probe
from .codec import Autoencoder
from .formats import BY_KEY, LatentFormat
from .inspect import VaeInfo
from .kinship import PSNR_FITS
from .known import SHA256
from .scaling import unpack

PATCH = 16  # latent pixels of a side that are tried
# Mean squares by which latents come back changed, in shares of their variance or of the test picture's, whichever is
# larger: a picture of little contrast would make any error a large share. docs/vae-compare.md has the distributions.
NEAR = 0.03
OWN = 1.5  # times the VAE's own error on the test picture, where that is more
AHEAD = 3.0  # times this error must be less than that of any other family, or of another scale
AGAINST = 0.2  # from here latents speak against what their metadata says

Load = Callable[[Union[LatentFormat, None]], Autoencoder]  # noqa: UP007  (evaluated at run time, on Python 3.10)
Own = MutableMapping[tuple[str, str], tuple[float, float]]  # (file, format) -> what its own latents came back with


@dataclass(frozen=True)
class Stored:
    """Latents out of a file, and what it says of them; "" where it says nothing.

    tensor: [B,C,h,w]. raw: without a format's scale and shift (as ComfyUI keeps them). format: key of the table.
    vae_hash: weight hash of the VAE they were meant for; vae_name: its name, which is no evidence.
    """

    tensor: Tensor
    raw: bool = False
    format: str = ""
    vae_hash: str = ""
    vae_name: str = ""


def formats_of(info: VaeInfo) -> tuple[LatentFormat | None, ...]:
    """One format per scale that a file's shapes and published sha256 allow; (None,) for tiny ones, which need none."""
    published = SHA256.get(info.sha256)
    rows = [BY_KEY[key] for key in info.formats if info.kind != "tiny"]
    rows = [row for row in rows if published is None or row.space == published.space]
    by_scale = {(row.scale, row.shift, row.std): row for row in reversed(rows)}
    return tuple(reversed(by_scale.values())) or (None,)


@dataclass(frozen=True)
class Candidate:
    """A VAE at hand. load: the codec in a format (None: the first that its shapes allow). format: whose latents it is
    proved to decode, None where that is not known.
    """

    name: str
    info: VaeInfo
    load: Load
    format: LatentFormat | None = None
    weight_hash: str = ""

    def possible(self) -> tuple[LatentFormat | None, ...]:
        """Formats it may be of: the proved one, else `formats_of` its file."""
        return (self.format,) if self.format else formats_of(self.info)

    def proved(self, key: str) -> bool:
        """Whether it is certain that it decodes latents of a format's space."""
        space = BY_KEY[key].space
        if self.format:
            return self.format.space == space
        published = SHA256.get(self.info.sha256)
        if published:
            return published.space == space
        return {BY_KEY[row].space for row in self.info.formats} == {space}

    def may_be(self, key: str) -> bool:
        space = BY_KEY[key].space
        return any(row is None or row.space == space for row in self.possible())

    def takes(self, stored: Stored) -> bool:
        """By channels. Flux.2's latents come packed (128) or not (32). Tiny ones know no raw latents."""
        if stored.raw and self.info.kind == "tiny":
            return False
        channels, here = stored.tensor.shape[1], self.info.channels
        return channels == here or ("flux2" in self.info.formats and channels == 4 * here)


@dataclass(frozen=True)
class Option:
    """One way to decode. error: see the module; None where it was not or can't be tried. note: for a person."""

    candidate: Candidate
    format: LatentFormat | None
    error: float | None = None
    limit: float = NEAR
    note: str = ""
    seen: Tensor | None = field(default=None, repr=False, compare=False)  # the decoded patch

    @property
    def near(self) -> bool:
        return self.error is not None and self.error <= self.limit

    def to_json(self) -> dict[str, Any]:
        title = self.format.key if self.format else ""
        error = None if self.error is None else round(self.error, 4)
        return {"vae": self.candidate.name, "format": title, "error": error, "limit": round(self.limit, 4),
                "note": self.note}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """option: with what to decode, None where it must be asked. reason: a sentence. options: what there is to choose
    from, the likeliest first; none where nothing at hand has these channels.
    """

    option: Option | None
    reason: str
    options: tuple[Option, ...] = ()

    @property
    def asks(self) -> bool:
        return self.option is None

    def to_json(self) -> dict[str, Any]:
        chosen = self.option.to_json() if self.option else None
        return {"chosen": chosen, "reason": self.reason, "options": [option.to_json() for option in self.options]}


def choose(stored: Stored, candidates: Sequence[Candidate], own: Own | None = None) -> Choice:
    """The VAE for these latents among candidates, in the person's order of preference.

    own: a dictionary kept between calls, so that every VAE is tried on the test picture once. ValueError: the latents
    are none, or hold values that are no numbers.
    """
    own = {} if own is None else own
    _check(stored)
    channels = stored.tensor.shape[1]
    fitting = [one for one in candidates if one.takes(stored)]
    if not fitting:
        return Choice(None, f"No VAE at hand takes latents of {channels} channels.")
    known = stored.format if stored.format in BY_KEY else ""
    mine = [one for one in fitting if stored.vae_hash and _same_hash(one, stored.vae_hash)]
    if mine:
        option = Option(mine[0], _format(mine[0], known), note="the file names its weights")
        if known or stored.raw or len(mine[0].possible()) == 1:
            return Choice(option, f"{mine[0].name}: the file names exactly these weights.", (option,))
        fitting = mine  # the VAE is known, its scale is not
    if known:
        claimed = _by_format(stored, known, fitting, own)
        if claimed is not None:
            return claimed
        fitting = [one for one in fitting if one.may_be(known)]
        if not fitting:
            return Choice(None, f"The file says {BY_KEY[known].title}; no VAE at hand can be of that.", ())
    return _by_latents(stored, fitting, known, own)


def decode(stored: Stored, option: Option, max_bytes: int | None = None) -> Tensor:
    """Pictures [B,3,H,W] in 0..1."""
    codec = option.candidate.load(option.format)
    return codec.decode_tiled(for_codec(stored, codec), max_bytes)


def _by_format(stored: Stored, known: str, fitting: Sequence[Candidate], own: Own) -> Choice | None:
    """By the format that the file names; None where no VAE is proved to be of it."""
    proved = sorted(
        (one for one in fitting if one.proved(known)), key=lambda one: (one.name != stored.vae_name, _tiny(one))
    )
    if not proved:
        return None
    first = proved[0]
    title = BY_KEY[known].title
    option = _tried(Option(first, _format(first, known), note=f"the file says {title}"), stored, own)
    others = [Option(one, _format(one, known)) for one in proved[1:]]
    if option.error is not None and option.error > AGAINST:
        reason = f"The file says {title}, but its latents do not come back from {first.name}: {option.note}."
        return Choice(None, reason, (option, *others))
    return Choice(option, f"{first.name}: the file says {title}.", (option, *others))


def _by_latents(stored: Stored, fitting: Sequence[Candidate], known: str, own: Own) -> Choice:
    """By decoding and encoding again."""
    options = [_tried(Option(one, row), stored, own) for one in fitting for row in _rows(one, known, stored.raw)]
    ranked = tuple(sorted(options, key=_likelihood))
    best = ranked[0]
    if not best.near:
        return Choice(None, _nothing_near(best), ranked)
    rival = next((option for option in ranked[1:] if _rivals(option, best)), None)
    if rival is not None:
        both = f"{_shown(best)} ({best.note}) and {_shown(rival)} ({rival.note})"
        return Choice(None, f"It can't be told whose latents these are: they may be of {both}.", ranked)
    alike = [option for option in options if option.near and (option is best or _alike(option, best))]
    alike.sort(key=lambda option: (option.candidate.name != stored.vae_name, _tiny(option.candidate)))
    reason = f"{_shown(alike[0])}: its latents come back from it ({alike[0].note}), and from no other family."
    return Choice(alike[0], reason, ranked)


def _likelihood(option: Option) -> tuple[bool, bool, float]:
    return not option.near, _tiny(option.candidate), 9.0 if option.error is None else option.error


def _rivals(option: Option, best: Option) -> bool:
    """Whether an option stands against the best: no clearly larger error, and another picture."""
    if option.error is None:
        return option.candidate is best.candidate
    assert best.error is not None
    return option.error < AHEAD * max(best.error, 1e-6) and not _alike(option, best)


def _alike(option: Option, best: Option) -> bool:
    """Whether two VAEs decode to one picture, as those of a family do; two scales of one VAE are never alike."""
    if option.seen is None or best.seen is None or option.candidate is best.candidate:
        return False
    if option.seen.shape != best.seen.shape:
        return False
    return metrics.psnr(metrics.mse(option.seen, best.seen)) >= PSNR_FITS


def _tried(option: Option, stored: Stored, own: Own) -> Option:
    """The option with its error; a VAE that can't be read or has one half stays untested."""
    try:
        codec = option.candidate.load(option.format)
        if codec.architecture.encoder is None or codec.architecture.decoder is None:
            return replace(option, note=option.note or "can't be tested: it has no encoder")
        error, spread = _own(option, codec, own)
        found = comes_back(codec, for_codec(stored, codec, _patch(stored.tensor)))
    except (ValueError, OSError) as problem:
        return replace(option, note=f"can't be tested: {problem}")
    changed, usual = found.error / max(found.spread, spread), error / spread
    note = f"{changed:.1%} of their variance changes, of its own latents' {usual:.1%}"
    return replace(option, error=changed, limit=max(NEAR, OWN * usual), note=note, seen=found.seen)


def _own(option: Option, codec: Autoencoder, own: Own) -> tuple[float, float]:
    """Error and spread of the VAE's own latents of the test picture."""
    key = (option.candidate.info.identity.key(), option.format.key if option.format else "")
    if key not in own:
        found = comes_back(codec, codec.encode(probe.picture()))
        own[key] = (found.error, found.spread)
    return own[key]


@dataclass(frozen=True)
class Return:
    """Mean square by which latents changed, their variance over the pixels, and the picture between."""

    error: float
    spread: float
    seen: Tensor


def comes_back(codec: Autoencoder, latents: Tensor) -> Return:
    """Latents of the codec's sampler, decoded and encoded again."""
    seen = codec.decode(latents)
    again = codec.encode(seen)
    latents = latents.to(again.device, torch.float32)
    if again.shape != latents.shape:  # packed or not
        latents = unpack(latents) if latents.shape[1] > again.shape[1] else latents
    spread = float((latents - latents.mean((2, 3), keepdim=True)).square().mean())
    return Return(float((again - latents).square().mean()), max(spread, 1e-12), seen.cpu())


def _patch(latents: Tensor) -> Tensor:
    """The middle of the first picture."""
    top, left = (max(0, (side - PATCH) // 2) for side in latents.shape[2:])
    return latents[:1, :, top : top + PATCH, left : left + PATCH]


def for_codec(stored: Stored, codec: Autoencoder, tensor: Tensor | None = None) -> Tensor:
    """Latents of a file (or a part of them, `tensor`) as the codec's sampler has them."""
    latents = (stored.tensor if tensor is None else tensor).float()
    if not stored.raw or (codec.scaling.packed and latents.shape[1] == codec.channels):
        return latents  # packed ones carry their numbers: "raw" files of Flux.2 hold the sampler's
    return codec.scaling.to_latents(latents.to(codec.device))


def _rows(one: Candidate, known: str, raw: bool) -> Sequence[LatentFormat | None]:
    """The scales to try: the one that the file names, else all that are possible; raw latents have none to tell."""
    rows = one.possible()
    if known and one.info.kind != "tiny":
        named = [BY_KEY[known]] if not one.format and known in one.info.formats else []
        rows = (*named, *(row for row in rows if row and row.space == BY_KEY[known].space))
    return rows[:1] if raw or known else rows


def _format(one: Candidate, known: str) -> LatentFormat | None:
    """Of the formats in a VAE's space the one that the file names."""
    if one.info.kind == "tiny":
        return None
    return one.format or (BY_KEY[known] if known and known in one.info.formats else one.possible()[0])


def _same_hash(one: Candidate, said: str) -> bool:
    """Whole hashes, or the 10 characters that are shown."""
    here = one.weight_hash or one.info.weight_hash
    return len(said) >= 10 and bool(here) and (here.startswith(said) or said.startswith(here))


def _tiny(one: Candidate) -> bool:
    return one.info.kind == "tiny"


def _shown(option: Option) -> str:
    return option.candidate.name + (f" as {option.format.title}" if option.format else "")


def _nothing_near(nearest: Option) -> str:
    if nearest.error is None:
        return "It can't be told whose latents these are: no VAE that takes their channels can be tested."
    return (
        "It can't be told whose latents these are: they come back from no VAE at hand; "
        f"{_shown(nearest)} is the nearest ({nearest.note})."
    )


def _check(stored: Stored) -> None:
    if stored.tensor.ndim != 4 or not stored.tensor.numel():
        raise ValueError(
            f"latents of shape {list(stored.tensor.shape)}; wanted are [B,channels,h,w] of one picture or more"
        )
    if not bool(torch.isfinite(stored.tensor.float()).all()):
        raise ValueError("the latents hold values that are no numbers")
