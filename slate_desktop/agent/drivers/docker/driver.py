"""The Docker driver: the life of a container behind the driver protocol."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import (
    DriverInfo,
    ExecResult,
    Handle,
    Inspection,
    LogFrame,
    RuntimeSpec,
    RuntimeState,
)
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.docker.execution import execute
from slate_desktop.agent.drivers.docker.images import Credentials, ensure_image
from slate_desktop.agent.drivers.docker.inspection import (
    driver_info,
    inspection_from,
    sources_of,
    state_from,
)
from slate_desktop.agent.drivers.docker.limits import change_limits, check_limits
from slate_desktop.agent.drivers.docker.logs import read_log_file, read_logs
from slate_desktop.agent.drivers.docker.networks import Networks
from slate_desktop.agent.drivers.docker.profile import (
    CONFIG_LABEL,
    bandwidth_from,
    container_body,
    is_private_to_root,
    labels_from,
    network_name,
    runtime_user,
)
from slate_desktop.agent.drivers.docker.spool import EngineDisk
from slate_desktop.agent.drivers.docker.statistics import Samplers
from slate_desktop.agent.drivers.docker.waits import SharedWaits, until_ended
from slate_desktop.agent.drivers.fileticks import FileTicks
from slate_desktop.agent.mounts import check_project_root, is_plain_directory, resolve_mounts
from slate_desktop.domain.container import DriverName, NetworkMode
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode, Retry

__all__ = ["Credentials", "DockerDriver"]

_GONE = (404,)


class DockerDriver:
    """Runs each runtime as a container.

    Args:
        docker_host: the engine's address; default DOCKER_HOST, then the usual socket.
        credentials: gives user and password for a registry's host, or None.
        publish_ip: host address at which ports are published.
        servers: hosts that no container may reach, such as the broker's.
        with_host_files: read logs and statistics from this host's files where that is possible.
    """

    name = DriverName.DOCKER

    def __init__(
        self,
        docker_host: str | None = None,
        *,
        credentials: Credentials | None = None,
        publish_ip: str = "127.0.0.1",
        servers: Iterable[str] = (),
        with_host_files: bool = True,
    ) -> None:
        self._engine = Engine(docker_host)
        self._disk = EngineDisk(self._engine)
        self._networks = Networks(self._engine, servers)
        self._credentials = credentials
        self._publish_ip = publish_ip
        self._samplers = Samplers(self._engine, with_cgroups=with_host_files)
        self._with_host_files = with_host_files
        self._log_ticks = FileTicks()
        # The supervisor and the reader of the log wait for the same end.
        self._waits = SharedWaits[Inspection]()

    async def fingerprint(self) -> DriverInfo:
        """Describe the engine; one that is away is not available, with the reason."""
        try:
            info = await self._engine.call("asking for the engine", lambda client: client.info())
        except CommandError as exc:
            return DriverInfo(driver=self.name, is_available=False, reason=str(exc))
        found = driver_info(info)
        found.warnings.extend(await self._networks.warnings())
        return found

    async def check(self, spec: RuntimeSpec) -> None:
        """Refuse mounts, limits and images that this host does not have."""
        check_project_root(spec.project_root)
        await asyncio.to_thread(resolve_mounts, spec.project_root, spec.config.volumes)
        config = spec.config
        if config.reference is None:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                "a container needs an image",
                field="image",
                hint="Name one in the container configuration.",
            )
        host = await self.fingerprint()
        if not host.is_available:
            raise CommandError(
                ErrorCode.DOCKER_UNAVAILABLE,
                host.reason,
                retry=Retry.LATER,
                hint="Start Docker, or use the process driver.",
            )
        check_limits(host, config.memory_bytes, config.cpus)
        self._networks.check(config)

    async def create(
        self, spec: RuntimeSpec, *, on_progress: Callable[[str], None] | None = None
    ) -> Handle:
        """Create the container, its image and its network; the same name gives the first one."""
        root = check_project_root(spec.project_root)
        mounts = await asyncio.to_thread(resolve_mounts, spec.project_root, spec.config.volumes)
        user = runtime_user(root)
        if is_private_to_root(root):
            mounts = [msgspec.structs.replace(mount, read_only=True) for mount in mounts]
        await ensure_image(
            self._engine,
            spec.config,
            credentials=self._credentials,
            image_bytes=spec.image_bytes,
            on_progress=on_progress,
        )
        with_gpu = spec.config.gpu
        if with_gpu and spec.config.gpu_optional:
            with_gpu = (await self.fingerprint()).has_gpu
        has_network = spec.config.network_mode is not NetworkMode.NONE
        network = network_name(spec.labels) if has_network else "none"
        if has_network:
            note = await self._networks.ensure(spec.labels, spec.config)
            if note and on_progress is not None:
                on_progress(note)
        body = container_body(
            spec,
            mounts,
            user=user,
            network=network,
            publish_ip=self._publish_ip,
            with_gpu=with_gpu,
            free_bytes=await self._disk.free_bytes(),
        )
        try:
            return await self._create(spec, body)
        except CommandError:
            if has_network:
                await self._networks.remove(spec.labels)
            raise

    async def start(self, handle: Handle) -> None:
        """Start the container; one that does not start is removed again."""
        found = await self._inspect_raw(handle)
        if found is None:
            raise CommandError(ErrorCode.NOT_FOUND, f"there is no container {handle.name}")
        if inspection_from(found).state is not RuntimeState.CREATED:
            return
        try:
            self._recheck_sources(found)
            await self._engine.call(
                "starting the container", lambda client: client.start(handle.runtime_id)
            )
            await self._networks.hold(handle.labels, bandwidth_from(found["Config"]["Labels"]))
        except CommandError as exc:
            if exc.code is not ErrorCode.DOCKER_UNAVAILABLE:
                await self.remove(handle)
            raise

    async def inspect(self, handle: Handle) -> Inspection:
        """Return the engine's view of the container."""
        found = await self._inspect_raw(handle)
        if found is None:
            return Inspection(state=RuntimeState.ABSENT)
        return inspection_from(found, peak=self._samplers.peak(handle.runtime_id))

    async def wait(self, handle: Handle) -> Inspection:
        """Return once the container has exited or is gone; goes on while the engine is away."""
        return await self._waits.join(
            handle.runtime_id,
            lambda: until_ended(self._engine, handle.runtime_id, lambda: self.inspect(handle)),
        )

    async def stop(self, handle: Handle, grace_s: float) -> None:
        """Send the stop signal, and SIGKILL after the grace."""
        grace = max(0, math.ceil(grace_s))
        path = f"/containers/{handle.runtime_id}/stop?t={grace}"
        async with self._engine.open("POST", path, patience_s=grace) as answer:
            if answer.status in (204, 304, *_GONE):
                return
            text = await answer.message()
        # A stop that raced with the end, or that the engine could not finish.
        found = await self.inspect(handle)
        if found.state is RuntimeState.RUNNING:
            raise CommandError(
                ErrorCode.DOCKER_ERROR,
                f"Docker could not stop container {handle.name}: {text}",
                retry=Retry.LATER,
            )

    async def remove(self, handle: Handle) -> None:
        """Remove the container, and its session's network when nothing else uses it."""
        self._samplers.forget(handle.runtime_id)
        try:
            await self._engine.call(
                "removing the container",
                lambda client: client.remove_container(handle.runtime_id, force=True, v=True),
            )
        except CommandError as exc:
            # 409: a removal is under way already.
            if exc.details.get("status") not in (404, 409):
                raise
        await self._networks.remove(handle.labels)

    async def execute(self, handle: Handle, argv: list[str], timeout_s: float) -> ExecResult:
        """Run a command in the container, as its own user."""
        return await execute(self._engine, handle, argv, timeout_s)

    async def update(
        self, handle: Handle, *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> None:
        """Change the container's limits while it runs."""
        check_limits(await self.fingerprint(), memory_bytes, cpus)
        if (await self.inspect(handle)).state is not RuntimeState.RUNNING:
            raise CommandError(ErrorCode.NOT_RUNNING, f"container {handle.name} does not run")
        await change_limits(self._engine, handle, memory_bytes=memory_bytes, cpus=cpus)

    async def stats(self, handle: Handle) -> ContainerStats:
        """Take one sample: from the kernel's files where they can be read."""
        if (sample := self.stats_at_once(handle)) is not None:
            return sample
        found = await self.inspect(handle)
        if found.state is not RuntimeState.RUNNING or not found.pid:
            raise CommandError(ErrorCode.NOT_RUNNING, f"container {handle.name} does not run")
        return await self._samplers.sample(handle.runtime_id, found.pid)

    def stats_at_once(self, handle: Handle) -> ContainerStats | None:
        """Take one sample from the kernel's files, once they are open."""
        return self._samplers.newest_from_files(handle.runtime_id)

    def logs(
        self, handle: Handle, *, since_ns: int = 0, follow: bool = True
    ) -> AsyncIterator[list[LogFrame]]:
        """Read the engine's log of the container: its file where that can be read."""
        return self._read_logs(handle, since_ns, follow)

    async def list_runtimes(self, agent_id: str) -> list[tuple[Handle, RuntimeState]]:
        """Return every container with this agent's label."""
        filters = {"label": [f"slate.agent={agent_id}"]}
        rows = await self._engine.call(
            "listing containers", lambda client: client.containers(all=True, filters=filters)
        )
        found: list[tuple[Handle, RuntimeState]] = []
        for row in rows:
            handle = _handle(row["Id"], row["Names"][0], row.get("Labels"))
            if handle is not None:
                state = state_from(row["State"])
                if state is RuntimeState.RUNNING:
                    await self._networks.keep(handle.labels, bandwidth_from(row.get("Labels")))
                found.append((handle, state))
        if found:
            await self._networks.stand()
        return found

    async def aclose(self) -> None:
        """Close connections and threads; containers go on."""
        self._log_ticks.close()
        await self._samplers.aclose()
        await self._engine.aclose()

    async def _read_logs(
        self, handle: Handle, since_ns: int, follow: bool
    ) -> AsyncIterator[list[LogFrame]]:
        path = await self._log_path(handle) if self._with_host_files else None
        if path is not None:
            batches = read_log_file(
                path, since_ns, follow, lambda: self.wait(handle), self._log_ticks
            )
        else:
            batches = read_logs(
                self._engine, handle.runtime_id, since_ns, follow, lambda: self.inspect(handle)
            )
        async with contextlib.aclosing(batches) as open_batches:
            async for frames in open_batches:
                yield frames

    async def _log_path(self, handle: Handle) -> Path | None:
        """Return the log's file, when the engine is on this host and lets us read it."""
        if not self._engine.address.is_local:
            return None
        found = await self._inspect_raw(handle) or {}
        path = str(found.get("LogPath") or "")
        kind = ((found.get("HostConfig") or {}).get("LogConfig") or {}).get("Type")
        is_ours = kind == "json-file" and handle.runtime_id in path
        return Path(path) if is_ours and os.access(path, os.R_OK) else None

    async def _create(self, spec: RuntimeSpec, body: dict[str, Any]) -> Handle:
        try:
            made = await self._engine.call(
                "creating the container",
                lambda client: client.create_container_from_config(body, spec.name),
            )
        except CommandError as exc:
            if exc.details.get("status") != 409:
                raise
            return await self._reuse(spec, body)
        return Handle(driver=self.name, runtime_id=made["Id"], name=spec.name, labels=spec.labels)

    async def _reuse(self, spec: RuntimeSpec, body: dict[str, Any]) -> Handle:
        """Return the container that has the name already, when it is the same in what counts."""
        found = await self._engine.call(
            "looking for the container", lambda client: client.inspect_container(spec.name)
        )
        stored = (found.get("Config") or {}).get("Labels") or {}
        handle = _handle(found["Id"], found["Name"], stored)
        is_same = (
            handle is not None
            and stored.get(CONFIG_LABEL) == body["Labels"][CONFIG_LABEL]
            and handle.labels.session == spec.labels.session
            and handle.labels.attempt == spec.labels.attempt
            and handle.labels.agent == spec.labels.agent
        )
        if handle is None or not is_same:
            raise CommandError(
                ErrorCode.DOCKER_ERROR,
                f"a container with the name {spec.name} exists and is a different one",
                hint=f"Look at it with 'docker inspect {spec.name}', then remove it.",
            )
        return handle

    async def _inspect_raw(self, handle: Handle) -> dict[str, Any] | None:
        try:
            return await self._engine.call(
                "looking at the container",
                lambda client: client.inspect_container(handle.runtime_id),
            )
        except CommandError as exc:
            if exc.details.get("status") in _GONE:
                return None
            raise

    def _recheck_sources(self, found: dict[str, Any]) -> None:
        """Look again at the sources: the engine opens them by name, some time after the check."""
        if not self._engine.address.is_local:
            return
        for source in sources_of(found):
            if not is_plain_directory(source):
                raise CommandError(
                    ErrorCode.MOUNT_DENIED,
                    f"the mount source {source!r} changed after it was checked",
                    field="volumes",
                )


def _handle(container_id: str, name: str, stored: dict[str, str] | None) -> Handle | None:
    labels = labels_from(stored)
    if labels is None:
        return None
    return Handle(
        driver=DriverName.DOCKER, runtime_id=container_id, name=name.lstrip("/"), labels=labels
    )
