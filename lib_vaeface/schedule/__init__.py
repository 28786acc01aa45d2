"""The prompt schedule. Knows no WebUI, no page, no settings."""
