"""Builds the image ``slate/server`` of packaging/server/Dockerfile, with every wheel that it needs.

The wheels are fetched here and not in the build: it has no index of its own, and the same wheels
give the same image. ``--extras server`` leaves out the codecs, for a server without an agent.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
IMAGE = "slate/server"
# The image's Python, whose wheels are fetched.
_PYTHON = (3, 11)
# The image's is 3.11.2, and redis asks for this below 3.11.3; pip looks at the Python that runs it.
_MORE = ("async-timeout>=4.0.3",)


def build(tag: str, extras: str, docker_host: str | None = None) -> str:
    """Build the image, and return its name with the tag.

    Raises:
        SystemExit: this is another Python than the image's.
        subprocess.CalledProcessError: a wheel cannot be had, or the engine refuses; it said why.
    """
    if sys.version_info[:2] != _PYTHON:
        raise SystemExit("Run this with Python 3.11, as the image has it: its wheels are fetched.")
    name = f"{IMAGE}:{tag}"
    with tempfile.TemporaryDirectory(prefix="slate-image-") as folder:
        context = Path(folder)
        shutil.copy(HERE / "Dockerfile", context)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir"]
        subprocess.run([*pip, str(context / "wheels"), f"{ROOT}[{extras}]", *_MORE], check=True)
        engine = ["--host", docker_host] if docker_host else []
        # The host's network: an engine without a bridge of its own reaches the packages so, too.
        command = ["docker", *engine, "build", "--network", "host", "--tag", name]
        command += ["--build-arg", f"EXTRAS={extras}", str(context)]
        subprocess.run(command, check=True)
    return name


def main() -> int:
    """Build as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--extras", default="server,assets")
    parser.add_argument("--host", help="the Docker engine's address")
    options = parser.parse_args()
    print(build(options.tag, options.extras, options.host))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
