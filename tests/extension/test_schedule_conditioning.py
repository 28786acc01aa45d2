"""What the U-Net gets: every row of every call, explained by texts that the WebUI encodes itself."""

import math

import pytest

from tests.extension.schedule_pocket import HIRES, OTHER, XL, ours

pytestmark = pytest.mark.torch

BLEND = "[a cat:a dog:2,6]"
RISING = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]  # the dog's share at calls 0 .. 7: call 0 has step 1's text
LONG = "a dog " + "with spots " * 40  # 82 tokens, two chunks
CAT_DOG = ("a cat", "a dog")


def paint(prompt, steps=8, texts=(*CAT_DOG, ""), args=(True,), guest="", opts=None, skip=0, **job):
    wanted = {"prompt": prompt, "steps": steps, **job}
    done = ours().play("paint", job=wanted, texts=texts, args=args, guest=guest, opts=opts, skip=skip)
    assert "died" not in done, done
    return done


def exact(prompt, **keywords):
    return paint(prompt, args=(True, True, "exact"), **keywords)


def shares(done, text=1, row=0, name="cond", hires=False):
    """The weight of a text in a row, call by call; everything in the rows must be explained by the texts."""
    calls = [call for call in done["calls"] if call["hires"] == hires]
    assert all(call["error"] < 1e-5 for call in calls), [call["error"] for call in calls]
    assert all(abs(sum(call[name][row]) - 1.0) < 1e-3 for call in calls)
    return [call[name][row][text] for call in calls]


def near(values, tolerance=2e-4):
    return pytest.approx(values, abs=tolerance)


def near_grid(share):
    return round(share, 3) + 0.0


def test_a_blend_mixes_the_two_encodings():
    done = paint(BLEND)
    assert shares(done) == near(RISING) and shares(done, 0) == near([1 - x for x in RISING])
    assert shares(done, 2, name="uncond") == near([1] * 8)
    assert done["comments"] == "" and done["encoded"] == [[""], ["a cat"], ["a dog"]]


@pytest.mark.parametrize(
    ("curve", "shape"),
    [
        ("smooth", lambda u: u * u * (3 - 2 * u)),
        ("ease-in", lambda u: u**2),
        ("ease-out", lambda u: 1 - (1 - u) ** 2),
        ("sine", lambda u: math.sin(u * math.pi / 2) ** 2),
        ("step", lambda u: float(u == 1)),
    ],
)
def test_a_curve_shapes_the_blend(curve, shape):
    assert shares(paint(f"[a cat:a dog:2,6:{curve}]")) == near([shape(u) for u in RISING])


def test_slerp_goes_along_the_great_circle():
    done = paint("[a cat:a dog:2,6:slerp]", texts=CAT_DOG)
    arcs = [call["arc"] for call in done["calls"]]
    assert arcs == [near([share, share], 5e-3) for share in RISING]


def test_three_keyframes():
    done = paint("[a cat:a dog:a hat:1,3,7]", texts=("a cat", "a dog", "a hat", ""))
    assert shares(done, 0) == near([1, 1, 0.5, 0, 0, 0, 0, 0])
    assert shares(done, 2) == near([0, 0, 0, 0, 0.25, 0.5, 0.75, 1])


def test_catmull_leaves_the_segment_between_its_neighbours():
    done = paint("[a cat:a dog:a hat:0,4,8:catmull]", texts=("a cat", "a dog", "a hat", ""))
    assert shares(done, 2)[2] == near(-0.0625)  # u = 0.5 of the first segment: (-1, 9, 9, -1) / 16, ends repeated
    assert shares(done, 0)[2] == near(0.5) and shares(done, 1)[2] == near(0.5625)


@pytest.mark.parametrize("prompt", ["a [dog:2-5]", "a [dog:2,5]", "a [[dog::5]:2]"])
def test_a_window(prompt):
    assert shares(paint(prompt, texts=("a ", "a dog", ""))) == near([0, 0, 0, 1, 1, 1, 0, 0])


def test_stages():
    done = paint("[a cat:a dog:a hat:2,5]", texts=("a cat", "a dog", "a hat", ""))
    assert shares(done, 1) == near([0, 0, 0, 1, 1, 1, 0, 0]) and shares(done, 2) == near([0] * 6 + [1, 1])


def test_alternation_holds_and_fades():
    assert shares(paint("[a cat|a dog:2]")) == near([0, 0, 0, 1, 1, 0, 0, 1])
    assert shares(paint("[a cat|a dog:2:linear]")) == near([0, 0, 0.5, 1, 0.5, 0, 0.5, 1])


