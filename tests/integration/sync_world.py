"""A person's folder on a workstation, and an agent that does not share its disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slate_desktop.control.client import Slate
from slate_desktop.store.cache import MemoryCache
from slate_desktop.wire.keys import SigningKey
from tests.integration.agent_world import AgentWorld


class SyncWorld(AgentWorld):
    """A person's folder on the workstation, and an agent that sees it nowhere."""

    slate: Slate
    work: Path

    async def open(self) -> None:
        await super().open()
        self.work = self.directory / "workstation" / "game"
        self.work.mkdir(parents=True)
        self.project = await self.db.projects.add(
            name="game",
            owner_id=self.user.id,
            root=str(self.directory / "nowhere"),
            engine="custom",
            command=["hold"],
        )
        self.slate = await self.person(self.nats.user, self.work)

    async def person(self, key: SigningKey, folder: Path) -> Slate:
        user = await self.db.users.get_by_pubkey(key.public)
        assert user is not None
        slate = Slate(
            bus=self.bus, db=self.db, cache=MemoryCache(), user=user, key=key,
            profile=folder.parent.name,
        )  # fmt: skip
        await slate.events.open()
        slate._link(self.project.id, folder)
        return slate

    @property
    def tree(self) -> Path:
        return self.directory / "data" / "projects" / self.project.id / "tree"

    def write(self, path: str, text: str, root: Path | None = None) -> Path:
        target = (root or self.work) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def there(self) -> dict[str, str]:
        return files_of(self.tree)

    async def start(self) -> Any:
        row = await self.new_session(self.project)
        return await self.slate.start_container(row.id, wait=True, timeout_s=20)


def files_of(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".slate" not in path.parts
    }
