"""The one error tree of the project.

Every class says what the user reads (its message) and whose fault it is: the input's, the
environment's, or ours. Library errors are translated into these once, at the edge that calls the
library, with ``raise … from exc``.

::

    SlateError
    ├── CommandError            carries a wire code; what an agent's error reply becomes
    │   └── AssetError              a file is not sound, needs too much, or crashed its reader
    ├── ClientError             never on the wire
    │   ├── NotConnectedError       the broker is away; nothing was sent
    │   ├── AgentOfflineError       nobody answers for that session
    │   ├── DeniedError             the broker's permissions refused it
    │   ├── ForgedReplyError        an answer that the asked agent did not sign
    │   └── OutcomeUnknownError     sent, but no answer in time: ask again with the same key
    ├── EnvironmentFaultError   something that SLATE needs is missing or broken on this machine
    │   ├── StackError              the embedded services
    │   ├── DatabaseError           PostgreSQL away, too old, too new
    │   └── DriverUnavailableError  no Docker engine, no engine binary
    ├── SettingsError           a settings file, profile or address that cannot be used
    └── StaleWriteError         a compare-and-set lost: somebody else moved the row
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Codes of error replies. Programs match on these; the sentences may change."""

    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad_signature"
    BAD_KEY = "bad_key"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FUTURE = "future"
    STALE_SIGNATURE = "stale_signature"
    REPLAY = "replay"
    WRONG_AUDIENCE = "wrong_audience"
    BAD_REPLY = "bad_reply"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IN_PROGRESS = "in_progress"
    ILLEGAL_STATE = "illegal_state"
    IMAGE_DENIED = "image_denied"
    IMAGE_MISSING = "image_missing"
    MOUNT_DENIED = "mount_denied"
    PORT_CONFLICT = "port_conflict"
    PORT_DENIED = "port_denied"
    LIMIT_DENIED = "limit_denied"
    QUOTA_EXCEEDED = "quota_exceeded"
    GPU_UNAVAILABLE = "gpu_unavailable"
    DOCKER_UNAVAILABLE = "docker_unavailable"
    DOCKER_ERROR = "docker_error"
    DB_UNAVAILABLE = "db_unavailable"
    DISK_LOW = "disk_low"
    EXEC_TIMEOUT = "exec_timeout"
    NOT_RUNNING = "not_running"
    ASSET_INVALID = "asset_invalid"
    ASSET_LIMIT = "asset_limit"
    ASSET_CRASH = "asset_crash"
    ARTIFACT_QUOTA = "artifact_quota"
    ARTIFACT_CORRUPT = "artifact_corrupt"
    CANCELLED = "cancelled"
    INTERNAL = "internal"
    # Reasons of a failed session or job, never an error reply of their own.
    OOM = "oom"
    NO_AGENT = "no_agent"
    HOST_CORDONED = "host_cordoned"
    START_INTERRUPTED = "start_interrupted"
    CONTAINER_LOST = "container_lost"
    DOCKER_RESTARTED = "docker_restarted"
    COMMAND_NOT_FOUND = "command_not_found"
    EXITED = "exited"
    BUILD_FAILED = "build_failed"
    POISON = "poison"


class Retry(StrEnum):
    """What a caller may do after an error."""

    NEVER = "never"
    LATER = "later"
    RESIGN = "resign"
    UNKNOWN = "unknown"


class SlateError(Exception):
    """Base of all expected errors; ``str()`` is one sentence for a person.

    Attributes:
        hint: what the user can do next, or an empty string.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def told(self) -> str:
        """What happened and what to do, in English, where there is one place for both."""
        text = str(self)
        if not self.hint:
            return text
        return f"{text if text.endswith(('.', '!', '?')) else f'{text}.'} {self.hint}"


class CommandError(SlateError):
    """A command was refused or failed, with a code that is the same on the wire and in Python."""

    def __init__(
        self,
        code: ErrorCode | str,
        message: str,
        *,
        field: str | None = None,
        retry: Retry = Retry.NEVER,
        details: dict[str, Any] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = ErrorCode(code)
        self.field = field
        self.retry = retry
        self.details = details or {}

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return str(self)


class AssetError(CommandError):
    """A file cannot be processed: it is not sound, needs more than is allowed, or broke its reader.

    The code is ``asset_invalid``, ``asset_limit`` or ``asset_crash``.
    """

    @classmethod
    def invalid(cls, message: str, *, hint: str = "", **details: Any) -> AssetError:
        """The file is not what it should be."""
        return cls(ErrorCode.ASSET_INVALID, message, hint=hint, details=details)

    @classmethod
    def limit(cls, message: str, *, hint: str = "", **details: Any) -> AssetError:
        """The file needs more than is allowed."""
        return cls(ErrorCode.ASSET_LIMIT, message, hint=hint, details=details)

    @classmethod
    def crash(cls, message: str, *, hint: str = "", **details: Any) -> AssetError:
        """Reading the file ended the reader."""
        return cls(ErrorCode.ASSET_CRASH, message, hint=hint, details=details)


class ClientError(SlateError):
    """A request did not reach an agent, or its answer did not come back."""


class NotConnectedError(ClientError):
    """The broker is away; nothing was sent."""


class AgentOfflineError(ClientError):
    """No agent answers for this session."""


class DeniedError(ClientError):
    """The broker's permissions refused the request."""


class ForgedReplyError(ClientError):
    """An answer came that the asked agent did not sign; whether the request happened is unknown."""


class OutcomeUnknownError(ClientError):
    """The request was sent and no answer came in time.

    Attributes:
        idem: the idempotency key; asking again with it has at most one effect.
    """

    def __init__(self, message: str, *, idem: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.idem = idem


class EnvironmentFaultError(SlateError):
    """Something that SLATE needs is missing or broken on this machine."""


class StackError(EnvironmentFaultError):
    """An embedded service does not start, or its files cannot be used."""


class DatabaseError(EnvironmentFaultError):
    """PostgreSQL is away, refuses the login, or has a schema of another version."""


class DriverUnavailableError(EnvironmentFaultError):
    """A runtime driver cannot work here: no Docker engine, no engine binary."""


class SettingsError(SlateError):
    """A settings file, profile, key or address cannot be used."""


class StaleWriteError(SlateError):
    """A compare-and-set lost: the row has moved on since it was read."""
