"""The model viewer: ``worker`` draws in a process of its own, ``view`` shows and steers it."""
