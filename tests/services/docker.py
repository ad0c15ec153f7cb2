"""A Docker engine for tests: one that runs already, or one of the suite's own.

The suite's own has its data, its sockets and its process to itself, and ends with the suite. It is
never started beside another engine in the same network namespace: that one would lose its bridge.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from tests.conftest import require_service

BASE_IMAGE = "debian:bookworm-slim"
GODOT_IMAGE = "slate/godot-runtime:latest"
# Suites that run side by side leave each other's runtimes alone.
TEST_AGENT = f"slate-tests-{os.getpid()}"

_SOCKET = "/var/run/docker.sock"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
# Without the right to change iptables there is no bridge; containers then have no network.
_VARIANTS: tuple[tuple[str, ...], ...] = (
    (),
    ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
)


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a Docker engine, such as ``unix:///var/run/docker.sock``."""
    given = os.environ.get("SLATE_TEST_DOCKER_HOST")
    if given:
        if not answers(given):
            pytest.fail(f"SLATE_TEST_DOCKER_HOST={given} does not answer")
        yield given
        return
    url = running_engine()
    if url is not None:
        yield url
        return
    reason = why_not_start()
    if reason is not None:
        require_service("docker", reason)
    with own_engine() as url:
        yield url


@pytest.fixture(scope="session")
def base_image(docker_engine: str) -> str:
    """Make sure that a small Debian is on the engine, and give its name."""
    with build_lock():
        _build_module().ensure_base(_client(docker_engine))
    return BASE_IMAGE


@pytest.fixture(scope="session")
def godot_image(docker_engine: str) -> str:
    """Make sure that the Godot runtime's image is on the engine, and give its name."""
    with build_lock():
        _build_module().ensure_godot(_client(docker_engine))
    return GODOT_IMAGE


def running_engine() -> str | None:
    """Return the address of an engine that answers already."""
    given = os.environ.get("SLATE_TEST_DOCKER_HOST"), os.environ.get("DOCKER_HOST")
    for url in (*given, f"unix://{_SOCKET}", *_neighbour_hosts()):
        if url and answers(url):
            return url
    return None


def make_images(url: str) -> None:
    """Make the images that are missing on an engine."""
    with build_lock():
        _build_module().ensure_base(_client(url))
        _build_module().ensure_godot(_client(url))


def answers(url: str) -> bool:
    """Tell whether an engine answers at ``url``."""
    if url.startswith("unix://") and not Path(url.removeprefix("unix://")).is_socket():
        return False
    try:
        client = _client(url)
    except OSError:
        return False
    client.close()
    return True


def why_not_start() -> str | None:
    """Return why the suite cannot start an engine of its own, or None when it can."""
    if sys.platform != "linux":
        return "not on this platform"
    if os.geteuid() != 0:
        return "no engine answers, and only root can start one (set SLATE_TEST_DOCKER_HOST)"
    if _program() is None:
        return "no engine answers, and dockerd is not installed (apt install docker.io)"
    if other := _neighbours():
        return f"dockerd runs already (pid {other[0]}), at a socket that is not known"
    return None


@contextlib.contextmanager
def own_engine() -> Iterator[str]:
    """Start an engine, give its address, and end exactly this one.

    Images are kept between runs in ``SLATE_TEST_DOCKER_DATA``, by default in the user's cache.
    """
    cache = Path.home() / ".cache" / "slate-tests" / "docker"
    data = Path(os.environ.get("SLATE_TEST_DOCKER_DATA") or cache)
    data.mkdir(parents=True, exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix="slate-dk-"))
    failures: list[str] = []
    try:
        for options in _VARIANTS:
            process = _launch(data, run, options)
            url = f"unix://{run}/docker.sock"
            try:
                if _await_start(process, url):
                    yield url
                    return
                failures.append((run / "dockerd.log").read_text(errors="replace")[-1500:])
            finally:
                _end(process)
        require_service("docker", "dockerd does not start here:\n" + "\n---\n".join(failures))
    finally:
        shutil.rmtree(run, ignore_errors=True)


@contextlib.contextmanager
def build_lock() -> Iterator[None]:
    """Let one process at a time make images."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (Path(tempfile.gettempdir()) / "slate-tests-images.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_leftovers(url: str, agent: str = TEST_AGENT) -> None:
    """Remove what tests left on the engine under an agent's label, and nothing else."""
    import docker.errors

    client = _client(url)
    filters = {"label": [f"slate.agent={agent}"]}
    for found in client.containers(all=True, filters=filters):
        with contextlib.suppress(docker.errors.APIError):
            client.remove_container(found["Id"], force=True, v=True)
    for network in client.networks(filters=filters):
        with contextlib.suppress(docker.errors.APIError):
            client.remove_network(network["Id"])
    client.close()


def _client(url: str):
    import docker
    import docker.errors

    try:
        return docker.APIClient(base_url=url, version="auto", timeout=300)
    except docker.errors.DockerException as exc:
        raise OSError(f"no Docker engine answers at {url}") from exc


def _build_module() -> ModuleType:
    path = Path(__file__).parents[2] / "packaging" / "images" / "build_base.py"
    spec = importlib.util.spec_from_file_location("slate_build_base", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _program() -> str | None:
    return shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _neighbours() -> list[int]:
    """Return engines in this network namespace."""
    own = Path("/proc/self/ns/net").readlink()
    found: list[int] = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "dockerd":
            with contextlib.suppress(OSError):
                if Path(f"/proc/{process.pid}/ns/net").readlink() == own:
                    found.append(process.pid)
    return found


def _neighbour_hosts() -> list[str]:
    """Return the sockets that engines in this network namespace name on their command lines."""
    found: list[str] = []
    for pid in _neighbours() if sys.platform == "linux" else []:
        with contextlib.suppress(psutil.Error):
            words = psutil.Process(pid).cmdline()
            for word, following in zip(words, [*words[1:], ""], strict=True):
                value = following if word in ("-H", "--host") else word.partition("--host=")[2]
                if value.startswith("unix://"):
                    found.append(value)
    return found


def _launch(data: Path, run: Path, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    program = _program()
    assert program is not None
    with (run / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            [
                program,
                f"--host=unix://{run}/docker.sock",
                f"--data-root={data}",
                f"--exec-root={run}/exec",
                f"--pidfile={run}/docker.pid",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_start(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if answers(url):
            return True
        time.sleep(0.2)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
