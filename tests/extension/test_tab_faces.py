"""The tab's part "Faces" on a rendered portrait and the pocket VAE."""

import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib_vaeface.face.boxes import parse_boxes
from lib_vaeface.face.protocol import Face
from lib_vaeface.ui import tab
from lib_vaeface.ui.desk import AUTOMATIC, FILE, LAST
from lib_vaeface.ui.face_boxes import text_of
from lib_vaeface.ui.html import Markup
from lib_vaeface.ui.tab_faces import BOXES, Faces
from lib_vaeface.vae import kept
from lib_vaeface.vae.contact_sheet import to_image
from lib_vaeface.vae.workbench import BUILT_IN
from tests.extension import tab_host
from tests.extension.test_tab import png, sent
from tests.face import people
from tests.vae import family

SEARCH = ("normal", 0.35, 0)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    made = tab_host.desk(tmp_path_factory.mktemp("data"), "tuned", "foreign")
    folder = made.host.data / "VAE"
    shutil.copy(folder / "tuned.safetensors", folder / "portraits-mse.safetensors")
    return made


@pytest.fixture(scope="module")
def group():
    """A picture of several people [3,256,256], and their boxes from left to right."""
    return next((picture, boxes) for picture, boxes in people.rendered("group", 4) if len(boxes) >= 2)


@pytest.fixture(scope="module")
def dropped(group):
    return sent(("group.png", png(group[0][None], "two people\nSteps: 4")))


@pytest.fixture(scope="module")
def decoded(desk, dropped, group):
    """The first person's face decoded again, by a box of the person's own."""
    text = text_of([Face(group[1][0], 1.0)], (256, 256))
    return Faces(desk).decode(dropped, FILE, "", AUTOMATIC, 1, *SEARCH, text, "tuned.safetensors", 1.0)


def test_faces_are_found_and_numbered_in_the_text_of_the_panel(desk, dropped, group):
    said, shown, text, found = Faces(desk).find(dropped, FILE, "", AUTOMATIC, 1, *SEARCH)
    faces = parse_boxes(text, (256, 256))
    assert said == "" and people.matched(faces, group[1]) == len(group[1]) == found.count("<tr>") - 1
    assert [face.box[0] for face in faces] == sorted(face.box[0] for face in faces)
    assert f'data-boxes="{text}"' in shown and f'data-text="{BOXES}"' in shown and 'data-width="256"' in shown


