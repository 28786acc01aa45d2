"""`compare | bridge | calibrate | decode`: pictures and latents through VAEs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import shared
from .shared import ASKED, DONE, VAE_HELP, WRONG, Commands, Failed, print_json

if TYPE_CHECKING:
    from torch import Tensor

    from lib_vaeface.vae.codec import Autoencoder
    from lib_vaeface.vae.compare import Region
    from lib_vaeface.vae.universal import Candidate, Option, Stored


def add(commands: Commands) -> None:
    _add_compare(commands)
    bridging = commands.add_parser("bridge", help="latents of one VAE to latents of another")
    bridging.add_argument("latents", metavar="LATENTS")
    _two_vaes(bridging)
    shared.out_option(bridging, "the new latents: .safetensors or .latent", required=True)
    bridging.add_argument("--size", type=shared.size, metavar="WxH", help="scale the pictures between the two")
    bridging.add_argument("--map", help="a fitted map instead of decoding and encoding: faster, approximate")
    bridging.add_argument("--no-check", action="store_true", help="don't measure the round trip")
    bridging.set_defaults(run=run_bridge)

    fitting = commands.add_parser("calibrate", help="fit a map between two VAEs' latents, from pictures")
    fitting.add_argument("pictures", type=Path, metavar="FOLDER")
    _two_vaes(fitting)
    shared.out_option(fitting, "the map, a safetensors", required=True)
    fitting.add_argument("--kind", action="append", help="affine, 1x1, conv or small net (the best of all)")
    fitting.set_defaults(run=run_calibrate)

    decoding = commands.add_parser("decode", help="latents to pictures, with the right VAE of some")
    decoding.add_argument("latents", metavar="LATENTS")
    decoding.add_argument("--vae", help=f"this one; {VAE_HELP}")
    decoding.add_argument("--vae-dir", action="append", default=[], help="a folder of VAEs to choose from")
    shared.out_option(decoding, "the picture, a .png", required=True)
    for parser in (bridging, fitting, decoding):
        shared.codec_options(parser)
    decoding.set_defaults(run=run_decode)


def _add_compare(commands: Commands) -> None:
    comparing = commands.add_parser("compare", help="VAEs side by side, on one latent or on pictures")
    comparing.add_argument(
        "source",
        type=Path,
        metavar="LATENTS",
        help="latents to decode; or a picture, or a folder of them, to encode and decode",
    )
    comparing.add_argument("--vae", action="append", required=True, dest="vaes", metavar="VAE",
                           help=f"several times; the others are held against the first; {VAE_HELP}")  # fmt: skip
    shared.out_option(comparing, "a sheet of the pictures and their differences, a .png")
    comparing.add_argument("--truth", type=Path, help="the true picture of the latents")
    comparing.add_argument("--region", action="append", default=[], metavar="KIND:L,T,R,B[@N]",
                           help="also measure this box, in pixels, of picture N (1): face:10,20,90,110")  # fmt: skip
    comparing.add_argument("--allow-unknown", action="store_true", help="also VAEs whose fit can't be told")
    shared.codec_options(comparing)
    comparing.set_defaults(run=run_compare)


def _two_vaes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", required=True, help=f"the VAE the latents are of; {VAE_HELP}")
    parser.add_argument("--target", required=True, help="the VAE they are to be for")


def run_compare(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.compare import compare
    from lib_vaeface.vae.contact_sheet import contact_sheet

    if asked.out:
        shared.writable(asked.out, asked.overwrite)
    regions = [_region(text) for text in asked.region]
    of_pictures = asked.source.is_dir() or asked.source.suffix.lower() in shared.PICTURES
    pictures, truth = _by_pictures(asked) if of_pictures else _by_latents(asked)
    found = compare(pictures, truth, regions)
    if asked.out:
        contact_sheet(found).save(asked.out)
    if asked.json:
        print_json(found.to_json() | ({"file": str(asked.out)} if asked.out else {}))
    else:
        print("\n".join(found.lines()))
    return DONE


def _by_pictures(asked: argparse.Namespace) -> tuple[dict[str, Any], Tensor]:
    import torch

    from lib_vaeface.vae.compare import rebuild_each

    if asked.truth:
        raise Failed("--truth goes with latents: pictures are the truth themselves", WRONG)
    read = [shared.read_picture(path) for path in shared.pictures_in(asked.source)]
    codecs = {name: shared.open_vae(text, asked) for name, text in _named(asked.vaes).items()}
    grid = max(codec.downscale for codec in codecs.values())
    cut = [one[..., : one.shape[2] // grid * grid, : one.shape[3] // grid * grid] for one in read]
    if len({one.shape for one in cut}) > 1 or not cut[0].numel():
        raise Failed(f"the pictures must be of one size, {grid} pixels or more each way", WRONG)
    truth = torch.cat(cut)
    found: dict[str, Any] = {}
    for number, (name, codec) in enumerate(codecs.items(), 1):
        found |= rebuild_each(truth, {name: codec}, asked.max_bytes)
        shared.progress(number, len(codecs), "VAEs")
    return found, truth


def _by_latents(asked: argparse.Namespace) -> tuple[dict[str, Any], Tensor | None]:
    from lib_vaeface.vae.compare import decode_each
    from lib_vaeface.vae.sampled import read_latents
    from lib_vaeface.vae.universal import for_codec

    stored = read_latents(asked.source)
    truth = shared.read_picture(asked.truth) if asked.truth else None
    named = _named(asked.vaes)
    first = asked.vaes[0]
    found: dict[str, Any] = {}
    for number, (name, text) in enumerate(named.items(), 1):
        problem = "" if text == first else _no_fit(text, first, asked.allow_unknown)
        if problem:
            found[name] = problem
        else:
            # Kin have one scale: what was said of the first goes for all.
            path, said = shared.split_vae(text)
            codec = shared.open_vae(f"{path}@{said or _scale(first, stored)}", asked)
            found |= decode_each(for_codec(stored, codec), {name: codec}, asked.max_bytes)
        shared.progress(number, len(named), "VAEs")
    return found, truth


def _no_fit(text: str, first: str, allow: bool) -> str:
    """Why a VAE is not compared on the first one's latents; "" where it is."""
    from lib_vaeface.vae.kinship import judge_files
    from lib_vaeface.vae.verdicts import FITS, UNKNOWN

    verdict = judge_files(shared.split_vae(text)[0], shared.split_vae(first)[0])
    if verdict.answer == FITS or (verdict.answer == UNKNOWN and allow):
        return ""
    hint = " --allow-unknown compares it all the same." if verdict.answer == UNKNOWN else ""
    return f"{verdict.answer}: {verdict.reason}{hint}"


