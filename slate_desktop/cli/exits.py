"""Exit codes of ``slate``; documented in docs/howto/cli.md.

::

    0 done   1 failed   2 wrong usage   3 not found   4 refused   5 something is away or missing
    6 no outcome in time   130 interrupted
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_REFUSED = 4
EXIT_ENVIRONMENT = 5
EXIT_UNKNOWN = 6
EXIT_INTERRUPTED = 130

_FAILED = frozenset(
    {
        "internal",
        "asset_invalid",
        "asset_limit",
        "asset_crash",
        "image_missing",
        "port_conflict",
        "command_not_found",
        "oom",
        "exited",
        "build_failed",
        "start_interrupted",
        "container_lost",
        "docker_restarted",
        "cancelled",
        "poison",
    }
)
_ENVIRONMENT = frozenset(
    {
        "docker_unavailable",
        "docker_error",
        "db_unavailable",
        "disk_low",
        "no_agent",
        "host_cordoned",
    }
)
_UNKNOWN = frozenset({"exec_timeout", "in_progress", "busy", "rate_limited"})


def exit_code_of(error: BaseException) -> int:
    """Return the exit code for an error."""
    from slate_desktop import errors

    match error:
        case errors.CommandError():
            return _of_code(error.code.value)
        case errors.OutcomeUnknownError() | errors.ForgedReplyError() | TimeoutError():
            return EXIT_UNKNOWN
        case errors.DeniedError() | errors.StaleWriteError():
            return EXIT_REFUSED
        case errors.ClientError() | errors.EnvironmentFaultError() | errors.SettingsError():
            return EXIT_ENVIRONMENT
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED
    return EXIT_FAILED


def _of_code(code: str) -> int:
    if code == "bad_request":
        return EXIT_USAGE
    if code == "not_found":
        return EXIT_NOT_FOUND
    for codes, exit_code in (
        (_FAILED, EXIT_FAILED),
        (_ENVIRONMENT, EXIT_ENVIRONMENT),
        (_UNKNOWN, EXIT_UNKNOWN),
    ):
        if code in codes:
            return exit_code
    return EXIT_REFUSED
