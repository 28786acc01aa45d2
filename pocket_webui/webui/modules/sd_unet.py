"""Replacement U-Nets that extensions offer with script_callbacks.on_list_unets."""

from __future__ import annotations

from typing import Any

from modules import devices, script_callbacks, shared
from modules.sd_models_types import network_of
from pocket_webui.nets.unet import UNetModel

unet_options: list[SdUnetOption] = []
current_unet_option: SdUnetOption | None = None
current_unet: SdUnet | None = None


class SdUnetOption:
    """An entry of the SD Unet setting. model_name: the checkpoint it replaces under "Automatic"."""

    model_name: str | None = None
    label: str | None = None

    def create_unet(self) -> SdUnet:
        raise TypeError(f"{type(self).__name__} must define create_unet()")


class SdUnet:
    """A U-Net used instead of the checkpoint's; activate and deactivate may load and free it."""

    option: SdUnetOption

    def forward(self, x: Any, timesteps: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{type(self).__name__} must define forward()")

    def activate(self) -> None:
        """Called when it is chosen."""

    def deactivate(self) -> None:
        """Called when another one is chosen."""


def list_unets() -> None:
    unet_options[:] = script_callbacks.list_unets_callback()


def get_unet_option(option: str | None = None) -> SdUnetOption | None:
    """The option of that label (the setting's if None); None for the checkpoint's own U-Net."""
    label = option or shared.opts.sd_unet
    if label == "Automatic":
        name = shared.sd_model.sd_checkpoint_info.model_name
        return next((x for x in unet_options if x.model_name == name), None)
    return next((x for x in unet_options if x.label == label), None)


def apply_unet(option: str | None = None) -> None:
    """Makes the chosen U-Net the current one: sampling then calls it instead of the checkpoint's."""
    global current_unet, current_unet_option
    chosen = get_unet_option(option)
    if chosen == current_unet_option:
        return
    if current_unet is not None:
        current_unet.deactivate()
    current_unet_option, current_unet = chosen, None
    if chosen is None:
        network_of(shared.sd_model).model.diffusion_model.to(devices.device)
        return
    network_of(shared.sd_model).model.diffusion_model.to(devices.cpu)
    current_unet = chosen.create_unet()
    current_unet.option = chosen
    current_unet.activate()


_checkpoint_forward = UNetModel.forward


def _forward(self: UNetModel, x: Any, timesteps: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
    if current_unet is not None:
        return current_unet.forward(x, timesteps, context, *args, **kwargs)
    return _checkpoint_forward(self, x, timesteps, context, *args, **kwargs)


UNetModel.forward = _forward
