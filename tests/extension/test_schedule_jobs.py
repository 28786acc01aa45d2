"""The schedule over whole jobs: what is encoded, what is kept, and what happens when something goes wrong."""

import pytest

from tests.extension.schedule_pocket import HIRES, OTHER, XL, ours
from tests.extension.test_schedule_conditioning import BLEND, RISING, near, paint, shares

pytestmark = pytest.mark.torch


def test_interrupts_and_deaths_leave_nothing_behind():
    before = paint(BLEND)
    done = paint(BLEND, guest="interrupt")
    assert shares(done) == near(RISING[:4]) and not done["comments"]
    dead = ours().play("paint", job={"prompt": BLEND}, guest="death")
    assert dead["died"] == "ZeroDivisionError: in the WebUI"
    after = paint(BLEND)
    assert (after["pixels"], after["ours"]) == (before["pixels"], before["ours"])


def pixels(jobs):
    return [job["pixels"] for job in jobs]


def test_jobs_inside_ours_are_the_webuis():
    alone = paint(BLEND)
    done = ours().play("twin", job={"prompt": BLEND, "steps": 8}, prompt="a [cat:dog:2]")
    assert done["outer"]["pixels"] == alone["pixels"]
    assert done["outer"]["ours"] == alone["ours"]
    off = ours().play("twin", job={"prompt": BLEND, "steps": 8}, args=[False], prompt="a [cat:dog:2]")
    assert pixels(done["inner"]) == pixels(off["inner"])
    assert done["inner"][1]["ours"] == [{}]
    assert done["calls"] > 8 and not done["outer"]["comments"]


def test_jobs_inside_ours_read_our_forms_too():
    """ADetailer repeats the picture's prompt: the WebUI alone would paint "cat:dog:1,3" as words."""
    alone = paint(BLEND)
    done = ours().play("twin", job={"prompt": BLEND, "steps": 8})
    assert done["outer"]["pixels"] == alone["pixels"]
    assert done["outer"]["ours"] == alone["ours"]
    literal = ours().play("twin", job={"prompt": BLEND, "steps": 8}, args=[False])
    assert all(a != b for a, b in zip(pixels(done["inner"]), pixels(literal["inner"]), strict=True))
    assert done["inner"][1]["ours"] == [{}], "their infotext is theirs"
    assert not done["outer"]["comments"]


def encoded(prompt, opts=None, **job):
    """Texts given to the encoder, batch by batch, without the empty negative prompt."""
    done = ours().play("paint", job={"prompt": prompt, "steps": 10, **job}, opts=opts)
    return [batch for batch in done["encoded"] if batch != [""]]


