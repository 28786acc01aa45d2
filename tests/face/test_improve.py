"""The whole stage with a WebUI that really paints and a detector that really looks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lib_vaeface.face import improve as stage
from lib_vaeface.face.improve import improve
from lib_vaeface.face.job import Result, Source
from lib_vaeface.face.masks import mask_over
from lib_vaeface.face.passes import FacePass
from lib_vaeface.face.protocol import Face, Redecoded
from tests.face import fakes
from tests.face.fakes import Decoder, Discs, Painter, painted_face
from tests.face.samples import smooth

PASS = FacePass(strength=0.4, adaptive=False, tone=0.0)
PLACES = ((40, 60, 30), (110, 50, 34), (180, 70, 28))


def group(seed: int = 0) -> Tensor:
    """Three faces, 150 x 220."""
    picture = smooth(150, 220, seed)
    for place in PLACES:
        picture = painted_face(picture, *place)
    return picture


def run(pictures: Sequence[Tensor], painter: Any, passes: Sequence[FacePass] = (PASS,), **more: Any) -> Result:
    return improve(pictures, passes, lambda _: Discs(), resampler=painter, **more)


def done(result: Result) -> list[list[str]]:
    return [[record["done"] for record in records] for records in result.records]


def faces(picture: Tensor) -> list[Face]:
    return sorted(Discs().detect([picture])[0], key=lambda face: face.box)


def changed(before: Tensor, after: Tensor) -> Tensor:
    return (before != after).any(0)


def test_all_faces_of_all_pictures_go_through_one_batch() -> None:
    pictures, painter = [group(), group(1)], Painter()
    result = run(pictures, painter)
    assert painter.sizes == [6] and painter.shown == [(0, 6), (6, 6)]
    assert done(result) == [["refined"] * 3] * 2
    for before, after in zip(pictures, result.pictures, strict=True):
        assert all(new.score > old.score for old, new in zip(faces(before), faces(after), strict=True))


def test_progress_goes_away_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter()
    monkeypatch.setattr("lib_vaeface.face.refine.Refiner._chunks", lambda *_: 1 / 0)
    run([group()], painter)
    assert painter.shown == [(0, 3), (3, 3)]


def test_nothing_outside_the_masks_changes_a_bit() -> None:
    picture = group()
    result = run([picture], Painter(fakes.blur), [replace(PASS, guard=False, tone=1.0)])
    inside = torch.stack([mask_over(face, (0, 0, 220, 150)) for face in faces(picture)]).amax(0) > 0
    assert changed(picture, result.pictures[0]).any()
    assert not (changed(picture, result.pictures[0]) & ~inside).any()
    assert torch.equal(result.masks[0] > 0, inside)


@pytest.mark.parametrize("paint", [fakes.ruin, fakes.fade, fakes.move])
def test_the_guard_catches_what_got_worse(paint: Any) -> None:
    picture = group()
    kept = run([picture], Painter(paint))
    assert torch.equal(kept.pictures[0], picture)
    assert done(kept) == [["nothing"] * 3]
    assert all("not taken" in record["why"] and not record["refine"]["kept"] for record in kept.records[0])
    taken = run([picture], Painter(paint), [replace(PASS, guard=False)])
    assert done(taken) == [["refined"] * 3] and not torch.equal(taken.pictures[0], picture)


def test_the_guard_looks_at_the_whole_face_where_a_part_is_painted() -> None:
    part = replace(PASS, grow=0.5, down=-0.1)
    assert done(run([group()], Painter(), [part])) == [["refined"] * 3]
    assert done(run([group()], Painter(fakes.ruin), [replace(part, grow=0.9, down=0.0)])) == [["nothing"] * 3]


def test_a_refused_face_keeps_its_decode() -> None:
    picture = group()
    decoder = Decoder([picture])
    both = improve([picture], [PASS], lambda _: Discs(), decoder, Painter(fakes.ruin))
    alone = improve([picture], [PASS], lambda _: Discs(), decoder, None)
    assert done(both) == done(alone) == [["decoded"] * 3]
    assert torch.equal(both.pictures[0], alone.pictures[0]) and not torch.equal(both.pictures[0], picture)


def test_only_the_ruined_face_is_refused() -> None:
    def second(images: Tensor, request: Any) -> Tensor:
        made = fakes.brighten(images, request)
        made[1] = 0.5
        return made

    result = run([group()], Painter(second))
    assert done(result) == [["refined", "nothing", "refined"]]


def test_pixels_that_are_no_numbers_never_get_into_a_picture() -> None:
    picture = group()
    for on in (True, False):
        broken = Painter(lambda images, _: images * float("nan"))
        result = run([picture], broken, [replace(PASS, guard=on)])
        assert torch.equal(result.pictures[0], picture)
        assert "no numbers" in result.records[0][0]["why"]


def test_defect_finished_faces_survive_an_interrupt() -> None:
    picture = group()
    result = run([picture], Painter(patience=2), chunk=1)
    assert done(result) == [["refined", "refined", "nothing"]]
    assert "interrupted" in result.records[0][2]["why"]
    old, new = faces(picture), faces(result.pictures[0])
    assert [b.score > a.score for a, b in zip(old, new, strict=True)] == [True, True, False]


def test_an_interrupt_within_a_chunk_leaves_its_faces_and_starts_no_pass() -> None:
    class Impatient(Painter):
        def stopped(self) -> bool:
            return bool(self.requests)

        def __call__(self, request: Any) -> Tensor | None:
            super().__call__(request)
            return None

    painter, picture = Impatient(), group()
    result = run([picture], painter, [PASS, PASS])
    assert torch.equal(result.pictures[0], picture) and painter.sizes == [3]
    assert len(result.records[0]) == 3 and "pass 2: interrupted" in result.notes[0]


@pytest.mark.parametrize(("room", "sizes"), [(3, [3]), (2, [3, 1, 1, 1]), (1, [3, 1, 1, 1])])
def test_out_of_memory_halves_the_chunk(room: int, sizes: list[int]) -> None:
    painter = Painter(room=room)
    assert done(run([group()], painter)) == [["refined"] * 3]
    assert painter.sizes == sizes


def test_no_room_for_one_face_keeps_the_picture() -> None:
    picture, painter = group(), Painter(room=0)
    result = run([picture], painter)
    assert torch.equal(result.pictures[0], picture) and painter.sizes == [3, 1]
    assert all("not enough memory" in record["why"] for record in result.records[0])


def test_a_face_that_fails_does_not_take_the_others_with_it() -> None:
    def fails(images: Tensor, request: Any) -> Tensor:
        if "bad" in request.prompts:
            raise RuntimeError("no such network\n  bad")
        return fakes.brighten(images, request)

    result = run([group()], Painter(fails), [replace(PASS, prompt="good [SEP] bad [SEP] good")])
    assert done(result) == [["refined", "nothing", "refined"]]
    assert result.records[0][1]["why"] == "could not be painted: RuntimeError: no such network bad"


@given(st.permutations([0, 1, 2]), st.integers(1, 3), st.floats(0, 60))
@settings(max_examples=12, deadline=None)
def test_defect_boxes_stay_with_their_masks(order: list[int], count: int, smallest: float) -> None:
    """ADetailer drops masks and keeps the boxes' list: later faces are painted with another's size and place."""
    made = [faces(group())[number] for number in order]

    class Shuffled(Discs):
        def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
            found = super().detect(images)
            return [made if image.shape == (3, 150, 220) else found[n] for n, image in enumerate(images)]

    painter = Painter()
    chosen = replace(PASS, count=count, smallest=smallest / 3, order="score", guard=False)
    result = improve([group()], [chosen], lambda _: Shuffled(), resampler=painter, views=True)
    for record, view in zip(result.records[0], result.views, strict=True):
        left, top, right, bottom = record["box"]
        assert any(abs(left - face.box[0]) < 1 and abs(bottom - face.box[3]) < 1 for face in made)
        assert record["size"] == max(right - left, bottom - top)
        red = view.before[0] - view.before[1:].amax(0) > 0.3
        middle = view.before.shape[-1] // 4
        core = red[middle:-middle, middle:-middle] & (view.mask[0, middle:-middle, middle:-middle] > 0.99)
        assert core.sum() > 0.9 * red[middle:-middle, middle:-middle].sum()


def test_defect_nothing_is_loaded_or_encoded_per_face() -> None:
    """One call of the WebUI with all prompts, one of the face VAE for each picture, two detectors for each pass."""
    pictures, painter = [group(), group(1)], Painter()
    decoder, made = Decoder(pictures), []

    def detectors(_: FacePass) -> Discs:
        made.append(Discs())
        return made[-1]

    improve(pictures, [PASS], detectors, decoder, painter)
    assert (decoder.calls, len(painter.requests), len(made)) == (2, 1, 2)
    assert made[0].calls == [2]  # both pictures
    assert made[1].calls == [36]  # all faces before and after, in three sizes


def test_defect_faces_are_not_requantised_between_passes() -> None:
    """Four passes of one and a half levels each are six levels; with 8 bits between them they would be more or less."""
    lighter = Painter(lambda images, request: images + request.masks * 1.5 / 255)
    picture = group()
    result = run([picture], lighter, [replace(PASS, guard=False)] * 4)
    gain = (result.pictures[0] - picture)[:, 55:65, 35:45] * 255
    assert (gain - 6).abs().max() < 0.05


def test_passes_see_each_others_result() -> None:
    painter = Painter()
    result = run([group()], painter, [PASS, replace(PASS, strength=0.2, prompt="eyes")])
    first, second = painter.requests
    assert first.strengths == (0.4,) * 3 and second.strengths == (0.2,) * 3 and set(second.prompts) == {"eyes"}
    assert (second.images - first.images).abs().amax((1, 2, 3)).min() > 0.05
    assert [record["pass"] for record in result.records[0]] == [1, 1, 1, 2, 2, 2]


def test_a_later_pass_does_not_decode_painted_faces_again() -> None:
    picture = group()
    decoder = Decoder([picture])
    result = improve([picture], [PASS, PASS], lambda _: Discs(), decoder, Painter())
    assert decoder.calls == 1 and done(result) == [["refined"] * 6]


def test_faces_larger_than_the_native_size_are_not_painted() -> None:
    picture = painted_face(smooth(300, 300), 150, 150, 140)
    result = run([picture], Painter())
    assert torch.equal(result.pictures[0], picture)
    assert "larger than the model's 128 pixels" in result.records[0][0]["why"]


def test_prompts_seeds_and_strengths_follow_the_persons_order() -> None:
    painter, sources = Painter(), [Source("two [red:blue:0.5] people", "bad", 7), Source("b", "", 100)]
    chosen = replace(PASS, prompt="one [SEP] [SKIP] [SEP] [PROMPT]!", negative="no", adaptive=True)
    result = run([group(), group(1)], painter, [chosen], sources=sources)
    (request,) = painter.requests
    assert request.prompts == ("one", "two [red:blue:0.5] people!", "one", "b!")
    assert request.negatives == ("no",) * 4 and request.seeds == (7, 9, 100, 102)
    assert "[SKIP]" in result.records[0][1]["why"] and done(result)[0][1] == "nothing"
    sizes = [record["size"] for record in result.records[0]]
    assert sizes[0] > sizes[2] and request.strengths[0] < request.strengths[1]
    same = Painter()
    run([group()], same, [replace(PASS, seeds="same")], sources=sources)
    assert same.requests[0].seeds == (7, 7, 7)


def test_own_boxes_take_the_place_of_the_search() -> None:
    mine = Face((100.0, 100.0, 130.0, 140.0), 1.0)
    result = run([group(), group()], Painter(), [replace(PASS, guard=False)], own=[[mine], []])
    assert [record["box"] for record in result.records[0]] == [[100, 100, 130, 140]]
    assert len(result.records[1]) == 3


class Broken(Discs):
    def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
        raise OSError("no weights")


def test_no_error_comes_out() -> None:
    def no_decode(number: int, boxes: Sequence[tuple[int, int, int, int]]) -> Redecoded:
        raise ValueError("no latent")

    def no_detector(_: FacePass) -> Discs:
        raise ImportError("mediapipe is not installed")

    picture = group()
    for detector, said in ((lambda _: Broken(), "no weights"), (no_detector, "not installed")):
        result = improve([picture], [PASS], detector, resampler=Painter())
        assert torch.equal(result.pictures[0], picture) and said in result.notes[0]
    result = improve([picture], [PASS], lambda _: Discs(), no_decode, None)
    assert torch.equal(result.pictures[0], picture) and "no latent" in result.records[0][0]["why"]
    wrong = run([picture], Painter(lambda images, _: images[:, :, :5]))
    assert torch.equal(wrong.pictures[0], picture) and "could not be painted" in wrong.records[0][0]["why"]


def test_a_guard_that_fails_takes_nothing() -> None:
    class Once(Discs):
        def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
            if self.calls:
                raise OSError("gone")
            return super().detect(images)

    picture = group()
    once = Once()
    once.calls.clear()
    result = improve([picture], [PASS], lambda _: once, resampler=Painter())
    assert torch.equal(result.pictures[0], picture)
    assert "could not be looked at" in result.records[0][0]["why"]


def test_faces_that_are_nonsense_are_left_out() -> None:
    class Mad(Discs):
        def detect(self, images: Sequence[Tensor]) -> list[list[Face]]:
            nan, marks = float("nan"), ((1.0, 1.0), (2.0, 2.0))
            boxes = [
                (nan, 0.0, 9.0, 9.0),
                (50.0, 50.0, 50.0, 60.0),
                (900.0, 900.0, 950.0, 950.0),
                (-30.0, -30.0, 0.0, 0.0),
            ]
            return [[Face(box, 0.9, marks) for box in boxes] for _ in images]

    picture, painter = group(), Painter()
    result = improve([picture], [PASS], lambda _: Mad(), resampler=painter)
    assert result.records == [[]] and painter.requests == [] and result.notes == []


def test_no_pictures_no_faces_no_passes() -> None:
    assert run([], Painter()).pictures == []
    plain = smooth(80, 90)
    assert run([plain], Painter()).pictures[0] is plain
    assert run([group()], Painter(), []).records == [[]]


def test_records_are_json_and_views_come_when_asked_for() -> None:
    result = run([group()], Painter(), views=True)
    assert json.loads(json.dumps(result.records)) == result.records
    assert [(view.number, view.kept) for view in result.views] == [(0, True), (1, True), (2, True)]
    assert result.views[0].before.shape == result.views[0].after.shape == (3, 128, 128)
    assert run([group()], Painter()).views == []


def test_pictures_that_come_in_are_not_written_to() -> None:
    picture = group()
    before = picture.clone()
    run([picture], Painter())
    assert torch.equal(picture, before)


def test_strength_nothing_paints_nothing() -> None:
    painter = Painter()
    assert done(run([group()], painter, [replace(PASS, strength=0.0)])) == [["nothing"] * 3]
    assert painter.requests == []
    assert stage.CHUNK >= 8
