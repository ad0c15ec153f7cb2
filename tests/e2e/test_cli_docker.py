"""The whole way on the Docker driver, with a real Godot project."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

pytestmark = [pytest.mark.docker, pytest.mark.nats, pytest.mark.timeout(240)]
SAMPLE = Path(__file__).parents[2] / "resources" / "samples" / "godot-pulse"


def wait_until(condition: Callable[[], object], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stack_env(docker_engine: str) -> dict[str, str]:
    return {"DOCKER_HOST": docker_engine}


def test_godot_starts_logs_restarts_and_stops(slate, docker_engine, godot_image, tmp_path):
    root = tmp_path / "pulse"
    shutil.copytree(SAMPLE, root)
    project = slate.json("project", "add", str(root), "--name", "pulse")
    assert (project["engine"], project["engine_version"]) == ("godot", "3")
    image, _, tag = godot_image.partition(":")
    arguments = ("--driver", "docker", "--image", image, "--tag", tag, "--memory", "512m")
    session = slate.json("session", "start", "pulse", *arguments, "--cpus", "1", "--wait")
    assert session["status"] == "running"
    client = docker.DockerClient(base_url=docker_engine)
    try:
        labelled = {"label": f"slate.session={session['id']}"}
        (container,) = client.containers.list(filters=labelled, ignore_removed=True)
        assert container.attrs["HostConfig"]["Memory"] == 512 * 1024**2
        stats = slate.json("session", "stats", session["id"])
        assert stats["memory_limit"] == 512 * 1024**2
        done = slate.json("session", "exec", session["id"], "--", "ls", "/app/project")
        assert "project.godot" in done["stdout"]
        again = slate.json("session", "restart", session["id"], "--wait")
        assert (again["status"], again["attempt"]) == ("running", 2)
        (replaced,) = client.containers.list(filters=labelled, ignore_removed=True)
        assert replaced.id != container.id
        stopped = slate.json("session", "stop", session["id"], "--wait")
        assert stopped["status"] == "stopped"
        # The container goes after the row says stopped, so that no exit code is ever lost.
        wait_until(lambda: not client.api.containers(all=True, filters=labelled), 30)
    finally:
        for left in client.api.containers(
            all=True, filters={"label": f"slate.session={session['id']}"}
        ):
            with contextlib.suppress(docker.errors.APIError):
                client.api.remove_container(left["Id"], force=True)
        client.close()
    lines = slate("session", "logs", session["id"], "--limit", "0", "--json", code=0).lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert any("Godot" in line["message"] for line in lines)


def test_a_missing_image_is_named(slate, tmp_path):
    root = tmp_path / "imageless"
    root.mkdir(mode=0o755)
    slate.json("project", "add", str(root), "--name", "imageless")
    arguments = ("--driver", "docker", "--image", "slate/no-such-image", "--wait", "--json")
    result = slate("session", "start", "imageless", *arguments)
    assert result.code == 1
    shown = result.json
    assert shown["status"] == "failed"
    assert shown["error"]["code"] == "image_missing"