def test_a_ramp_mixes_the_encodings_of_its_weights():
    done = paint("a (cat:0.5@2,1.5@6)", texts=("a (cat:0.5)", "a (cat:1.5)", ""))
    assert shares(done) == near(RISING)


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "DDIM"])
def test_times_by_noise_level(sampler):
    done = paint("[a cat:a dog:6s,1s]", sampler=sampler)
    levels = [call["sigma"] for call in done["calls"]]
    assert shares(done) == near([min(max((6 - sigma) / 5, 0), 1) for sigma in levels])
    assert max(levels) > 6 and min(levels) < 1
    hard = paint("[a cat:a dog:2s]", sampler=sampler)
    assert shares(hard) == near([float(sigma < 2) for sigma in levels])


def test_a_sampler_that_adds_noise_again_goes_back_in_the_prompt():
    done = paint("[a cat:a dog:1s]", sampler="Restart", steps=20)
    levels = [call["sigma"] for call in done["calls"]]
    assert levels != sorted(levels, reverse=True)
    assert shares(done) == near([float(sigma < 1) for sigma in levels])


def test_percent_repeats_in_the_second_pass_and_steps_do_not():
    done = paint("[a cat:a dog:50%]", steps=6, **HIRES)
    for hires in (False, True):
        assert shares(done, hires=hires) == near([0, 0, 0, 0, 1, 1])
    done = paint("[a cat:a dog:4,8]", steps=6, **HIRES)  # the second pass begins at 6
    assert shares(done) == near([0] * 5 + [0.25])
    assert shares(done, hires=True) == near([0.75, 0.75, 1, 1, 1, 1])


def test_weights_of_and_over_time_reach_the_sum():
    done = paint("a cat AND a dog:0.0,1.0", steps=4)
    assert [call["weights"] for call in done["calls"]] == [[[1.0, w]] for w in (0.25, 0.25, 0.5, 0.75)]
    done = exact("a cat AND a dog:0.0@0,1.0@4 AND a hat:2", steps=4, texts=("a cat", "a dog", "a hat", ""))
    assert [call["weights"] for call in done["calls"]] == [[[1.0, w, 2.0]] for w in (0.25, 0.5, 0.75, 1.0)]


def test_the_negative_prompt_has_all_forms():
    done = paint("a cat", negative_prompt=BLEND)
    assert shares(done, name="uncond") == near(RISING) and shares(done) == near([0] * 8)


def test_in_a_batch_each_image_has_its_own():
    done = paint(["a hat", BLEND], batch_size=2, texts=("a cat", "a dog", "a hat", ""))
    assert shares(done, 2, row=0) == near([1] * 8) and shares(done, row=1) == near(RISING)
    done = paint(["a hat AND a cat", BLEND], batch_size=2, texts=("a cat", "a dog", "a hat", ""))
    assert shares(done, row=2) == near(RISING)


def test_texts_of_unequal_length_are_filled_with_empty_chunks():
    done = paint(f"[a cat:{LONG}:2,6]", texts=("a cat", LONG, ""))
    assert {tuple(call["tokens"]) for call in done["calls"]} == {(154, 77)}
    assert [call["cond"][0][1] for call in done["calls"]] == near(RISING)


def test_a_short_blend_beside_a_long_prompt():
    done = paint([LONG, BLEND], batch_size=2, texts=CAT_DOG)
    assert {tuple(call["tokens"]) for call in done["calls"]} == {(154, 77)}
    assert [call["cond"][1][1] for call in done["calls"]] == near(RISING)  # the first chunk; native fills the second


def test_negative_prompts_of_unequal_length_paint():
    done = paint("a cat", negative_prompt=[LONG, BLEND], batch_size=2, texts=(*CAT_DOG, LONG))
    assert {tuple(call["tokens"]) for call in done["calls"]} == {(77, 154)}
    assert shares(done, row=1, name="uncond") == near(RISING) and shares(done, 2, name="uncond") == near([1] * 8)


def test_sdxl_mixes_tokens_and_pooled_vector():
    done = paint(BLEND, override_settings={"sd_model_checkpoint": XL}, texts=CAT_DOG, negative_prompt="a cat")
    assert {call["class"] for call in done["calls"]} == {"DictWithShape"}
    assert {call["checkpoint"] for call in done["calls"]} == {XL}
    assert shares(done) == near(RISING)


def test_sdxl_zeroes_an_empty_negative_prompt_only():
    xl = {"sd_model_checkpoint": XL}
    done = paint("a dog", negative_prompt="[:a dog:2,6]", override_settings=xl, texts=("", "a dog"))
    assert shares(done, name="uncond") == near(RISING)
    done = paint("a dog", negative_prompt="", override_settings=xl, texts=("a dog",), steps=2)
    assert [call["uncond"] for call in done["calls"]] == [[[0.0]]] * 2


def test_controlnets_marker_is_left_in_front():
    done = paint(BLEND, guest="marker", skip=1)
    assert shares(done) == near(RISING) and {tuple(call["tokens"]) for call in done["calls"]} == {(78, 78)}


def test_rows_of_another_number_are_left_alone_and_it_is_said_once():
    done = paint(BLEND, guest="more rows")
    assert all(share in (0.0, 1.0) for share in shares(done))
    assert done["comments"].count("another extension") == 1
    assert "another extension" in str(done["ours"][0]["VAE Face schedule"]["notes"])


