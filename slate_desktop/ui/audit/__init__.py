"""The audit trail in the window: who asked for what, and how it ended."""
