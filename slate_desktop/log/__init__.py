"""Logging for all entry points: structlog over the standard library, with secrets kept out."""

from slate_desktop.log.redact import mask_env, redact
from slate_desktop.log.setup import configure

__all__ = ["configure", "mask_env", "redact"]
