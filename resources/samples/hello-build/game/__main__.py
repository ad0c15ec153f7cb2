"""A game of one line, so that the build has something to pack."""

print("hello from hello-build", flush=True)
