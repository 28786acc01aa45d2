"""Scenes of the API in a pocket WebUI of its own: `python api_run.py SCENES DATA_DIR`, see pocket_run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import pocket_run
import vae_run
import xyz_run

QUICK = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "seed": 7, "sampler_name": "Euler"}
PATH = "/vaeface/v1/schema"
BAD = {
    "unknown name": {"colour": "red"},
    "out of range": {"faces": True, "face_strength": 7},
    "bool as number": {"faces": True, "face_strength": True},
    "a word": {"faces": True, "face_steps": "many"},
    "a choice": {"timing": "slow"},
    "a list": {"timing": ["webui"]},
    "an object": {"faces": True, "face_prompt": {"a": [{"b": {}}]}},
    "huge": {"faces": True, "face_count": 10**400},
    "no such vae": {"vae": True, "vae_name": "../../gone.safetensors"},
    "no such sampler": {"faces": True, "face_boxes": "0.2,0.2,0.8,0.8", "face_strength": 0.3, "face_sampler": "Best"},
    "boxes": {"faces": True, "face_boxes": "1,2,three"},
    "passes": {"faces": True, "face_passes": "[{"},
    "text in prompts": {
        "faces": True, "face_boxes": "0.2,0.2,0.8,0.8", "face_prompt": '"\n\t{},:\\ <lora:x:1> \u2028\x00é',
    },
}  # fmt: skip


def schema() -> dict:
    """The route, with and without the API's password, without an API, and on two servers in a row."""
    from fastapi import FastAPI

    from modules import script_callbacks

    open_api, guarded = xyz_run.client(), xyz_run.client({"api_auth": "me:secret"})
    bare = FastAPI()
    script_callbacks.app_started_callback(None, bare)
    found = open_api.get(PATH)
    return {
        "status": found.status_code,
        "answer": found.json(),
        "post": open_api.post(PATH, json={}).status_code,
        "routes": [route.path for route in open_api.app.routes].count(PATH),
        "guarded": [
            guarded.get(PATH, auth=auth).status_code for auth in (None, ("me", "wrong"), ("me", "secret"))
        ],
        "its own": [guarded.get("/sdapi/v1/options", auth=auth).status_code for auth in (None, ("me", "secret"))],
        "bare": PATH in [route.path for route in bare.routes],
        "data": str(Path(sys.argv[2]).resolve()),
    }  # fmt: skip


def bad() -> dict:
    """Wrong dicts and wrong positions: each is answered with a picture and with what was wrong."""
    api = xyz_run.client()

    def asked(args):
        return xyz_run.post(api, {**QUICK, "alwayson_scripts": {"vae face": {"args": args}}})

    found = {name: asked([one]) for name, one in BAD.items()}
    found["own"] = xyz_run.post(api, QUICK)
    found["switch"] = asked([{"enabled": "perhaps"}])
    found["positions"] = asked([True, None, "slow", [[]], {"a": 1}])
    found["strings"] = asked([{"faces": "true", "face_score": "0.4", "face_boxes": "0.2,0.2,0.8,0.8"}])
    found["too many"] = asked([True, *([None] * 80)])
    found["null"] = asked([None])
    found["nothing"] = asked([])
    found["nested"] = asked([[True]])
    return found


def fuzz() -> dict:
    """Bodies that nobody would write, at the real endpoint. A status of ours that is not 200 is a failure."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    names = list(sys.modules["lib_vaeface.settings"].NAMES)
    letters = st.characters(exclude_categories=["Cs"])
    leaf = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(letters)
    )
    value = st.recursive(
        leaf, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(letters), one, max_size=3)
    )
    wild = st.dictionaries(st.sampled_from(names) | st.text(letters, max_size=20), value, max_size=12)
    api, seen = xyz_run.client(), []

    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(value, max_size=12) | wild.map(lambda one: [one]))
    def asked(args):
        body = {**QUICK, "alwayson_scripts": {"vae face": {"args": args}}}
        answer = api.post("/sdapi/v1/txt2img", json=body)
        seen.append(answer.status_code)
        if answer.status_code == 200:
            text = json.loads(answer.json()["info"])["infotexts"][0]
            pocket_run.ours(text)  # readable as JSON
            again = api.post("/sdapi/v1/txt2img", json={**QUICK, "infotext": text})
            seen.append(again.status_code)

    asked()
    return {"seen": seen}


def pasted() -> dict:
    """What the API's `infotext` field restores, also against a panel and for pictures without us."""
    api = xyz_run.client()
    chosen = {"timing": "exact", "vae": True, "vae_name": "tuned.safetensors", "faces": True, "face_tone": 0.5,
              "face_boxes": "0.2,0.2,0.8,0.8", "face_prompt": 'VAE Face: {"v":1}, "quoted"\nline'}  # fmt: skip
    first = xyz_run.single(api, chosen)
    again = xyz_run.post(api, {"infotext": first["infotexts"][0]})
    own = xyz_run.single(api, prompt='a cat, VAE Face: {"v":1}, Steps: 3')
    without = xyz_run.post(api, {**xyz_run.BODY, "infotext": own["infotexts"][0]})
    explicit = xyz_run.single(api, {"timing": "webui"}, infotext=first["infotexts"][0])
    hires = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
    faces = {"faces": True, "face_boxes": "0.2,0.2,0.8,0.8", "face_strength": 0.4, "face_guard": False}
    second = {"vae": True, "vae_name": "tuned.safetensors", "vae_hires": "same.safetensors", **faces}
    return {"first": first, "again": again, "own": own, "without": without, "explicit": explicit,
            "hires": xyz_run.single(api, second, **hires)}  # fmt: skip


if __name__ == "__main__":
    pocket_run.main(globals(), vae_run.write_files)
