"""Names of an image VAE's tensors: every layout in the wild, read into one.

The canonical names are those of the original code (ldm): `decoder.up.3.block.0.conv1.weight`. Files also come

- as diffusers writes them (`decoder.up_blocks.0.resnets.0.conv1.weight`: up blocks counted from the other end,
  attention projections as matrices; before 0.18 called query, key, value, proj_attn);
- inside a whole checkpoint, behind a prefix such as `first_stage_model.`;
- as BFL writes Flux.2 (the 1x1 quant convolutions inside encoder and decoder);
- as an EMA copy (`model_ema.decoderconv_inweight`: the dots are gone);
- as TAESD's numbered layers (`decoder.1.weight`, or one half alone: `1.weight`), also in diffusers' numbering.

Only names are looked at here, no tensor: a header is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache

LDM, DIFFUSERS, EMA, TAESD, TAESD_DIFFUSERS = "ldm", "diffusers", "ema", "taesd", "taesd-diffusers"
PREFIXES = ("", "first_stage_model.", "vae.", "first_stage_model.model.", "model.first_stage_model.", "model.vae.")
# Training leftovers that say nothing about the codec.
IGNORED = ("loss.", "model_ema.", "discriminator.", "logvar", "epoch", "global_step")
IGNORED_NAMES = ("bn.num_batches_tracked",)
FEW = 2000  # names of one file; a checkpoint has some 1,100

# (diffusers, ldm): a number in both stands for the same number.
_PATHS = (
    ("down_blocks.{i}.resnets.{j}", "down.{i}.block.{j}"),
    ("down_blocks.{i}.downsamplers.0", "down.{i}.downsample"),
    ("up_blocks.{i}.resnets.{j}", "up.{i}.block.{j}"),
    ("up_blocks.{i}.upsamplers.0", "up.{i}.upsample"),
    ("mid_block.resnets.0", "mid.block_1"),
    ("mid_block.resnets.1", "mid.block_2"),
    ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
    ("mid_block.attentions.0", "mid.attn_1"),
)
_ATTENTION = (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"))
_OLD_ATTENTION = {"query": "q", "key": "k", "value": "v", "proj_attn": "proj_out"}
_LAYERS = (("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out"))
_NESTED = {"encoder.quant_conv": "quant_conv", "decoder.post_quant_conv": "post_quant_conv"}

_DOTLESS = re.compile(
    r"(?P<half>encoder|decoder)(?:(?P<mid>mid)(?P<part>block_[12]|attn_1)"
    r"|(?P<way>down|up)(?P<level>\d)(?:block(?P<block>\d)|(?P<change>downsample|upsample)))?"
    r"(?P<layer>conv_in|conv_out|norm_out|norm[12]?|conv[12]?|nin_shortcut|proj_out|[qkv])(?P<kind>weight|bias)"
)
_DOTLESS_QUANT = re.compile(r"(?P<layer>(?:post_)?quant_conv)(?P<kind>weight|bias)")
_TINY = re.compile(
    r"(?:(?P<half>encoder|decoder|taesd_encoder|taesd_decoder)\.)?(?P<layers>layers\.)?(?P<index>\d+)\.(?P<rest>.+)"
)


@dataclass(frozen=True)
class Naming:
    """How one file names the tensors of the VAE in it.

    names: canonical name -> name in the file. levels: resolutions of a KL autoencoder (4 for 8x), 0 for TAESD.
    strangers: names of a bare VAE file that belong to no known part; strict loading refuses them. What else a whole
    checkpoint holds beside the prefix is not listed.
    """

    layout: str
    prefix: str
    names: Mapping[str, str]
    levels: int
    strangers: tuple[str, ...] = field(default=())


def read(names: Collection[str]) -> Naming | None:
    """The VAE among a file's tensor names; None when there is none that this module knows.

    Of a checkpoint with a VAE behind several prefixes the first of PREFIXES is taken. EMA copies are read only where
    the weights themselves are missing.
    """
    known = frozenset(names)
    return _again(known) if len(known) <= FEW else _read(known)


@lru_cache(maxsize=16)
def _again(known: frozenset[str]) -> Naming | None:
    """VAEs mostly have the same names, and each generation asks for the loaded model's."""
    return _read(known)


def _read(known: Set[str]) -> Naming | None:
    for prefix in _prefixes(known):
        found = _read_kl(prefix, [name[len(prefix) :] for name in known if name.startswith(prefix)])
        if found is not None:
            return found
    return _read_ema(known) or _read_tiny(known)


def canonical(name: str, levels: int) -> str:
    """The ldm name of one tensor of a KL autoencoder, given its ldm or diffusers name without a file's prefix.

    levels: number of resolutions, by which diffusers counts the decoder's up blocks backwards. A name that is
    canonical already, or unknown, comes back as it is.
    """
    stem, dot, kind = name.rpartition(".")
    if stem in _NESTED:
        return _NESTED[stem] + dot + kind
    half, _, path = stem.partition(".")
    if half not in ("encoder", "decoder"):
        return name
    return f"{half}.{_to_ldm(path, levels)}.{kind}"


