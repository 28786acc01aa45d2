"""The /sdapi/v1 routes."""

from __future__ import annotations

import time
from secrets import compare_digest
from threading import Lock
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from modules import (
    images,
    infotext_utils,
    progress,
    script_callbacks,
    scripts,
    sd_models,
    sd_models_config,
    sd_samplers,
    sd_schedulers,
    sd_vae,
    shared,
    shared_items,
    ui,
)
from modules.api import generate, models, script_args
from modules.api.answers import api_middleware
from modules.api.encoding import decode_base64_to_image, encode_pil_to_base64
from modules.api.generate import validate_sampler_name  # noqa: F401  (extensions take it from here)
from modules.api.memory import memory
from modules.api.script_args import script_name_to_index  # noqa: F401


class Api:
    """Adds the routes to `app` when made. `default_script_arg_txt2img` and `..._img2img` hold the arguments of
    scripts that no request mentions."""

    def __init__(self, app: FastAPI, queue_lock: Lock) -> None:
        self.credentials: dict[str, str] = {}
        if shared.cmd_opts.api_auth:
            self.credentials = dict(pair.split(":", 1) for pair in shared.cmd_opts.api_auth.split(","))
        self.app = app
        self.queue_lock = queue_lock
        api_middleware(app)
        self._add_generation_routes()
        self._add_list_routes()
        if shared.cmd_opts.api_server_stop:
            self.add_api_route("/sdapi/v1/server-stop", self.stop_webui, methods=["POST"])
            self.add_api_route("/sdapi/v1/server-restart", self.restart_webui, methods=["POST"])
        if not scripts.scripts_txt2img.scripts or not scripts.scripts_img2img.scripts:
            ui.create_ui()
        self.default_script_arg_txt2img = script_args.default_args(scripts.scripts_txt2img)
        self.default_script_arg_img2img = script_args.default_args(scripts.scripts_img2img)

    def _add_generation_routes(self) -> None:
        m, add = models, self.add_api_route
        add("/sdapi/v1/txt2img", self.text2imgapi, methods=["POST"], response_model=m.TextToImageResponse)
        add("/sdapi/v1/img2img", self.img2imgapi, methods=["POST"], response_model=m.ImageToImageResponse)
        add("/sdapi/v1/png-info", self.pnginfoapi, methods=["POST"], response_model=m.PNGInfoResponse)
        add("/sdapi/v1/progress", self.progressapi, methods=["GET"], response_model=m.ProgressResponse)
        add("/sdapi/v1/interrupt", self.interruptapi, methods=["POST"])
        add("/sdapi/v1/skip", self.skip, methods=["POST"])
        add("/sdapi/v1/options", self.get_config, methods=["GET"], response_model=m.OptionsModel)
        add("/sdapi/v1/options", self.set_config, methods=["POST"])
        add("/sdapi/v1/unload-checkpoint", self.unloadapi, methods=["POST"])
        add("/sdapi/v1/reload-checkpoint", self.reloadapi, methods=["POST"])
        add("/sdapi/v1/refresh-checkpoints", self.refresh_checkpoints, methods=["POST"])
        add("/sdapi/v1/refresh-vae", self.refresh_vae, methods=["POST"])
        add("/sdapi/v1/refresh-embeddings", self.refresh_embeddings, methods=["POST"])

    def _add_list_routes(self) -> None:
        m = models
        for path, endpoint, model in (
            ("cmd-flags", self.get_cmd_flags, m.FlagsModel),
            ("samplers", self.get_samplers, list[m.SamplerItem]),
            ("schedulers", self.get_schedulers, list[m.SchedulerItem]),
            ("upscalers", self.get_upscalers, list[m.UpscalerItem]),
            ("latent-upscale-modes", self.get_latent_upscale_modes, list[m.LatentUpscalerModeItem]),
            ("sd-models", self.get_sd_models, list[m.SDModelItem]),
            ("sd-vae", self.get_sd_vaes, list[m.SDVaeItem]),
            ("prompt-styles", self.get_prompt_styles, list[m.PromptStyleItem]),
            ("embeddings", self.get_embeddings, m.EmbeddingsResponse),
            ("memory", memory, m.MemoryResponse),
            ("scripts", self.get_scripts_list, m.ScriptsList),
            ("script-info", self.get_script_info, list[m.ScriptInfo]),
        ):
            self.add_api_route(f"/sdapi/v1/{path}", endpoint, methods=["GET"], response_model=model)

    def add_api_route(self, path: str, endpoint: Any, **kwargs: Any) -> Any:
        """Add a route that asks for --api-auth's user and password, if that flag is given."""
        if self.credentials:
            kwargs["dependencies"] = [Depends(self.auth)]
        return self.app.add_api_route(path, endpoint, **kwargs)

    def auth(self, credentials: HTTPBasicCredentials = Depends(HTTPBasic())) -> bool:  # noqa: B008
        known = self.credentials.get(credentials.username)
        if known is not None and compare_digest(credentials.password.encode(), known.encode()):
            return True
        raise HTTPException(status_code=401, detail="Incorrect username or password",
                            headers={"WWW-Authenticate": "Basic"})

    def text2imgapi(self, txt2imgreq: models.StableDiffusionTxt2ImgProcessingAPI) -> models.TextToImageResponse:
        return generate.text2img(self, txt2imgreq)

    def img2imgapi(self, img2imgreq: models.StableDiffusionImg2ImgProcessingAPI) -> models.ImageToImageResponse:
        return generate.img2img(self, img2imgreq)

    def pnginfoapi(self, req: models.PNGInfoRequest) -> models.PNGInfoResponse:
        info, items = images.read_info_from_image(decode_base64_to_image(req.image.strip()))
        params = infotext_utils.parse_generation_parameters(info or "")
        script_callbacks.infotext_pasted_callback(info or "", params)
        return models.PNGInfoResponse(info=info or "", items=items, parameters=params)

    def progressapi(self, req: models.ProgressRequest = Depends()) -> models.ProgressResponse:  # noqa: B008
        state = shared.state
        if state.job_count == 0:
            return models.ProgressResponse(progress=0, eta_relative=0, state=state.dict(), textinfo=state.textinfo)
        # One percent more than is done, as A1111 reports it; a job that has just begun gives no division by zero.
        done = 0.01 + progress.job_progress()
        elapsed = time.time() - (state.time_start or time.time())
        state.set_current_image()
        wanted = state.current_image and not req.skip_current_image
        return models.ProgressResponse(
            progress=min(done, 1), eta_relative=elapsed / done - elapsed, state=state.dict(),
            current_image=encode_pil_to_base64(state.current_image) if wanted else None, textinfo=state.textinfo,
            current_task=progress.current_task)

    def interruptapi(self) -> dict:
        shared.state.interrupt()
        return {}

    def skip(self) -> None:
        shared.state.skip()

    def unloadapi(self) -> dict:
        sd_models.unload_model_weights()
        return {}

    def reloadapi(self) -> dict:
        sd_models.send_model_to_device(shared.sd_model)
        return {}

    def get_config(self) -> dict[str, Any]:
        return dict(shared.opts.data)

    def set_config(self, req: dict[str, Any]) -> None:
        """Change settings; HTTP 500 for a checkpoint that does not exist."""
        checkpoint = req.get("sd_model_checkpoint")
        if checkpoint is not None and checkpoint not in sd_models.checkpoint_aliases:
            raise RuntimeError(f"model {checkpoint!r} not found")
        for key, value in req.items():
            shared.opts.set(key, value, is_api=True)
        shared.opts.save(shared.config_filename)

    def get_cmd_flags(self) -> dict[str, Any]:
        return vars(shared.cmd_opts)

    def get_samplers(self) -> list[dict[str, Any]]:
        return [{"name": s.name, "aliases": s.aliases, "options": s.options} for s in sd_samplers.all_samplers]

    def get_schedulers(self) -> list[dict[str, Any]]:
        names = ("name", "label", "aliases", "default_rho", "need_inner_model")
        return [{name: getattr(scheduler, name) for name in names} for scheduler in sd_schedulers.schedulers]

    def get_upscalers(self) -> list[dict[str, Any]]:
        return [
            {"name": u.name, "model_name": getattr(u.scaler, "model_name", None), "model_path": u.data_path,
             "model_url": None, "scale": u.scale}
            for u in shared.sd_upscalers
        ]

    def get_latent_upscale_modes(self) -> list[dict[str, str]]:
        return [{"name": mode} for mode in shared.latent_upscale_modes]

    def get_sd_models(self) -> list[dict[str, Any]]:
        return [
            {"title": c.title, "model_name": c.model_name, "hash": c.shorthash, "sha256": c.sha256,
             "filename": c.filename, "config": sd_models_config.find_checkpoint_config_near_filename(c)}
            for c in sd_models.checkpoints_list.values()
        ]

    def get_sd_vaes(self) -> list[dict[str, str]]:
        return [{"model_name": name, "filename": path} for name, path in sd_vae.vae_dict.items()]

    def get_prompt_styles(self) -> list[dict[str, Any]]:
        return [
            {"name": style.name, "prompt": style.prompt, "negative_prompt": style.negative_prompt}
            for style in shared.prompt_styles.styles.values()
        ]

    def get_embeddings(self) -> dict[str, dict]:
        """The pocket WebUI loads no embeddings."""
        return {"loaded": {}, "skipped": {}}

    def refresh_embeddings(self) -> None:
        """Nothing to do; kept because clients call it."""

    def refresh_checkpoints(self) -> None:
        with self.queue_lock:
            shared.refresh_checkpoints()

    def refresh_vae(self) -> None:
        with self.queue_lock:
            shared_items.refresh_vae_list()

    def get_scripts_list(self) -> models.ScriptsList:
        t2i, i2i = scripts.scripts_txt2img.scripts, scripts.scripts_img2img.scripts
        return models.ScriptsList(txt2img=[s.name for s in t2i if s.name is not None],
                                  img2img=[s.name for s in i2i if s.name is not None])

    def get_script_info(self) -> list[models.ScriptInfo]:
        every = [*scripts.scripts_txt2img.scripts, *scripts.scripts_img2img.scripts]
        return [script.api_info for script in every if script.api_info is not None]

    def stop_webui(self) -> dict:
        shared.state.server_command = "stop"
        return {}

    def restart_webui(self) -> dict:
        shared.state.request_restart()
        return {}
