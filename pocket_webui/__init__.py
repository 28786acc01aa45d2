"""A small WebUI that runs anywhere, offline, and shows extensions what A1111 shows them."""
