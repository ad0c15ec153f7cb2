"""SLATE Desktop: the control centre for people who make games.

Importing this package imports nothing else, so that every entry point decides what it loads.
"""

__version__ = "0.1.0"
