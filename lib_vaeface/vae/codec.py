"""A codec: pictures to latents and back, whole, in regions, or within a number of bytes.

Latents are the sampler's, [B,C,h,w], on any device; what comes back is on the codec's. Pictures are computed one by
one, so that memory does not depend on their number and each climbs the precision ladder by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, Union

import torch
from torch import Tensor

from .architecture import TINY, Architecture
from .budget import WHOLE, Job
from .crops import Box, crop
from .execute import Net
from .formats import LatentFormat
from .precision import Ladder, NotFiniteError, is_finite
from .program import Program
from .regions import FIRST_STAGE, LATENT, MID, Memory, decode_crop, decode_keeping
from .scaling import Scaling, unpack
from .tiles import SpoiledStatistics, Watch, run_tiled
from .weights import Source, broken, prepare

Pixels = Union[Box, tuple[int, int, int, int]]  # noqa: UP007  (evaluated at run time, on Python 3.10)
Cancel = Callable[[], bool]
Result = TypeVar("Result")


class Cancelled(Exception):
    """The caller's `cancel` said yes between two tiles or pictures; nothing is left behind."""


@dataclass(frozen=True)
class Limits:
    """Of one call. spent: bytes of max_bytes that the result of all pictures takes."""

    max_bytes: int | None = None
    tile: int = WHOLE
    cancel: Cancel | None = None
    spent: int = 0


