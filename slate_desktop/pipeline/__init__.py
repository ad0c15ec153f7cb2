"""Asset processing, pure: files in, files out; no broker, no database, no Qt.

Everything that reads an untrusted file does so in a child process (``pipeline.sandbox``).
"""