SAME = "[one:two:3]"
TEXTS = {  # the host's own counts are 3, 2, 8, 10, 20, 5, 3, 2 and 3, and everything again for the second pass
    "one prompt of three segments": ("[one:two:3] [three:four:6]", {"one three", "two three", "two four"}),
    "four equal prompts": ([SAME] * 4, {"one", "two"}),
    "four different prompts": ([f"{SAME} {i}" for i in range(4)], {f"{x} {i}" for x in ("one", "two") for i in "0123"}),
    "alternation": ("[one|two]", {"one", "two"}),
    "parts of AND": ("[one:two:3] AND three AND [four:five:5]", {"one", "two", " three", " four", " five"}),
    "a part again": ("one AND two AND  two AND one", {"one", " two", "  two", " one"}),
    "an expired edit": ("[one:[two:three:3]:6]", {"one", "three"}),
    "a blend": ("[one:two:2,6]", {"one", "two"}),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("second_pass", [False, True])
def test_each_text_is_encoded_once(name, second_pass):
    prompt, texts = TEXTS[name]
    job = {"batch_size": 4} if isinstance(prompt, list) else {}
    if second_pass:
        job |= {"hr_second_pass_steps": 2, **HIRES}
    batches = encoded(prompt, **job)
    assert sorted(text for batch in batches for text in batch) == sorted(texts)


def test_a_negative_prompts_texts_are_encoded_once():
    assert encoded("one", negative_prompt=["[two:three:5]"] * 4, batch_size=4) == [["two"], ["three"], ["one"]]
    assert encoded("[two:three:5]", negative_prompt="[three:two:5]") == [["three"], ["two"]]


def test_weights_keep_the_webuis_own_batches():
    assert encoded("[(one:1.2):two:3] [three:four:6]") == [["(one:1.2) three", "two three", "two four"]]
    assert encoded("[(one:1.2)|two]", steps=4) == [["(one:1.2)", "two"] * 2]
    assert encoded("[(one:1.2):two:3]", opts={"emphasis": "No norm"}) == [["(one:1.2)"], ["two"]]
    assert encoded("[(one:1.2):two:3,6]") == [["(one:1.2)"], ["two"]], "a blend is ours: each text alone"


JOB = {"job": {"prompt": "[(one:1.2):two:3] AND [three|four]", "steps": 4}}


def test_nothing_is_encoded_again_for_the_next_generation():
    first, second, other = ours().play("in_a_row", jobs=[JOB, JOB, {"job": {**JOB["job"], "steps": 6, "seed": 1}}])
    assert first["encoded"] and not second["encoded"] and other["encoded"] == []
    assert first["pixels"] == second["pixels"] and first["ours"] == second["ours"]


def test_without_the_webuis_cache_everything_is_encoded_again():
    jobs = [JOB] * 4
    done = ours().play("in_a_row", jobs=jobs, opts={"persistent_cond_cache": False})
    assert [result["encoded"] for result in done] == [done[0]["encoded"]] * 4


CHANGES = {
    "clip skip": [{"opts": {"CLIP_stop_at_last_layers": skip}} for skip in (1, 2, 1)],
    "emphasis, never set before": [{}, {"opts": {"emphasis": "None"}}],
    "emphasis": [{"opts": {"emphasis": name}} for name in ("Original", "No norm", "None", "Ignore", "Original")],
    "networks": [{"job": {**JOB["job"], "prompt": f"[(one:1.2):two:3]{x}"}} for x in ("<lora:x:2>", "", "<lora:x:3>")],
    "checkpoint": [{"job": {**JOB["job"], "override_settings": {"sd_model_checkpoint": x}}} for x in (XL, OTHER, XL)],
    "size": [{"job": {**JOB["job"], "override_settings": {"sd_model_checkpoint": XL}, "width": x}} for x in (64, 128)],
}  # fmt: skip


def test_networks_of_a_second_pass_encoded_ahead_are_not_mixed_up():
    ahead = {"hires_fix_use_firstpass_conds": True}
    first = {"prompt": "one", "hr_prompt": "one <lora:x:3>", "steps": 2, **HIRES}
    jobs = [{"job": first, "opts": ahead}, {"job": {"prompt": "one <lora:x:3>", "steps": 2}}]
    done = ours().play("in_a_row", jobs=jobs, guest="lora")
    off = ours().play("in_a_row", jobs=jobs, guest="lora", args=[False])
    assert [result["pixels"] for result in done] == [result["pixels"] for result in off]


@pytest.mark.parametrize("name", CHANGES)
def test_no_stale_encoding_is_used(name):
    jobs = [{**JOB, **change} for change in CHANGES[name]]
    done = ours().play("in_a_row", jobs=jobs, guest="lora")
    off = ours().play("in_a_row", jobs=jobs, guest="lora", args=[False])
    assert [result["pixels"] for result in done] == [result["pixels"] for result in off]
    assert len({str(result["pixels"]) for result in done}) >= len(jobs) - 1


def test_notes_reach_page_and_infotext_and_the_prompt_stays_as_typed():
    typed = "a [fur:10:15] [one:two:three] cat"
    done = paint(typed, texts=(), negative_prompt="[a:b:c:d:1]")
    assert done["infotexts"][0].startswith(typed + "\nNegative prompt: [a:b:c:d:1]\n")
    notes = done["ours"][0]["VAE Face schedule"]["notes"]
    assert len(notes) == 3 and all(note in done["comments"] for note in notes)
    assert "[fur:10-15]" in notes[0] + notes[1] + notes[2]


def test_hashes_of_textual_inversions_are_all_in_the_infotext_each_once():
    job = {"prompt": "[emb1 cat:emb1 embed2:1] AND emb1 hat", "negative_prompt": "embbad3 one", "steps": 2}
    first, again = ours().play("in_a_row", jobs=[{"job": job}] * 2, guest="inversions")
    assert 'TI hashes: "emb1: 04, embed2: 06, embbad3: 07"' in first["infotexts"][0]
    assert again["infotexts"] == first["infotexts"] and again["encoded"] == []


def test_a_prompt_that_kills_the_webui_is_painted():
    job = {"prompt": "(a cat:1.2.3) [one:two:1]", "steps": 2}
    assert "ValueError" in ours().play("paint", job=job, args=[False])["died"]
    done = ours().play("paint", job=job)
    assert done["pixels"] and "1.2.3" in done["comments"]


def test_two_hundred_edits_never_meet_the_webuis_parser():
    prompt = " ".join(f"[w{i}:x{i}:0.{i % 9 + 1}]" for i in range(200))  # more than a minute in the host's parser
    done = ours().play("paint", job={"prompt": prompt, "steps": 4})
    assert len({text for batch in done["encoded"] for text in batch if text}) == 4


@pytest.mark.parametrize("place", ["answer", "apply"])
def test_a_failure_of_ours_gives_the_webuis_picture_and_is_said_once(place):
    prompt = "[a cat:a (dog:1.2):3] AND a hat"
    done = paint(prompt, guest=f"broken {place}", texts=())
    assert done["pixels"] == paint(prompt, args=(False,), texts=())["pixels"]
    assert done["comments"].count("VAE Face failed") == 1 and "\n".join(done["console"]).count("VAE Face failed") == 1
    assert "ZeroDivisionError" in done["ours"][0]["VAE Face"]["error"]


@pytest.mark.parametrize("order", ["", "over", "under"])
def test_reload_neither_doubles_nor_loses_the_redirect(order):
    *found, clean = ours().play("reloaded", job={"prompt": BLEND, "steps": 8}, order=order)
    assert [blended for blended, _, _ in found] == [near([0.5, 0.5])] * 3
    assert not any(comment for _, _, comment in found) and clean
    if order == "over":
        assert [asked for _, asked, _ in found] == [0, 2, 2], "the other extension is still asked, once each time"
