"""A network that fails: what goes through it can be cut at any byte, or held back."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Proxy:
    """Stands between clients and a venue."""

    def __init__(self, address: str) -> None:
        self._host, port = address.split(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_in: dict[str, int | None] = {"up": None, "down": None}
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_closing = False
        #: How many connections were cut.
        self.cuts = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{port}/ws/api/v2"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._is_closing = True
        self.let_through()
        self.flow()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Ends every connection, without a word."""
        for writer in self._pairs:
            self.cuts += 1
            writer.transport.abort()
        self._pairs.clear()

    def cut_after(self, way: str, count: int, *, spread: float = 1) -> None:
        """Ends the connections when up to so many more bytes have gone `up` to the venue or come `down`."""
        self._cut_in[way] = int(count * spread)

    def hold(self) -> None:
        """Takes no new connections until `let_through`."""
        self._is_open.clear()

    def let_through(self) -> None:
        """Takes connections again."""
        self._is_open.set()

    def stall(self) -> None:
        """Holds back what comes down, until `flow`."""
        self._flows.clear()

    def flow(self) -> None:
        """Lets it come down again."""
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        if self._is_closing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._pairs |= {writer, up_writer}
        for way, source, sink in (("up", reader, up_writer), ("down", up_reader, writer)):
            task = asyncio.create_task(self._pump(way, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, way: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if way == "down":
                    await self._flows.wait()
                left = self._cut_in[way]
                if left is not None:
                    self._cut_in[way] = left - len(data)
                    if left <= len(data):
                        self._cut_in[way] = None
                        sink.write(data[:left])
                        await sink.drain()
                        self.cut()
                        return
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
