"""``slate settings``: what can be set, what it is set to, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone

app = typer.Typer(help="What can be set, and which source decides it.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of a setting, as in settings.toml.")]


@app.command("list")
def list_settings(as_json: Json = False) -> None:
    """List all settings with their values and where they come from."""

    async def action(output: Output) -> None:
        from slate_desktop.settings import catalog

        found, notes = catalog.states()
        for note in notes:
            output.note(note)
        if output.as_json:
            output.result({"settings": [_plain(state) for state in found]})
            return
        output.table(
            ("group", "setting", "value", "from"),
            [
                (
                    state.setting.group,
                    state.setting.name,
                    catalog.to_text(state.value) or "–",
                    state.place or "default",
                )
                for state in found
            ],
        )

    alone(as_json, action)


@app.command("get")
def get_setting(name: Name, as_json: Json = False) -> None:
    """Say what a setting means, and what it is set to."""

    async def action(output: Output) -> None:
        from slate_desktop.settings import catalog

        wanted = catalog.find(name)
        (state,) = [s for s in catalog.states()[0] if s.setting == wanted]
        output.result(_plain(state))

    alone(as_json, action)


@app.command("set")
def set_setting(
    name: Name,
    value: Annotated[str, typer.Argument(help="Lists are separated by commas.")],
    as_json: Json = False,
) -> None:
    """Write a setting into settings.toml, after it was checked."""

    async def action(output: Output) -> None:
        from slate_desktop.settings import catalog
        from slate_desktop.settings.model import save_settings

        setting = catalog.find(name)
        save_settings({name: catalog.parse(setting, value)})
        _tell(output, name)

    alone(as_json, action)


@app.command("unset")
def unset_setting(name: Name, as_json: Json = False) -> None:
    """Take a setting out of settings.toml, so that its default counts."""

    async def action(output: Output) -> None:
        from slate_desktop.settings import catalog
        from slate_desktop.settings.model import save_settings

        save_settings({catalog.find(name).name: None})
        _tell(output, name)

    alone(as_json, action)


@app.command("test")
def check_setting(name: Name, as_json: Json = False) -> None:
    """Connect to the address that a setting holds, and say what answers."""

    async def action(output: Output) -> None:
        from slate_desktop.diagnosis.addresses import can_test, check_address
        from slate_desktop.errors import SettingsError
        from slate_desktop.settings import catalog

        setting = catalog.find(name)
        if not can_test(name):
            raise SettingsError(f"{setting.title} is no address that could be tested.")
        values = {state.setting.name: state.value for state in catalog.states()[0]}
        words = await check_address(name, values)
        output.result({"setting": name, "ok": True, "answer": words}, words)

    alone(as_json, action)


@app.command("path")
def show_path(as_json: Json = False) -> None:
    """Print where settings.toml is."""

    async def action(output: Output) -> None:
        from slate_desktop.settings import paths

        path = paths.settings_file()
        output.result({"path": str(path), "exists": path.exists()}, str(path))

    alone(as_json, action)


def _tell(output: Output, name: str) -> None:
    """Print what counts after a change, which need not be what was written."""
    from slate_desktop.settings import catalog

    (state,) = [s for s in catalog.states()[0] if s.setting.name == name]
    if state.is_overridden:
        output.note(f"It was written, but {state.place} decides.")
    value = catalog.to_text(state.value) or "not set"
    when = "" if state.setting.is_immediate else " It counts from the next start on."
    output.result(_plain(state), f"{name} is {value}.{when}")


def _plain(state: Any) -> dict[str, Any]:
    from slate_desktop.settings import catalog

    setting = state.setting
    value = list(state.value) if isinstance(state.value, tuple) else state.value
    return {
        "name": setting.name,
        "group": setting.group,
        "title": setting.title,
        "description": setting.description,
        "kind": setting.kind.value,
        "choices": [choice for choice in setting.choices if choice],
        "default": catalog.to_text(setting.default),
        "value": value if isinstance(value, bool | int | list | None) else str(value),
        "origin": state.origin.value,
        "place": state.place,
        "problem": state.problem,
    }