@dataclass(frozen=True)
class Autoencoder:
    """A codec of one VAE on one device. Made by `autoencoder.load` and `from_state_dict`.

    format: whose scale and shift the latents have; where SD1 and SDXL (or SD3 and Flux.1) are both possible and none
    was given, the first. circular: as the WebUIs' "Tiling". ladder: precisions, see `precision`.
    """

    architecture: Architecture
    source: Source
    device: torch.device
    format: LatentFormat | None
    scaling: Scaling
    ladder: Ladder
    circular: bool = False
    nets: MutableMapping[torch.dtype, Net] = field(default_factory=dict, repr=False, compare=False)

    @property
    def channels(self) -> int:
        """Channels of the sampler's latents."""
        return self.scaling.channels

    @property
    def downscale(self) -> int:
        """Picture pixels per pixel of the sampler's latents."""
        return self.architecture.downscale * (2 if self.scaling.packed else 1)

    @property
    def dtype(self) -> torch.dtype:
        """The precision in which the next picture is tried."""
        return self.ladder.start

    @property
    def nbytes(self) -> int:
        """Bytes of the weights that are held now, on the device and, for a GPU, in host memory."""
        made = sum(t.numel() * t.element_size() for net in self.nets.values() for t in net.weights.values())
        return made + int(getattr(self.source, "nbytes", 0))

    @torch.no_grad()
    def decode(self, latents: Tensor, cancel: Cancel | None = None) -> Tensor:
        """Latents [B,C,h,w] -> images [B,3,H,W], fp32 in 0..1.

        A picture that is not finite is decoded again in the next precision. NotFiniteError: not even fp32 helps.
        cancel: asked before every picture; Cancelled.
        """
        return torch.cat([image for image, _ in self._decoded(latents, (), cancel)])

    @torch.no_grad()
    def decode_keeping(
        self, latents: Tensor, cuts: Sequence[str] = (FIRST_STAGE,), cancel: Cancel | None = None
    ) -> tuple[Tensor, list[Memory]]:
        """`decode`, and for every picture what exact regions of it need, kept at the given cuts (see `regions`)."""
        found = list(self._decoded(latents, tuple(cuts), cancel))
        return torch.cat([image for image, _ in found]), [memory for _, memory in found]

    @torch.no_grad()
    def decode_region(
        self,
        latents: Tensor,
        box: Pixels,
        memories: Sequence[Memory] | None = None,
        cut: str | None = None,
        halo: int | None = None,
    ) -> Tensor:
        """The pixels of `box` (left, top, right, bottom; inside the picture) of every image: [B,3,height,width].

        With the memories of a decode it equals that crop of it, at a fraction of the cost; without, the pictures are
        decoded whole. cut: where to start, by default the cheapest that was kept; with LATENT the given latents are
        decoded, which may differ from the remembered ones (an edited face), in the remembered statistics. halo: less
        context than an exact crop needs, in latent pixels.
        """
        pixels = _inside(box, latents, self.downscale)
        if memories is None:
            return crop(self.decode(latents), pixels)
        if len(memories) != len(latents):
            raise ValueError(f"{len(latents)} latents and {len(memories)} memories do not belong together")
        factor = self.downscale // self.architecture.downscale
        if any(memory.size != (latents.shape[2] * factor, latents.shape[3] * factor) for memory in memories):
            raise ValueError("latents and memories do not belong together: their sizes differ")
        return torch.cat([self._region(raw, pixels, memories[n], cut, halo) for n, raw in self.raws(latents)])

    @torch.no_grad()
    def decode_tiled(
        self, latents: Tensor, max_bytes: int | None = None, tile: int = WHOLE, cancel: Cancel | None = None
    ) -> Tensor:
        """`decode` within max_bytes of activations and result, equal to it up to the rounding of sums.

        Bytes are traded for work computed twice, never for exactness; enough of them make it the ordinary decode.
        tile: a side in raw latent pixels to be used instead of the best. TooFewBytes says how many would do.
        """
        count, pixels = len(latents), latents.shape[2] * latents.shape[3] * self.downscale**2
        limits = Limits(max_bytes, tile, cancel, spent=12 * pixels * count if count > 1 else 0)
        parts = (self._within(self.decoder, raw, limits, f"picture {n + 1}") for n, raw in self.raws(latents))
        return _gathered(map(self.to_image, parts), count)

    @torch.no_grad()
    def encode(
        self,
        images: Tensor,
        generator: torch.Generator | None = None,
        max_bytes: int | None = None,
        cancel: Cancel | None = None,
    ) -> Tensor:
        """Images [B,3,H,W] in 0..1 -> latents [B,C,h,w], fp32: the posterior's mode, so always the same.

        generator (of the CPU): a sample of the posterior instead. max_bytes: in tiles, as `decode_tiled` (whole
        where `circular`). H and W must be multiples of `downscale`.
        """
        height, width = images.shape[-2:]
        if images.ndim != 4 or images.shape[1] != 3 or height % self.downscale or width % self.downscale:
            wanted = f"[B,3,H,W] with sides that are multiples of {self.downscale}"
            raise ValueError(f"images of shape {list(images.shape)}; wanted are {wanted}")
        limits = Limits(None if self.circular else max_bytes, cancel=cancel)
        pictures = (self._from_image(image[None]) for image in images)
        moments = [self._within(self.encoder, x, limits, f"picture {n + 1}") for n, x in enumerate(pictures)]
        return self.scaling.to_latents(self._posterior(torch.cat(moments).float(), generator))

    @torch.no_grad()
    def decode_raw(self, raw: Tensor) -> Tensor:
        """Raw latents [B,z,h,w] -> pictures [B,3,H,W], fp32, as the decoder gives them: in -1..1 and a little over.

        Without scale, shift and clamp, for a WebUI that applies its own. Precision as in `decode`.
        """

        def one(latent: Tensor, number: int) -> Tensor:
            attempt = partial(self._whole, latent[None].to(self.device, torch.float32))
            return self._climb(attempt, is_finite, f"picture {number}").float()

        return torch.cat([one(latent, number) for number, latent in enumerate(raw, 1)])

    @torch.no_grad()
    def moments(self, images: Tensor) -> Tensor:
        """Pictures [B,3,H,W] in -1..1 -> mean and log variance of the raw latents' posterior [B,2z,h,w], fp32."""
        pictures = enumerate(torch.split(images.to(self.device, torch.float32), 1), 1)
        parts = [self._within(self.encoder, one, Limits(None), f"picture {n}") for n, one in pictures]
        return torch.cat(parts).float()

    def _whole(self, raw: Tensor, dtype: torch.dtype) -> Tensor:
        return decode_keeping(self.net(dtype), self.decoder, raw.to(dtype), ())[0]

    def in_precision(self, dtype: torch.dtype) -> Autoencoder:
        """The same codec starting at another precision, with its own weights; remembers nothing."""
        return replace(self, ladder=Ladder(dtype, self.device), nets={})

    def wrapping(self, circular: bool) -> Autoencoder:
        """The same codec with the WebUIs' "Tiling" on or off; weights are shared."""
        if circular == self.circular:
            return self
        self.net(self.dtype)  # else each of the two would make its own
        nets = {dtype: replace(net, circular=circular) for dtype, net in self.nets.items()}
        return replace(self, circular=circular, nets=nets)

    def net(self, dtype: torch.dtype) -> Net:
        """The weights at a precision. The one to start with is held; others are made for the moment."""
        if dtype in self.nets:
            return self.nets[dtype]
        found = prepare(self.architecture, self.source(), self.device, dtype, self.circular)
        if dtype == self.dtype:
            self.nets.clear()
            self.nets[dtype] = found
        return found

    @property
    def decoder(self) -> Program:
        if self.architecture.decoder is None:
            raise ValueError("this file holds an encoder only: it can't decode")
        return self.architecture.decoder

    @property
    def encoder(self) -> Program:
        if self.architecture.encoder is None:
            raise ValueError("this file holds a decoder only: it can't encode")
        return self.architecture.encoder

    def raws(self, latents: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The number of every picture and its raw latent, fp32 [1,z,h,w]."""
        if latents.ndim != 4 or latents.shape[1] not in (self.channels, 4 * self._unpacks):
            raise ValueError(f"latents of shape {list(latents.shape)}; this VAE takes [B,{self.channels},h,w]")
        for number, latent in enumerate(torch.split(latents, 1)):
            latent = latent.to(self.device, torch.float32)
            if not is_finite(latent):
                raise NotFiniteError(
                    f"picture {number + 1}: its latent holds values that are no numbers, before any VAE"
                )
            yield number, self.scaling.to_raw(unpack(latent) if latent.shape[1] != self.channels else latent)

    @property
    def _unpacks(self) -> int:
        """Raw channels, where a tiny codec may be given packed latents (TAEF2)."""
        return self.channels if self.architecture.kind == TINY else 0

    def _decoded(
        self, latents: Tensor, cuts: tuple[str, ...], cancel: Cancel | None
    ) -> Iterator[tuple[Tensor, Memory]]:
        for number, raw in self.raws(latents):
            _stop_if(cancel)

            def attempt(dtype: torch.dtype, raw: Tensor = raw) -> tuple[Tensor, Memory]:
                return decode_keeping(self.net(dtype), self.decoder, raw.to(dtype), cuts)

            image, memory = self._climb(attempt, lambda found: is_finite(found[0]), f"picture {number + 1}")
            yield self.to_image(image), memory

    def _region(self, raw: Tensor, pixels: Box, memory: Memory, cut: str | None, halo: int | None) -> Tensor:
        at = cut or next((name for name in (FIRST_STAGE, MID) if name in memory.features), LATENT)
        box, factor = pixels.latent(self.architecture.downscale), self.architecture.downscale

        def attempt(dtype: torch.dtype) -> Tensor:
            found = decode_crop(self.net(dtype), self.decoder, memory, box, at, raw.to(dtype), halo)
            return crop(found, pixels.within(box.times(factor)))

        return self.to_image(self._climb(attempt, is_finite, "region", memory.dtype))

    def _within(self, program: Program, source: Tensor, limits: Limits, what: str) -> Tensor:
        """One picture through a coder within a number of bytes, at the first precision in which it is finite."""
        scale = program.start
        size = (source.shape[2] // scale, source.shape[3] // scale)

        def attempt(dtype: torch.dtype) -> Tensor | None:
            def again(write: Callable[[Net], bool], box: Box) -> None:
                place = f"{what}, tile at {box.left},{box.top}"
                self._climb(lambda higher: write(self.net(higher)), bool, place, failed=dtype)

            watch = Watch(lambda: _stop_if(limits.cancel), again)
            job = Job(program, size, dtype.itemsize)
            plan = job.plan(limits.max_bytes, limits.tile, limits.spent + 3 * 4 * source.numel())
            try:
                return run_tiled(self.net(dtype), job, plan, source.to(dtype), watch)
            except SpoiledStatistics:
                return None

        found = self._climb(attempt, lambda result: result is not None and is_finite(result), what)
        assert found is not None
        return found

    def _climb(
        self,
        attempt: Callable[[torch.dtype], Result],
        finite: Callable[[Result], bool],
        what: str,
        first: torch.dtype | None = None,
        failed: torch.dtype | None = None,
    ) -> Result:
        try:
            return self.ladder.climb(attempt, finite, what, first, failed)
        except NotFiniteError as error:
            names = broken(self.source())
            if not names:
                raise
            raise NotFiniteError(f"{error}; the VAE itself holds such: {len(names)} tensors, e.g. {names[0]}") from None

    def to_image(self, x: Tensor) -> Tensor:
        """What the decoder gives -> fp32 in 0..1. KL autoencoders work in -1..1, tiny ones in 0..1."""
        x = x.float()
        return x.clamp_(0, 1) if self.architecture.kind == TINY else x.add_(1).div_(2).clamp_(0, 1)

    def _from_image(self, image: Tensor) -> Tensor:
        image = image.to(self.device, torch.float32)
        return image if self.architecture.kind == TINY else image * 2 - 1

    def _posterior(self, moments: Tensor, generator: torch.Generator | None) -> Tensor:
        """Raw latents from what the encoder gives: the mean, or with a generator mean + std * noise."""
        if self.architecture.kind == TINY:
            return moments
        mean, logvar = moments.chunk(2, dim=1)
        if generator is None:
            return mean
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        return mean + (logvar.clamp(-30, 20) / 2).exp() * noise


def _stop_if(cancel: Cancel | None) -> None:
    if cancel and cancel():
        raise Cancelled("cancelled between two tiles")


def _inside(box: Pixels, latents: Tensor, downscale: int) -> Box:
    pixels = box if isinstance(box, Box) else Box(*box)
    height, width = latents.shape[2] * downscale, latents.shape[3] * downscale
    if not (0 <= pixels.left < pixels.right <= width and 0 <= pixels.top < pixels.bottom <= height):
        raise ValueError(f"{pixels} is not inside the picture of {width}x{height} pixels")
    return pixels


def _gathered(parts: Iterator[Tensor], count: int) -> Tensor:
    """[1,...] parts as one tensor, each let go of when it is in its place."""
    if count == 1:
        return next(parts)
    first = next(parts)
    whole = first.new_empty(count, *first.shape[1:])
    whole[:1] = first
    del first
    for number in range(1, count):
        whole[number : number + 1] = next(parts)
    return whole
