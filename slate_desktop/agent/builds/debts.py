"""Steps that a build owes whatever happens to its worker, kept on disk until they have run.

A licence that is taken and not returned is lost for days. What gives it back is written down before
the first program of a build starts; the next process of the agent runs what it finds there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from slate_desktop.domain.builds.commands import Step
from slate_desktop.domain.container import ContainerConfig, DriverName
from slate_desktop.domain.jobs import JobRow, Lease

_log = logging.getLogger(__name__)


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt owes, with all that is needed to run it without the attempt.

    ``secrets`` are names of the agent's environment; their values are never written.
    """

    build_id: str
    project_id: str
    attempt: int
    owner: str
    driver: DriverName
    config: ContainerConfig
    root: str
    steps: list[Step]
    secrets: list[str]

    def lease(self) -> Lease:
        """Return the lease of the attempt as it was; nothing is claimed with it."""
        job = JobRow(
            id=self.build_id,
            project_id=self.project_id,
            user_id="",
            envelope=None,
            status="building",
            attempt=self.attempt,
            is_final=False,
            is_queued=False,
            cancel_requested=False,
            row=None,
        )
        return Lease(job=job, attempt=self.attempt, owner=self.owner)


class Debts:
    """The debts of one agent, one file each.

    Args:
        directory: where they lie; belongs to this agent.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(
        self,
        lease: Lease,
        *,
        driver: DriverName,
        config: ContainerConfig,
        root: str,
        steps: list[Step],
        secrets: Mapping[str, str],
    ) -> None:
        """Write down what an attempt will owe."""
        env = {name: value for name, value in config.env.items() if name not in secrets}
        debt = Debt(
            build_id=lease.job.id,
            project_id=lease.job.project_id,
            attempt=lease.attempt,
            owner=lease.owner,
            driver=driver,
            config=msgspec.structs.replace(config, env=env),
            root=root,
            steps=steps,
            secrets=list(secrets),
        )
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(debt)
        partial = path.with_suffix(".part")
        partial.write_bytes(msgspec.json.encode(debt))
        partial.replace(path)

    def remove(self, owed: Lease | Debt) -> None:
        """Forget a debt that is paid."""
        self._path(owed).unlink(missing_ok=True)

    def left_by_others(self, owner: str) -> list[Debt]:
        """Return what earlier processes of this agent left; ``owner`` is the present one."""
        found: list[Debt] = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                debt = msgspec.json.decode(path.read_bytes(), type=Debt)
            except (OSError, msgspec.MsgspecError) as error:
                _log.warning(
                    "a debt of a build cannot be read",
                    extra={"path": str(path), "reason": str(error)},
                )
                continue
            if debt.owner != owner:
                found.append(debt)
        return found

    def _path(self, owed: Lease | Debt) -> Path:
        build_id = owed.job.id if isinstance(owed, Lease) else owed.build_id
        return self._directory / f"{build_id}-{owed.attempt}.json"
