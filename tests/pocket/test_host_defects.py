"""What an extension must survive. Each test quotes its line of the facts page "AUTOMATIC1111 1.10.1, as observed"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pocket.jobs import generate

AFTER_SAMPLING = ["post_sample", "postprocess_batch", "postprocess_batch_list", "postprocess_image",
                  "postprocess_maskoverlay", "postprocess_image_after_composite", "postprocess"]


def hooks(trace: list[dict[str, Any]]) -> list[str]:
    return [event["hook"] for event in trace]


def test_override_of_a_never_saved_option_sticks(webui: Any) -> None:
    """"On a fresh install (no saved config) the first override of a never-saved option is NOT restored: it sticks." """
    webui.opts.data.pop("CLIP_stop_at_last_layers", None)
    generate(steps=1, override_settings={"CLIP_stop_at_last_layers": 2})
    assert webui.opts.CLIP_stop_at_last_layers == 2
    generate(steps=1, override_settings={"CLIP_stop_at_last_layers": 1})
    assert webui.opts.CLIP_stop_at_last_layers == 2  # saved now, so this one was restored


def test_overrides_stay_if_asked_to(webui: Any) -> None:
    webui.opts.data["CLIP_stop_at_last_layers"] = 1
    generate(steps=1, override_settings={"CLIP_stop_at_last_layers": 2}, override_settings_restore_afterwards=False)
    assert webui.opts.CLIP_stop_at_last_layers == 2


def test_interrupt(webui: Any, probe: Any) -> None:
    """"Interrupt: no more model calls, the next n_iter is skipped, post_sample .. postprocess still run." """
    probe.start(on_cfg_denoiser=lambda params: webui.state.interrupt() if params.denoiser.step == 1 else None)
    result = generate(steps=5, n_iter=2)
    trace = hooks(probe.stop())
    assert trace.count("on_cfg_denoiser") == 2
    assert trace.count("before_process_batch") == 1
    assert trace[-len(AFTER_SAMPLING):] == AFTER_SAMPLING
    assert len(result.images) == 1


def test_interrupt_of_the_first_pass_leaves_out_the_second(webui: Any, probe: Any) -> None:
    probe.start(on_cfg_denoiser=lambda params: webui.state.interrupt())
    result = generate(steps=3, enable_hr=True, hr_scale=2.0, hr_upscaler="Latent")
    trace = probe.stop()
    assert "before_hr" not in hooks(trace)
    assert next(e for e in trace if e["hook"] == "post_sample")["samples"] == [1, 4, 8, 8]
    assert result.images[0].size == (64, 64)


def test_skip_goes_on_with_the_next_iteration(webui: Any, probe: Any) -> None:
    def skip_in_first(params: Any) -> None:
        if params.denoiser.p.iteration == 0:
            webui.state.skip()

    probe.start(on_cfg_denoiser=skip_in_first)
    result = generate(steps=3, n_iter=2)
    assert hooks(probe.stop()).count("on_cfg_denoiser") == 1 + 3
    assert len(result.images) == 2


def test_error_in_the_middle(webui: Any, probe: Any) -> None:
    """"An error in the middle runs no further hook." and "Wrong row count: HTTP 500." """
    webui.opts.data["CLIP_stop_at_last_layers"] = 1

    def too_many_rows(params: Any) -> None:
        params.text_cond = params.text_cond.repeat(3, 1, 1)

    probe.start(on_cfg_denoiser=too_many_rows)
    with pytest.raises((RuntimeError, IndexError, AssertionError, ValueError)):
        generate(steps=3, override_settings={"CLIP_stop_at_last_layers": 2})
    assert hooks(probe.stop())[-1] == "on_cfg_denoiser"
    assert webui.opts.CLIP_stop_at_last_layers == 1


def test_exception_in_a_callback_is_only_logged(webui: Any, probe: Any, capsys: Any) -> None:
    """"An exception in a callback is only logged; the image comes out as if the callback were not there." """
    def fail(*_: Any) -> None:
        raise ValueError("nobody catches this in the extension")

    expected = np.array(generate(steps=2, prompt="a cat").images[0])
    failing = ("setup", "process", "process_batch", "on_cfg_denoiser", "on_cfg_after_cfg", "post_sample")
    probe.start(**dict.fromkeys(failing, fail))
    result = generate(steps=2, prompt="a cat")
    probe.stop()
    assert np.array_equal(np.array(result.images[0]), expected)
    assert "nobody catches this in the extension" in capsys.readouterr().err


def test_comments_are_stripped_after_an_extensions_process(webui: Any, probe: Any) -> None:
    """"Comments are stripped from prompts after an extension's own `process`." """
    seen = {}
    probe.start(process=lambda p: seen.update(process=p.all_prompts[0]),
                before_process_batch=lambda p: seen.update(batch=p.prompts[0]))
    result = generate(steps=1, prompt="a cat # or a dog", negative_prompt="# nothing\nugly")
    assert seen["process"] == "a cat # or a dog"
    assert "#" not in seen["batch"] and seen["batch"].strip() == "a cat"
    assert result.all_negative_prompts[0].strip() == "ugly"


def test_what_is_not_known_yet(webui: Any, probe: Any) -> None:
    """"In `setup` and `before_process`, p.all_prompts, p.prompts and p.sd_vae_name are None." """
    seen: dict[str, Any] = {}

    def look(hook: str) -> Any:
        return lambda p: seen.setdefault(hook, (p.all_prompts, p.prompts, p.sd_vae_name))

    probe.start(setup=look("setup"), before_process=look("before_process"), process=look("process"))
    generate(steps=1, prompt="a cat", override_settings={"sd_vae": "alt-mse.safetensors"})
    assert seen["setup"] == seen["before_process"] == (None, None, None)
    assert seen["process"] == (["a cat"], None, "alt-mse.safetensors")


def test_what_a_job_from_the_page_does_not_know_in_setup(webui: Any, probe: Any) -> None:
    """"From the page (not the API) p.steps and p.sampler_name are still unset in `setup`." """
    from modules import initialize, processing, scripts

    seen: list[Any] = []
    probe.start(setup=lambda p: seen.append((p.steps, p.sampler_name)))
    p = processing.StableDiffusionProcessingTxt2Img(prompt="a cat")
    p.scripts = scripts.scripts_txt2img
    p.script_args = tuple(initialize.script_defaults())
    assert seen == [(50, None)]
    assert p.steps == 20 and p.sampler_name is not None and p.scheduler == "Automatic"


def test_vae_override_from_a_hook(webui: Any, probe: Any) -> None:
    """"Setting p.override_settings["sd_vae"] in before_process works and is restored; in process it is too late." """
    plain = np.array(generate(steps=1, prompt="a cat").images[0])
    asked = np.array(generate(steps=1, prompt="a cat", override_settings={"sd_vae": "alt-mse.safetensors"}).images[0])
    assert not np.array_equal(plain, asked)

    def ask(p: Any) -> None:
        p.override_settings["sd_vae"] = "alt-mse.safetensors"

    for hook, expected in (("before_process", asked), ("process", plain)):
        probe.start(**{hook: ask})
        result = generate(steps=1, prompt="a cat")
        probe.stop()
        assert np.array_equal(np.array(result.images[0]), expected), hook
        assert webui.opts.sd_vae == "Automatic"


def test_vae_override_is_restored_when_the_generation_fails(webui: Any, probe: Any) -> None:
    """"Restored also when the generation fails." """
    plain = np.array(generate(steps=1, prompt="a cat").images[0])
    with pytest.raises(ValueError, match="no upscaler 'Magic'"):
        generate(steps=1, enable_hr=True, hr_upscaler="Magic", override_settings={"sd_vae": "alt-mse.safetensors"})
    assert np.array_equal(np.array(generate(steps=1, prompt="a cat").images[0]), plain)


def test_a_wrong_vae_name_is_silently_the_baked_one(webui: Any) -> None:
    """"A wrong or extension-less name is silently the baked VAE: a line in the log, no error, nothing in infotext." """
    plain = generate(steps=1, prompt="a cat")
    for name in ("alt-mse", "no such file.safetensors"):
        result = generate(steps=1, prompt="a cat", override_settings={"sd_vae": name})
        assert np.array_equal(np.array(result.images[0]), np.array(plain.images[0]))
        assert "VAE" not in result.info


def test_params_txt_is_written_before_sampling(webui: Any, probe: Any, data_dir: Path) -> None:
    file = data_dir / "params.txt"
    file.unlink(missing_ok=True)
    seen: list[bool] = []
    probe.start(process_batch=lambda p: seen.append(file.exists()),
                process_before_every_sampling=lambda p: seen.append(file.exists()))
    result = generate(steps=1, prompt="a cat", n_iter=2)
    assert seen == [False, True, True, True]
    assert file.read_text("utf8") == result.infotexts[0]


def test_lora_tags_leave_the_prompts_but_not_the_infotext(webui: Any, probe: Any) -> None:
    """"`<lora:..>` tags are gone from p.prompts from process_batch on; they stay in p.all_prompts." """
    seen = {}
    probe.start(before_process_batch=lambda p: seen.update(before=list(p.prompts)),
                process_batch=lambda p: seen.update(after=list(p.prompts)))
    result = generate(steps=1, prompt="a cat <lora:none:1>")
    assert seen == {"before": ["a cat <lora:none:1>"], "after": ["a cat "]}
    assert "a cat <lora:none:1>" in result.info


def test_sdxl_vector_differs_in_the_hires_pass(webui: Any, probe: Any) -> None:
    """"SDXL: DictWithShape {crossattn, vector}; in the hires pass `vector` differs (size embedding)." """
    seen: dict[bool, Any] = {}
    probe.start(on_cfg_denoiser=lambda params: seen.setdefault(params.denoiser.p.is_hr_pass, params.text_cond))
    generate(steps=1, prompt="a cat", enable_hr=True, hr_upscaler="Latent",
             override_settings={"sd_model_checkpoint": "tinyxl"})
    first, second = seen[False], seen[True]
    assert first.keys() == second.keys() == {"crossattn", "vector"}
    assert first["crossattn"].equal(second["crossattn"]) and not first["vector"].equal(second["vector"])
    assert first.shape == first["crossattn"].shape
