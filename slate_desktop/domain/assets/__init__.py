"""Assets: kinds, options, reports, keys and presets, as plain values that read no pixel.

Light to import on purpose: the window, the command line, the agent and the parser's child share it.
"""
