"""Every container gets the hardened profile, whatever its configuration says."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.drivers.base import Labels, RuntimeSpec
from slate_desktop.agent.drivers.docker.http import parse_address
from slate_desktop.agent.drivers.docker.images import registry_of
from slate_desktop.agent.drivers.docker.inspection import inspection_from
from slate_desktop.agent.drivers.docker.profile import (
    CONFIG_LABEL,
    container_body,
    is_private_to_root,
    labels_from,
    runtime_user,
)
from slate_desktop.agent.drivers.docker.spool import log_config
from slate_desktop.agent.drivers.docker.translate import from_message, from_pull
from slate_desktop.agent.mounts import ResolvedMount
from slate_desktop.domain.container import ContainerConfig, NetworkMode
from slate_desktop.errors import CommandError, ErrorCode, Retry

MIB, GIB = 2**20, 2**30
LABELS = Labels(agent="a1", session="s1", project="p1", attempt=2, epoch=3)
MOUNT = ResolvedMount(source="/srv/p1", target="/app/project", read_only=True)


def body_of(config: ContainerConfig, *, labels: Labels = LABELS, with_gpu: bool = False) -> dict:
    spec = RuntimeSpec(name="slate-s1-2", labels=labels, config=config, project_root="/srv/p1")
    return container_body(
        spec,
        [MOUNT],
        user=(1000, 1000),
        network="slate-s1" if config.network_mode is NetworkMode.BRIDGE else "none",
        publish_ip="127.0.0.1",
        with_gpu=with_gpu,
    )


def test_profile_is_hardened() -> None:
    config = ContainerConfig(image="i", memory_bytes=64 << 20, cpus=1.5, ports={8080: 8081})
    body = body_of(config)
    host = body["HostConfig"]

    assert body["User"] == "1000:1000"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["Init"] is True
    assert host["PidsLimit"] == 512
    assert host["Memory"] == host["MemorySwap"] == 64 << 20
    assert host["NanoCpus"] == 1_500_000_000
    assert host["IpcMode"] == "private"
    assert {"Name": "nofile", "Soft": 4096, "Hard": 4096} in host["Ulimits"]
    assert all("noexec,nosuid,nodev" in options for options in host["Tmpfs"].values())
    assert host["LogConfig"]["Type"] == "json-file"
    assert host["NetworkMode"] == "slate-s1"
    assert host["PortBindings"]["8080/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "8081"}]
    assert host["Mounts"][0]["ReadOnly"] is True
    assert host["RestartPolicy"] == {"Name": "no"}
    assert "DeviceRequests" not in host


def test_labels_survive_the_engine() -> None:
    body = body_of(ContainerConfig(image="i"))

    assert labels_from(body["Labels"]) == LABELS
    assert labels_from({"slate.agent": "a1"}) is None
    assert labels_from(None) is None


def test_config_hash_ignores_labels_and_sees_the_rest() -> None:
    first = body_of(ContainerConfig(image="i"))["Labels"][CONFIG_LABEL]
    later = msgspec.structs.replace(LABELS, epoch=9)

    assert body_of(ContainerConfig(image="i"), labels=later)["Labels"][CONFIG_LABEL] == first
    other = body_of(ContainerConfig(image="i", env={"A": "b"}))["Labels"][CONFIG_LABEL]
    assert other != first


@pytest.mark.parametrize(
    ("run_bytes", "free", "files"),
    [
        (GIB, 100 * GIB, 64),  # four times the text
        (None, 100 * GIB, 64),  # no limit is as the default
        (16 * MIB, 100 * GIB, 6),  # half a minute of a flood in any case
        (GIB, 8 * GIB, 16),  # an eighth of what is free
        (GIB, 0, 6),
        (GIB, None, 16),  # an engine elsewhere
        (1000 * GIB, 10_000 * GIB, 256),
    ],
)
def test_engine_keeps_what_a_run_may_log_as_far_as_its_disk_goes(
    run_bytes: int | None, free: int | None, files: int
) -> None:
    config = log_config(run_bytes, free)["Config"]
    assert config == {"max-size": "64m", "max-file": str(files)}


def test_room_on_the_disk_makes_no_other_container() -> None:
    spec = RuntimeSpec(
        name="n", labels=LABELS, config=ContainerConfig(image="i"), project_root="/srv/p1"
    )
    bodies = [
        container_body(
            spec, [], user=(1, 1), network="none", publish_ip="::1", with_gpu=False, free_bytes=free
        )
        for free in (0, 100 * GIB)
    ]
    assert bodies[0]["HostConfig"]["LogConfig"] != bodies[1]["HostConfig"]["LogConfig"]
    assert bodies[0]["Labels"] == bodies[1]["Labels"]


def test_no_network_means_no_ports() -> None:
    config = ContainerConfig(image="i", network_mode=NetworkMode.NONE, ports={8080: 8080})
    host = body_of(config)["HostConfig"]

    assert host["NetworkMode"] == "none"
    assert "PortBindings" not in host


def test_command_is_run_in_the_project() -> None:
    body = body_of(ContainerConfig(image="i", command=["{python}", "{root}/main.py"]))

    assert body["Cmd"] == ["python3", "/app/project/main.py"]
    assert body["WorkingDir"] == "/app/project"


def test_gpu_is_asked_for_only_where_wanted() -> None:
    host = body_of(ContainerConfig(image="i", gpu=True), with_gpu=True)["HostConfig"]

    assert host["DeviceRequests"] == [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not on this platform: needs root"
)
def test_project_of_root_runs_as_nobody_if_readable(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert runtime_user(tmp_path) == (65534, 65534)

    tmp_path.chmod(0o700)
    assert runtime_user(tmp_path) == (0, 0)
    assert is_private_to_root(tmp_path)

    os.chown(tmp_path, 1234, 2345)
    assert runtime_user(tmp_path) == (1234, 2345)


@pytest.mark.parametrize(
    ("text", "status", "code", "retry"),
    [
        ("Bind for 127.0.0.1:80 failed: port is already allocated", 500, "port_conflict", "never"),
        ("listen tcp4 0.0.0.0:80: bind: address already in use", 500, "port_conflict", "never"),
        ('could not select device driver "" with capabilities: [[gpu]]', 500,
         "gpu_unavailable", "never"),
        ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs", 400,
         "limit_denied", "never"),
        ("Minimum memory limit allowed is 6MB", 400, "limit_denied", "never"),
        ("No such image: nope:latest", 404, "image_missing", "never"),
        ("invalid reference format", 400, "bad_request", "never"),
        ('exec: "nope": executable file not found in $PATH', 400, "command_not_found", "never"),
        ("could not find an available, non-overlapping IPv4 address pool", 403,
         "docker_error", "never"),
        ("something new", 500, "docker_error", "later"),
    ],
)  # fmt: skip
def test_engine_sentences_become_codes(text: str, status: int, code: str, retry: str) -> None:
    error = from_message(text, "starting", status=status)

    assert (error.code, error.retry) == (ErrorCode(code), Retry(retry))


@pytest.mark.parametrize(
    ("text", "code", "retry"),
    [
        ("dial tcp: lookup registry-1.docker.io: no such host", "docker_error", "later"),
        ("Get https://r/v2/: net/http: request canceled (Client.Timeout)", "docker_error", "later"),
        ("manifest for r/x:1 not found: manifest unknown", "image_missing", "never"),
        ("pull access denied for x, repository does not exist", "image_missing", "never"),
        ("unauthorized: authentication required", "docker_error", "never"),
    ],
)
def test_pull_failures_tell_missing_from_away(text: str, code: str, retry: str) -> None:
    error = from_pull(text, "r/x:1")

    assert (error.code, error.retry) == (ErrorCode(code), Retry(retry))


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("debian", "docker.io"),
        ("slate/godot-runtime", "docker.io"),
        ("192.168.86.27:5000/slate/x", "192.168.86.27:5000"),
        ("ghcr.io/a/b", "ghcr.io"),
        ("localhost/x", "localhost"),
    ],
)
def test_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize("url", ["ssh://host", "nonsense", "tcp://", "tcp://h:99999999", ""])
def test_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_address(url)

    assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE


def test_end_is_never_before_the_start() -> None:
    times = {"StartedAt": "2026-01-02T03:04:05.2Z", "FinishedAt": "2026-01-02T03:04:05.1Z"}

    found = inspection_from({"State": {"Status": "exited", "ExitCode": 0, **times}})

    assert found.finished_at_ns == found.started_at_ns


def test_missing_program_at_once_is_told_from_a_late_127() -> None:
    def state(end: str) -> dict:
        times = {"StartedAt": "2026-01-02T03:04:05.1Z", "FinishedAt": end}
        return {"State": {"Status": "exited", "ExitCode": 127, "Error": "", **times}}

    assert inspection_from(state("2026-01-02T03:04:05.2Z")).error == "command_not_found"
    assert inspection_from(state("2026-01-02T03:04:09.2Z")).error is None
