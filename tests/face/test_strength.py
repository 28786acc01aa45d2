"""The curve of adaptive strength."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface.face.strength import REFERENCE, B, strength_for

numbers = st.floats(0, 1)
sides = st.floats(8, 4000)


@given(numbers, sides, sides, st.sampled_from([256, 512, 1024]))
def test_smaller_windows_never_get_less(strength: float, one: float, other: float, native: int) -> None:
    small, large = sorted((one, other))
    assert strength_for(strength, small, native) >= strength_for(strength, large, native)


@given(numbers, sides)
def test_fixed_is_the_persons_number(strength: float, side: float) -> None:
    assert strength_for(strength, side, 512, adaptive=False) == strength


@given(st.floats(0.001, 0.999), sides, st.sampled_from([256, 512, 1024]))
def test_it_stays_within_its_bounds(strength: float, side: float, native: int) -> None:
    made = strength_for(strength, side, native)
    moved = math.log(made / (1 - made)) - math.log(strength / (1 - strength))
    assert 0 < made < 1
    assert abs(moved) <= B + 1e-6


@given(sides)
def test_none_and_all_stay(side: float) -> None:
    assert strength_for(0.0, side, 512) == 0.0
    assert strength_for(1.0, side, 512) == 1.0


@given(numbers)
def test_at_the_reference_it_is_the_persons_number(strength: float) -> None:
    assert strength_for(strength, 512 / REFERENCE, 512) == pytest.approx(strength)


@given(st.floats(0.05, 0.95), st.floats(20, 2000))
def test_it_has_no_steps(strength: float, side: float) -> None:
    assert abs(strength_for(strength, side * 1.01, 512) - strength_for(strength, side, 512)) < 0.01


def test_a_face_of_40_pixels_gets_more_than_one_of_300() -> None:
    small, large = (strength_for(0.4, 1.9 * size, 512) for size in (40, 300))
    assert small > 0.5 > 0.4 > large
