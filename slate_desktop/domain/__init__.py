"""Values, state machines and pure rules. Nothing here does I/O but reading resource files."""
