"""Native prompts give native pictures: with the extension on, and off, byte for byte what the WebUI alone paints."""

import itertools
import re

import pytest

from tests.extension.schedule_pocket import HIRES, native, ours

pytestmark = pytest.mark.torch

COLOURS = ("red", "blue", "green", "black", "white", "grey", "pink", "brown", "purple", "orange")
LONG = ", ".join(f"a {colour} hat" for colour in COLOURS * 3)
PROMPTS = [  # prompt, or (prompt, negative prompt)
    "a [cat:dog:2] here",
    "a [cat:dog:0.5] here",
    "a [dog:2]",
    "a [cat::0.25] [:hat:3]",
    "[a cat:a [dog:bird:3]:1]",
    "[[[a:b:1]:c:2]:d:3]",
    "[cat|dog]",
    "a [cat|dog|bird], a [red|] hat",
    "[cat|[dog|bird]] with a [hat:coat:2]",
    "[fe|]male",
    "a cat",
    "",
    "a (cat:1.3) and a [dog]",
    "a [(cat:1.4):dog:2], ((hat))",
    "(a [cat:dog:2]:1.2) (hat:0.7)",
    "a (cat:[1.2:0.6:2])",
    "[(cat:1.2)|(dog:0.8)]",
    "a (cat) in (snow:1.1",
    "a cat BREAK a [dog:bird:2]",
    "a (cat BREAK dog) [here:there:0.5]",
    "[a cat BREAK a dog:a bird:2]",
    "a cat AND a dog",
    "[cat:dog:2] AND [bird|hat] :0.5 AND a coat:-0.3",
    "a (cat:1.2) AND [a (dog:1.1):a bird:1] :1.5",
    "a cat AND a dog AND a cat",
    "[a cat AND a dog:a bird:2]",
    "a [cat:dog:2] ] here",
    "[ a [cat:dog:2] ( here",
    "[cat:dog:2] | [a|b]",
    "a [cat:dog:2] \\",
    "a \\[cat:dog:2\\] and \\(hat\\)",
    "[a\\:b:a cat:2] \\(hat:1.2\\)",
    "[cat:dog:2.5e-1] [a:b:1e1] [c:d:-3] [e:f:1.0]",
    "[cat:dog:nan] [a:0x5] [::2] [:2]",
    f"{LONG}, [cat:dog:2]",
    f"[{LONG}:a cat:2]",
    f"[a cat:{LONG}:0.5], (hat:1.2)",
    f"{LONG}, {LONG} AND [cat|dog]",
    ("a [cat:dog:2]", "[red:blue:1], (ugly:1.3)"),
    ("[cat|dog] AND a hat", f"[{LONG}|bad] [worse:2]"),
]
SAMPLERS = ("Euler a", "Heun", "DPM++ 2M", "DDIM")
BATCHES = ("one", "two", "two different")


def job(prompt, sampler, batch, hires):
    prompt, negative = prompt if isinstance(prompt, tuple) else (prompt, "")
    other = [prompt, "a [bird:coat:1.5] (here:1.1)"] if batch == "two different" else prompt
    second_pass = {"hr_second_pass_steps": 3, **HIRES} if hires else {}
    size = 1 if batch == "one" else 2
    return {
        "prompt": other, "negative_prompt": negative, "batch_size": size, "sampler": sampler, "steps": 4, **second_pass
    }  # fmt: skip


GRID = list(itertools.product(PROMPTS, SAMPLERS, BATCHES, (False, True)))
SAMPLE = [
    (PROMPTS[i], SAMPLERS[n % 4], BATCHES[n % 3], bool(n // 4 % 2))
    for n, i in enumerate((0, 4, 8, 13, 15, 18, 22, 23, 26, 28, 35, 36, 39))
]


def without_ours(painted):
    """Pictures, and infotexts without what we add."""
    pixels, texts = painted
    return pixels, [re.sub(r', VAE Face[^:]*: "(?:\\.|[^"\\])*"', "", text) for text in texts]


def compare(jobs, opts=None):
    alone = native().play("pictures", jobs=jobs, opts=opts)
    assert "died" not in [pixels for pixels, _ in alone]
    off = ours().play("pictures", jobs=jobs, args=[False], opts=opts)
    assert [one for one, mine, theirs in zip(jobs, off, alone, strict=True) if mine != theirs] == []
    on = ours().play("pictures", jobs=jobs, args=[True], opts=opts)
    assert all('VAE Face schedule: "' in text for _, texts in on for text in texts)
    pairs = zip(jobs, map(without_ours, on), map(without_ours, alone), strict=True)
    assert [(one, mine, theirs) for one, mine, theirs in pairs if mine != theirs] == []
    return alone


def test_the_sample_has_everything():
    assert [len(PROMPTS), len(GRID)] == [40, 960] and set(SAMPLE) <= set(GRID)
    assert {(x[1], x[3]) for x in SAMPLE} == set(itertools.product(SAMPLERS, (False, True)))
    assert {x[2] for x in SAMPLE} == set(BATCHES) and len({x[0] for x in SAMPLE}) == len(SAMPLE)


def test_a_sample_of_the_grid():
    painted = compare([job(*case) for case in SAMPLE])
    assert len({str(pixels) for pixels, _ in painted}) == len(SAMPLE), "different jobs, different pictures"


@pytest.mark.parametrize("emphasis", ["None", "Ignore", "No norm"])
def test_modes_of_emphasis(emphasis):
    compare([job(PROMPTS[15], "Euler a", "one", False)], {"emphasis": emphasis})


OPTIONS = [
    {"CLIP_stop_at_last_layers": 2, "use_old_scheduling": True},
    {"hires_fix_use_firstpass_conds": True},
    {"pad_cond_uncond": True, "batch_cond_uncond": False},
    {"comma_padding_backtrack": 0, "s_min_uncond": 5.0, "persistent_cond_cache": False},
]


@pytest.mark.parametrize("opts", OPTIONS, ids=lambda opts: next(iter(opts)))
def test_options_that_have_to_do_with_prompts(opts):
    compare([job(PROMPTS[36], "Euler a", "two different", True)], opts)


def test_sdxl_and_its_empty_negative_prompt():
    xl = {"override_settings": {"sd_model_checkpoint": "tiny_xl"}}
    cases = [PROMPTS[13], PROMPTS[22], ("a [cat|dog]", "[:bad:2]"), (PROMPTS[36], PROMPTS[34])]
    compare([{**job(prompt, "Euler a", "two different", False), **xl} for prompt in cases])


def test_img2img_and_more_iterations():
    again = {"init_images": [], "denoising_strength": 0.5, "steps": 8}
    ready = job("", "DDIM", "one", False)  # loading a model draws from the generator that img2img takes its noise from
    compare([ready, *({**job(PROMPTS[i], "Heun", "two", False), **again} for i in (1, 22))])
    compare([{**job(PROMPTS[22], "DDIM", "one", False), "n_iter": 2}])


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_whole_grid(sampler):
    cases = [case for case in GRID if case[1] == sampler]
    for start in range(0, len(cases), 60):
        compare([job(*case) for case in cases[start : start + 60]])
