"""Whose figures are drawn while a project is looked at, and no session of it was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.control.models import RuntimeSessionModel
    from slate_desktop.ui.workspace import Workspace


def watched_model(work: Workspace) -> RuntimeSessionModel | None:
    """Return the chosen session's model, else that of the project's newest one that runs."""
    if work.current_session_id is not None:
        return work.model
    running = (
        work.models[session.id]
        for session in work.sessions
        if session.project_id == work.current_project_id
        and session.is_live
        and session.id in work.models
    )
    return next(running, None)