def test_a_negative_prompt_left_out_does_no_harm():
    done = paint(BLEND, guest="no negative", negative_prompt="[a dog:a cat:2,6]")
    assert shares(done) == near(RISING) and {str(call["uncond"]) for call in done["calls"]} == {"[]"}
    assert done["comments"] == ""


def test_a_refiner_gets_its_own_encodings_and_goes_on_in_time():
    done = paint(BLEND, refiner_checkpoint=OTHER, refiner_switch_at=0.5, opts={"refiner_switch_by_sample_steps": True})
    assert [call["checkpoint"] for call in done["calls"]] == ["tiny"] * 4 + [OTHER] * 4
    assert shares(done) == near(RISING)


def test_weights_over_time_go_on_through_a_refiners_switch():
    done = paint(
        "a cat AND a dog:0.0,1.0", refiner_checkpoint=OTHER, refiner_switch_at=0.5,
        opts={"refiner_switch_by_sample_steps": True},
    )  # fmt: skip
    assert [call["weights"][0][1] for call in done["calls"]] == near([max(step, 1) / 8 for step in range(8)])


def test_another_checkpoint_for_the_second_pass():
    done = paint("[a cat:a dog:25%,75%]", steps=4, hr_checkpoint_name=OTHER, **HIRES)
    assert {call["checkpoint"] for call in done["calls"] if call["hires"]} == {OTHER}
    for hires in (False, True):
        assert shares(done, hires=hires) == near([0, 0, 0.5, 1])


def test_past_the_planned_calls():
    webui = paint("[a cat:a dog:2,4]", steps=6, sampler="DPM adaptive")
    assert len(webui["calls"]) > 7
    late = len(webui["calls"]) - 7  # the WebUI goes back to the first text
    assert shares(webui) == near([0, 0, 0, 0.5, 1, 1, 1] + [0] * late)
    exactly = exact("[a cat:a dog:2,4]", steps=6, sampler="DPM adaptive")  # it has no plan: by noise level
    by_level = sorted(zip((-call["sigma"] for call in exactly["calls"]), shares(exactly), strict=True))
    assert [share for _, share in by_level] == sorted(near_grid(share) for _, share in by_level)
    assert by_level[0][1] == near(0) and by_level[-1][1] == near(1)


def test_exact_time_counts_steps_of_the_slider():
    assert shares(exact("[a cat:a dog:2]", steps=4)) == near([0, 0, 1, 1])
    assert shares(exact("[a cat:a dog:2]", steps=4, sampler="Heun")) == near([0, 0, 0, 0, 1, 1, 1])
    assert shares(exact("[a cat|a dog]", steps=4, sampler="Heun")) == near([0, 0, 1, 1, 0, 0, 1])
    assert shares(exact("[a cat:a dog:1,3]", steps=4, sampler="Heun")) == near([0, 0, 0.5, 0.5, 1, 1, 1])


def test_exact_time_in_img2img_counts_the_steps_really_made():
    job = {"init_images": [], "denoising_strength": 0.5, "steps": 8}  # int(0.5 * 8) + 1 are made
    assert shares(exact("[a cat:a dog:0.5]", **job)) == near([0, 0, 1, 1, 1])
    assert shares(paint("[a cat:a dog:0.5]", **job)) == near([0] * 5)
    assert shares(exact("[a cat:a dog:0.0,1.0]", **job)) == near([0.2, 0.4, 0.6, 0.8, 1.0])
    heun = exact("[a cat:a dog:0.5]", sampler="Heun", **job)
    assert shares(heun) == near([0] * 4 + [1] * (len(heun["calls"]) - 4))


def test_exact_time_in_the_second_pass():
    done = exact("[a cat:a dog:0.5]", steps=4, sampler="Heun", hr_second_pass_steps=2, **HIRES)
    assert shares(done) == near([0, 0, 0, 0, 1, 1, 1]) and set(shares(done, hires=True)) == {1.0}
    done = exact("[a cat:a dog:1.5]", steps=4, hr_second_pass_steps=2, **HIRES)
    assert shares(done) == near([0] * 4) and shares(done, hires=True) == near([0, 1])
    done = exact("[a cat:a dog:5]", steps=4, hr_second_pass_steps=2, **HIRES)
    assert shares(done, hires=True) == near([0, 1])


def test_every_iteration_is_blended():
    done = paint(BLEND, n_iter=2)
    assert shares(done) == near(RISING * 2) and len(set(done["pixels"])) >= 2


def test_old_scheduling_is_followed_and_told():
    old = {"use_old_scheduling": True}
    done = paint("[a cat:a dog:1.0]", opts=old, steps=4)
    assert shares(done) == near([0, 0, 1, 1]) and "Old prompt editing timelines: True" in done["infotexts"][0]
    assert "Old prompt editing" not in paint("[a cat:a dog:2]", opts=old, steps=4)["infotexts"][0]
