"""The body of an asset job, and what windows hear of it.

The body is what the user signs; the row holds the same values for the database's use, and a worker
compares the two. Names are those of the original system where it had them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.assets.job import AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.fields import bad
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.codec import decode_object, encode


class AssetJobBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an asset job says. ``kind`` stands in the subject too."""

    job_id: str
    project_id: str
    kind: AssetKind
    path: str
    inputs: list[AssetInput]
    options: dict[str, Any]
    key: str
    out_dir: str | None = None
    priority: int = 0
    time_limit_s: int
    forced: bool = False
    batch_id: str | None = None


class AssetStatusData(msgspec.Struct, frozen=True, kw_only=True):
    """What a status event says of a job's row."""

    status: AssetJobStatus
    version: int
    attempt: int = 0
    progress: int = 0
    path: str = ""
    worker: str | None = None
    cached: bool = False
    cancel_requested: bool = False
    delivered: bool = False
    error_code: str | None = None
    error_message: str | None = None


class JobProgressData(msgspec.Struct, frozen=True, kw_only=True):
    """How far an attempt is, percent."""

    attempt: int
    progress: int
    message: str = ""


class AssetStatusEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    """A job's row has changed."""

    job_id: str
    project_id: str
    data: AssetStatusData


class JobProgressEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    """An attempt has come further."""

    job_id: str
    project_id: str
    data: JobProgressData


AssetJobEvent = AssetStatusEvent | JobProgressEvent


class CancelReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a cancellation: the row as it is then."""

    job_id: str
    status: str
    cancel_requested: bool = False


_event_decoder = msgspec.json.Decoder(AssetJobEvent)


def write_asset_job(body: AssetJobBody) -> bytes:
    """Return the bytes that are signed.

    Raises:
        CommandError: ``bad_request`` for text that cannot be UTF-8.
    """
    return encode(body)


def read_asset_job(data: bytes) -> AssetJobBody:
    """Read the body of a job.

    Raises:
        CommandError: ``bad_request`` or ``too_large``.
    """
    fields = decode_object(data)
    known = {field.encode_name for field in msgspec.structs.fields(AssetJobBody)}
    for name in fields.keys() - known:
        bad(name[:64], f"Unknown field {name[:64]!r}")
    try:
        return msgspec.convert(fields, AssetJobBody)
    except msgspec.ValidationError as exc:
        raise CommandError(ErrorCode.BAD_REQUEST, f"The job cannot be read: {exc}") from exc


def body_of(job: AssetJob) -> AssetJobBody:
    """Return what the body of a row's job must say."""
    return AssetJobBody(
        job_id=job.id,
        project_id=job.project_id,
        kind=job.kind,
        path=job.path,
        inputs=job.inputs,
        options=job.options,
        key=job.key,
        out_dir=job.out_dir,
        priority=job.priority,
        time_limit_s=job.time_limit_s,
        forced=job.forced,
        batch_id=job.batch_id,
    )


def asset_status_data(job: AssetJob) -> AssetStatusData:
    """Return what a status event says of a row."""
    return AssetStatusData(
        status=job.status,
        version=job.version,
        attempt=job.attempt,
        progress=job.progress,
        path=job.path,
        worker=job.lease_owner,
        cached=job.cached,
        cancel_requested=job.cancel_requested,
        delivered=job.delivered_at is not None,
        error_code=job.error_code,
        error_message=job.error_message,
    )


def read_asset_event(data: bytes) -> AssetJobEvent:
    """Read an event of an asset job.

    Raises:
        CommandError: ``bad_request`` for anything else.
    """
    try:
        return _event_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise CommandError(ErrorCode.BAD_REQUEST, "The event cannot be read") from exc
