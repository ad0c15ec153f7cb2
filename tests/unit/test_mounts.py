"""Mount sources are directories inside the project, reached through no link."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from slate_desktop.agent import mounts
from slate_desktop.agent.mounts import PROJECT_TARGET, check_project_root, resolve_mounts
from slate_desktop.domain.container import Mount
from slate_desktop.errors import CommandError, ErrorCode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="not on this platform: POSIX paths")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "p1"
    (root / "assets" / "deep").mkdir(parents=True)
    (root / "file.txt").write_text("x")
    (tmp_path / "p2").mkdir()
    (root / "out").symlink_to("/")
    (root / "sibling").symlink_to(tmp_path / "p2")
    (root / "inner").symlink_to(root / "assets")
    return root


@pytest.fixture(params=["openat2", "stepwise"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test with and without the kernel's own call."""
    if request.param == "stepwise":
        monkeypatch.setattr(mounts, "_openat2", lambda directory, path: None)


def test_project_is_mounted_read_only_without_volumes(project: Path, way: None) -> None:
    (only,) = resolve_mounts(str(project), [])

    assert (only.source, only.target, only.read_only) == (str(project), PROJECT_TARGET, True)


def test_configured_mount_of_the_project_replaces_the_default(project: Path, way: None) -> None:
    (only,) = resolve_mounts(str(project), [Mount(host=".", container=PROJECT_TARGET)])

    assert not only.read_only


@pytest.mark.parametrize("form", ["./assets/deep", "{root}/assets/deep"])
def test_directory_below_the_project_is_found(project: Path, way: None, form: str) -> None:
    wanted = Mount(host=form.format(root=project), container="/data", read_only=True)

    found = resolve_mounts(str(project), [wanted])

    assert [(m.source, m.target) for m in found] == [
        (str(project), PROJECT_TARGET),
        (str(project / "assets" / "deep"), "/data"),
    ]


@pytest.mark.parametrize(
    "host",
    [
        "/", "/etc", "/var/run/docker.sock", "/proc/1/root", "{root}/../p2", "{root}/assets/../..",
        "{parent}/p2", "assets", "", "./out", "./out/etc", "./sibling", "./inner", "./inner/deep",
        "./missing", "./file.txt", "./file.txt/x", "./" + "a" * 4097, "./a\0b", "./a\nb", "~",
    ],
)  # fmt: skip
def test_source_elsewhere_is_refused(project: Path, way: None, host: str) -> None:
    before = sorted(project.rglob("*"))
    host = host.format(root=project, parent=project.parent)

    with pytest.raises(CommandError) as caught:
        resolve_mounts(str(project), [Mount(host=host, container="/data")])

    assert (caught.value.code, caught.value.field) == (ErrorCode.MOUNT_DENIED, "volumes")
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    "target", ["data", "/", "/proc", "/proc/x", "/etc/passwd", "/a/../etc", "", "/x\0", "//"]
)
def test_target_of_the_system_is_refused(project: Path, target: str) -> None:
    with pytest.raises(CommandError) as caught:
        resolve_mounts(str(project), [Mount(host=".", container=target)])

    assert caught.value.code is ErrorCode.MOUNT_DENIED


@pytest.mark.parametrize("targets", [("/data", "/data"), ("/data", "/data/x"), ("/a/b/c", "/a")])
def test_targets_that_overlap_are_refused(project: Path, targets: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as caught:
        resolve_mounts(str(project), [Mount(host=".", container=target) for target in targets])

    assert caught.value.code is ErrorCode.MOUNT_DENIED


@pytest.mark.parametrize(("outer", "inner"), [("./assets", "./assets/deep"), (".", "./assets")])
def test_source_below_one_that_can_be_written_is_refused(
    project: Path, way: None, outer: str, inner: str
) -> None:
    for volumes in (
        [Mount(host=outer, container="/a"), Mount(host=inner, container="/b", read_only=True)],
        [Mount(host=inner, container="/b"), Mount(host=outer, container="/a")],
    ):
        with pytest.raises(CommandError) as caught:
            resolve_mounts(str(project), volumes)
        assert caught.value.code is ErrorCode.MOUNT_DENIED


def test_writable_source_below_one_that_is_only_read_is_allowed(project: Path, way: None) -> None:
    volumes = [
        Mount(host=".", container="/a", read_only=True),
        Mount(host="./assets/deep", container="/b"),
        Mount(host="./assets/deep", container="/c"),
    ]

    assert len(resolve_mounts(str(project), volumes)) == 4


def test_source_of_another_user_is_refused(
    project: Path, way: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fstat

    def fstat(fd: int) -> os.stat_result:
        info = list(real(fd))
        info[4] = 4242
        return os.stat_result(info)

    monkeypatch.setattr(mounts.os, "fstat", fstat)
    with pytest.raises(CommandError, match="another user") as caught:
        resolve_mounts(str(project), [Mount(host="./assets", container="/data")])
    assert caught.value.code is ErrorCode.MOUNT_DENIED


@pytest.mark.parametrize("root", ["/", "/etc", "/proc/self", "/tmp", "relative", "/no/such/place"])
def test_directory_of_the_system_is_no_project(root: str) -> None:
    with pytest.raises(CommandError) as caught:
        check_project_root(root)

    assert caught.value.code is ErrorCode.MOUNT_DENIED


def test_file_is_no_project(project: Path) -> None:
    with pytest.raises(CommandError):
        check_project_root(str(project / "file.txt"))
