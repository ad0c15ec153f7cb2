"""Where pictures of the real window are taken: directories of their own, an engine, a screen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GODOT_IMAGE = "slate/godot-runtime:latest"


def end_sessions(environment: dict[str, str]) -> None:
    """Runtimes outlive the stack, as they should, and would outlive the pictures as well."""
    listed = slate(environment, "session", "list", "--active")
    with contextlib.suppress(ValueError):
        for session in json.loads(listed)["sessions"]:
            slate(environment, "session", "stop", session["id"], "--wait")


def slate(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "slate_desktop", *words, "--json"]
    done = subprocess.run(
        command, env=environment, check=False, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return done.stdout


def remove_cluster(data_dir: Path) -> None:
    """Root's cluster lives outside of the data directory, and would stay."""
    sys.path.insert(0, str(ROOT))
    from tests.services.stack import OwnStack

    OwnStack(data_dir).remove_root_cluster()


@contextlib.contextmanager
def directories(*, is_offline: bool) -> Iterator[dict[str, str]]:
    base = Path(tempfile.mkdtemp(prefix="slate-pictures-"))
    environment = dict(os.environ)
    for name in ("DATA", "CONFIG", "CACHE"):
        environment[f"SLATE_{name}_DIR"] = str(base / name.lower())
    if is_offline:
        # Nobody listens there.
        environment["SLATE_NATS_URL"] = "nats://127.0.0.1:9"
        environment["SLATE_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/none"
    if "--german" in sys.argv:
        environment["SLATE_LANGUAGE"] = "de"
    host = environment.get("SLATE_TEST_DOCKER_HOST")
    if host:
        environment.setdefault("DOCKER_HOST", host)
    try:
        has_engine = not is_offline and not {"--jobs", "--dialogs", "--german"} & set(sys.argv)
        with _engine(environment) if has_engine else contextlib.nullcontext():
            yield environment
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextlib.contextmanager
def _engine(environment: dict[str, str]) -> Iterator[None]:
    """Make sure that an engine answers and has the image; start one if there is none."""
    sys.path.insert(0, str(ROOT))
    from tests.services import docker as engines

    with contextlib.ExitStack() as stack:
        url = environment.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not engines.answers(url):
            reason = engines.why_not_start()
            if reason is not None:
                raise SystemExit(f"screenshots: no Docker engine answers, and {reason}")
            url = stack.enter_context(engines.own_engine())
        environment["DOCKER_HOST"] = url
        _build_image(url)
        yield


def _build_image(url: str) -> None:
    import docker

    client = docker.DockerClient(base_url=url)
    try:
        client.images.get(GODOT_IMAGE)
    except docker.errors.ImageNotFound:
        path = ROOT / "packaging" / "images" / "build_base.py"
        subprocess.run([sys.executable, str(path), "--host", url], check=True)
    finally:
        client.close()


@contextlib.contextmanager
def display() -> Iterator[dict[str, str]]:
    """Give a screen: a virtual one of the right size."""
    if shutil.which("Xvfb") is None:
        yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        number = os.read(read, 16).decode().strip()
        yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        os.close(read)
        server.terminate()
        server.wait(10)
