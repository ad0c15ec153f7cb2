"""Asks a configured feed for the newest version. Nothing is downloaded but the feed itself."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from slate_desktop import __version__
from slate_desktop.domain.releases import Release, is_newer, newest_release
from slate_desktop.errors import EnvironmentFaultError

_TIMEOUT_S = 8.0
_MAX_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024


async def ask_feed(url: str) -> Release | None:
    """Return the newest release that a feed names; None where it names none.

    Args:
        url: of an Atom or a JSON feed, https.

    Raises:
        EnvironmentFaultError: it does not answer, or with something else.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Release | None] = loop.create_future()

    def settle(release: Release | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(release)

    def work() -> None:
        release, error = None, None
        try:
            release = _ask(url)
        except Exception as exc:  # noqa: BLE001 - carried to whoever waits
            error = exc
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits any more
            loop.call_soon_threadsafe(settle, release, error)

    # Not a thread of the loop's pool, whose end a closing window would wait for.
    threading.Thread(target=work, name="slate-feed", daemon=True).start()
    return await answer


def newer_than_this(release: Release | None) -> bool:
    """Whether a release is newer than the program that runs."""
    return release is not None and is_newer(release.version, __version__)


def _ask(url: str) -> Release | None:
    hint = "The address of the feed stands in the settings (update_feed)."
    if urlsplit(url).scheme != "https":
        raise EnvironmentFaultError("The feed's address is not an https:// one.", hint=hint)
    try:
        data = _read(url)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason: object = exc
        if isinstance(exc, urllib.error.HTTPError):
            exc.close()
        elif isinstance(exc, urllib.error.URLError):
            reason = exc.reason
        raise EnvironmentFaultError(
            f"The feed of releases cannot be read: {reason}.", hint=hint
        ) from exc
    try:
        return newest_release(data)
    except ValueError as exc:
        raise EnvironmentFaultError(
            f"What {urlsplit(url).hostname} sends is no feed of releases: {exc}.", hint=hint
        ) from exc


def _read(url: str) -> bytes:
    deadline = time.monotonic() + _TIMEOUT_S
    opener = urllib.request.build_opener(
        _HttpsOnly, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    accepted = "application/atom+xml, application/feed+json, application/json;q=0.9"
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url, headers={"Accept": accepted, "User-Agent": f"SLATE/{__version__}"}
    )
    data = b""
    with opener.open(request, timeout=_TIMEOUT_S / 2) as answer:
        while chunk := answer.read1(_CHUNK_BYTES):
            data += chunk
            if len(data) > _MAX_BYTES:
                raise ValueError(f"it is larger than {_MAX_BYTES:,} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"it has not come within {_TIMEOUT_S:.0f} s")
    return data


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirection that leaves https."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(newurl).scheme != "https":
            fp.close()
            raise ValueError("it sends elsewhere, without encryption")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
