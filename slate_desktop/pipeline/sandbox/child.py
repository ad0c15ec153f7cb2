"""The child: reads one order, gives up its rights, does the task, answers, ends.

Run as ``python -I -m slate_desktop.pipeline.sandbox.child``, or forked from ``server``. Whatever a
codec raises is caught here and told to the parent; whatever it prints goes nowhere.
"""

from __future__ import annotations

import errno
import faulthandler
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from slate_desktop.errors import AssetError, CommandError, EnvironmentFaultError, ErrorCode
from slate_desktop.pipeline.sandbox import isolation, limits, tasks
from slate_desktop.pipeline.sandbox.limits import Limits, apply_limits
from slate_desktop.pipeline.sandbox.request import (
    MAX_MESSAGE_BYTES,
    ChildRequest,
    Order,
    encode_line,
)
from slate_desktop.pipeline.threads import take_share

PROGRESS_EVERY_S = 0.1
FAULT_FILE = ".fault"
_MAX_TRACE = 4000
# What codecs write at once: less room than that may be why they stumble.
_FULL_BYTES = 256 * 1024


def main() -> int:
    """Serve one order from standard input, with answers on standard output."""
    reader, writer = take_channel(0, 1)
    serve(reader, writer)
    return 0


def warm() -> None:
    """Make ready what every child uses, so that those forked from this process find it.

    The types of a decoder are looked at when it is first used, which takes a millisecond and more.
    """
    request = ChildRequest(target=f"{tasks.__name__}:{tasks.process.__name__}", work_dir=".")
    order = Order(limits=Limits(), request=request)
    msgspec.convert(json.loads(encode_line(order)), Order)
    isolation.warm()
    limits.warm()


def take_channel(read_fd: int, write_fd: int) -> tuple[IO[bytes], IO[bytes]]:
    """Move the channel out of the way of whatever prints or reads, and of further children."""
    reader = os.fdopen(os.dup(read_fd), "rb")
    writer = os.fdopen(os.dup(write_fd), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    return reader, writer


def serve(reader: IO[bytes], writer: IO[bytes]) -> None:
    """Read the order, do it, and answer."""
    order = msgspec.convert(json.loads(reader.readline(MAX_MESSAGE_BYTES + 1)), Order)
    request = order.request
    work_dir = Path(request.work_dir)
    os.chdir(work_dir)
    os.environ["TMPDIR"] = tempfile.tempdir = str(work_dir)
    fault = (work_dir / FAULT_FILE).open("wb")
    faulthandler.enable(fault)
    apply_limits(order.limits)
    take_share(order.limits.threads)
    isolation.isolate([Path(path) for path in request.readable], [work_dir])
    answer = _attempt(request, work_dir, _Reporter(writer))
    faulthandler.disable()
    fault.close()
    (work_dir / FAULT_FILE).unlink(missing_ok=True)
    _send(writer, answer)


class _Reporter:
    """Sends progress, at most ten times a second and never backwards."""

    def __init__(self, writer: IO[bytes]) -> None:
        self._writer = writer
        self._fraction = 0.0
        self._next_s = 0.0

    def __call__(self, fraction: float, message: str) -> None:
        self._fraction = max(self._fraction, min(fraction, 1.0))
        now = time.monotonic()
        if now < self._next_s:
            return
        self._next_s = now + PROGRESS_EVERY_S
        _send(self._writer, {"progress": round(self._fraction, 4), "message": message[:200]})


def _attempt(request: ChildRequest, work_dir: Path, progress: _Reporter) -> dict[str, Any]:
    try:
        task = _load(request.target)
        answer = {"result": task(request.arguments, work_dir, progress)}
        if len(encode_line(answer)) > MAX_MESSAGE_BYTES:
            return _error(AssetError.limit("The file has more to report than can be shown."))
    except CommandError as exc:
        is_victim = exc.code is ErrorCode.ASSET_CRASH and _is_full(work_dir)
        return _error(_without_room() if is_victim else exc)
    except MemoryError:
        return _error(AssetError.limit("The file needs more memory than is allowed."))
    except RecursionError:
        return _error(AssetError.limit("The file is nested too deeply."))
    except OSError as exc:
        return _error(_of_system(exc))
    except Exception as exc:  # noqa: BLE001 - the boundary: codecs raise anything
        if isinstance(exc, EnvironmentFaultError) and isinstance(exc.__cause__, OSError):
            return _error(_of_system(exc.__cause__))
        if _is_full(work_dir):
            return _error(_without_room())
        trace = traceback.format_exc()[-_MAX_TRACE:]
        return _error(
            AssetError.crash(f"Reading the file failed with {type(exc).__name__}.", trace=trace)
        )
    return answer


def _load(target: str) -> Callable[[dict[str, Any], Path, _Reporter], object]:
    module, _, name = target.partition(":")
    task: Callable[[dict[str, Any], Path, _Reporter], object] = getattr(
        importlib.import_module(module), name
    )
    return task


def _of_system(exc: OSError) -> CommandError:
    reason = exc.strerror or str(exc)
    match exc.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return _without_room()
        case errno.EFBIG:
            return AssetError.limit("The result is larger than is allowed.")
        case errno.ENOMEM | errno.EMFILE | errno.EAGAIN:
            return AssetError.limit("The file needs more of the machine than is allowed.")
    return AssetError.invalid(f"The file cannot be read: {reason}.")


def _without_room() -> CommandError:
    return CommandError(ErrorCode.DISK_LOW, "There is too little space for the result.")


def _is_full(work_dir: Path) -> bool:
    """Tell whether a codec that stumbled had no room: few of them say so."""
    try:
        return shutil.disk_usage(work_dir).free < _FULL_BYTES
    except OSError:
        return False


def _error(exc: CommandError) -> dict[str, Any]:
    return {
        "error": {
            "code": exc.code.value,
            "message": str(exc),
            "field": exc.field,
            "hint": exc.hint,
            "details": exc.details,
        }
    }


def _send(writer: IO[bytes], message: dict[str, Any]) -> None:
    writer.write(encode_line(message) + b"\n")
    writer.flush()


if __name__ == "__main__":
    sys.exit(main())
