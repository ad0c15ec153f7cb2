"""A server of feeds: https on this machine, with the tests' own certificate."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TLS = Path(__file__).parents[1] / "data" / "tls"
AUTHORITY = TLS / "good.pem"


class FeedServer:
    """What it sends, and what it was asked for."""

    def __init__(self, port: int) -> None:
        self.url = f"https://localhost:{port}/releases"
        self.body = b""
        self.status = 200
        self.location = ""
        self.asked: list[str] = []

    def release(self, *versions: str) -> None:
        """Send an Atom feed that names these versions."""
        entries = "".join(
            f"<entry><title>SLATE {version}</title>"
            f'<link rel="alternate" href="https://example.org/{version}"/></entry>'
            for version in versions
        )
        self.body = f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()

    def release_json(self, *versions: str) -> None:
        """Send a JSON feed that names these versions."""
        items = [{"id": v, "title": v, "url": f"https://example.org/{v}"} for v in versions]
        told = {"version": "https://jsonfeed.org/version/1.1", "title": "SLATE", "items": items}
        self.body = json.dumps(told).encode()


@contextlib.contextmanager
def serve_feed() -> Iterator[FeedServer]:
    """Run a server until the end of the block; clients trust ``AUTHORITY``."""
    served: list[FeedServer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            feed = served[0]
            feed.asked.append(self.path)
            self.send_response(feed.status)
            if feed.location:
                self.send_header("Location", feed.location)
            self.send_header("Content-Length", str(len(feed.body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who reads no further hangs up
                self.wfile.write(feed.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(AUTHORITY, TLS / "good-key.pem")
    # A handshake that fails belongs to its own thread, and not to the one that accepts.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    served.append(FeedServer(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
