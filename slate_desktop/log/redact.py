"""Keeps secrets out of logs, crash files and dumps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Seeds of users, accounts and operators (nkeys).
    (re.compile(r"\bS[UAO][A-Z2-7]{56}\b"), "S***"),
    # The password in scheme://user:password@host.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*)(['\"]?)[^'\"\r\n,}]+"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)(x-registry-auth['\"]?\s*[:=]\s*)(['\"]?)[^'\"\s,}]+"), rf"\1\2{MASK}"),
    (
        re.compile(
            r"(?i)\b((?:pg)?password|passwd|passphrase)(['\"]?\s*[=:]\s*)(['\"]?)[^\s'\",;&}]+"
        ),
        rf"\1\2\3{MASK}",
    ),
)
_SECRET_KEY = re.compile(
    r"(?i)passw(or)?d|passphrase|secret|token|api[_-]?key|credential|authorization|seed|serial|"
    r"private[_-]?key"
)


def redact(text: str) -> str:
    """Return ``text`` with everything masked that looks like a secret."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    """Tell whether a variable or field of this name usually holds a secret."""
    return _SECRET_KEY.search(name) is not None


def mask_env(env: Mapping[str, str]) -> dict[str, str]:
    """Copy environment variables with the values of secret-looking names masked."""
    return {name: MASK if is_secret_name(name) else redact(value) for name, value in env.items()}


def redact_value(value: Any, name: str = "") -> Any:
    """Redact strings inside nested containers; values under secret-looking names are masked."""
    if isinstance(value, str):
        return MASK if value and is_secret_name(name) else redact(value)
    if isinstance(value, Mapping):
        return {key: redact_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_value(item, name) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return MASK if is_secret_name(name) else redact(value.decode("utf-8", "replace"))
    return value
