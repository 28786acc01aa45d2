"""What a preset may be called, so that its name is safe as a file name on every system and like no other's."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 64
MOST_BYTES = 200  # of UTF-8; file systems allow 255, and a temporary file's name is longer
SIGNS = frozenset(" _.,()+-&'!#=@~")
DEVICES = frozenset(("con", "prn", "aux", "nul", "clock$", "conin$", "conout$"))
NUMBERED = re.compile(r"(?:com|lpt)[0-9¹²³]", re.IGNORECASE)
# Letters that take no ink, though Unicode calls them letters or marks; and what would turn the text around them.
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]")
# Letters of other scripts that look like these: of two such names a person could not tell which is which.
PAIRS = "аa вb дd еe ѕs іi јj кk мm нh оo рp сc тt уy хx һh ԛq ԝw αa βb εe ιi κk νv οo ρp τt υu χx ϲc ϳj ɑa ɡg ıi"
LOOKS = str.maketrans({pair[0]: pair[1] for pair in PAIRS.split()})


class NameRefused(ValueError):
    """A name that can't be a preset's; the message says what is wrong with it."""


def valid(name: object) -> str:
    """The name in Unicode's composed form. NameRefused: it can't be one."""
    if not isinstance(name, str) or not name.strip():
        raise NameRefused("A preset needs a name.")
    if len(name) > 4 * MOST_CHARACTERS:
        raise NameRefused(f"The name has {len(name)} characters; {MOST_CHARACTERS} are allowed.")
    name = unicodedata.normalize("NFC", name)
    for check in (_characters, _ends, _length, _device):
        if wrong := check(name):
            raise NameRefused(wrong)
    return name


def key(name: str) -> str:
    """Equal for names that look alike or that a file system may take for one."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", name).casefold().translate(LOOKS).replace("\u0307", ""))


def _length(name: str) -> str:
    if len(name) > MOST_CHARACTERS:
        return f"The name has {len(name)} characters; {MOST_CHARACTERS} are allowed."
    size = len(name.encode("utf8"))
    return f"The name takes {size} bytes; {MOST_BYTES} are allowed." if size > MOST_BYTES else ""


def _characters(name: str) -> str:
    for place, character in enumerate(name, 1):
        if character in "/\\:":
            return f"The name has {character} (character {place}); a preset is a name, not a path."
        if not _allowed(character):
            called = unicodedata.name(character, f"U+{ord(character):04X}")
            return f"The name has {_shown(character)} ({called}, character {place}), which is not allowed in it."
    return "The name has two spaces in a row." if "  " in name else ""


def _allowed(character: str) -> bool:
    return character in SIGNS or (unicodedata.category(character)[0] in "LMN" and not BLANK.match(character))


def _shown(character: str) -> str:
    return character if character.isprintable() and not BLANK.match(character) else "a character that can't be seen"


def _ends(name: str) -> str:
    if name[0] != "_" and unicodedata.category(name[0])[0] not in "LN":
        return "A name begins with a letter, a digit or _."
    return "A name can't end with a dot or a space." if name[-1] in ". " else ""


def _device(name: str) -> str:
    stem = name.split(".")[0].rstrip().casefold()
    if stem in DEVICES or NUMBERED.fullmatch(stem):
        return f"{name} is the name of a device on Windows; choose another."
    return ""
