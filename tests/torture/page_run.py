"""Bodies of the API that nobody would write, with HTML in every text, see child: {"count": 200, "seed": 0}."""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOSTILE = "<img src=x onerror=window.hacked=1>"
TEXTS = (HOSTILE, "</script><script>window.hacked=1</script>", '"><svg onload=window.hacked=1>', "../../etc/passwd",
         "\0", "", "a" * 5000, "\u202e", "🦄", "[a:b:" * 50, '{"v":1}', "NaN", "1e999", "%s%n", "C:\\x", "\n\n",
         "Steps: 3, Seed: 1")  # fmt: skip
NUMBERS = (0, -1, 1, 0.5, 7, 1e9, -1e9, 2**63, 10**40, 1e308, True, False, None)
ROUTES = ("/vaeface/v1/schema", "/sdapi/v1/script-info", "/sdapi/v1/scripts", "/sdapi/v1/options")
PATHS = re.compile(r"(?<![\w.:/<])/(?:home|root|usr|tmp|work|var|opt|Users|mnt)/[\w.-]+")


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 3 or kind < 0.45:
        return chance.choice(TEXTS)
    if kind < 0.8:
        return chance.choice(NUMBERS)
    if kind < 0.9:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {str(chance.choice(TEXTS))[:50]: value(chance, depth + 1) for _ in range(chance.randrange(4))}


def args(chance: random.Random, names: list[str]) -> Any:
    """Of our script: mostly one object with names of ours."""
    if chance.random() < 0.2:
        return [value(chance) for _ in range(chance.randrange(50))]
    asked = {chance.choice(names): value(chance) for _ in range(chance.randrange(1, 8))}
    if chance.random() < 0.3:
        asked[str(chance.choice(TEXTS))[:60]] = value(chance)
    return [{**asked, **({"faces": True, "face_boxes": "0.2,0.2,0.8,0.8"} if chance.random() < 0.4 else {})}]


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    """Every body is answered; a 500 is ours where the same body without our part is answered. No answer has a path."""
    import vae_run
    import xyz_run

    from modules import shared

    vae_run.write_files(Path(sys.argv[2]))
    shared.sd_model.image_size = 8
    api, chance = xyz_run.client(), random.Random(asked["seed"])
    names = [*sys.modules["lib_vaeface.settings"].NAMES, "preset"]
    figures: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(asked["count"]):
        body = {**xyz_run.BODY, "steps": 1, "prompt": chance.choice(TEXTS)[:300]}
        if chance.random() < 0.1:
            key = chance.choice(("VAE Face", "VAE Face VAE", "VAE Face faces", "VAE Face schedule"))
            body["infotext"] = f"x\nSteps: 1, Seed: 3, {key}: {json.dumps(json.dumps(value(chance)))}"
        ours = {"alwayson_scripts": {chance.choice(("vae face", "VAE Face")): {"args": args(chance, names)}}}
        answer = api.post("/sdapi/v1/txt2img", json={**body, **ours})
        figures["bodies"] += 1
        figures[f"answered {answer.status_code}"] += 1
        if answer.status_code >= 500 and api.post("/sdapi/v1/txt2img", json=body).status_code < 500:
            wrong.append(f"{answer.status_code} for {json.dumps(ours)[:300]}: {answer.text[:200]}")
        said = answer.json().get("info", "") if answer.status_code == 200 else answer.text
        if str(Path(sys.argv[2])) in said:
            wrong.append(f"a path in the answer to {json.dumps(ours)[:200]}: {said[:300]}")
        told(number + 1, asked["count"])
    for route in ROUTES[:2]:
        text = api.get(route).text
        figures["routes looked at"] += 1
        wrong += [f"{route} has the path {found}" for found in PATHS.findall(text)[:3]]
    return {"figures": dict(figures), "wrong": wrong}
