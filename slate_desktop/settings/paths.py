"""Where SLATE keeps its files. Functions compute; only ``runtime_dir`` creates.

Every call reads the environment anew, so that a test or a second profile can point elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import platformdirs

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files

APP_NAME = "slate"
_PACKAGE = Path(__file__).resolve().parent.parent
# sun_path holds 108 bytes on Linux and 104 on macOS, and PostgreSQL appends `/.s.PGSQL.5432.lock`.
_MAX_RUNTIME_DIR_BYTES = 80


def data_dir() -> Path:
    """The user's data: keys, database, logs of the embedded stack (``SLATE_DATA_DIR``)."""
    return _from_env("SLATE_DATA_DIR") or Path(
        platformdirs.user_data_dir(APP_NAME, appauthor=False)
    )


def config_dir() -> Path:
    """The user's settings (``SLATE_CONFIG_DIR``)."""
    return _from_env("SLATE_CONFIG_DIR") or Path(
        platformdirs.user_config_dir(APP_NAME, appauthor=False)
    )


def cache_dir() -> Path:
    """What may be deleted at any time (``SLATE_CACHE_DIR``)."""
    return _from_env("SLATE_CACHE_DIR") or Path(
        platformdirs.user_cache_dir(APP_NAME, appauthor=False)
    )


def log_dir() -> Path:
    """Log and crash files."""
    return data_dir() / "logs"


def keys_dir() -> Path:
    """Generated credentials; directory 0700, files 0600."""
    return data_dir() / "keys"


def projects_dir() -> Path:
    """Projects that SLATE makes itself, such as the samples' working copies."""
    return data_dir() / "projects"


def settings_file() -> Path:
    """The settings file, ``settings.toml``."""
    return config_dir() / "settings.toml"


def runtime_dir() -> Path:
    """A private directory (0700) with a path short enough for Unix sockets; created if missing.

    It is named after the data directory, so that two data directories never share sockets.

    Raises:
        SettingsError: somebody else owns a directory of that name.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(data_dir()))).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and _is_usable_base(Path(base)):
        return files.ensure_private_dir(Path(base) / f"slate-{name}")
    if os.name == "nt":
        return files.ensure_private_dir(Path(tempfile.gettempdir()) / f"slate-{name}")
    # TMPDIR may be long; /tmp is sticky, and the owner is checked.
    return files.ensure_private_dir(Path("/tmp") / f"slate-{os.geteuid()}-{name}")  # noqa: S108


def python_program() -> str:
    """The program that runs Python code of this installation: an interpreter's path.

    An installed bundle has no interpreter; its ``slate-python`` understands ``-m``, ``-c`` and a
    file as one does.
    """
    if not getattr(sys, "frozen", False):
        return sys.executable
    name = "slate-python.exe" if os.name == "nt" else "slate-python"
    return str(Path(sys.executable).with_name(name))


def resource_path(*parts: str) -> Path:
    """A data file below ``resources/``, in a checkout or in an installed wheel.

    Raises:
        SettingsError: the file is not there: the installation is damaged.
    """
    return _packaged("resources", "_resources").joinpath(*parts)


def changelog_path() -> Path:
    """The list of changes, ``CHANGELOG.md``; need not be there."""
    in_wheel = _PACKAGE / "_resources" / "CHANGELOG.md"
    return in_wheel if in_wheel.is_file() else _PACKAGE.parent / "CHANGELOG.md"


def guide_path() -> Path:
    """The directory with the pages of the guide, as Markdown; need not be there."""
    in_wheel = _PACKAGE / "_resources" / "guide"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "docs"


def migrations_path() -> Path:
    """The directory of the migrations.

    Raises:
        SettingsError: it is not there: the installation is damaged.
    """
    return _packaged("migrations", "_migrations")


def _from_env(name: str) -> Path | None:
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser().absolute() if value else None


def _is_usable_base(base: Path) -> bool:
    if os.name == "nt" or not base.is_absolute():
        return False
    if len(os.fsencode(base)) + len("/slate-") + 12 > _MAX_RUNTIME_DIR_BYTES:
        return False
    try:
        info = base.stat()
    except OSError:
        return False
    return info.st_uid == os.geteuid() and os.access(base, os.W_OK | os.X_OK)


@functools.cache
def _packaged(checkout_name: str, wheel_name: str) -> Path:
    in_wheel = _PACKAGE / wheel_name
    if in_wheel.is_dir():
        return in_wheel
    in_checkout = _PACKAGE.parent / checkout_name
    if in_checkout.is_dir():
        return in_checkout
    raise SettingsError(
        f"The installation is damaged: its {checkout_name} directory is missing.",
        hint="Install SLATE again.",
    )
