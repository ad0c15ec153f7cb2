"""Has the engine and the images that tests use, before the tests and outside of their time limits.

    python -m tests.services.images [COMMAND…]

makes the images that are missing, which takes minutes the first time on a new machine, and then
runs the command, whose tests find the same engine. Where no Docker engine can be had it says why
and leaves the verdict to the tests.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.services import docker

HOST_VARIABLE = "SLATE_TEST_DOCKER_HOST"


def main(command: list[str]) -> int:
    """Make what is missing, run the command, and return its exit status."""
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        try:
            url = stack.enter_context(_engine())
            if url is not None:
                docker.make_images(url)
                environment[HOST_VARIABLE] = url
        except (pytest.skip.Exception, pytest.fail.Exception) as exc:
            sys.stderr.write(f"no images are made: {exc}\n")
        return _run(command, environment) if command else 0


def _run(command: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal has told the command as well, and it ends in its own way.
                continue


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
    sys.exit(main(sys.argv[1:]))