def to_diffusers(name: str, levels: int) -> str:
    """The diffusers name of a canonical one; attention projections are [C,C] there, not [C,C,1,1]."""
    stem, dot, kind = name.rpartition(".")
    half, _, path = stem.partition(".")
    if half not in ("encoder", "decoder"):
        return name
    for theirs, ours in _PATHS:
        path, count = _pattern(ours).subn(_filled(theirs, levels), path)
        if count:
            break
    if path.startswith("mid_block.attentions"):
        path = _renamed(path, {ours: theirs for theirs, ours in _ATTENTION})
    return f"{half}.{_renamed(path, {ours: theirs for theirs, ours in _LAYERS})}.{kind}"


def canonical_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape in ldm's layout: attention projections stored as matrices [C,C] become 1x1 kernels [C,C,1,1]."""
    if ".attn_1." in name and len(shape) == 2:
        return (*shape, 1, 1)
    return tuple(shape)


def _prefixes(names: Set[str]) -> list[str]:
    """Prefixes behind which a KL autoencoder's decoder stands, the known ones first."""
    key = "decoder.conv_in.weight"
    found = {name[: -len(key)] for name in names if name.endswith(key)}
    found = {prefix for prefix in found if prefix == "" or prefix.endswith(".")}
    return [p for p in PREFIXES if p in found] + sorted(found.difference(PREFIXES))


def _read_kl(prefix: str, names: list[str]) -> Naming | None:
    levels = _levels(names)
    if not levels:
        return None
    layout = DIFFUSERS if any(".up_blocks." in name for name in names) else LDM
    found: dict[str, str] = {}
    strangers = []
    for name in sorted(names):
        ours = canonical(name, levels)
        if ours.startswith(IGNORED) or ours in IGNORED_NAMES:
            continue
        if ours in found or not ours.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv.", "bn.")):
            strangers.append(prefix + name)
        else:
            found[ours] = prefix + name
    return Naming(layout, prefix, found, levels, tuple(strangers))


def _levels(names: Iterable[str]) -> int:
    numbers = [re.match(r"decoder\.up(?:_blocks)?\.(\d+)\.", name) for name in names]
    return max((int(match[1]) + 1 for match in numbers if match), default=0)


def _read_ema(names: Set[str]) -> Naming | None:
    """An EMA copy alone, at the top or behind a checkpoint's prefix."""
    key = "model_ema.decoderconv_inweight"
    prefixes = sorted(name.removesuffix(key) for name in names if name.endswith(key))
    if not prefixes:
        return None
    start = prefixes[0] + "model_ema."
    dotted = {name: _dotted(name[len(start) :]) for name in sorted(names) if name.startswith(start)}
    found = {ours: name for name, ours in dotted.items() if ours}
    return Naming(EMA, start, found, _levels(found), ()) if found else None


def _dotted(name: str) -> str | None:
    """The canonical name of an EMA copy's name; None for its counters and for what is unknown."""
    quant = _DOTLESS_QUANT.fullmatch(name)
    if quant:
        return f"{quant['layer']}.{quant['kind']}"
    match = _DOTLESS.fullmatch(name)
    if not match:
        return None
    block = f"block.{match['block']}" if match["block"] else match["change"]
    parts = (
        match["half"],
        match["mid"],
        match["part"],
        match["way"],
        match["level"],
        block,
        match["layer"],
        match["kind"],
    )
    return ".".join(part for part in parts if part)


def _read_tiny(names: Set[str]) -> Naming | None:
    """TAESD: canonical names are `encoder.<layer>...` and `decoder.<layer>...`, numbered as in its own code."""
    matches = {name: _TINY.fullmatch(name) for name in sorted(names)}
    alone = "decoder" if "1.weight" in names else "encoder"
    found: dict[str, str] = {}
    for name, match in matches.items():
        if match:
            half = (match["half"] or alone).removeprefix("taesd_")
            # diffusers has no layer for the decoder's first step, the clamp
            index = int(match["index"]) + (1 if match["layers"] and half == "decoder" else 0)
            found[f"{half}.{index}.{match['rest']}"] = name
    if "decoder.1.weight" not in found and "encoder.0.weight" not in found:
        return None
    layout = TAESD_DIFFUSERS if any(match and match["layers"] for match in matches.values()) else TAESD
    strangers = [name for name, match in matches.items() if not match]
    return Naming(layout, "", found, 0, tuple(strangers))


def _to_ldm(path: str, levels: int) -> str:
    if "_block" not in path and not path.startswith("conv_norm_out"):
        return path  # canonical already, as most files are: a header is to be read in milliseconds
    for theirs, ours in _PATHS:
        path, count = _pattern(theirs).subn(_filled(ours, levels), path)
        if count:
            break
    if path.startswith("mid.attn_1"):
        path = _renamed(path, {**dict(_ATTENTION), **_OLD_ATTENTION})
    return _renamed(path, dict(_LAYERS))


def _renamed(path: str, words: Mapping[str, str]) -> str:
    stem, dot, last = path.rpartition(".")
    return stem + dot + words.get(last, last)


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template).replace(r"\{i\}", r"(?P<i>\d+)").replace(r"\{j\}", r"(?P<j>\d+)")
    return re.compile(rf"^{escaped}(?=\.|$)")


def _filled(template: str, levels: int) -> Callable[[re.Match[str]], str]:
    """Fills in the numbers; up blocks are counted from the other end in the other layout."""

    def fill(match: re.Match[str]) -> str:
        numbers = {name: int(text) for name, text in match.groupdict().items()}
        if template.startswith("up"):
            numbers["i"] = levels - 1 - numbers["i"]
        return template.format(**numbers)

    return fill