def _named(texts: list[str]) -> dict[str, str]:
    """A short name for every VAE argument: the file's, with a number where two are called alike."""
    found: dict[str, str] = {}
    for text in texts:
        stem = shared.split_vae(text)[0].stem
        name, number = stem, 1
        while name in found:
            number += 1
            name = f"{stem} ({number})"
        found[name] = text
    return found


def _scale(text: str, stored: Stored | None = None) -> str:
    """The format of a VAE argument's latents: as written there, or in the latents' file, or the only one possible.

    Failed: it can't be told.
    """
    from lib_vaeface.vae.inspect import require
    from lib_vaeface.vae.universal import formats_of

    path, said = shared.split_vae(text)
    if said:
        return said
    info = require(path).info
    if stored and stored.format in info.formats and info.kind != "tiny":
        return stored.format
    keys = [_key(row) for row in formats_of(info)]
    if len(keys) == 1 or (stored and stored.raw):
        return keys[0]
    known = ", ".join(f"{path.name}@{key}" for key in keys)
    raise Failed(f"which scale do the latents have? Write {known}, or {path.name}@SCALE", ASKED)


def _opened(text: str, asked: argparse.Namespace, stored: Stored | None = None) -> Autoencoder:
    return shared.open_vae(f"{shared.split_vae(text)[0]}@{_scale(text, stored)}", asked)


def _region(text: str) -> Region:
    from lib_vaeface.vae.compare import Region

    match = re.fullmatch(r"([^:]+):([\d.]+),([\d.]+),([\d.]+),([\d.]+)(?:@(\d+))?", text)
    try:
        if match:
            left, top, right, bottom = (float(edge) for edge in match.groups()[1:5])
            return Region(match[1], (left, top, right, bottom), int(match[6] or 1) - 1)
    except ValueError:
        pass
    raise Failed(f"{text!r} is no region; write KIND:LEFT,TOP,RIGHT,BOTTOM, for instance eyes:40,52,88,70", WRONG)


