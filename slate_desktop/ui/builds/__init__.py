"""Builds in the window: the panel that starts them, the list, and what came of them."""
