"""`list | inspect | fit | convert | formats`: about files; only `fit` decodes, where weights don't tell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .shared import ASKED, DONE, FAILED, Commands, json_option, print_json, progress


def add(commands: Commands) -> None:
    listing = commands.add_parser("list", help="the VAE files in folders")
    listing.add_argument("folders", nargs="+", metavar="FOLDER", help="looked through with all below them")
    json_option(listing)
    listing.set_defaults(run=run_list)

    inspecting = commands.add_parser("inspect", help="what files are, from their headers")
    inspecting.add_argument("files", nargs="+", metavar="FILE")
    inspecting.add_argument("--hash", action="store_true", help="also sha256 and weight hash, which reads the file")
    inspecting.add_argument("--open-pickle", action="store_true", help="look into .pt and .ckpt files, in a process "
                            "of its own; code in them is not run")  # fmt: skip
    json_option(inspecting)
    inspecting.set_defaults(run=run_inspect)

    fitting = commands.add_parser("fit", help="whether VAE files fit a checkpoint: exit code 0 yes, 1 no, 3 unknown")
    fitting.add_argument("files", nargs="+", metavar="VAE")
    fitting.add_argument("--checkpoint", required=True, help="a checkpoint with its VAE in it, or a VAE known to fit")
    json_option(fitting)
    fitting.set_defaults(run=run_fit)

    converting = commands.add_parser("convert", help="a pickled VAE (.pt, .ckpt) to safetensors, once")
    converting.add_argument("file", metavar="PICKLE")
    converting.add_argument("target", nargs="?", help="the new file (beside the pickle)")
    json_option(converting)
    converting.set_defaults(run=run_convert)

    table = commands.add_parser("formats", help="the latent formats that are known")
    json_option(table)
    table.set_defaults(run=run_formats)


def run_list(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.library import Library

    missing = [folder for folder in asked.folders if not Path(folder).is_dir()]
    if missing:
        raise ValueError(f"{missing[0]}: there is no such folder")
    entries = Library(asked.folders).refresh()
    if asked.json:
        shown = [
            {"name": one.name, "usable": one.usable, "problem": one.problem,
             "info": one.info.to_json() if one.info else None} for one in entries
        ]  # fmt: skip
        print_json(shown)
        return DONE
    for entry in entries:
        info = entry.info
        what = f"{info.what}; {', '.join(info.formats) or 'no known format'}; {', '.join(info.dtypes)}" if info else ""
        print(f"{entry.name}: {entry.problem or what}")
    if not entries:
        print("no VAE file in these folders")
    return DONE


def run_inspect(asked: argparse.Namespace) -> int:
    found, code = [], DONE
    for number, file in enumerate(asked.files, 1):
        try:
            found.append(_inspected(Path(file), asked))
        except ValueError as error:
            found.append({"name": Path(file).name, "usable": False, "problem": str(error)})
            code = FAILED
        if asked.hash:
            progress(number, len(asked.files), "files")
    if asked.json:
        print_json(found)
        return code
    for one in found:
        print(f"{one['name']}:")
        for name, value in one.items():
            if name != "name" and value not in ("", [], {}, None):
                print(f"  {name.replace('_', ' ')}: {_plain(value)}")
    return code


def _inspected(path: Path, asked: argparse.Namespace) -> dict[str, Any]:
    from lib_vaeface.vae.convert import inspect_pickle
    from lib_vaeface.vae.hashes import Hashes
    from lib_vaeface.vae.inspect import inspect

    info = inspect(path)
    if info.kind == "pickle" and asked.open_pickle:
        info = inspect_pickle(path)
    found = info.to_json()
    if asked.hash:
        hashes = Hashes()
        found["sha256"] = hashes.sha256(path)
        if info.usable:
            found["weight_hash"] = hashes.weights(path)
    return found


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} = {text}" for name, text in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def run_fit(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.kinship import judge_files
    from lib_vaeface.vae.verdicts import FITS, REFUSED

    found = {}
    for number, file in enumerate(asked.files, 1):
        found[file] = judge_files(file, asked.checkpoint)
        progress(number, len(asked.files), "files")
    if asked.json:
        print_json([{"name": Path(file).name, **verdict.to_json()} for file, verdict in found.items()])
    else:
        for file, verdict in found.items():
            print(f"{Path(file).name}: {verdict.answer}. {verdict.reason}")
            for one in verdict.evidence:
                print(f"  {one.level}: {one.text}")
    answers = {verdict.answer for verdict in found.values()}
    return FAILED if REFUSED in answers else DONE if answers == {FITS} else ASKED


def run_convert(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.convert import convert

    made = convert(asked.file, asked.target)
    print_json({"file": str(made)}) if asked.json else print(f"wrote {made}")
    return DONE


def run_formats(asked: argparse.Namespace) -> int:
    from lib_vaeface.vae.formats import COLUMNS, TABLE, markdown, rows

    if asked.json:
        print_json([{"key": row.key, **dict(zip(COLUMNS, cells, strict=True))}
                    for row, cells in zip(TABLE, rows(), strict=True)])  # fmt: skip
    else:
        print(markdown(), end="")
    return DONE
