"""A TCP proxy that a test can cut: what goes through it then is nobody's."""

from __future__ import annotations

import asyncio
import contextlib

from tests.services.listening import stop_listening


class CutProxy:
    """Forwards to a port of the loopback until it is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.is_cut = False
        self.port = 0
        # So many of the next connections are dropped at once.
        self.drops = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self, seconds: float) -> None:
        """Drop every connection and let none in for a while."""
        self.close_gate()
        await asyncio.sleep(seconds)
        self.open_gate()

    def close_gate(self) -> None:
        """Drop every connection and let none in until ``open_gate``."""
        self.is_cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def open_gate(self) -> None:
        """Let connections in again."""
        self.is_cut = False

    async def aclose(self) -> None:
        assert self._server is not None
        self.close_gate()
        await stop_listening(self._server, self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if self.is_cut or self.drops:
            self.drops = max(0, self.drops - 1)
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        if self.is_cut:  # while we connected
            for end in pair:
                end.transport.abort()
            return
        self._writers |= pair
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._writers -= pair
            for end in pair:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
