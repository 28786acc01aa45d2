"""The token counter shows the longest text that a prompt ever becomes, counted by the WebUI itself."""

import pytest

from lib_vaeface.schedule.counting import longest, plain
from tests.extension.schedule_pocket import ours

LONG = "a very long dog " * 30  # 120 tokens
NATIVE = [  # (prompt, is it the positive one)
    ("a cat", True),
    ("", True),
    ("a [cat:big black dog:3] here", True),
    ("[cat|big dog|a bird in a tree] AND a hat", True),
    ("a cat AND a very big dog :0.5", True),
    ("a cat AND a very big dog", False),
    ("a (cat:1.3) and [a] ((dog)) (x:0.5)y", True),
    ("a cat BREAK a dog", True),
    ("a (cat BREAK dog) here", True),
    ("[a cat BREAK a dog:a bird:2]", True),
    (f"[a cat:{LONG}:2], a hat", True),
    (f"{LONG}BREAK {LONG}", False),
    ("a \\(cat\\) \\[dog\\] \\\\", True),
    ("a cat] ((dog [:", True),
    ("<lora:a_name_of_many_words:1> a [cat:dog:2] <lora:b:0.5>", True),
    ("[a cat <lora:a_name_of_many_words:1>:a big bad bird:2]", True),
    ("ratio 16:9", True),
    ("a:1:2", True),
    ("fox :[0.5:1.5:3] AND wolf", True),
    ("a, b, c, " * 30, True),
    ("日本語 [a:ü:2] 🙂", True),
]
OURS = [  # (prompt, is it the positive one, texts that it becomes)
    ("a [cat:big dog:2,6] here", True, ["a cat here", "a big dog here"]),
    ("[cat:dog:a bird in a tree:1,2,6:smooth]", True, ["cat", "dog", "a bird in a tree"]),
    ("a [big bad wolf:2-5]", False, ["a ", "a big bad wolf"]),
    ("[cat|a big dog:3] AND [bird:a very very tall bird:2,3] :0.5", True, ["a big dog", " a very very tall bird"]),
    ("a (cat:1.0,2.0) here", True, ["a (cat:1.0) here", "a (cat:2.0) here"]),
    ("[a cat:a dog and a bird:5s]", True, ["a cat", "a dog and a bird"]),
    (f"[a cat:{LONG}:10%,50%]", True, ["a cat", LONG]),
]  # fmt: skip


@pytest.fixture(scope="module")
def counts():
    prompts = [(prompt, positive, [""]) for prompt, positive in NATIVE] + OURS
    return {
        (prompt, positive): count
        for (prompt, positive, _), count in zip(prompts, ours().play("counted", prompts=prompts, steps=8), strict=True)
    }


@pytest.mark.torch
@pytest.mark.parametrize("case", NATIVE, ids=lambda case: repr(case[0][:30]))
def test_native_prompts_count_as_ever(counts, case):
    shown, hosts, _ = counts[case]
    assert shown == hosts


@pytest.mark.torch
@pytest.mark.parametrize("case", OURS, ids=lambda case: repr(case[0][:30]))
def test_our_forms_count_as_their_longest_text(counts, case):
    shown, hosts, of_texts = counts[case[:2]]
    assert shown == of_texts < hosts


def test_words_without_emphasis():
    assert plain("a (cat:1.2) \\(x\\) [b] BREAK c") == "a  cat  \\(x\\)  b  BREAK c"
    assert plain("(a BREAK b)") == "a break b"


def test_the_longest_is_looked_for_among_all_texts():
    assert longest("[cat:a dog:2,6] AND bird", 8, False, len).strip() == "a dog"
    assert longest("[cat:a dog:2,6] AND bird", 8, True, len).strip() == "a dog AND bird"
