"""The report of an asset job: its content (``build``), its parts as text, and its widgets."""
