"""This machine: Python, Qt and its libraries, directories, disk, ports, keyring."""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import SlateError
from slate_desktop.settings import paths
from slate_desktop.stack.postgres_home import left_clusters

_OLDEST, _NEWEST = (3, 11), (3, 13)
_MIN_FREE_BYTES = 2 * 1024**3
_LEAST_FREE_BYTES = 256 * 1024**2
_GAME_PORTS = (8080, 7777)
# Loading a widget window's platform plugin is what fails when a system library is missing.
_QT_PROBE = (
    "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; import PySide6; "
    "from PySide6.QtWidgets import QApplication; QApplication([]); print(PySide6.__version__)"
)
# Source: interface libraries of Qt's xcb plugin on Debian, as packaging/debian-packages.sh lists.
_DEBIAN_QT = (
    "libglib2.0-0",
    "libegl1",
    "libgl1",
    "libdbus-1-3",
    "libfontconfig1",
    "libxkbcommon0",
    "libbrotli1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
)


def check_machine() -> list[Check]:
    """Check what does not need a server."""
    checks = [_check_python(), _check_qt(), *_check_debian_packages(), _check_data_dir()]
    checks += [_check_settings(), _check_disk(), *_check_left_clusters()]
    return [*checks, _check_keyring(), _check_ports()]


def _check_left_clusters() -> list[Check]:
    left = left_clusters()
    if not left:
        return []
    size = sum(file.lstat().st_size for root in left for file in root.rglob("*"))
    return [
        Check(
            name="Left databases",
            state=State.NOTE,
            detail=f"{len(left)} whose data directory is gone, {format_bytes(size)}",
            fix=f"If you do not need them: rm -r {shlex.join(str(root) for root in left)}",
        )
    ]


def _check_python() -> Check:
    version = sys.version_info[:2]
    is_fine = _OLDEST <= version <= _NEWEST
    return Check(
        name="Python",
        state=State.OK if is_fine else State.FAILED,
        detail=f"{platform.python_version()} at {sys.executable}",
        fix="" if is_fine else "Use Python 3.11, 3.12 or 3.13.",
    )


def _check_qt() -> Check:
    if importlib.util.find_spec("PySide6") is None:
        return Check(
            name="Qt",
            state=State.NOTE,
            detail="not installed; the command line and the agent do without",
            fix="For the window: pip install 'slate-desktop[desktop]'",
        )
    try:
        probe = subprocess.run(  # noqa: S603 - our own interpreter
            [paths.python_program(), "-c", _QT_PROBE],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return Check(name="Qt", state=State.WARNING, detail=f"it cannot be tried: {exc}")
    if probe.returncode == 0:
        return Check(name="Qt", state=State.OK, detail=f"PySide6 {probe.stdout.strip()}")
    reason = (probe.stderr.strip().splitlines() or ["it does not load"])[-1]
    return Check(
        name="Qt",
        state=State.WARNING,
        detail=reason,
        fix="The window needs it. Install the system's libraries for Qt (see README).",
    )


def _check_debian_packages() -> list[Check]:
    """Name missing Debian packages in one line to paste; nothing on other systems."""
    query = shutil.which("dpkg-query")
    if query is None or getattr(sys, "frozen", False):
        return []  # an installed program carries them
    try:
        shown = subprocess.run(  # noqa: S603 - fixed arguments
            [query, "-W", "-f=${Package} ${Status}\n", *_DEBIAN_QT],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    there = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    missing = [name for name in _DEBIAN_QT if name not in there]
    if not missing:
        return [Check(name="Debian packages", state=State.OK, detail="Qt's libraries are there")]
    return [
        Check(
            name="Debian packages",
            state=State.WARNING,
            detail=f"missing for the window: {' '.join(missing)}",
            fix=f"sudo apt-get install -y --no-install-recommends {' '.join(missing)}",
        )
    ]


def _check_data_dir() -> Check:

    directory = paths.data_dir()
    if not directory.exists():
        return Check(
            name="data directory", state=State.OK, detail=f"{directory} (made when it is needed)"
        )
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Check(
            name="data directory",
            state=State.FAILED,
            detail=f"{directory} cannot be written",
            fix=f"Make it yours, or set SLATE_DATA_DIR: sudo chown -R $USER '{directory}'",
        )
    mode = directory.stat().st_mode & 0o777
    if os.name != "nt" and mode & 0o077:
        return Check(
            name="data directory",
            state=State.WARNING,
            detail=f"{directory} is open to other users (mode {mode:o})",
            fix=f"chmod 700 '{directory}'",
        )
    return Check(name="data directory", state=State.OK, detail=str(directory))


def _check_settings() -> Check:
    from slate_desktop.settings.model import load_settings

    try:
        settings = load_settings()
    except SlateError as exc:
        return Check(name="settings", state=State.FAILED, detail=str(exc), fix=exc.hint)
    profile = "local" if settings.is_local else "remote"
    return Check(
        name="settings",
        state=State.NOTE if settings.notes else State.OK,
        detail=f"profile {profile}; {paths.settings_file()}",
        fix=" ".join(settings.notes),
    )


def _check_disk() -> Check:

    place: Path = paths.data_dir()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    state = State.OK
    if free < _MIN_FREE_BYTES:
        state = State.WARNING if free >= _LEAST_FREE_BYTES else State.FAILED
    return Check(
        name="disk",
        state=state,
        detail=f"{format_bytes(free)} free at {place}",
        fix="" if state is State.OK else "Free some space: logs and the database grow.",
    )


def _check_keyring() -> Check:
    from slate_desktop.settings.secrets import SecretPlace, place

    if place() is SecretPlace.KEYRING:
        return Check(name="keyring", state=State.OK, detail="the system's keyring keeps secrets")
    return Check(
        name="keyring",
        state=State.NOTE,
        detail="none here; secrets go to files that only you can read (mode 0600)",
    )


def _check_ports() -> Check:
    taken = [port for port in _GAME_PORTS if not _is_free(port)]
    if not taken:
        return Check(name="ports", state=State.OK, detail="8080 and 7777 are free")
    ports = " and ".join(str(port) for port in taken)
    return Check(
        name="ports",
        state=State.WARNING,
        detail=f"port {ports} is in use; Unity and Unreal publish it",
        fix="Stop what uses it, or start sessions with --port PORT:ANOTHER.",
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
