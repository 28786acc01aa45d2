"""VAE files and what is done with them. Knows no WebUI, no page, no settings."""
