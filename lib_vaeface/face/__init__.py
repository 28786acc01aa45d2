"""Faces: found, decoded again, painted again where asked, and blended. Knows no WebUI, no page and no settings."""
