"""The syntax card: its examples mean what stands beside them."""

from lib_vaeface.schedule.compile import compile_prompt
from lib_vaeface.schedule.curves import CURVES
from lib_vaeface.ui import syntax_card


def test_examples_are_read_without_a_note():
    for form, meaning in syntax_card.EXAMPLES:
        (line,) = compile_prompt(form, 20)
        assert not line.notes and line.to_json()["switches"], form
        assert meaning


def test_all_curves_are_named():
    named = syntax_card.CURVES.removeprefix("Curves: ").removesuffix(".").split(", ")
    assert set(named) == set(CURVES)


def test_the_card_escapes_what_it_is_given():
    card = syntax_card.card(["a", "b"], "<t>", [("<img src=x>", 2), ("Heun", 2)])
    assert "<img" not in card and "<t>" not in card and "[cat|dog]" in card and "0.5-&gt;1.5" in card
