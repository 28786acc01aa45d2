"""The page's tasks and how far they are; POST /internal/progress is what the page's progress bar asks."""

from __future__ import annotations

import base64
import io
import random
import string
import time
from collections import OrderedDict
from typing import Any, Optional

from pydantic import BaseModel, Field

from modules import shared

current_task: str | None = None
pending_tasks: OrderedDict[str, float] = OrderedDict()
finished_tasks: list[str | None] = []
recorded_results: list[tuple[str | None, Any]] = []
recorded_results_limit = 2
_KEPT_FINISHED = 16


def start_task(id_task: str | None) -> None:
    global current_task
    current_task = id_task
    pending_tasks.pop(id_task, None)  # type: ignore[call-overload]


def finish_task(id_task: str | None) -> None:
    global current_task
    if current_task == id_task:
        current_task = None
    finished_tasks.append(id_task)
    del finished_tasks[:-_KEPT_FINISHED]


def create_task_id(task_type: str) -> str:
    """A new id "task(<type>-XXXXXXX)"."""
    letters = random.choices(string.ascii_uppercase + string.digits, k=7)
    return f"task({task_type}-{''.join(letters)})"


def record_results(id_task: str | None, res: Any) -> None:
    """Keep the results of the last two tasks for pages that were reloaded meanwhile."""
    recorded_results.append((id_task, res))
    del recorded_results[:-recorded_results_limit]


def add_task_to_queue(id_job: str) -> None:
    pending_tasks[id_job] = time.time()


class PendingTasksResponse(BaseModel):
    size: int = Field(title="Number of waiting tasks")
    tasks: list[str] = Field(title="Their ids")


class ProgressRequest(BaseModel):
    id_task: str = Field(default=None, title="Task to ask about")
    id_live_preview: int = Field(default=-1, title="Last preview the page has")
    live_preview: bool = Field(default=True, title="Whether a preview is wanted")


class ProgressResponse(BaseModel):  # Optional: pydantic 2 takes no None without it
    active: bool = Field(title="Whether the task is running")
    queued: bool = Field(title="Whether the task is waiting")
    completed: bool = Field(title="Whether the task is finished")
    progress: Optional[float] = Field(default=None, title="0 to 1")  # noqa: UP045
    eta: Optional[float] = Field(default=None, title="Seconds left")  # noqa: UP045
    live_preview: Optional[str] = Field(default=None, title="Preview as a data address")  # noqa: UP045
    id_live_preview: Optional[int] = Field(default=None, title="Number of that preview, for the next request")  # noqa: UP045
    textinfo: Optional[str] = Field(default=None, title="Text for the progress bar")  # noqa: UP045


def setup_progress_api(app: Any) -> Any:
    """Add the two routes to the FastAPI application."""
    app.add_api_route("/internal/pending-tasks", get_pending_tasks, methods=["GET"])
    return app.add_api_route("/internal/progress", progressapi, methods=["POST"], response_model=ProgressResponse)


def get_pending_tasks() -> PendingTasksResponse:
    return PendingTasksResponse(size=len(pending_tasks), tasks=list(pending_tasks))


def job_progress() -> float:
    """How much of the current job is done, 0 to 1, from the counters of `shared.state`."""
    state = shared.state
    if state.job_count <= 0:
        return 0.0
    within = state.sampling_step / state.sampling_steps if state.sampling_steps > 0 else 0.0
    return min((state.job_no + within) / state.job_count, 1.0)


def _waiting_text(id_task: str) -> str:
    if id_task not in pending_tasks:
        return "Waiting..."
    order = sorted(pending_tasks, key=pending_tasks.__getitem__)
    return f"In queue: {order.index(id_task) + 1}/{len(order)}"


def _preview(known_id: int) -> tuple[str | None, int]:
    """(data address, number) of a preview newer than `known_id`, (None, known_id) if there is none."""
    shared.state.set_current_image()
    image = shared.state.current_image
    if shared.state.id_live_preview == known_id or image is None:
        return None, known_id
    kind = shared.opts.live_previews_image_format
    # Optimizing a large PNG takes longer than a sampling step.
    small = max(image.size) <= 256
    png = {"optimize": True} if small else {"optimize": False, "compress_level": 1}
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **(png if kind == "png" else {}))
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{encoded}", shared.state.id_live_preview


def progressapi(req: ProgressRequest) -> ProgressResponse:
    """State of one task, with a preview if there is a new one."""
    flags = {
        "active": req.id_task == current_task,
        "queued": req.id_task in pending_tasks,
        "completed": req.id_task in finished_tasks,
    }
    if not flags["active"]:
        return ProgressResponse(**flags, id_live_preview=-1, textinfo=_waiting_text(req.id_task))
    done = job_progress()
    elapsed = time.time() - (shared.state.time_start or time.time())
    eta = elapsed / done - elapsed if done > 0 else None
    live_preview, id_live_preview = None, req.id_live_preview
    if shared.opts.live_previews_enable and req.live_preview:
        live_preview, id_live_preview = _preview(req.id_live_preview)
    return ProgressResponse(**flags, progress=done, eta=eta, live_preview=live_preview,
                            id_live_preview=id_live_preview, textinfo=shared.state.textinfo)


def restore_progress(id_task: str) -> Any:
    """Wait for the task and return its outputs, for a page that was reloaded; a message if they are gone."""
    import gradio as gr

    while id_task == current_task or id_task in pending_tasks:
        time.sleep(0.1)
    for known, result in recorded_results:
        if known == id_task:
            return result
    lost = f"The results of {id_task} are no longer kept"
    return gr.update(), gr.update(), gr.update(), lost