def test_the_count_keeps_the_largest_and_a_score_nobody_has_finds_none(desk, dropped, group):
    part = Faces(desk)
    _, _, text, _ = part.find(dropped, FILE, "", AUTOMATIC, 1, "normal", 0.35, 1)
    largest = max(group[1], key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    assert people.matched(parse_boxes(text, (256, 256)), (largest,)) == 1 and ";" not in text
    _, _, text, found = part.find(dropped, FILE, "", AUTOMATIC, 1, "normal", 1.0, 0)
    assert text == "" and "No face was found" in found


def test_a_picture_is_shown_with_the_boxes_that_are_there(desk, dropped):
    _, shown, found = Faces(desk).show(dropped, FILE, "", AUTOMATIC, 1, '0.1,0.1,0.4,0.4; "x')
    assert 'data-boxes="0.1,0.1,0.4,0.4; &quot;x"' in shown and found == ""


def test_only_the_face_of_the_own_box_is_decoded_again(decoded, group):
    done, shown, made, _ = decoded
    before, (first, *others) = to_image(group[0]), group[1]
    changed = torch.tensor(list(to_image(group[0]).getdata())) != torch.tensor(list(made.image.getdata()))
    ys, xs = changed.any(-1).view(256, 256).nonzero(as_tuple=True)
    middle = (first[0] + first[2]) / 2, (first[1] + first[3]) / 2
    assert made.image.size == before.size and xs.min() < middle[0] < xs.max() and ys.min() < middle[1] < ys.max()
    assert all(not (xs.min() <= (box[0] + box[2]) / 2 <= xs.max()) for box in others), "the others stay as they were"
    assert "from the picture, which was encoded first" in done and "<td>decoded</td>" in done
    assert shown.count("<figure") == 4 and "vaeface-handle" in shown and "face 1" in shown


def test_what_was_made_is_saved_with_its_infotext_and_what_belongs_to_it(desk, decoded):
    part, made = Faces(desk), decoded[2]
    text = 'two people\nSteps: 4, Faces decoded again by: "tuned.safetensors"'
    for also, count in (("nothing", 1), ("masks", 2), ("crops", 2), ("everything", 5)):
        desk.host.saved.clear()
        assert part.save(made, also).startswith("<p") and len(desk.host.saved) == count
        assert desk.host.saved[0] == (made.image, text)
    assert 'role="alert"' in part.save(None, "nothing")


def test_the_last_generation_is_decoded_from_its_latents_by_the_fine_tune(desk, group):
    latents = family.base().encode(torch.stack([people.rendered("closeup", 1)[0][0], group[0]]))
    text = text_of([Face(box, 1.0) for box in group[1]], (256, 256))
    with tab_host.last_generation(latents):
        done, _, made, _ = Faces(desk).decode("", LAST, "", AUTOMATIC, 2, *SEARCH, text, AUTOMATIC, 1.0)
        assert 'role="alert"' in Faces(desk).find("", LAST, "", AUTOMATIC, 3, *SEARCH)[0]
    assert "Faces by portraits-mse.safetensors" in done and "MSE fine-tune that fits" in done
    assert done.count("<td>decoded</td>") == len(group[1]) and "encoded first" not in done
    base = to_image(family.base().decode(latents[1:])[0])
    assert made.image.tobytes() != base.tobytes() and made.image.getpixel((0, 0)) == base.getpixel((0, 0))


def test_only_what_fits_can_be_chosen(desk, dropped):
    part = Faces(desk)
    names, whose, left = part.refresh(dropped, FILE, "", AUTOMATIC)
    assert names["choices"] == [AUTOMATIC, BUILT_IN, "portraits-mse.safetensors", "tuned.safetensors"]
    assert "foreign.safetensors" in whose["choices"] and "foreign.safetensors</td><td>" in left
    said, shown, made, _ = part.decode(dropped, FILE, "", AUTOMATIC, 1, *SEARCH, "", "foreign.safetensors", 1.0)
    assert "does not fit" in said and shown == "" and made is None


@pytest.mark.parametrize(
    "changed, what",
    [
        ({"sent": ""}, "Choose a file"),
        ({"sent": sent(("x.png", b"no picture"))}, "no picture that can be read"),
        ({"source": LAST}, "no last generation"),
        ({"number": 2}, "There is no picture 2"),
        ({"number": float("nan")}, "whole number"),
        ({"search": "everywhere"}, "must be one of"),
        ({"score": 7.0}, "must lie in"),
        ({"count": 1.5}, "whole number"),
        ({"text": "1,2,3"}, "box 1: four numbers"),
        ({"text": "0.5,0.5,0.4,0.9"}, "right must be more than left"),
        ({"vae": "../../secret.safetensors"}, "No VAE is called"),
        ({"tone": 5.0}, "must lie in"),
    ],
)
def test_what_is_wrong_is_said_in_words(desk, dropped, changed, what):
    kept.forget()
    asked = {"sent": dropped, "source": FILE, "kept": "", "whose": AUTOMATIC, "number": 1, "search": "normal",
             "score": 0.35, "count": 0, "text": "0.2,0.2,0.6,0.6", "vae": BUILT_IN, "tone": 1.0}  # fmt: skip
    said, shown, made, _ = Faces(desk).decode(**{**asked, **changed})
    assert what in said and 'role="alert"' in said and "Traceback" not in said and str(desk.host.data) not in said
    assert (shown, made) == (Markup(""), None)


# Two pixels of the smallest picture at least: what is less than one is refused, and the text is rounded.
edges = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda pair: pair[1] - pair[0] > 2 / 64)


@given(st.lists(st.tuples(edges, edges), max_size=5), st.integers(64, 4096), st.integers(64, 4096))
def test_boxes_survive_their_text(spans, width, height):
    faces = [Face((x[0] * width, y[0] * height, x[1] * width, y[1] * height), 1.0) for x, y in spans]
    again = parse_boxes(text_of(faces, (width, height)), (height, width))
    assert len(again) == len(faces)
    for face, other in zip(faces, again, strict=True):
        assert all(abs(a - b) < 0.25 for a, b in zip(face.box, other.box, strict=True)), "a quarter of a pixel"


def test_the_part_is_on_the_page_and_its_scripts_send_all_inputs(desk):
    ((page, _, _),) = tab.build(desk.host)
    there = {getattr(block, "elem_id", None) for block in page.blocks.values()}
    assert {"vaeface_faces_find", "vaeface_faces_use_txt2img", "vaeface_faces_use_img2img", BOXES} <= there
    events = [event for event in page.get_config_file()["dependencies"] if "vaeface_faces_drop" in (event["js"] or "")]
    assert [len(event["inputs"]) for event in events] == [8, 6, 11, 4]
    assert all(f".slice(0, {len(event['inputs'])})" in event["js"] for event in events)
