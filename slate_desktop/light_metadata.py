"""Imports packages that ask for their own version without the reader of packages' metadata.

psygnal and nats-py look up their version when they are imported: for that Python reads
``importlib.metadata``, and with it a reader of mails and one of tables, which takes longer than
these packages do. ``light_metadata()`` answers them with the version in the name of the folder that
holds the metadata.

WORKAROUND(psygnal 0.16, nats-py 2.11): can go when importing them does not import
``importlib.metadata``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from slate_desktop.light_imports import StandIn

_METADATA = "importlib.metadata"


@contextmanager
def light_metadata() -> Iterator[None]:
    """Let packages be imported whose modules ask for a version; nothing changes for others."""
    if _METADATA in sys.modules:
        yield
        return
    stand_in = sys.modules[_METADATA] = _Metadata(_METADATA)
    try:
        yield
    finally:
        stand_in.go()


class _Metadata(StandIn):
    """Knows versions; becomes ``importlib.metadata`` for whoever asks for anything else."""

    class PackageNotFoundError(ModuleNotFoundError):
        """No distribution of this name is installed."""

    def version(self, name: str) -> str:
        """Return the version of an installed distribution.

        Raises:
            PackageNotFoundError: there is none.
        """
        found = _version_by_folder(name)
        if found is None:
            raise self.PackageNotFoundError(name)
        return found


def _version_by_folder(name: str) -> str | None:
    # Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    wanted = f"{re.sub('[-_.]+', '_', name).lower()}-"
    for place in sys.path:
        try:
            found = os.listdir(place or ".")  # noqa: PTH208 - a path for each takes ten times as long
        except OSError:
            continue
        for folder in found:
            if folder.endswith(".dist-info") and folder.lower().startswith(wanted):
                return folder.removesuffix(".dist-info")[len(wanted) :]
    return None
