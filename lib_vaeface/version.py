"""The library's version, and the check that it is the one the doorbell was written for."""

__version__ = "0.1.0"


def stale_notice(script_version: str) -> str:
    """What to tell the person when the script and the library in memory differ; "" when they agree.

    "Reload UI" executes scripts/vaeface.py again but keeps this library in memory, so after an update a new script
    meets the old library until the WebUI is restarted.
    """
    if script_version == __version__:
        return ""
    return (
        f"VAE Face was updated to {script_version}, but {__version__} is still in memory. Please restart the WebUI; "
        "until then VAE Face stays off."
    )