def run_bridge(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.bridge import bridge
    from lib_vaeface.vae.hashes import Hashes
    from lib_vaeface.vae.latent_map import read_map
    from lib_vaeface.vae.sampled import layout_of, read_latents, write_latents
    from lib_vaeface.vae.universal import for_codec

    layout_of(shared.writable(asked.out, asked.overwrite))
    stored = read_latents(asked.latents)
    source, target = _opened(asked.source, asked, stored), _opened(asked.target, asked)
    via = read_map(asked.map) if asked.map else None
    found = bridge(for_codec(stored, source), source, target, asked.max_bytes, asked.size, via, not asked.no_check)
    vae = shared.split_vae(asked.target)[0]
    write_latents(asked.out, found.latents, target, vae.name, Hashes().weights(vae))
    if asked.json:
        print_json({"file": str(asked.out), "shape": list(found.latents.shape), **found.report.to_json()})
    else:
        print(f"wrote {asked.out}: latents {list(found.latents.shape)}; {found.report}")
    return DONE


def run_calibrate(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.calibrate import calibrate
    from lib_vaeface.vae.latent_map import KINDS

    shared.writable(asked.out, asked.overwrite)
    files = shared.pictures_in(asked.pictures)
    source, target = shared.open_vae(asked.source, asked), shared.open_vae(asked.target, asked)
    names = tuple(shared.split_vae(text)[0].name for text in (asked.source, asked.target))

    def told(done: int, what: str) -> None:
        shared.progress(done, len(files), what)

    found = calibrate(
        _pictures(files), source, target, (names[0], names[1]), asked.kind or KINDS, asked.max_bytes, progress=told
    )
    found.save(asked.out)
    print_json({"file": str(asked.out), **found.to_json()}) if asked.json else print(
        f"wrote {asked.out}: {found.in_words()}"
    )
    return DONE


def _pictures(files: list[Path]) -> Iterator[Tensor]:
    for file in files:
        yield shared.read_picture(file)


def run_decode(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.sampled import read_latents
    from lib_vaeface.vae.universal import choose, decode

    if bool(asked.vae) == bool(asked.vae_dir):
        raise Failed("name the VAE with --vae, or folders to choose from with --vae-dir", WRONG)
    shared.writable(asked.out, asked.overwrite)
    stored = read_latents(asked.latents)
    if asked.vae:
        option, reason = _said(stored, asked), "as asked"
    else:
        choice = choose(stored, list(_candidates(asked, stored)))
        if choice.option is None:
            lines = [choice.reason, *(f"  {one.candidate.name} {one.note}".rstrip() for one in choice.options)]
            lines += ["Name one with --vae."] if choice.options else []
            raise Failed("\n".join(lines), ASKED, choice.to_json())
        option, reason = choice.option, choice.reason
    files = list(shared.write_pictures(decode(stored, option, asked.max_bytes), asked.out))
    if asked.json:
        print_json({"files": [str(file) for file in files], "chosen": option.to_json(), "reason": reason})
    else:
        print("\n".join(f"wrote {file}" for file in files) + f"; {option.candidate.name}, {reason}")
    return DONE


def _said(stored: Stored, asked: argparse.Namespace) -> Option:
    from lib_vaeface.vae.inspect import require
    from lib_vaeface.vae.universal import Candidate, Option

    path = shared.split_vae(asked.vae)[0]
    row = shared.format_of(_scale(asked.vae, stored), path)
    candidate = Candidate(path.name, require(path).info, lambda _: shared.open_vae(f"{path}@{_key(row)}", asked), row)
    if not candidate.takes(stored):
        raise Failed(f"{path.name} takes no latents of {stored.tensor.shape[1]} channels")
    return Option(candidate, row)


def _candidates(asked: argparse.Namespace, stored: Stored) -> Iterator[Candidate]:
    """The usable VAEs of the folders that take these channels."""
    from lib_vaeface.vae.library import Library
    from lib_vaeface.vae.workbench import candidates

    missing = [folder for folder in asked.vae_dir if not Path(folder).is_dir()]
    if missing:
        raise ValueError(f"{missing[0]}: there is no such folder")
    return candidates(Library(asked.vae_dir), stored, lambda path, row: shared.open_vae(f"{path}@{_key(row)}", asked))


def _key(row: Any) -> str:
    return row.key if row else ""
