"""Models as the memory manager moves them."""
