"""Networks by the names that Forge gives them."""
