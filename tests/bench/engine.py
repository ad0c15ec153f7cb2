"""A Docker engine for benchmarks, and a container as SLATE makes it."""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path
from typing import Any

import docker

from slate_desktop.agent.drivers.base import Handle, Labels, RuntimeSpec
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.agent.drivers.docker.profile import container_body, runtime_user
from slate_desktop.agent.mounts import resolve_mounts
from slate_desktop.domain.container import ContainerConfig, parse_container_config
from tests.services import docker as service

AGENT = "slate-bench"
COMMAND = ["sleep", "600"]


class BenchEngine:
    """An engine that answers, with a small image on it."""

    def __init__(self, project: Path) -> None:
        names = ("SLATE_TEST_DOCKER_HOST", "DOCKER_HOST")
        urls = [url for name in names if (url := os.environ.get(name))]
        urls += ["unix:///var/run/docker.sock", *service._neighbour_hosts()]
        self.url = next((url for url in urls if service.answers(url)), "")
        if not self.url:
            raise SystemExit("no Docker engine answers; set DOCKER_HOST")
        self.client = docker.APIClient(base_url=self.url, version="auto", timeout=60)
        with service.build_lock():
            service._build_module().ensure_base(self.client)
        self.driver = DockerDriver(self.url)
        self.project = project
        project.mkdir(exist_ok=True)
        project.parent.chmod(0o755)
        project.chmod(0o755)

    @property
    def fields(self) -> dict[str, Any]:
        """What a user would choose."""
        image, _, tag = service.BASE_IMAGE.partition(":")
        return {
            "image": image,
            "tag": tag,
            "memory": "128m",
            "cpus": 1,
            "networkMode": "none",
            "volumes": [{"host": ".", "container": "/app/project"}],
        }

    @property
    def config(self) -> ContainerConfig:
        """The same, parsed."""
        return parse_container_config(self.fields)

    def spec(self) -> RuntimeSpec:
        """Return what the driver is asked for, with a new name."""
        session = uuid.uuid4().hex
        labels = Labels(agent=AGENT, session=session, project="bench", attempt=1, epoch=1)
        return RuntimeSpec(
            name=f"slate-{session}-1",
            labels=labels,
            config=self.config,
            project_root=str(self.project),
            argv=COMMAND,
        )

    def body(self, spec: RuntimeSpec) -> dict[str, Any]:
        """Return the very body that the driver would send."""
        return container_body(
            spec,
            resolve_mounts(spec.project_root, spec.config.volumes),
            user=runtime_user(self.project),
            network="none",
            publish_ip="127.0.0.1",
            with_gpu=False,
        )

    async def run(self) -> Handle:
        """Start a container with the driver."""
        handle = await self.driver.create(self.spec())
        await self.driver.start(handle)
        return handle

    async def aclose(self) -> None:
        """Remove what was made here."""
        await self.driver.aclose()
        await asyncio.to_thread(service.remove_leftovers, self.url, AGENT)
        self.client.close()
