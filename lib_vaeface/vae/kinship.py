"""Does a VAE fit a checkpoint? Proved from weights and pictures, cheapest evidence first; names are never evidence.

L0  header       another number of channels, another downscale, no decoder: refused before a weight is read
L1  identity     a published sha256, if the file's is known: decides
L2  lineage      kernels of both, read as slices: close means kin, far means nothing
L3  probe        the checkpoint encodes a picture, the candidate decodes it: decides by the gain over a flat colour

What metadata says is shown beside the verdict and decides nothing. docs/kinship.md has the measured distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from . import lineage, others
from .errors import VaeFileError
from .formats import BY_KEY
from .header import header_of, identity_in, open_file
from .inspect import Opened, VaeInfo, examine
from .known import SHA256
from .lineage import Closeness, Sample
from .precision import NotFiniteError
from .probe import Probe, probe
from .verdicts import FITS, REFUSED, UNKNOWN, Evidence, Verdict, Verdicts

# Least cosines that prove kinship; docs/kinship.md has what was measured on both sides of them.
CLOSE = Closeness(interface=0.98, encoder=0.95, decoder=0.9)
TURNED = 0.9  # an interface below this between coders that are close: the latent space itself was changed
# Gains over a flat colour in dB, from there too.
GAIN_FITS, GAIN_REFUSED, PSNR_FITS = 8.0, 5.0, 20.0

Coder = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class CheckpointFacts:
    """What a host knows of the checkpoint that is to be decoded for.

    channels: of its raw latents (Flux.2: 32, before packing), downscale: pixels of a side per raw latent pixel.
    formats: keys of the latent formats it can have, () where unknown. sample: of its own VAE; None where it has none.
    """

    name: str
    channels: int
    downscale: int = 8
    formats: tuple[str, ...] = ()
    sample: Sample | None = None

    @cached_property
    def fingerprint(self) -> str:
        own = self.sample.fingerprint() if self.sample else f"no VAE of its own: {self.name}"
        return f"{own}/{'+'.join(self.formats)}/{self.channels}/{self.downscale}"

    @property
    def title(self) -> str:
        return _titles(self.formats) or f"a model of {self.channels} latent channels"


def facts_from_file(path: Path | str) -> CheckpointFacts:
    """The facts of a checkpoint file with a VAE in it, from its header and slices. VaeFileError: there is none."""
    path = Path(path)
    with open_file(path) as file:
        opened = examine(header_of(file, path))
        if opened.naming is None or opened.info.problem:
            raise VaeFileError(path, opened.info.problem)
        family = others.family({name: tensor.shape for name, tensor in opened.header.tensors.items()})
        formats = tuple(key for key in opened.info.formats if key in family)
        return CheckpointFacts(path.name, opened.info.channels, opened.info.downscale, formats, _sample(file, opened))


def judge(
    path: Path | str,
    checkpoint: CheckpointFacts,
    encode: Coder | None = None,
    decode: Coder | None = None,
    *,
    sha256: str = "",
    memory: Verdicts | None = None,
) -> Verdict:
    """Whether the VAE file fits the checkpoint.

    encode: images -> latents of the checkpoint's own VAE; decode: latents -> images of the candidate, called only when
    nothing cheaper decides, so it may load the file then. Without both, what is left open is unknown. sha256: of the
    file, if it is known. VaeFileError: the file can't be read, or is a pickle.
    """
    path = Path(path)
    with open_file(path) as file:
        identity = identity_in(file, path)
        before = memory.get(identity, checkpoint.fingerprint) if memory else None
        if before is not None and not _could_learn(before, bool(encode and decode), sha256):
            return before
        opened = examine(header_of(file, path))
        verdict = from_header(opened.info, checkpoint) or _from_weights(opened, checkpoint, file, sha256)
    lasting = True
    if verdict.answer == UNKNOWN and encode and decode:
        verdict, lasting = _probed(verdict, encode, decode)
    if memory is not None:
        if lasting:
            memory.put(identity, checkpoint.fingerprint, verdict)
        verdict = replace(verdict, allowed=memory.allowed(identity, checkpoint.fingerprint))
    return verdict


def judge_files(path: Path | str, checkpoint: Path | str, memory: Verdicts | None = None) -> Verdict:
    """Whether a VAE file fits a checkpoint file with a VAE in it; without a host, both in our own codec on the CPU.

    VaeFileError: one of them can't be read or has no VAE.
    """
    from .autoencoder import load

    facts = facts_from_file(checkpoint)
    # One scaling for both: what is asked is whether the candidate decodes this model's latents.
    scaling = BY_KEY[facts.formats[0]] if facts.formats else None
    return judge(
        path,
        facts,
        lambda images: load(checkpoint, format=scaling).encode(images),
        lambda latents: load(path, format=scaling).decode(latents),
        memory=memory,
    )


def from_header(info: VaeInfo, checkpoint: CheckpointFacts) -> Verdict | None:
    """L0: a refusal where the header alone rules the VAE out; None where it may fit."""
    if info.problem:
        return _refused("L0", info.problem)
    wanted = f"{checkpoint.name} works on {checkpoint.channels} latent channels at 1/{checkpoint.downscale}"
    if (info.channels, info.downscale) != (checkpoint.channels, checkpoint.downscale):
        return _refused("L0", f"It has {info.channels} latent channels at 1/{info.downscale}; {wanted}.")
    if checkpoint.formats and not _spaces(info.formats) & _spaces(checkpoint.formats):
        shapes = f"By its shapes it belongs to {_titles(info.formats)}"
        return _refused("L0", f"{shapes}; {checkpoint.name} is {checkpoint.title}.")
    return None


def by_probe(found: Probe) -> Verdict:
    """L3: the rule for what came out of the probe."""
    figures = found.to_json()
    if not found.finite:
        return _refused("L3", "The test picture came out as NaN or infinity.", figures)
    text = f"the test picture came out {found.gain:.1f} dB better than a flat colour"
    if found.gain >= GAIN_FITS and found.psnr >= PSNR_FITS:
        return Verdict(FITS, f"It decodes this checkpoint's latents: {text}.", (Evidence("L3", text, figures),))
    if found.gain < GAIN_REFUSED:
        return _refused("L3", f"It belongs to another family of latents: {text}.", figures)
    return Verdict(UNKNOWN, f"It can't be told: {text}.", (Evidence("L3", text, figures),))


def fitting(files: Iterable[VaeInfo], checkpoint: CheckpointFacts, memory: Verdicts | None = None) -> list[VaeInfo]:
    """The files that fit for certain, by what is remembered and by L0 to L2: the alternatives to a refused one."""
    found = []
    for info in files:
        if info.usable and from_header(info, checkpoint) is None:
            try:
                if judge(info.path, checkpoint, sha256=info.sha256, memory=memory).answer == FITS:
                    found.append(info)
            except VaeFileError:
                continue  # gone since it was listed
    return found


def _from_weights(opened: Opened, checkpoint: CheckpointFacts, file: BinaryIO, sha256: str) -> Verdict:
    """L1 and L2: fits, refused by identity, or unknown with what was found."""
    evidence = [Evidence("claim", f"{claim.source}: {', '.join(claim.formats)}") for claim in opened.info.claims]
    close = lineage.compare(_sample(file, opened), checkpoint.sample) if checkpoint.sample else None
    if close is not None:
        figures = close.to_json()
        if _is_close(close):
            text = f"its weights are those of {checkpoint.name}'s own VAE, or a fine-tune of them"
            return Verdict(FITS, text[0].upper() + text[1:] + ".", (Evidence("L2", text, figures), *evidence))
        evidence.insert(
            0, Evidence("L2", "its weights are not near the checkpoint's own, which proves nothing", figures)
        )
    published = SHA256.get(sha256)
    if published and len(_spaces(checkpoint.formats)) == 1:
        text = f"it is {published.title}, by its sha256"
        proof = Evidence("L1", text, {"sha256": sha256})
        if published.space in _spaces(checkpoint.formats):
            return Verdict(FITS, f"It fits {checkpoint.title}: {text}.", (proof, *evidence))
        return Verdict(REFUSED, f"It does not fit {checkpoint.title}: {text}.", (proof, *evidence))
    return Verdict(UNKNOWN, _open_question(opened.info), tuple(evidence))


def _open_question(info: VaeInfo) -> str:
    titles = _titles(info.formats)
    return f"Header and weights don't tell whose latents it decodes ({titles} look the same); no test picture was made."


def _probed(so_far: Verdict, encode: Coder, decode: Coder) -> tuple[Verdict, bool]:
    """The probe's verdict with the earlier evidence, and whether it is worth remembering."""
    try:
        found = by_probe(probe(encode, decode))
    except (VaeFileError, NotFiniteError) as error:
        found = _refused("L3", f"It can't decode: {error}")
    except (RuntimeError, ValueError) as error:  # no memory left, or a host's VAE that takes no such picture
        reason = f"The test picture could not be made ({str(error)[:200]})."
        return Verdict(UNKNOWN, reason, so_far.evidence), False
    found = replace(found, evidence=(*found.evidence, *so_far.evidence))
    if found.answer == FITS and any(_was_turned(seen) for seen in so_far.evidence):
        # Latent channels may be swapped so that a picture hardly shows it.
        return replace(found, answer=UNKNOWN, reason=f"{TURNED_REASON} The test picture alone would pass."), True
    return found, True


