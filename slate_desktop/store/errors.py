"""Translation of asyncpg's errors into the project's, once, at the edge."""

from __future__ import annotations

from typing import Any

import asyncpg
import msgspec
from asyncpg import exceptions as pg

from slate_desktop.domain.quotas import refusal_of
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, Retry, SlateError

# Constraints whose violation means "not in this state" rather than "bad value".
STATE_CONSTRAINTS = frozenset(
    {
        "slate_session_moves",
        "slate_session_delete",
        "slate_session_configure",
        "slate_build_moves",
        "slate_build_identity",
        "slate_asset_moves",
        "slate_members_owner_stays",
    }
)
# What a quota refuses; its facts are the error's detail, as JSON.
QUOTA_CONSTRAINT = "slate_quota"
AWAY: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    pg.CannotConnectNowError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
# The statement had no effect, or may be repeated when it is idempotent.
REPEATABLE = (*AWAY, pg.SerializationError, pg.DeadlockDetectedError)
_BAD_TEXT = (pg.CharacterNotInRepertoireError, pg.UntranslatableCharacterError)


def translate(exc: BaseException) -> SlateError:
    """Return the project's error for what a statement or a connection raised."""
    if isinstance(exc, pg.TooManyConnectionsError):
        return DatabaseError(
            "The database has no free connection.",
            hint="Close other windows; on a server, look with: slate server doctor",
        )
    if isinstance(exc, AWAY):
        return DatabaseError(
            "The database does not answer.", hint="Check that PostgreSQL runs, then try again."
        )
    if isinstance(exc, pg.InvalidPasswordError | pg.InvalidAuthorizationSpecificationError):
        return DatabaseError(
            "The database refuses this login.", hint="Check user and password of the profile."
        )
    if isinstance(exc, pg.InvalidCatalogNameError):
        return DatabaseError(
            "There is no such database on the server.",
            hint="Create it, or correct the name in the profile.",
        )
    if isinstance(exc, pg.ReadOnlySQLTransactionError):
        return DatabaseError("The database is read-only: this is a standby server.")
    if isinstance(exc, pg.UndefinedTableError | pg.UndefinedColumnError):
        return DatabaseError(
            "The database has an older schema than this program.", hint="Run: slate migrate"
        )
    return _translate_statement(exc)


def _translate_statement(exc: BaseException) -> SlateError:
    if isinstance(exc, pg.IntegrityConstraintViolationError):
        constraint = getattr(exc, "constraint_name", None) or ""
        if constraint == QUOTA_CONSTRAINT:
            return _translate_quota(exc)
        if constraint in STATE_CONSTRAINTS:
            return CommandError(ErrorCode.ILLEGAL_STATE, f"Not possible now: {exc}.")
        if isinstance(exc, pg.ForeignKeyViolationError):
            return CommandError(
                ErrorCode.NOT_FOUND, "What this refers to does not exist.", field=_field(constraint)
            )
        if isinstance(exc, pg.UniqueViolationError):
            return CommandError(
                ErrorCode.BAD_REQUEST, "This exists already.", field=_field(constraint)
            )
        return CommandError(
            ErrorCode.BAD_REQUEST,
            "The database refuses a value as not allowed.",
            field=_field(constraint),
            details={"constraint": constraint},
        )
    if isinstance(exc, _BAD_TEXT):
        return CommandError(
            ErrorCode.BAD_REQUEST, "Text with a NUL or a broken character cannot be stored."
        )
    if isinstance(exc, pg.DataError | ValueError | TypeError | OverflowError):
        return CommandError(ErrorCode.BAD_REQUEST, "A value has the wrong type or is out of range.")
    if isinstance(exc, pg.InsufficientPrivilegeError):
        return CommandError(ErrorCode.FORBIDDEN, "This login may not do that.")
    if isinstance(exc, pg.QueryCanceledError):
        return DatabaseError("The database took too long.", hint="Try again, or ask for less.")
    return DatabaseError(f"The database reports: {exc}")


def _translate_quota(exc: BaseException) -> CommandError:
    try:
        facts = msgspec.json.decode(getattr(exc, "detail", None) or "", type=dict[str, Any])
        return refusal_of(facts)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return CommandError(ErrorCode.QUOTA_EXCEEDED, f"Not possible now: {exc}.")


_TABLES = ("slate_runtime_sessions_", "slate_build_jobs_", "slate_projects_", "slate_asset_jobs_")


def _field(constraint: str) -> str | None:
    """Guess the field from a constraint that PostgreSQL named: ``<table>_<column>_<kind>``."""
    for suffix in ("_check", "_fkey", "_key"):
        if constraint.endswith(suffix):
            for table in _TABLES:
                if constraint.startswith(table):
                    return constraint[len(table) : -len(suffix)] or None
    return None


def not_found(what: str, field: str) -> CommandError:
    """Return the error for a row that is not there, or not the caller's to see."""
    return CommandError(
        ErrorCode.NOT_FOUND, f"There is no such {what}.", field=field, retry=Retry.NEVER
    )
