"""The support bundle: what somebody needs who mends a fault, without secrets and names.

Made for a person to look through and to send by themselves; nothing here sends anything.
Contents of projects, logs of sessions, keys and the database are never in it.
"""

from __future__ import annotations

import getpass
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop import __version__
from slate_desktop.diagnosis.check import Check
from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.log.redact import redact, redact_value
from slate_desktop.settings import catalog, files, paths
from slate_desktop.settings.parts import installed_parts

TAIL_BYTES = 256 * 1024
_MAX_LOGS = 20
_MIN_NAME = 3


class SupportFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the bundle, redacted already."""

    name: str
    text: str


async def collect() -> list[SupportFile]:
    """Run the checks, read the ends of SLATE's own logs, and return what the bundle would hold."""
    import asyncio

    from slate_desktop.diagnosis import run_checks

    checks = await run_checks()
    return await asyncio.to_thread(gather, checks)


def gather(checks: Sequence[Check]) -> list[SupportFile]:
    """Return the files of the bundle; blocks on the disk."""
    found = [
        ("about.json", _json(_about())),
        ("checks.json", _json([msgspec.to_builtins(check) for check in checks])),
        ("settings.json", _json(_settings())),
        ("parts.txt", "\n".join(f"{part.name} {part.version}" for part in installed_parts())),
        *_logs(),
    ]
    cleaned = [SupportFile(name=name, text=_clean(text)) for name, text in found]
    return [SupportFile(name="README.txt", text=_readme(cleaned)), *cleaned]


def write(bundle: Sequence[SupportFile], target: Path) -> Path:
    """Write the bundle as a ZIP archive that only this user can read.

    Raises:
        EnvironmentFaultError: it cannot be written there.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle:
            archive.writestr(file.name, file.text)
    try:
        files.write_private(target, buffer.getvalue())
    except (OSError, files.SettingsError) as exc:
        raise EnvironmentFaultError(
            f"The support bundle cannot be written: {exc}", hint="Choose another folder."
        ) from exc
    return target


def file_name() -> str:
    """Return what a bundle of now is called."""
    return f"slate-support-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"


def _about() -> dict[str, Any]:
    return {
        "slate": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "variables": sorted(name for name in os.environ if name.startswith(("SLATE_", "QT_"))),
    }


def _settings() -> list[dict[str, Any]]:
    states, notes = catalog.states()
    rows: list[dict[str, Any]] = [
        {
            "name": state.setting.name,
            "value": redact_value(catalog.to_text(state.value), state.setting.name),
            "origin": state.origin.value,
            "problem": state.problem,
        }
        for state in states
    ]
    return [*rows, *({"note": note} for note in notes)]


def _logs() -> list[tuple[str, str]]:
    """Return the ends of SLATE's own logs, the newest first."""
    logs = paths.log_dir().glob("*.log*")
    found = [path for path in logs if path.is_file() and not path.is_symlink()]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [(f"logs/{path.name}", _tail(path)) for path in found[:_MAX_LOGS]]


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            data = file.read()
    except OSError as exc:
        return f"It cannot be read: {exc}"
    text = data.decode("utf-8", "replace")
    # A line that is cut at its beginning might hold half a secret that no rule knows.
    return text.partition("\n")[2] if size > TAIL_BYTES else text


def _clean(text: str) -> str:
    """Take secrets out, and the names of this person and this computer."""
    text = redact(text)
    for name, instead in ((str(Path.home()), "~"), (platform.node(), "HOST"), (_user(), "USER")):
        if len(name) >= _MIN_NAME:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", instead, text)
    return text


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        return ""
    # A word of its own in every log of PostgreSQL, and nobody's name.
    return "" if name == "root" else name


def _readme(bundle: Sequence[SupportFile]) -> str:
    lines = [f"{file.name}  {len(file.text.encode())} bytes" for file in bundle]
    return (
        "Support bundle of SLATE. It was made on this computer and sent nowhere; look through it"
        " before you pass it on.\nPasswords, keys and the names of you and your computer are"
        " taken out. Projects, logs of sessions and the database are not in it.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