TURNED_REASON = "Its coders are the checkpoint's own, but what stands between them and the latent is not."


def _was_turned(seen: Evidence) -> bool:
    """L2's figures of a VAE that was given another latent space and is the checkpoint's own otherwise."""
    if seen.level != "L2" or "interface" not in seen.figures:
        return False
    same = seen.figures["encoder"] >= CLOSE.encoder and seen.figures["decoder"] >= CLOSE.decoder
    return bool(same and seen.figures["interface"] < TURNED)


def _could_learn(before: Verdict, probing: bool, sha256: str) -> bool:
    """Whether looking again may decide what was left open."""
    if before.answer != UNKNOWN:
        return False
    return sha256 in SHA256 or (probing and all(found.level != "L3" for found in before.evidence))


def _sample(file: BinaryIO, opened: Opened) -> Sample:
    if opened.naming is None:
        raise VaeFileError(opened.info.path, opened.info.problem)
    try:
        return lineage.sample_file(file, opened.header, opened.naming)
    except EOFError as error:
        raise VaeFileError(opened.info.path, f"{error}.") from None


def same_family(one: CheckpointFacts, other: CheckpointFacts) -> bool:
    """Whether latents of one model mean the same to the other: both VAEs encode alike, however they decode.

    A model without a VAE of its own, or with one of other tensors, is nobody's kin.
    """
    found = lineage.compare(one.sample, other.sample) if one.sample and other.sample else None
    return found is not None and found.interface >= CLOSE.interface and found.encoder >= CLOSE.encoder


def _is_close(found: Closeness) -> bool:
    pairs = ((found.interface, CLOSE.interface), (found.encoder, CLOSE.encoder), (found.decoder, CLOSE.decoder))
    return all(have >= need for have, need in pairs)


def _titles(keys: Iterable[str]) -> str:
    return ", ".join(BY_KEY[key].title for key in keys if key in BY_KEY)


def _spaces(keys: Iterable[str]) -> set[str]:
    return {BY_KEY[key].space for key in keys if key in BY_KEY}


def _refused(level: str, reason: str, figures: Mapping[str, object] | None = None) -> Verdict:
    return Verdict(REFUSED, reason, (Evidence(level, reason, figures or {}),))
