"""Trees of files that travel between machines: names, manifests, what is left out, what differs."""
