"""An order book that follows the venue's, also over cuts: after one, or after a message that does not fit, it asks for a new snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .book import OrderBook
from .connection import Notification
from .errors import BookGap, ClientClosed, TenorError, Unexpected
from .feeds import Feed, Host

#: Snapshots in a row that may be wrong before the book gives up.
_REPAIRS_IN_A_ROW_MAX = 5


class LiveBook(Feed):
    """`async with` opens it and waits for the first snapshot; `async for` gives the book whenever it has changed, the newest only."""

    def __init__(self, host: Host, instrument_name: str, pace: str) -> None:
        super().__init__(host, f"book.{instrument_name}.{pace}")
        #: The levels. Empty while `is_live` is false.
        self.book = OrderBook(instrument_name)
        #: How often a new snapshot had to be asked for, and why the last time.
        self.repairs = 0
        self.repair_reason = ""
        self._in_a_row = 0
        self._version = 0
        self._seen = 0
        self._changed = asyncio.Event()
        self._error: TenorError | None = None
        self._is_over = False
        self._is_cut = False

    @property
    def is_live(self) -> bool:
        """The book is the venue's, as far as its messages have come."""
        return self.book.change_id is not None and not self._is_over

    async def __aenter__(self) -> LiveBook:
        await self._host.open_feed(self)
        await self.live()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end(None)
        await self._host.close_feed(self)

    def __aiter__(self) -> LiveBook:
        return self

    async def __anext__(self) -> OrderBook:
        await self._wait(lambda: self.is_live and self._seen < self._version)
        if self._is_over:
            raise StopAsyncIteration
        self._seen = self._version
        return self.book

    async def live(self) -> OrderBook:
        """Waits until the book is the venue's."""
        await self._wait(lambda: self.is_live)
        if self._is_over:
            raise ClientClosed(f"{self.channel} is closed")
        return self.book

    def take(self, message: Notification) -> None:
        data = message.data
        # Changes that were on their way before the snapshot that was asked for.
        if self.book.change_id is None and data["type"] != "snapshot":
            return
        try:
            self.book.apply(data)
        except (BookGap, Unexpected) as error:
            self.repairs += 1
            self.repair_reason = str(error)
            self._in_a_row += 1
            if _REPAIRS_IN_A_ROW_MAX < self._in_a_row:
                self.end(error)
            self._host.repair(self)
        else:
            self._in_a_row = 0
        self._tell()

    def lost(self) -> None:
        self.book.clear()
        self._is_cut = True
        self._tell()

    async def resume(self) -> None:
        if self._is_cut:
            # The subscription of the new connection has brought its own snapshot.
            self._is_cut = False
        elif self.book.change_id is None and 0 < self.repairs:
            await self._host.call("public/subscribe", {"channels": [self.channel]})

    def end(self, error: TenorError | None) -> None:
        if not self._is_over:
            self._is_over, self._error = True, error
            self._tell()

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()

    async def _wait(self, holds: Callable[[], bool]) -> None:
        while not holds() and not self._is_over:
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
