"""Makes the images that tests use, before the tests and outside of their time limits.

    python -m tests.services.images

The first time, on a new machine, that takes minutes; afterwards it only looks. Where no Docker
engine can be had it says why and leaves the verdict to the tests.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest

from tests.services import docker


def main() -> int:
    """Make what is missing."""
    try:
        with _engine() as url:
            if url is not None:
                docker.make_images(url)
    except (pytest.skip.Exception, pytest.fail.Exception) as exc:
        sys.stderr.write(f"no images are made: {exc}\n")
    return 0


@contextlib.contextmanager
def _engine() -> Iterator[str | None]:
    """Give the engine that the tests will find, or one of our own meanwhile."""
    url = docker.running_engine()
    if url is not None:
        yield url
        return
    reason = docker.why_not_start()
    if reason is not None:
        sys.stderr.write(f"no images are made: {reason}\n")
        yield None
        return
    with docker.own_engine() as url:
        yield url


if __name__ == "__main__":
    sys.exit(main())
