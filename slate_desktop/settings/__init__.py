"""Settings, profiles, paths and secrets: where SLATE finds its servers and keeps its files."""
