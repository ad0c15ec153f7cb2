"""Builds as local processes: real engines, and engines that lie."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from slate_desktop.domain.builds.findings import Finding
from slate_desktop.domain.jobs import OutcomeStatus
from slate_desktop.errors import CommandError, ErrorCode
from tests.integration.build_world import BuildWorld, process_world

__all__ = ["process_world"]  # the fixture ``world``
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform == "win32", reason="engines are scripts: not on this platform"),
]
LOGS = Path(__file__).parents[1] / "data" / "builds"


async def output_of(*argv: str, env: dict[str, str] | None = None) -> str:
    """Run a program for at most a minute and return what it printed."""
    process = await asyncio.create_subprocess_exec(*argv, env=env, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return out.decode()


def lines(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()


async def test_a_godot_project_is_exported_and_runs_headless(world: BuildWorld) -> None:
    project = await world.sample("godot-pulse", "godot")
    build, outcome = await world.build(project)
    assert outcome.status is OutcomeStatus.COMPLETED, await world.log_of(build)
    assert (build.status.value, build.verdict, build.progress) == ("completed", "passed", 100)
    assert build.errors == []
    artifacts = {a.path: a for a in await world.db.builds.artifacts(build.id)}
    assert set(artifacts) == {"pulse.x86_64", "pulse.pck"}
    assert artifacts["pulse.x86_64"].is_main
    assert artifacts["pulse.x86_64"].is_executable
    assert build.source["sha256"]
    assert build.source["dirty"] is None or isinstance(build.source["dirty"], bool)
    # From what is stored, under its own name, with the engine's headless binary.
    pack = world.directory / "got" / "pulse.pck"
    pack.parent.mkdir()
    shutil.copyfile(world.objects.path_of(artifacts["pulse.pck"].sha256), pack)
    env = {**os.environ, "PULSE_SECONDS": "0.2", "HOME": str(world.directory)}
    printed = await output_of("godot3-server", "--main-pack", str(pack), env=env)
    assert "Pulse is ready" in printed
    percents = [fraction for fraction, _ in world.progress]
    assert percents == sorted(percents)
    assert any("savepack" in line or "Storing" in line for _, line in world.progress)


async def test_a_script_error_is_found_although_godot_exits_0(world: BuildWorld) -> None:
    project = await world.sample("godot-pulse", "godot")
    script = Path(project.root) / "Pulse.gd"
    text = script.read_text().replace("func far_out():", "func far_out()")
    script.write_text(text)
    build, _ = await world.build(project)
    assert build.verdict in ("suspect", "failed")
    error = build.errors[0]
    assert error["file"] == "Pulse.gd"
    assert error["line"] == text[: text.index("func far_out()")].count("\n") + 1
    # Nothing of SLATE's own is packed or left in the project.
    assert not (Path(project.root) / ".slate").exists()


async def test_a_missing_preset_is_refused_before_the_engine_starts(world: BuildWorld) -> None:
    project = await world.sample("godot-pulse", "godot")
    await world.submit(project, options={"preset": "Steam"})
    lease = await world.claim()
    assert lease is not None
    with pytest.raises(CommandError) as info:
        await world.execute(lease)
    assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, "preset")
    assert not (world.directory / "runtimes").exists() or not any(
        (world.directory / "runtimes").iterdir()
    )


async def test_a_custom_project_builds_with_its_own_script(world: BuildWorld) -> None:
    project = await world.sample("hello-build", "custom")
    build, _ = await world.build(project)
    assert build.verdict == "passed", await world.log_of(build)
    (artifact,) = await world.db.builds.artifacts(build.id)
    stored = world.objects.path_of(artifact.sha256)
    assert zipfile.is_zipfile(stored)
    assert await output_of(sys.executable, str(stored)) == "hello from hello-build\n"
    assert any(message.startswith("2 of 3: build: packing") for _, message in world.progress)
    broken = Path(project.root) / "game" / "__main__.py"
    broken.write_text("def (:\n")
    build, outcome = await world.build(project)
    assert (build.status.value, build.verdict) == ("failed", "failed")
    assert outcome.error_code == ErrorCode.BUILD_FAILED
    assert build.errors[0]["file"] == "game/__main__.py"
    assert build.errors[0]["line"] == 1


@pytest.mark.parametrize(
    ("engine", "log", "told", "verdict", "witness"),
    [
        ("unity", "unity-good", {"exit": 0}, "passed", ""),
        ("unity", "unity-compile-error-lies", {"exit": 0, "makes": False}, "failed", "exit"),
        ("unity", "unity-exit1-good", {"exit": 1}, "suspect", "exit"),
        ("unity", "unity-good", {"exit": 0, "makes": False}, "failed", "artifact"),
        ("unity", "unity-good", {"exit": 0, "makes": "text"}, "failed", "artifact"),
        ("unreal", "unreal-good", {"exit": 0}, "passed", ""),
        ("unreal", "unreal-cook-failed-lies", {"exit": 0, "makes": False}, "failed", ""),
        ("unreal", "unreal-good", {"exit": 0, "encoding": "utf-16-le"}, "passed", ""),
        ("unreal", "unreal-cook-failed-lies", {"exit": 0, "encoding": "utf-16-le"}, "failed",
         "artifact"),
        ("godot", "godot4-good", {"exit": 0, "import_exit": 1}, "passed", ""),
        ("godot", "godot4-script-error-lies", {"exit": 0}, "suspect", "errors"),
        ("godot", "godot4-good", {"exit": 1, "makes": False}, "failed", "errors"),
    ],
)  # fmt: skip
async def test_an_engine_that_lies_is_seen_through(
    world: BuildWorld, engine: str, log: str, told: dict[str, object], verdict: str, witness: str
) -> None:
    project = await world.fake(engine, log=lines(log), **told)
    build, _ = await world.build(project, licence="unity" if engine == "unity" else None)
    assert (build.verdict, build.witness) == (verdict, witness), build.verdict_reason
    assert build.status.value == ("failed" if verdict == "failed" else "completed")
    assert all(isinstance(error["message"], str) for error in build.errors)


async def test_a_cancelled_build_leaves_no_process_and_returns_its_licence(
    world: BuildWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UNITY_SERIAL", "UNITY_EMAIL", "UNITY_PASSWORD"):
        monkeypatch.setenv(name, f"secret-{name}")
    project = await world.fake("unity", log=["[1/2 1s] x secret-UNITY_SERIAL", "sleep 60"], exit=0)
    await world.submit(project, licence="unity")
    lease = await world.claim()
    assert lease is not None
    cancel = asyncio.Event()

    world.on_progress = lambda message: cancel.set() if "1 of 2" in message else None
    build, outcome = await world.execute(lease, cancel=cancel)
    assert outcome.status is OutcomeStatus.CANCELLED
    assert not any((world.directory / "runtimes").iterdir())
    log = await world.log_of(build)
    assert "Return the licence ended: exit code 0" in log
    assert "secret-UNITY_SERIAL" not in log
    # The seat is free again.
    await world.submit(project, licence="unity")
    assert await world.claim() is not None


async def test_a_time_limit_begins_when_the_build_starts(world: BuildWorld) -> None:
    project = await world.fake("godot", log=["sleep 60"], exit=0)
    build, outcome = await world.build(project, options={"time_limit_s": 1})
    assert outcome.error_code == ErrorCode.EXEC_TIMEOUT
    assert not any((world.directory / "runtimes").iterdir())
    assert build.status.value == "failed"


async def test_a_seat_is_held_by_one_build_at_a_time(world: BuildWorld) -> None:
    project = await world.fake("unity", log=[], exit=0)
    first = await world.submit(project, licence="unity")
    await world.submit(project, licence="unity")
    lease = await world.claim()
    assert lease is not None
    assert lease.job.id == first.id
    assert await world.claim() is None


async def test_an_incremental_build_keeps_its_cache_and_a_clean_one_does_not(
    world: BuildWorld,
) -> None:
    project = await world.sample("hello-build", "custom")
    first, _ = await world.build(project)
    base = next((world.directory / "builds" / "workspaces" / project.id).iterdir())
    (base / "source" / "cache.bin").write_text("kept")
    second, _ = await world.build(project)
    assert (base / "source" / "cache.bin").exists()
    assert first.source["sha256"] == second.source["sha256"]
    assert second.source["copied"] == 0
    (Path(project.root) / "game" / "more.py").write_text("x = 1\n")
    third, _ = await world.build(project)
    assert third.source["copied"] == 1
    assert third.source["sha256"] != second.source["sha256"]
    await world.build(project, options={"clean": True})
    assert not (base / "source" / "cache.bin").exists()


async def test_a_commit_is_built_as_it_was_and_a_dirty_tree_is_flagged(world: BuildWorld) -> None:
    project = await world.sample("hello-build", "custom")
    root = Path(project.root)

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@t", *words],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD")
    build, _ = await world.build(project)
    assert (build.source["commit"], build.source["dirty"]) == (commit, False)
    (root / "game" / "__main__.py").write_text('print("changed")\n')
    build, _ = await world.build(project)
    assert (build.source["commit"], build.source["dirty"]) == (commit, True)
    build, _ = await world.build(project, source_commit=commit[:10])
    assert (build.source["commit"], build.source["dirty"]) == (commit, False)
    (artifact,) = await world.db.builds.artifacts(build.id)
    stored = world.objects.path_of(artifact.sha256)
    assert await output_of(sys.executable, str(stored)) == "hello from hello-build\n"
    await world.submit(project, source_commit="abcdef1234")
    lease = await world.claim()
    assert lease is not None
    with pytest.raises(CommandError) as info:
        await world.execute(lease)
    assert info.value.field == "source_commit"


async def test_a_full_disk_is_told_before_the_build(
    world: BuildWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await world.sample("hello-build", "custom")
    usage = shutil.disk_usage(world.directory)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    await world.submit(project)
    lease = await world.claim()
    assert lease is not None
    with pytest.raises(CommandError) as info:
        await world.execute(lease)
    assert info.value.code is ErrorCode.DISK_LOW


async def test_findings_survive_the_database(world: BuildWorld) -> None:
    import msgspec

    project = await world.fake("unity", log=lines("unity-compile-error-lies"), exit=0)
    build, _ = await world.build(project, licence="unity")
    stored = await world.db.builds.get(build.id)
    found = msgspec.convert(stored.errors, list[Finding])
    assert (found[0].file, found[0].line, found[0].count) == ("Assets/Scripts/Player.cs", 42, 2)
    assert stored.error_count == 5
