"""Container configurations: the table of bad inputs, and what is read and written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.domain.container import (
    ContainerConfig,
    DriverName,
    Mount,
    NetworkMode,
    container_config_to_json,
    explicit_fields,
    parse_container_config,
)
from slate_desktop.domain.engine import Engine, default_container_config
from slate_desktop.domain.images import check_registry, parse_image, registry_of
from slate_desktop.errors import CommandError, ErrorCode

ORIGINAL: dict[str, Any] = {
    "image": "slate/unity-runtime",
    "tag": "latest",
    "name": "slate-unity-myproject",
    "ports": {"8080": 8080, "7777": 7777},
    "env": {"PROJECT_ID": "myproject"},
    "volumes": [{"host": "/var/slate/projects/myproject", "container": "/app/project"}],
    "memory": "4g",
    "cpus": 2,
    "gpu": True,
    "networkMode": "bridge",
}
DIGEST = "sha256:" + "a" * 64


def refused(data: object) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parse_container_config(data)
    return caught.value


def test_configuration_of_the_original_system_is_read() -> None:
    assert parse_container_config(ORIGINAL) == ContainerConfig(
        image="slate/unity-runtime",
        tag="latest",
        ports={8080: 8080, 7777: 7777},
        env={"PROJECT_ID": "myproject"},
        volumes=[Mount(host="/var/slate/projects/myproject", container="/app/project")],
        memory_bytes=4 * 1024**3,
        cpus=2.0,
        gpu=True,
        network_mode=NetworkMode.BRIDGE,
    )


def test_snake_case_names_are_read_too() -> None:
    config = parse_container_config(
        {
            "network_mode": "none",
            "gpu_optional": True,
            "stop_grace": 3,
            "volumes": [{"host": ".", "container": "/a", "read_only": True}],
        }
    )
    assert config.network_mode is NetworkMode.NONE
    assert config.gpu_optional
    assert config.stop_grace_s == 3.0
    assert config.volumes[0].read_only


def test_empty_configuration_is_a_good_one() -> None:
    assert parse_container_config({}) == ContainerConfig()


VALUES: list[tuple[str, Any, str]] = [
    *(
        ("image", value, "bad_request")
        for value in (
            "../x", "UPPER", "x:tag:tag", "a" * 300, "", "a b", " x", "x\n", 5, [], "x@sha256:ab",
            "-x", "x/", "/x", "x//y", "http://x/y", "x:" + "t" * 129, "x\x00", "é",
        )
    ),
    *(("tag", value, "bad_request") for value in ("", "a:b", "-a", "a" * 129, None, 5, "a\n")),
    *(("digest", value, "bad_request") for value in ("sha256:x", "md5:" + "a" * 32, 5, DIGEST + "a",
                                                     DIGEST.upper(), "")),
    *(
        ("memory", value, "bad_request")
        for value in ("4gg", "4e9", 4e9, "4 g", None, "", "g", True, [], "4g\n", "٤g", "0x10",
                      "NaN")
    ),
    *(
        ("memory", value, "limit_denied")
        for value in ("-1", -1, "0", 0, "1m", "999t", "5.9m", 6 * 1024**2 - 1, 10**30)
    ),
    *(
        ("bandwidth", value, "bad_request")
        for value in ("20", 20, 20e6, "20mb", "20bps", "-1m", "m", "", None, True, [], "1tbit",
                      "20m\n", "٢m", "1e3k", "NaNm")
    ),
    *(("bandwidth", value, "limit_denied") for value in ("0m", "99kbit", "101g", "999999999999g")),
    *(
        ("cpus", value, "bad_request")
        for value in (float("nan"), float("inf"), "two", "2", None, True, [], 10**400)
    ),
    *(("cpus", value, "limit_denied") for value in (0, -1, 0.001, 1e9)),
    *(
        ("ports", value, "bad_request")
        for value in (
            {"0": 8080}, {"-1": 8080}, {"65536": 8080}, {"99999": 8080}, {"80/sctp": 8080},
            {"80/tcp": 8080}, {"a": 8080}, {"8080": 0}, {"8080": -1}, {"8080": 65536},
            {"8080": "8080"}, {"8080": True}, {"8080": None}, {"8080": 80.5}, {"": 1},
            {"08080": 8080},
            {"٨٠": 8080}, {"80": 8080, "81": 8080}, {80: 8080, "80": 8081}, [8080], "8080", None,
            {str(port): port for port in range(2000, 2200)}, {True: 8080},
        )
    ),
    *(("ports", value, "port_denied") for value in ({"8080": 22}, {"22": 22}, {"80": 1023})),
    *(
        ("env", value, "bad_request")
        for value in (
            {"A=B": "x"}, {"": "x"}, {"A\x00": "x"}, {"A": "x\x00"}, {"LD_PRELOAD": "/x.so"},
            {"LD_LIBRARY_PATH": "/x"}, {"DYLD_INSERT_LIBRARIES": "x"}, {"BASH_ENV": "x"},
            {"NVIDIA_VISIBLE_DEVICES": "all"}, {"1A": "x"}, {"A B": "x"}, {"A\n": "x"}, {"é": "x"},
            {f"A{n}": "x" for n in range(1000)}, {"A": "x" * 200 * 1024}, {"A": 5}, {"A": None},
            {"A": "\ud800"}, ["A=B"], "A=B", None,
        )
    ),
    *(
        ("networkMode", value, "bad_request")
        for value in ("host", "container:x", "overlay", "", None, 5, [], "Bridge")
    ),
    *(("stopGrace", value, "bad_request") for value in (-1, 1e9, "x", None, True, float("nan"))),
    *(
        ("name", value, "bad_request")
        for value in ("a b", "a/b", "a" * 80, "", None, 5, "-a", "a\n", "é")
    ),
    *(
        ("command", value, "bad_request")
        for value in ("sh", [], [""], ["a"] * 10_000, ["a\x00"], [5], ["a", None], {"a": 1},
                      ["\ud800"], ["a" * 100_000])
    ),
    *(("driver", value, "bad_request") for value in ("podman", "", 5, [])),
    *((name, value, "bad_request") for name in ("gpu", "gpuOptional", "pull")
      for value in (1, 0, "true", None, [])),
    *(
        ("volumes", value, "bad_request")
        for value in (
            "/a:/b", {"host": "/a", "container": "/b"}, None, ["/a:/b"], [{}], [{"host": "/a/b"}],
            [{"host": 5, "container": "/b"}], [{"host": "/a/b", "container": "/b", "mode": "rw"}],
            [{"host": "/a/b", "container": "/b", "readOnly": 1}],
            [{"host": "/a/b", "container": "/b", "readOnly": True, "read_only": True}],
            [{"host": "/a/b", "container": f"/m{n}"} for n in range(33)],
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "code"), VALUES)
def test_bad_value_is_refused_naming_its_field(field: str, value: object, code: str) -> None:
    error = refused({field: value})
    assert error.code == code
    assert error.field == field


HOSTS = [
    "/", "//", "/.", "/etc", "/etc/passwd", "/var/run/docker.sock", "/run/docker.sock",
    "/proc/1/root", "/sys", "/dev/sda", "/boot", "/projects/p1/../p2", "..", "./..", "../x",
    "relative", "p1", "~", "", "/a" * 2049, "/a\x00b", "/a\nb", "\ud800", "./\ud800", "/proc/",
    "//proc", "/./proc", "C:\\x", "file:///a", ".x",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_bad_mount_source_is_denied(host: str) -> None:
    error = refused({"volumes": [{"host": host, "container": "/app/project"}]})
    assert error.code is ErrorCode.MOUNT_DENIED
    assert error.field == "volumes"


TARGETS = [
    "relative", ".", "", "/", "//", "/proc", "/proc/self", "/sys", "/dev", "/dev/shm", "/etc",
    "/etc/passwd", "/a/../etc", "..", "/..", "/usr", "/usr/bin", "/usr/bin/env", "/bin", "/lib64",
    "/var", "/run", "/run/x", "/tmp", "/a\x00", "/a\n", "/" + "a" * 4097, "//etc//passwd", "/./etc",
    "/etc/",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_bad_mount_target_is_denied(target: str) -> None:
    error = refused({"volumes": [{"host": "./assets", "container": target}]})
    assert error.code is ErrorCode.MOUNT_DENIED


@pytest.mark.parametrize(
    "targets",
    [
        ("/a", "/a"),
        ("/a", "/a/"),
        ("/a", "//a"),
        ("/a", "/a/b"),
        ("/a/b/c", "/a"),
        ("/a", "/a/./b"),
    ],
)
def test_equal_and_nested_targets_are_denied(targets: tuple[str, ...]) -> None:
    error = refused({"volumes": [{"host": ".", "container": target} for target in targets]})
    assert error.code is ErrorCode.MOUNT_DENIED


def test_targets_beside_each_other_are_served() -> None:
    volumes = [{"host": ".", "container": target} for target in ("/a", "/ab", "/b/a")]
    assert len(parse_container_config({"volumes": volumes}).volumes) == 3


def test_mount_paths_lose_needless_parts() -> None:
    config = parse_container_config({"volumes": [{"host": "./a//./b/", "container": "//x/./y/"}]})
    assert config.volumes == [Mount(host="./a/b", container="/x/y")]


@pytest.mark.parametrize(
    "name",
    [
        "privileged", "cap_add", "capAdd", "devices", "pid_mode", "security_opt", "userns_mode",
        "runtime", "sysctls", "extra_hosts", "labels", "restart_policy", "user", "entrypoint",
        "Memory", "IMAGE", "", "é", "ipc_mode", "binds",
    ],
)  # fmt: skip
def test_unknown_field_is_refused_by_name(name: str) -> None:
    error = refused({name: True})
    assert error.code is ErrorCode.BAD_REQUEST
    assert error.field == name.encode("ascii", "backslashreplace").decode()


def test_field_in_two_spellings_is_refused() -> None:
    assert refused({"networkMode": "none", "network_mode": "none"}).field == "networkMode"


@pytest.mark.parametrize("data", [[], "x", None, 5, {5: 6}, [["image", "x"]]])
def test_other_type_for_the_configuration_is_refused(data: object) -> None:
    assert refused(data).code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"image": "x"}, "x:latest"),
        ({"image": "x:1"}, "x:1"),
        ({"image": "x", "tag": "2"}, "x:2"),
        ({"image": "host:5000/a/b:1", "tag": "1"}, "host:5000/a/b:1"),
        ({"image": f"x@{DIGEST}"}, f"x:latest@{DIGEST}"),
        ({"image": "x", "digest": DIGEST}, f"x:latest@{DIGEST}"),
        ({"image": "10.0.0.1:5000/slate/x"}, "10.0.0.1:5000/slate/x:latest"),
        ({"image": "a__b/c-d.e"}, "a__b/c-d.e:latest"),
    ],
)  # fmt: skip
def test_image_may_carry_tag_and_digest(fields: dict, reference: str) -> None:
    assert parse_container_config(fields).reference == reference


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"image": "x:1", "tag": "2"}, "tag"),
        ({"image": f"x@{DIGEST}", "digest": DIGEST.replace("a", "b")}, "digest"),
    ],
)
def test_image_that_contradicts_its_tag_is_refused(fields: dict, field: str) -> None:
    assert refused(fields).field == field


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("x", "docker.io"),
        ("slate/unity-runtime", "docker.io"),
        ("192.168.86.27:5000/slate/x", "192.168.86.27:5000"),
        ("ghcr.io/a/b", "ghcr.io"),
        ("localhost/a", "localhost"),
    ],
)
def test_registry_is_the_one_an_engine_would_ask(name: str, registry: str) -> None:
    assert registry_of(name) == registry


def test_image_of_an_unlisted_registry_is_denied() -> None:
    check_registry("ghcr.io/a/b", {"ghcr.io"})
    with pytest.raises(CommandError) as caught:
        check_registry("evil.example/a/b", {"ghcr.io", "docker.io"})
    assert caught.value.code is ErrorCode.IMAGE_DENIED


def test_hostile_image_names_are_decided_fast() -> None:
    for text in ("a-" * 127, "a_" * 127, "a." * 127, "a/" * 127, "a" * 255, "a--" * 85):
        with pytest.raises(CommandError):
            parse_image(text + "!")


def test_free_host_port_is_asked_for_by_name() -> None:
    config = parse_container_config({"ports": {"8080": "auto", "8081": "auto"}})
    assert config.ports == {8080: 0, 8081: 0}


def test_newline_in_a_value_is_served() -> None:
    assert parse_container_config({"env": {"A": "a\nb"}}).env == {"A": "a\nb"}


def test_explicit_fields_are_named_in_camel_case() -> None:
    assert explicit_fields({"network_mode": "none", "memory": "1g"}) == {"networkMode", "memory"}


@pytest.mark.parametrize("engine", list(Engine))
def test_preset_round_trips_through_the_row(engine: Engine) -> None:
    config = default_container_config(engine)
    assert parse_container_config(container_config_to_json(config)) == config


configs = st.builds(
    ContainerConfig,
    driver=st.none() | st.sampled_from(DriverName),
    image=st.just("host:5000/a/b"),
    tag=st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}\Z"),
    digest=st.none() | st.just(DIGEST),
    command=st.none() | st.lists(st.from_regex(r"\A[a-z -]{1,8}\Z"), min_size=1, max_size=4),
    env=st.dictionaries(
        st.from_regex(r"\A[A-KM-Z_][A-Z0-9_]{0,3}\Z"),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9),
        max_size=4,
    ),
    ports=st.dictionaries(st.integers(1, 65535), st.just(0), max_size=5),
    volumes=st.lists(
        st.builds(Mount, host=st.just("./a"), container=st.just("/a"), read_only=st.booleans()),
        max_size=1,
    ),
    memory_bytes=st.none() | st.integers(6 * 1024**2, 64 * 1024**4),
    cpus=st.none() | st.floats(0.01, 1024),
    bandwidth_bits=st.none() | st.integers(100_000, 100_000_000_000),
    gpu=st.booleans(),
    gpu_optional=st.booleans(),
    network_mode=st.sampled_from(NetworkMode),
    pull=st.booleans(),
    stop_grace_s=st.floats(0, 60),
)


@given(configs)
def test_configuration_round_trips_through_the_row(config: ContainerConfig) -> None:
    assert parse_container_config(container_config_to_json(config)) == config


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted({*ORIGINAL, "command", "digest"})), anything))
def test_any_value_is_read_or_refused(data: dict) -> None:
    try:
        config = parse_container_config(data)
    except CommandError as error:
        code = error.code.value
    else:
        code = "bad_request"
        assert parse_container_config(container_config_to_json(config)) == config
    assert code in {"bad_request", "limit_denied", "port_denied", "mount_denied"}
