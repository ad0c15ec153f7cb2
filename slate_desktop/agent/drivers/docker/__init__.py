"""Runs runtimes as hardened containers of a Docker engine.

The only place that knows the Docker SDK. Short calls go through the SDK in threads; what stays open
(logs, waits, executions, statistics) goes through ``http`` without one.
"""

from slate_desktop.agent.drivers.docker.driver import Credentials, DockerDriver

__all__ = ["Credentials", "DockerDriver"]
