"""Benchmarks: each runs a peer beside SLATE in the same run and prints a ratio. Not timed tests."""
