"""Ways to run a runtime, behind one protocol (``base``) and one contract suite."""
