"""``slate sync``: brings projects' files to and from agents that do not share this disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.options import Json, ProjectArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.sync_values import SyncHost, SyncStatus

app = typer.Typer(
    help="Bring a project's files to hosts that do not share this disk.", no_args_is_help=True
)
# Something changed on both sides, and waits for a decision.
EXIT_CONFLICT = 1
_SHOWN = 20


@app.command()
def status(project: ProjectArgument, as_json: Json = False) -> None:
    """Show what differs here from the newest files. Hosts that need them are named."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        hosts = await slate.list_sync_hosts(found.id)
        now = await slate.get_sync_status(found.id)
        if output.as_json:
            output.result(_row(now) | {"hosts": [_host(host) for host in hosts]})
        else:
            _show(output, now)
            for host in hosts:
                output.say(f"{host.name}: {_host_words(host, now)}")
        return EXIT_CONFLICT if now.conflicts else 0

    with_slate(as_json, action)


@app.command()
def push(project: ProjectArgument, as_json: Json = False) -> None:
    """Bring what changed in this folder. Files that changed on both sides stay as they are."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        before = await slate.get_sync_status(found.id)
        now = await slate.push_files(found.id, on_progress=_progress(output))
        pushed = [path for path in before.push if path not in now.push]
        output.result(_row(now) | {"pushed": pushed}, f"{_files(len(pushed))} pushed.")
        if not output.as_json:
            _show(output, now)
        return EXIT_CONFLICT if now.conflicts else 0

    with_slate(as_json, action)


@app.command()
def pull(
    project: ProjectArgument,
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="This machine's folder of the project from now on."),
    ] = None,
    runtimes: Annotated[
        bool,
        typer.Option("--runtimes/--no-runtimes", help="Ask hosts for what runtimes wrote, too."),
    ] = True,
    as_json: Json = False,
) -> None:
    """Bring what others and runtimes changed into this folder. Conflicts stay as they are."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        collected = await slate.collect_files(found.id) if runtimes else []
        now = await slate.pull_files(found.id, into=into, on_progress=_progress(output))
        count = sum(reply.collected for reply in collected)
        words = "Everything that is there is in this folder."
        if count:
            words = f"{_files(count)} of runtimes collected. {words}"
        if output.as_json:
            output.result(_row(now) | {"collected": count})
        else:
            output.say(words if not now.pull else f"{_files(len(now.pull))} changed meanwhile.")
            _show(output, now)
        return EXIT_CONFLICT if now.conflicts else 0

    with_slate(as_json, action)


@app.command()
def resolve(
    project: ProjectArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Files in conflict.")],
    keep: Annotated[
        str, typer.Option(help="mine, theirs, or both: the other version then lies beside.")
    ],
    as_json: Json = False,
) -> None:
    """Decide which version of files has the name. Push afterwards brings it."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        now = await slate.resolve_files(found.id, paths, keep)
        output.result(_row(now), f"{_files(len(paths))} decided.")
        return 0

    with_slate(as_json, action)


@app.command()
def watch(project: ProjectArgument, as_json: Json = False) -> None:
    """Bring every change as it is saved, until interrupted."""

    async def action(slate: Slate, output: Output) -> int:
        import asyncio

        from slate_desktop.control.sync_watch import SyncPass, SyncWatch

        found = await slate.find_project(project)
        watching = SyncWatch(slate, found)

        def on_pass(done: SyncPass) -> None:
            row = {
                "version": done.status.version,
                "conflicts": [one.path for one in done.status.conflicts],
                "hosts": {name: reply.version for name, reply in done.hosts.items()},
                "took_s": round(done.took_s, 3),
            }
            words = f"version {done.status.version} in {done.took_s:.2f} s"
            output.line(row, f"{words}, on {', '.join(done.hosts) or 'no host'}")
            output.flush()

        watching.passed.connect(on_pass)
        watching.failed.connect(output.note)
        watching.start()
        try:
            await asyncio.Event().wait()
        finally:
            await watching.aclose()
        return 0

    with_slate(as_json, action)


def _row(now: SyncStatus) -> dict[str, Any]:
    return {
        "project_id": now.project_id,
        "root": now.root,
        "version": now.version,
        "in_sync": now.is_in_sync,
        "push": list(now.push),
        "pull": list(now.pull),
        "conflicts": [
            {
                "path": one.path,
                "mine": None if one.mine is None else one.mine.sha256,
                "theirs": None if one.theirs is None else one.theirs.sha256,
            }
            for one in now.conflicts
        ],
        "kept_twice": list(now.kept_twice),
        "skipped": [{"path": path, "reason": reason} for path, reason in now.skipped],
        "files": now.files,
        "size_bytes": now.size_bytes,
        "sent_bytes": now.sent_bytes,
    }


def _host(host: SyncHost) -> dict[str, Any]:
    return {
        "agent_id": host.agent_id,
        "name": host.name,
        "answers": host.answers,
        "shared": host.shared,
        "version": host.version,
    }


def _show(output: Output, now: SyncStatus) -> None:
    from slate_desktop.domain.sizes import format_bytes

    output.say(f"{now.root}: {_files(now.files)}, {format_bytes(now.size_bytes)}")
    if now.is_in_sync:
        output.say(f"In sync with version {now.version}.")
    for title, paths in (("to push", now.push), ("to pull", now.pull)):
        if paths:
            output.say(f"{_files(len(paths))} {title}:")
            _list(output, paths)
    if now.conflicts:
        output.say(f"{_files(len(now.conflicts))} changed on both sides:")
        _list(output, [one.path for one in now.conflicts])
        output.say("Decide with: slate sync resolve PROJECT PATH --keep mine|theirs|both")
    if now.kept_twice:
        output.say("Other versions that runtimes or people left beside files:")
        _list(output, now.kept_twice)
    for path, reason in now.skipped[:_SHOWN]:
        output.note(f"{path} {reason}; it stays here")
    for problem in now.problems:
        output.note(f".slateignore: {problem}")


def _list(output: Output, paths: tuple[str, ...] | list[str]) -> None:
    for path in paths[:_SHOWN]:
        output.say(f"  {path}")
    if len(paths) > _SHOWN:
        output.say(f"  … and {len(paths) - _SHOWN} more")


def _host_words(host: SyncHost, now: SyncStatus) -> str:
    if not host.answers:
        return "does not answer"
    if host.shared:
        return "sees this very folder; nothing is to be brought"
    if not host.version:
        return "brings the files at the first start or build"
    return "up to date" if host.version == now.version else f"has version {host.version}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _progress(output: Output) -> Any:
    import time

    from slate_desktop.domain.sizes import format_bytes

    said_s = time.monotonic()

    def on_progress(done: int, total: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= 1.0:
            said_s = time.monotonic()
            output.note(f"{format_bytes(done)} of {format_bytes(total)}")

    return on_progress
