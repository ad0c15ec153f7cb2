"""An audit trail that keeps what it is told, without a database."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from slate_desktop.domain.audit import AuditCommand
from slate_desktop.errors import CommandError
from slate_desktop.wire.envelope import SignedBy

T = TypeVar("T")


class KeptTrail:
    """Stands for ``AuditTrail``; ``rows`` are action, target and code."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    async def follow(self, command: AuditCommand, effect: Coroutine[Any, Any, T]) -> T:
        try:
            result = await effect
        except CommandError as error:
            self.rows.append((command.action, command.target, error.code.value))
            raise
        self.rows.append((command.action, command.target, "ok"))
        return result

    async def refuse(
        self, _signed: SignedBy, action: str, target: str, _project_id: str, error: CommandError
    ) -> None:
        self.rows.append((action, target, error.code.value))
