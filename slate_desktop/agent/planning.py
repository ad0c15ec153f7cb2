"""From a session's row to what a driver is asked for: merged, sized to this host, with a driver.

The layers, weakest first: the engine's preset, the project's settings, the session's own
configuration, the request's body. Nothing is changed here, and nothing is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import Labels, RuntimeSpec
from slate_desktop.agent.drivers.commands import engine_command
from slate_desktop.agent.placement import Infos, choose_driver
from slate_desktop.domain.container import (
    ContainerConfig,
    DriverName,
    NetworkMode,
    container_config_to_json,
    explicit_fields,
    fit_to_host,
    merge_config,
    parse_container_config,
)
from slate_desktop.domain.engine import default_container_config
from slate_desktop.domain.project import Project
from slate_desktop.domain.retention import DEFAULT_RUN_BYTES
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.way_out import check_way_out
from slate_desktop.errors import CommandError, ErrorCode


class StartPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a session is started.

    Attributes:
        driver: who runs it.
        config: merged, checked, and sized to this host.
        argv: the command; None for the image's own.
        root: the project's directory on this host.
        notes: sentences about what was sized down, for the session's log.
        host_memory_bytes: what the host has; a container without a limit holds all of it.
        host_cpus: processors of the host, likewise.
    """

    driver: DriverName
    config: ContainerConfig
    argv: list[str] | None
    root: str
    notes: list[str] = []
    host_memory_bytes: int = 0
    host_cpus: float = 0.0

    @property
    def held_memory(self) -> int | None:
        """Bytes that count against quotas; None for a local process, which has no limit."""
        if self.driver is DriverName.PROCESS:
            return None
        limit = self.config.memory_bytes
        return self.host_memory_bytes if limit is None else limit

    @property
    def held_cpus(self) -> float | None:
        """Cores that count against quotas; None for a local process."""
        if self.driver is DriverName.PROCESS:
            return None
        return self.host_cpus if self.config.cpus is None else self.config.cpus

    def spec(self, row: RuntimeSession, log_bytes: int | None = DEFAULT_RUN_BYTES) -> RuntimeSpec:
        """Return what the driver is asked to create for the row's attempt.

        ``log_bytes`` is the text that the run may log, None for no limit.
        """
        return RuntimeSpec(
            name=container_name(row.id, row.attempt),
            labels=Labels(
                agent=row.agent_id or "",
                session=row.id,
                project=row.project_id,
                attempt=row.attempt,
                epoch=row.agent_epoch or 0,
            ),
            config=self.config,
            project_root=self.root,
            argv=self.argv,
            log_bytes=log_bytes,
        )

    def with_limits(self, memory_bytes: int | None, cpus: float | None) -> StartPlan:
        """Return the plan with other limits; None leaves one as it is."""
        config = msgspec.structs.replace(
            self.config,
            memory_bytes=self.config.memory_bytes if memory_bytes is None else memory_bytes,
            cpus=self.config.cpus if cpus is None else cpus,
        )
        return msgspec.structs.replace(self, config=config)


def container_name(session_id: str, attempt: int) -> str:
    """Return the name of one attempt's runtime; the same attempt always has the same name."""
    return f"slate-{session_id}-{attempt}"


def make_plan(
    row_config: Mapping[str, Any], project: Project, body: Mapping[str, Any], infos: Infos
) -> StartPlan:
    """Return how a session of ``project`` is started on this host.

    Args:
        row_config: the session's own configuration.
        project: whose settings, command and directory are used.
        body: overrides of this request.
        infos: what the drivers of this host can do.

    Raises:
        CommandError: what is wrong with the configuration, or why this host cannot run it.
    """
    preset = default_container_config(project.engine, project.engine_version)
    merged = merge_config(merge_config(preset, project.settings, row_config), body, {})
    if merged.network_mode is NetworkMode.INTERNET:
        check_way_out(project)
    explicit = _chosen(project.settings, preset) | _chosen(row_config, preset)
    explicit |= explicit_fields(body)
    driver = choose_driver(merged.driver, project.engine, infos)
    asked = explicit_fields(row_config) | explicit_fields(body)
    merged, unlimited = _without_network(merged, driver, is_asked="bandwidth" in asked)
    info = infos[driver]
    config, notes = fit_to_host(
        merged, info.memory_bytes, info.cpus, info.has_gpu, explicit=explicit
    )
    plan = _with_command(driver, config, preset, project, [*notes, *unlimited])
    return msgspec.structs.replace(
        plan, host_memory_bytes=info.memory_bytes, host_cpus=float(info.cpus)
    )


def _chosen(config: Mapping[str, Any], preset: ContainerConfig) -> frozenset[str]:
    """Return the fields that a person chose: a client may have stored the whole preset."""
    own = container_config_to_json(parse_container_config(config))
    default = container_config_to_json(preset)
    return frozenset(f for f in explicit_fields(config) if own.get(f) != default.get(f))


def _without_network(
    config: ContainerConfig, driver: DriverName, *, is_asked: bool
) -> tuple[ContainerConfig, list[str]]:
    """Take a limit of bandwidth away where nothing can be limited: refused to who asks for it."""
    if config.bandwidth_bits is None or driver is not DriverName.PROCESS:
        return config, []
    if is_asked:
        raise CommandError(
            ErrorCode.LIMIT_DENIED,
            "A local process shares the host's network, so that its bandwidth cannot be limited",
            field="bandwidth",
            hint="Run it in a container, or take the limit away.",
        )
    note = "Bandwidth: not limited; a local process shares the host's network."
    return msgspec.structs.replace(config, bandwidth_bits=None), [note]


def _with_command(
    driver: DriverName,
    config: ContainerConfig,
    preset: ContainerConfig,
    project: Project,
    notes: list[str],
) -> StartPlan:
    """Add the command: one that a person gave, the project's, the engine's own on this host."""
    argv: list[str] | None = None
    own = config.command if config.command != preset.command else None
    own = own or project.command
    if driver is DriverName.DOCKER:
        argv = own
    else:
        bare = msgspec.structs.replace(config, command=own)
        argv = (
            own
            if driver is DriverName.SCRIPTED
            else engine_command(project.engine, project.root, bare)
        )
    return StartPlan(driver=driver, config=config, argv=argv, root=project.root, notes=notes)
