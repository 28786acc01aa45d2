"""Lists of passes as the API and the page give them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lib_vaeface.face.passes import CHOICES, FIELDS, RANGES, FacePass, parse_passes


def test_nothing_is_no_pass() -> None:
    for empty in ("", "  ", None, [], "[]"):
        assert parse_passes(empty) == ((), [])


def test_what_is_left_out_is_as_in_the_base() -> None:
    base = FacePass(strength=0.5, score=0.6)
    passes, warnings = parse_passes('[{"strength": 0.2, "prompt": "eyes"}, {}]', base)
    assert passes == (dataclasses.replace(base, strength=0.2, prompt="eyes"), base)
    assert warnings == []


def test_every_field_survives_json() -> None:
    made = FacePass(detector="x", search="thorough", count=3, strength=1.0, seeds="same", guard=False, steps=7)
    assert parse_passes(json.dumps([dataclasses.asdict(made)])) == ((made,), [])


def test_defect_an_unknown_key_warns_and_changes_nothing_else() -> None:
    """ADetailer drops the whole tab for one unknown key."""
    known, _ = parse_passes([{"strength": 0.3, "cfg": 5}])
    passes, warnings = parse_passes([{"strength": 0.3, "strenght": 0.9, "cfg": 5, "ad_model": "x"}])
    assert passes == known
    assert len(warnings) == 2
    assert "pass 1" in warnings[0] and "'strenght'" in warnings[0] and "'strength'" in warnings[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[{", "no JSON"),
        ("7", "list"),
        ('"x"', "list"),
        ([3], "pass 1"),
        ([{}, {"strength": 1.4}], "pass 2.*strength.*0..1"),
        ([{"strength": float("nan")}], "strength"),
        ([{"strength": "0.4"}], "strength.*number"),
        ([{"steps": 2.5}], "steps.*whole"),
        ([{"steps": True}], "steps.*whole"),
        ([{"guard": 1}], "guard.*true or false"),
        ([{"seeds": "random"}], "seeds.*per face, same"),
        ([{"prompt": None}], "prompt.*text"),
    ],
)
def test_what_is_wrong_is_said(given: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_passes(given)


def test_the_defaults_are_valid_and_every_number_has_a_range() -> None:
    parse_passes([dataclasses.asdict(FacePass())])
    assert {name for name, kind in FIELDS.items() if kind in (int, float)} == set(RANGES)
    assert set(CHOICES) <= set(FIELDS)
