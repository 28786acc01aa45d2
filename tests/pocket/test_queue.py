"""The queue, the progress page and the state behind them; extra network tags; the guard around torch.load."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image


def test_lock_is_fair() -> None:
    from modules.fifo_lock import FIFOLock

    lock, order, threads = FIFOLock(), [], []

    def work(number: int) -> None:
        with lock:
            order.append(number)

    lock.acquire()
    assert lock.acquire(blocking=False) is False
    for number in range(5):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        threads.append(thread)
        while len(lock._waiting) <= number:
            time.sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError):
        lock.release()


def test_job_is_visible_while_it_runs(host) -> None:
    from modules import call_queue, progress

    seen = {}

    def work(id_task: str) -> tuple:
        host.state.job_count, host.state.job_no, host.state.sampling_steps, host.state.sampling_step = 2, 1, 10, 5
        seen["running"] = progress.progressapi(progress.ProgressRequest(id_task=id_task))
        seen["other"] = progress.progressapi(progress.ProgressRequest(id_task="task(x)"))
        host.state.interrupt()
        return "image", "info", "<p>done</p>"

    result = call_queue.wrap_gradio_gpu_call(work)("task(txt2img-1)")
    assert seen["running"].active and seen["running"].progress == 0.75 and seen["running"].eta is not None
    assert not seen["other"].active and seen["other"].textinfo == "Waiting..."
    assert result[:2] == ("image", "info") and "Time taken" in result[2]
    assert host.state.job == "" and not host.state.interrupted
    after = progress.progressapi(progress.ProgressRequest(id_task="task(txt2img-1)"))
    assert after.completed and not after.active
    assert progress.restore_progress("task(txt2img-1)") == ("image", "info", "<p>done</p>")


def test_error_becomes_a_message(host) -> None:
    from modules import call_queue, progress

    def work(*args: object) -> tuple:
        raise ValueError("<b>bad</b> size")

    result = call_queue.wrap_gradio_gpu_call(work, extra_outputs=[None, "", ""])("task(a)")
    assert result[:3] == (None, "", "") and "ValueError: &lt;b&gt;bad" in result[3]
    assert progress.current_task is None and "task(a)" in progress.finished_tasks


def test_state_reset_and_previews(host, monkeypatch) -> None:
    from modules import sd_samplers

    state = host.state
    state.interrupt()
    state.begin("job")
    assert (state.interrupted, state.job_count, state.job) == (False, -1, "job")
    monkeypatch.setattr(sd_samplers, "samples_to_image_grid", lambda latent: Image.new("RGB", (8, 8)), raising=False)
    state.current_latent = object()
    state.sampling_step = 9
    state.set_current_image()
    assert state.current_image is None, "fewer than show_progress_every_n_steps"
    state.sampling_step = 10
    state.set_current_image()
    assert state.current_image.size == (8, 8) and state.id_live_preview == 1
    state.nextjob()
    assert (state.job_no, state.sampling_step) == (1, 0)
    state.end()
    assert state.dict()["job"] == ""


def test_preview_that_fails_is_only_recorded(host, monkeypatch) -> None:
    from modules import errors, sd_samplers

    monkeypatch.setattr(sd_samplers, "samples_to_image_grid", lambda latent: 1 / 0, raising=False)
    host.state.begin("job")
    host.state.current_latent = object()
    host.state.do_set_current_image()
    assert host.state.current_image is None and errors.exception_records[-1]["exception"] == "division by zero"
    host.state.end()


def test_server_commands(host) -> None:
    assert host.state.wait_for_server_command(timeout=0) is None
    host.state.need_restart = True
    assert host.state.need_restart and host.state.wait_for_server_command(timeout=0) == "restart"
    assert host.state.server_command is None


def test_network_tags(host, monkeypatch) -> None:
    from modules import extra_networks

    calls = []

    class Net(extra_networks.ExtraNetwork):
        def activate(self, p, params_list) -> None:
            calls.append([params.positional + list(params.named.items()) for params in params_list])

        def deactivate(self, p) -> None:
            raise RuntimeError("only logged")

    text, data = extra_networks.parse_prompt("a <probe:x:0.5:te=1> cat <other:y>")
    assert text == "a  cat " and list(data) == ["probe", "other"]
    monkeypatch.setattr(extra_networks, "extra_network_registry", {})
    extra_networks.register_extra_network(Net("probe"))
    hooks = SimpleNamespace(after_extra_networks_activate=lambda p, **kwargs: calls.append(sorted(kwargs)))
    p = SimpleNamespace(scripts=hooks, iteration=0, prompts=[], seeds=[], subseeds=[])
    extra_networks.activate(p, data)
    extra_networks.activate(SimpleNamespace(scripts=None), {})
    extra_networks.deactivate(p, data)
    assert calls == [[["x", "0.5", ("te", "1")]],
                     ["batch_number", "extra_network_data", "prompts", "seeds", "subseeds"], []]
    assert extra_networks.parse_prompts(["<a:1>x", "<b:2>y"])[0] == ["x", "y"]


class Evil:
    def __reduce__(self) -> tuple:
        return print, ("code was run",)


def test_pickles_with_code_are_refused(host, tmp_path: Path, capsys) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "good.pt")
    torch.save({"w": Evil()}, tmp_path / "evil.pt")
    assert torch.load(tmp_path / "good.pt")["w"].tolist() == [1, 1]
    assert torch.load(tmp_path / "evil.pt", weights_only=False) is None
    captured = capsys.readouterr()
    assert "code was run" not in captured.out and "evil.pt" in captured.err


def test_hashes_follow_the_file(host, tmp_path: Path, monkeypatch) -> None:
    import hashlib
    import os

    from modules import cache, hashes

    monkeypatch.setattr(cache, "cache_filename", str(tmp_path / "cache.json"))
    monkeypatch.setattr(cache, "cache_data", None)
    monkeypatch.setattr(host.cmd_opts, "no_hashing", False)
    path = tmp_path / "model.bin"
    path.write_bytes(b"one")
    assert hashes.sha256(str(path), "probe") == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, (time.time() + 5, time.time() + 5))
    assert hashes.sha256_from_cache(str(path), "probe") is None
    assert hashes.sha256(str(path), "probe") == hashlib.sha256(b"two").hexdigest()
    monkeypatch.setattr(cache, "cache_data", None)
    assert hashes.sha256_from_cache(str(path), "probe") == hashlib.sha256(b"two").hexdigest(), "read back from disk"


def test_accordion_ids(host) -> None:
    import gradio as gr

    from modules.ui_components import InputAccordion, ToolButton

    with gr.Blocks(analytics_enabled=False) as demo, InputAccordion(False, label="Panel", elem_id="panel") as accordion:
        with accordion.extra():
            gr.HTML("status")
        ToolButton("x", elem_id="tool")
    ids = {c["props"].get("elem_id"): c for c in demo.get_config_file()["components"]}
    assert {"panel", "panel-checkbox", "panel-extra", "tool"} <= set(ids)
    assert ids["panel-checkbox"]["props"]["visible"] is False and ids["panel"]["type"] == "accordion"
    assert accordion.value is False and ids["panel"]["props"]["open"] is False
