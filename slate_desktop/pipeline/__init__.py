"""Asset processing, pure: files in, files out; no broker, no database, no Qt.

``run`` picks the pipeline of a kind, ``publish`` puts products where people look, ``tools`` names
versions. Everything that reads an untrusted file does so in a child process (``pipeline.sandbox``).
"""
