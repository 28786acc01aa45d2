"""The extension's command line: `python -m lib_vaeface --help`. It needs no WebUI."""
