"""Has files, and all assets of folders, processed; says what was taken and what was not.

Imported by the first submission: what it needs is slow to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.control import asset_places
from slate_desktop.control.asset_choices import AssetChoices
from slate_desktop.control.asset_drops import assets_among
from slate_desktop.control.asset_submission import SubmitOptions
from slate_desktop.domain.assets.kinds import kind_of
from slate_desktop.domain.ids import new_id
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.translation import plural, sentence

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.window import MainWindow


async def submit(
    window: MainWindow, slate: Slate, project_id: str, root: Path, paths: Sequence[Path]
) -> None:
    """Submit files one by one; what is refused is told in a notice at the end.

    Options that were chosen for an asset itself win over those of the pane.

    Args:
        window: whose pane has the options.
        slate: the connection.
        project_id: whose assets they are.
        root: the project's folder.
        paths: files and folders.
    """
    base = window.jobs.options.out_dir.text().strip()
    files = await asyncio.to_thread(assets_among, paths, root, base)
    if not files:
        window.say(window.tr("There is no asset among these files."))
        return
    choices = AssetChoices(root)
    try:
        await asyncio.to_thread(choices.load)
    except SlateError as error:
        window.show_error(error, window.tr("Chosen options cannot be used."))
        return
    window.job_commands.show_pane()
    options = window.jobs.options
    submit = SubmitOptions(
        batch_id=new_id(),
        is_forced=options.force.isChecked(),
    )
    failures: list[tuple[Path, SlateError]] = []
    job_ids: list[str] = []
    twins = asset_places.twins(files)
    for number, task in enumerate(files, start=1):
        path, kind = task.source, task.kind
        if kind is None:
            continue
        window.say(window.tr("Submitting {n} of {count}…").format(n=number, count=len(files)))
        name = path.relative_to(root) if path.is_relative_to(root) else path
        try:
            asset_places.check_no_twin(twins.get(id(task)))
            given = options.options_for(name.as_posix(), kind) | choices.chosen(name.as_posix())
            own = msgspec.structs.replace(submit, out_dir=task.folder if base else None)
            job = await slate.process_asset(path, project_id, given, kind=kind, submit=own)
            job_ids.append(job.id)
            if len(job_ids) == 1:
                # Its report is what whoever submitted wants to see.
                window.jobs.choose(job.id)
        except CommandError as error:
            failures.append((path, error))
        except SlateError as error:
            window.show_error(error, window.tr("The assets could not be submitted."))
            return
    window.job_commands.news.expect(job_ids)
    said = plural("{count} asset submitted", "{count} assets submitted", len(job_ids))
    others = sum(kind_of(path) is None and not path.is_dir() for path in paths)
    if others:
        left_out = plural("{count} other file left out", "{count} other files left out", others)
        said = f"{said}, {left_out}"
    window.say(said)
    if failures:
        path, error = failures[0]
        window.workspace.notify(
            "error",
            plural("{count} asset not submitted", "{count} assets not submitted", len(failures)),
            f"{path.name}: {sentence(str(error))}",
        )
