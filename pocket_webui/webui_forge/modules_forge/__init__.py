"""Forge. That this package is there tells an extension which WebUI it is in."""
