"""What a preset may be called: safe as a file name everywhere, and like no other's."""

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface.presets.names import MOST_BYTES, MOST_CHARACTERS, NameRefused, key, valid

REFUSED = {
    "": "needs a name",
    "   ": "needs a name",
    "../x": "not a path",
    "..": "begins with a letter",
    "a/../../x": "not a path",
    "/etc/passwd": "not a path",
    "\\\\host\\share": "not a path",
    "C:": "not a path",
    "C:\\x": "not a path",
    "a\0b": "can't be seen",
    "a\nb": "can't be seen",
    "a\x7fb": "can't be seen",
    "a\x1b[2Jb": "can't be seen",
    "<img src=x onerror=alert(1)>": "<",
    'a"b': "QUOTATION MARK",
    "a*b": "ASTERISK",
    "a?b": "QUESTION MARK",
    "a|b": "VERTICAL LINE",
    "a%b": "PERCENT",
    "a‮b": "RIGHT-TO-LEFT OVERRIDE",
    "a\u200bb": "ZERO WIDTH SPACE",
    "a\u00adb": "SOFT HYPHEN",
    "a\u3164b": "HANGUL FILLER",
    "a\ufe0fb": "VARIATION SELECTOR",
    "a\u00a0b": "NO-BREAK SPACE",
    "a／b": "SOLIDUS",
    "a\ud800b": "U+D800",
    "name.": "end with",
    "name ": "end with",
    " name": "begins with",
    ".hidden": "begins with",
    "-rf": "begins with",
    "a  b": "two spaces",
    "CON": "device",
    "nul": "device",
    "NUL.txt": "device",
    "com1": "device",
    "Lpt9.json": "device",
    "COM¹": "device",
    "aux .x": "device",
    "x" * (MOST_CHARACTERS + 1): f"{MOST_CHARACTERS} are allowed",
    "界" * 64 + "界": "are allowed",
    "𝒳" * MOST_CHARACTERS: f"{MOST_BYTES} are allowed",
    "x" * 10_000_000: "10000000 characters",
}


@pytest.mark.parametrize("name, why", REFUSED.items(), ids=lambda text: repr(text)[:24])
def test_names_are_refused_with_the_reason(name, why):
    with pytest.raises(NameRefused) as refused:
        valid(name)
    assert why in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize("name", [None, 3, b"x", ["x"], True])
def test_what_is_no_text_is_no_name(name):
    with pytest.raises(NameRefused, match="needs a name"):
        valid(name)


@pytest.mark.parametrize(
    "name", ["Eyes", "a.b", "Größe 2 (neu)", "顔", "Ünïcode", "हिन्दी", "console", "com10", "_x", "3+4"]
)
def test_names_of_people_are_taken(name):
    assert valid(name) == name


@pytest.mark.parametrize(
    "one, other",
    [("Eyes", "eyes"), ("STRASSE", "straße"), ("é", "e\u0301"), ("Pаris", "Paris"), ("ΟΧ", "OX"), ("ﬁne", "fine"),
     ("ｅyes", "eyes"), ("x²", "x2"), ("İx", "ix"), ("Kelvin", "\u212aelvin")],
)  # fmt: skip
def test_names_that_look_alike_have_one_key(one, other):
    assert key(one) == key(other)


def test_other_names_have_other_keys():
    assert len({key(name) for name in ("Eyes", "Eyes 2", "cafe", "café", "日本", "日木")}) == 6


@given(st.text() | st.text("abC .1é/\\:\0\u200bаСON", max_size=80))
def test_a_name_is_refused_or_is_one_harmless_part_of_a_path(text):
    try:
        name = valid(text)
    except NameRefused as error:
        assert str(error) and "\0" not in str(error)
        return
    for system in (PurePosixPath, PureWindowsPath):
        path = system("folder") / f"{name}.json"
        assert path.parent == system("folder") and path.name == f"{name}.json"
        assert not PureWindowsPath(name).is_reserved()
    assert len(name.encode("utf8")) <= MOST_BYTES and name.isprintable()
    assert valid(name) == name == unicodedata.normalize("NFC", name) and key(key(name)) == key(name)
