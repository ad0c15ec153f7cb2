"""Which database ``slate migrate`` works on."""

from __future__ import annotations

from collections.abc import Callable

from slate_desktop.errors import SettingsError


async def find_database(given: str | None, on_step: Callable[[str, str], None]) -> str | None:
    """Return the address of the database; None for the embedded one, which is then up and migrated.

    Raises:
        SettingsError: the remote profile names none, or the given one is no address.
        StackError: the embedded stack does not start.
    """
    from slate_desktop.settings.addresses import check_database_url
    from slate_desktop.settings.model import load_settings

    if given is not None:
        return check_database_url(given)
    settings = load_settings()
    if settings.is_local:
        from slate_desktop.stack import client

        await client.ensure_up(on_step=on_step)
        return None
    if not settings.database_url:
        raise SettingsError(
            "The remote profile lacks SLATE_DATABASE_URL.",
            hint="Set it in the environment, in .env or in the settings file.",
        )
    return settings.database_url
