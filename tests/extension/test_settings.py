"""The table of fields: its order, and what it does with values from strangers."""

import math

import pytest

from lib_vaeface.fields import Field, accept
from lib_vaeface.settings import FIELDS, GROUPS, NAMES, Settings

STEPS = Field("steps", int, 20, "Steps", "", "vaeface", minimum=1, maximum=150)
BLEND = Field("blend", float, 0.5, "Blend", "", "vaeface", minimum=0.0, maximum=1.0)


def test_order_of_positional_arguments_is_pinned():
    assert NAMES == (  # append only
        "enabled", "schedule", "timing",
        "vae", "vae_name", "vae_precision", "vae_allow", "vae_hash", "vae_hires",
        "faces", "face_vae", "face_strength", "face_prompt", "face_negative", "face_adaptive", "face_guard",
        "face_search", "face_detector", "face_score", "face_smallest", "face_largest", "face_count", "face_order",
        "face_seeds", "face_steps", "face_sampler", "face_cfg", "face_tone", "face_boxes", "face_passes",
        "vae_bridge", "face_return", "face_model", "vae_adaptive", "face_estimate", "vae_compare",
    )  # fmt: skip


def test_labels_and_infotext_names_are_unique_and_groups_exist():
    assert len({field.label for field in FIELDS}) == len(FIELDS)
    written = [(field.group, field.infotext) for field in FIELDS if field.infotext]
    assert len(set(written)) == len(written)
    assert {field.group for field in FIELDS} == set(GROUPS)
    assert all(group.switch in NAMES for group in GROUPS.values())
    assert all(field.help for field in FIELDS)


def test_defaults_are_off_and_valid():
    settings, notes = Settings.from_args([])
    assert settings == Settings() and not settings.enabled and not notes
    assert all(accept(field, field.default) == (field.default, "") for field in FIELDS)


def test_positional_arguments_and_none():
    assert Settings.from_args([True, None, "exact"]) == (Settings(True, True, "exact"), [])


def test_dict_first_means_on_and_wins_over_what_follows():
    assert Settings.from_args([{"timing": "exact"}, False, "webui"]) == (Settings(True, False, "exact"), [])
    assert not Settings.from_args([{"enabled": False}])[0].enabled


def test_unknown_names_are_noted_and_the_rest_is_taken():
    settings, notes = Settings.from_args([{"timing": "exact", "colour": "red"}])
    assert settings.timing == "exact"
    assert notes == ["colour: no such setting, ignored"]


def test_a_wrong_choice_is_refused_with_the_field_and_the_choices():
    settings, notes = Settings.from_args([True, True, "later"])
    assert settings.timing == "webui"
    assert len(notes) == 1 and notes[0].startswith("timing: 'later' refused") and "webui or exact" in notes[0]


@pytest.mark.parametrize("value, expected", [("True", True), ("false", False), (1, True), (0.0, False), ("ON", True)])
def test_booleans_as_clients_write_them(value, expected):
    assert accept(FIELDS[0], value) == (expected, "")


@pytest.mark.parametrize("value", ["perhaps", 7, [], {}])
def test_what_is_no_boolean_is_refused(value):
    taken, note = accept(FIELDS[0], value)
    assert taken is False and "refused" in note


@pytest.mark.parametrize("value, taken", [(0, 1), (999, 150), (math.inf, 150), ("30", 30), (30.0, 30)])
def test_numbers_are_clamped(value, taken):
    assert accept(STEPS, value)[0] == taken


def test_clamping_is_said_and_exact_values_are_not():
    assert accept(BLEND, 1.5) == (1.0, "1.5 taken as 1.0")
    assert accept(BLEND, 0.25) == (0.25, "")


@pytest.mark.parametrize("value", [math.nan, "x", True, None, [1], 10**400])
def test_what_is_no_number_is_refused(value):
    taken, note = accept(BLEND, value)
    assert taken == 0.5 and "refused" in note


def test_many_boxes_are_not_cut() -> None:
    boxes = "; ".join(f"{n / 100:.4f},0.1000,{n / 100 + 0.009:.4f},0.2000" for n in range(99))
    assert Settings.from_args([{"face_boxes": boxes}])[0].face_boxes == boxes
