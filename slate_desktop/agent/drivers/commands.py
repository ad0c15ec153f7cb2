"""Which command a project's engine is started with where no image brings it along."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.engine import Engine, detect_engine, preset_for
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.settings import paths

_HINTS = {
    Engine.UNITY: "Give the player's, such as './Build/Game.x86_64 -batchmode -logFile -'.",
    Engine.UNREAL: "Give the server's, such as './Server.sh Map -log -stdout -unattended'.",
    Engine.GODOT: "Install Godot, or run the project with Docker.",
    Engine.CUSTOM: "Set one with --command, or in the project's details.",
}


def engine_command(engine: Engine, project_root: str, config: ContainerConfig) -> list[str]:
    """Return the argv that runs a project as a local process.

    A command of the user's own wins; ``{python}`` in it stands for this interpreter and ``{root}``
    for the project's directory. The command that a preset brings for its image says nothing about
    this machine: there the preset's own binaries are looked for. Unity and Unreal runtimes are
    players that the user has built.

    Raises:
        CommandError: ``command_not_found`` with a hint.
    """
    found = detect_engine(Path(project_root))
    is_same = found.engine is engine
    preset = preset_for(
        engine, found.version if is_same else None, found.flavour if is_same else None
    )
    if config.command and config.command != preset.container.get("command"):
        return expand_command(config.command, project_root)
    for name in preset.binaries:
        if preset.argv and (path := shutil.which(name)) is not None:
            return expand_command(preset.argv, project_root, binary=path)
    if preset.binaries and preset.argv:
        names = ", ".join(preset.binaries)
        raise _not_found(
            f"no {preset.title} for this project was found on this machine (looked for {names})",
            "Install it (Debian: apt install godot3-server), or run the project with Docker."
            if engine is Engine.GODOT
            else "Give the command of the player that you built, or run the project with Docker.",
        )
    raise _not_found(f"this {preset.title} project has no command to run", _HINTS[engine])


def expand_command(command: list[str], project_root: str, *, binary: str = "") -> list[str]:
    """Replace ``{python}``, ``{root}`` and ``{binary}`` in an argv."""
    values = {"{python}": paths.python_program(), "{root}": project_root, "{binary}": binary}
    expanded: list[str] = []
    for word in command:
        for name, value in values.items():
            word = word.replace(name, value)
        expanded.append(word)
    return expanded


def check_program(argv: list[str], project_root: str, env: Mapping[str, str]) -> None:
    """Make sure that the program of an argv exists and can be run.

    Raises:
        CommandError: ``command_not_found`` with a hint.
    """
    program = argv[0] if argv else ""
    has_directory = "/" in program or "\\" in program
    path = str(Path(project_root) / program) if has_directory else program
    if not program or shutil.which(path, path=env.get("PATH")) is None:
        raise _not_found(
            f"there is no program {program!r} to run",
            "Check the project's command, and that the program is executable.",
        )


def _not_found(message: str, hint: str) -> CommandError:
    return CommandError(ErrorCode.COMMAND_NOT_FOUND, message, field="command", hint=hint)
