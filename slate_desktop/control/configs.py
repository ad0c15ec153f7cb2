"""Container configurations as a row keeps them: what a person chose, not what the preset says.

A row that held a merged configuration would make every figure of the preset the person's own wish,
and a preset that is larger than the host could no longer be sized down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slate_desktop.domain.container import (
    ContainerConfig,
    container_config_to_json,
    explicit_fields,
    merge_config,
    parse_container_config,
    unset_between,
)
from slate_desktop.domain.engine import default_container_config
from slate_desktop.domain.project import Project

ConfigLike = ContainerConfig | Mapping[str, object]


def project_config(project: Project) -> ContainerConfig:
    """Return what a project's sessions are started with: preset and project settings."""
    preset = default_container_config(project.engine, project.engine_version)
    return merge_config(preset, project.settings, {})


def effective_config(project: Project, chosen: Mapping[str, Any]) -> ContainerConfig:
    """Return the whole configuration of a session, before it is fitted to a host."""
    return merge_config(project_config(project), {}, chosen)


def chosen_fields(config: ConfigLike, default: ContainerConfig) -> dict[str, Any]:
    """Return what a configuration chooses beyond ``default``, checked, with the wire's names.

    A mapping chooses what it names; of a whole configuration it is what differs, and what it lacks
    is unset: None in ``memory_bytes`` is no limit, also where the default has one.

    Raises:
        CommandError: ``bad_request``, ``limit_denied`` … for a value that no host takes.
    """
    if isinstance(config, ContainerConfig):
        return _difference(config, default)
    fields = dict(config)
    parsed = parse_container_config(fields)
    values = container_config_to_json(parsed)
    names = explicit_fields(fields)
    chosen = {name: values[name] for name in names if name in values}
    if "tag" in names or ("image" in names and parsed.tag != "latest"):
        chosen["tag"] = parsed.tag
    if "image" in names and parsed.digest is not None:
        chosen["digest"] = parsed.digest
    return chosen


def _difference(config: ContainerConfig, default: ContainerConfig) -> dict[str, Any]:
    values, usual = container_config_to_json(config), container_config_to_json(default)
    chosen = {name: value for name, value in values.items() if usual.get(name) != value}
    if "image" in chosen:
        chosen["tag"] = config.tag
    if "env" in chosen:
        chosen["env"] = {
            name: value for name, value in config.env.items() if default.env.get(name) != value
        }
        if not chosen["env"]:
            del chosen["env"]
    if gone := unset_between(default, config):
        chosen["unset"] = gone
    return parse_and_keep(chosen)


def parse_and_keep(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return ``chosen`` when it can be read.

    Raises:
        CommandError: it cannot.
    """
    parse_container_config(chosen)
    return chosen
