"""Builds as pure values and rules: what can be built, how, how far it is, and whether to trust it.

Nothing here starts a program. ``domain.build`` holds the row.
"""
