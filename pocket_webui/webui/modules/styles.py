"""Prompt styles: named texts kept in CSV files and merged into prompts."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from modules import errors

_PLACE = "{prompt}"
_DIVIDER = "do_not_save"


class PromptStyle(NamedTuple):
    """`path` is the file the style belongs to; "do_not_save" marks the headings between several files."""

    name: str
    prompt: str | None
    negative_prompt: str | None
    path: str | None = None


def merge_prompts(style_prompt: str, prompt: str) -> str:
    """The prompt in place of `{prompt}` in the style; without a place the style follows after a comma."""
    if _PLACE in style_prompt:
        return style_prompt.replace(_PLACE, prompt)
    return ", ".join(text for text in (prompt.strip(), style_prompt.strip()) if text)


def apply_styles_to_prompt(prompt: str, styles: list[str]) -> str:
    """Merge the style texts into the prompt, one after the other."""
    for style in styles:
        prompt = merge_prompts(style, prompt)
    return prompt


def extract_style_text_from_prompt(style_text: str, prompt: str) -> tuple[bool, str]:
    """Undo `merge_prompts`: (True, prompt without the style), or (False, prompt) if the style is not in it."""
    bare, style = prompt.strip(), style_text.strip()
    if _PLACE in style:
        left, _, right = style.partition(_PLACE)
        if bare.startswith(left) and bare.endswith(right):
            return True, bare[len(left) : len(bare) - len(right)]
        return False, prompt
    if not bare.endswith(style):
        return False, prompt
    return True, bare[: len(bare) - len(style)].removesuffix(", ")


def extract_original_prompts(style: PromptStyle, prompt: str, negative_prompt: str) -> tuple[bool, str, str]:
    """Take a style out of both prompts; it counts as found only if both of its texts are there."""
    if not style.prompt and not style.negative_prompt:
        return False, prompt, negative_prompt
    found, positive = extract_style_text_from_prompt(style.prompt or "", prompt)
    if found:
        found, negative = extract_style_text_from_prompt(style.negative_prompt or "", negative_prompt)
        if found:
            return True, positive, negative
    return False, prompt, negative_prompt


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


class StyleDatabase:
    """All styles of the files that `paths` names; `*` and `?` in a file name stand for several files."""

    def __init__(self, paths: list[str | Path]) -> None:
        self.no_style = PromptStyle("None", "", "", None)
        self.styles: dict[str, PromptStyle] = {}
        self.paths = paths
        self.all_styles_files: list[Path] = []
        folder, name = os.path.split(paths[0])
        if _is_pattern(name):
            self.default_path = next(Path(folder).glob(name), Path(folder) / "styles.csv")
            self.paths.insert(0, self.default_path)
        else:
            self.default_path = Path(paths[0])
        self.prompt_fields = [field for field in PromptStyle._fields if field != "path"]
        self.reload()

    def _find_files(self) -> list[Path]:
        found: list[Path] = []
        for pattern in self.paths:
            folder, name = os.path.split(pattern)
            found += Path(folder).glob(name) if _is_pattern(name) else [Path(pattern)]
        return found

    def reload(self) -> None:
        """Forget all styles and read the files again."""
        self.styles.clear()
        found = self._find_files()
        self.all_styles_files = list(dict.fromkeys(found))
        for path in self.all_styles_files:
            if len(found) > 1:
                heading = f" {path.stem.upper()} ".center(40, "-")
                self.styles[heading] = PromptStyle(heading, None, None, _DIVIDER)
            if path.is_file():
                self.load_from_csv(path)

    def load_from_csv(self, path: str | Path) -> None:
        """Add the styles of one file; a broken file is reported."""
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file, skipinitialspace=True):
                    if not row or row["name"].startswith("#"):
                        continue
                    prompt = row["prompt"] if "prompt" in row else row["text"]
                    style = PromptStyle(row["name"], prompt, row.get("negative_prompt", ""), str(path))
                    self.styles[style.name] = style
        except Exception:
            errors.report(f"Error loading styles from {path}", exc_info=True)

    def get_style_paths(self) -> set[str]:
        """All files that styles belong to; styles without one are given to the default file."""
        for style in list(self.styles.values()):
            if not style.path:
                self.styles[style.name] = style._replace(path=str(self.default_path))
        paths = {style.path for style in self.styles.values() if style.path} | {str(self.default_path)}
        return paths - {_DIVIDER}

    def _texts(self, styles: list[str], field: str) -> list[str]:
        return [getattr(self.styles.get(name, self.no_style), field) for name in styles]

    def get_style_prompts(self, styles: list[str]) -> list[str]:
        return self._texts(styles, "prompt")

    def get_negative_style_prompts(self, styles: list[str]) -> list[str]:
        return self._texts(styles, "negative_prompt")

    def apply_styles_to_prompt(self, prompt: str, styles: list[str]) -> str:
        """The prompt with the named styles; unknown names change nothing."""
        return apply_styles_to_prompt(prompt, [text or "" for text in self.get_style_prompts(styles)])

    def apply_negative_styles_to_prompt(self, prompt: str, styles: list[str]) -> str:
        """The negative prompt with the named styles."""
        return apply_styles_to_prompt(prompt, [text or "" for text in self.get_negative_style_prompts(styles)])

    def save_styles(self, path: str | None = None) -> None:
        """Write every style to its file, with a copy of the old file beside it. `path` is ignored."""
        for style_path in self.get_style_paths():
            if os.path.exists(style_path):
                shutil.copy(style_path, f"{style_path}.bak")
            with open(style_path, "w", encoding="utf-8-sig", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=self.prompt_fields)
                writer.writeheader()
                for style in self.styles.values():
                    if style.path == style_path:
                        writer.writerow({field: getattr(style, field) for field in self.prompt_fields})

    def extract_styles_from_prompt(self, prompt: str, negative_prompt: str) -> tuple[list[str], str, str]:
        """Find the styles that were merged in: (names in order of application, prompt, negative prompt)."""
        left = list(self.styles.values())
        extracted: list[str] = []
        while True:
            for style in left:
                found, prompt, negative_prompt = extract_original_prompts(style, prompt, negative_prompt)
                if found:
                    break
            else:
                return extracted[::-1], prompt, negative_prompt
            left.remove(style)
            extracted.append(style.name)
