"""Several clients of the API at once, each with its own settings, see child: {"count": 60, "clients": 4, "seed": 0}."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

PARTS = ("status", "picture", "info")
BOXES = "0.2,0.2,0.8,0.8"
ASKED: dict[str, tuple[Any, str]] = {
    "off": (None, "a [cat:dog:0.5]"),
    "webui timing": ({"timing": "webui"}, "a [cat:dog:0.5]"),
    "exact timing": ({"timing": "exact"}, "a [cat:dog:0.5]"),
    "a blend": ({}, "a [cat:dog:1,2] x"),
    "tuned": ({"vae": True, "vae_name": "tuned.safetensors"}, "a cat"),
    "same": ({"vae": True, "vae_name": "same.safetensors"}, "a cat"),
    "refused": ({"vae": True, "vae_name": "other.safetensors"}, "a cat"),
    "faces": ({"faces": True, "face_boxes": BOXES, "face_strength": 0.5, "face_guard": False}, "a cow"),
    "faces by tuned": ({"faces": True, "face_boxes": BOXES, "face_vae": "tuned.safetensors", "face_tone": 0}, "a cow"),
}


def work(asked: dict[str, Any], told: Callable[[int, int], None]) -> dict[str, Any]:
    """Every request must give what it gives alone."""
    import vae_run
    import xyz_run

    from modules import shared

    vae_run.write_files(Path(sys.argv[2]))
    shared.sd_model.image_size = 8
    api, wrong = xyz_run.client(), []

    def ask(name: str) -> Any:
        settings, prompt = ASKED[name]
        scripts = {"alwayson_scripts": {"VAE Face": {"args": [settings]}}} if settings is not None else {}
        answer = api.post(
            "/sdapi/v1/txt2img", json={**xyz_run.BODY, "steps": 3, "subseed": 3, "prompt": prompt, **scripts}
        )
        info = json.loads(answer.json().get("info", "{}"))
        info.pop("job_timestamp", None)
        return [answer.status_code, answer.json().get("images"), info]

    alone = {name: ask(name) for name in ASKED for _ in range(2)}
    if len({repr(answer[1]) for answer in alone.values()}) < 5:
        wrong.append("requests that ask for different things give the same picture")
    done, lock = [0], threading.Lock()

    def client(number: int) -> None:
        chance = random.Random(asked["seed"] * 1000 + number)
        for _ in range(asked["count"] // asked["clients"]):
            name = chance.choice(list(ASKED))
            try:
                found = ask(name)
            except Exception as error:
                found = [0, None, f"{type(error).__name__}: {error}"]
            with lock:
                done[0] += 1
                told(done[0], asked["count"])
                if found != alone[name]:
                    parts = [PARTS[i] for i in range(3) if found[i] != alone[name][i]]
                    wrong.append(f"client {number}, {name}: another {parts} than alone: {str(found[2])[:300]}")

    threads = [threading.Thread(target=client, args=(number,)) for number in range(asked["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"figures": {"requests": done[0], "clients": asked["clients"], "kinds": len(ASKED)}, "wrong": wrong}
