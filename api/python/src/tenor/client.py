"""A venue, as long as one wants it: connects, logs in, and does both again whenever the connection ends, with its channels.

What a call promises: it ends with a result, or with one error that says whether something may have happened. Questions are asked
again after a cut; what changes something is not, unless it can be sent twice without being done twice (see `trading`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from .connection import Connection, Notification
from .errors import (
    Busy,
    CallTimeout,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    LoginFailed,
    NotAllowed,
    Refused,
    TenorError,
    TooManyRequests,
    Unexpected,
)
from .feeds import Feed, Reports, Stream, stream_of
from .live_book import LiveBook
from .login import Login, Tokens
from .objects import Credits
from .requests import Requests
from .settings import Settings
from .trading import Trading

#: Channels that one request may ask for.
_CHANNELS_A_REQUEST = 100


class Client(Requests, Trading):
    """A session that lives on: `async with tenor.connect(url, ...) as client`."""

    def __init__(
        self, url: str, login: Login | None, settings: Settings, *, cancel_on_disconnect: bool
    ) -> None:
        self.url = url
        self.settings = settings
        #: What the newest login has given.
        self.tokens: Tokens | None = None
        #: How often a connection was made.
        self.connections = 0
        self._login = login
        self._cancel_on_disconnect = cancel_on_disconnect
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._feeds: dict[str, list[Feed]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._why_not = "not connected yet"
        self._ended: TenorError | None = None

    # Its life.

    async def __aenter__(self) -> Self:
        await self._establish()
        self._keeping = asyncio.create_task(self._keep(), name="tenor: keep connected")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything; streams end without an error. Orders stay as they are."""
        if self._ended is None:
            self._end(None)
        for task in (self._keeping, self._refreshing, *self._tasks):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._connection is not None:
            await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """A connection is there, logged in."""
        return self._ready.is_set() and self._ended is None

    @property
    def credits(self) -> Mapping[str, Credits]:
        """How many requests are left, by class, as the newest replies said."""
        return dict(self._connection.credits) if self._connection is not None else {}

    async def _establish(self) -> None:
        """Connects, logs in and subscribes."""
        connection = await Connection.open(self.url, self._told, self.settings.connect_timeout)
        try:
            if self._login is not None:
                await self._log_in(connection, self._login.params())
            if self._cancel_on_disconnect:
                method = "private/enable_cancel_on_disconnect"
                scope = {"scope": "connection"}
                await connection.call(method, scope, self.settings.call_timeout)
            self._connection = connection
            await self._subscribe_again(connection)
        except BaseException:
            await connection.close()
            raise
        self.connections += 1
        self._ready.set()
        for feed in self._all_feeds():
            self.repair(feed)

    async def _keep(self) -> None:
        """Connects again whenever the connection has ended."""
        try:
            while self._connection is not None:
                self._why_not = await self._connection.ended()
                self._ready.clear()
                for feed in self._all_feeds():
                    feed.lost()
                await self._reconnect()
        except TenorError as error:
            self._end(error)

    async def _reconnect(self) -> None:
        clock = asyncio.get_running_loop().time
        began, pause = clock(), self.settings.pause_first
        while True:
            try:
                return await self._establish()
            except (LoginFailed, NotAllowed):
                raise
            except TenorError as error:
                self._why_not = str(error)
            patience = self.settings.give_up_after
            if patience is not None and patience <= clock() - began:
                raise ConnectFailed(self.url, f"given up after {patience:g} s: {self._why_not}")
            # Not all clients of a venue that comes back come at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, self.settings.pause_max)

    async def _log_in(self, connection: Connection, params: Mapping[str, Any]) -> None:
        timeout = self.settings.call_timeout
        self.tokens = Tokens.read(await connection.call("public/auth", params, timeout))
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._refreshing = asyncio.create_task(
            self._refresh(connection, self.tokens), name="tenor: refresh"
        )

    async def _refresh(self, connection: Connection, tokens: Tokens) -> None:
        """Renews the tokens of one connection before they expire, for as long as it lives."""
        while connection.is_open and self._login is not None:
            await asyncio.sleep(tokens.expires_in * self.settings.refresh_at)
            params = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
            timeout = self.settings.call_timeout
            try:
                try:
                    data = await connection.call("public/auth", params, timeout)
                except Refused:
                    data = await connection.call("public/auth", self._login.params(), timeout)
            except TenorError:
                # The connection has ended, or is about to: the next one logs in afresh.
                return
            tokens = self.tokens = Tokens.read(data)

    def _end(self, error: TenorError | None) -> None:
        self._ended = error or ClientClosed("the client was closed")
        # Whoever waits for a connection is to see that there will be none.
        self._ready.set()
        for feed in self._all_feeds():
            feed.end(error)

    # Asking.

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Calls a method by its name. Questions are asked again after a cut, or when the venue says when to."""
        patience = self.settings.call_timeout if timeout is None else timeout
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        while True:
            connection = await self._connected(method, end - clock())
            try:
                return await connection.call(method, params or {}, max(0.001, end - clock()))
            except ConnectionLost:
                if not is_question(method) or end <= clock():
                    raise
            except (TooManyRequests, Busy) as refusal:
                pause = refusal.retry_after or 0.05
                if not is_question(method) or end <= clock() + pause:
                    raise
                await asyncio.sleep(pause)

    async def _connected(self, method: str, patience: float) -> Connection:
        try:
            async with asyncio.timeout(max(0.001, patience)):
                while True:
                    if self._ended is not None:
                        raise ClientClosed(str(self._ended)) from self._ended
                    connection = self._connection
                    if self._ready.is_set() and connection is not None and connection.is_open:
                        return connection
                    # Its end is seen by `_keep` in a moment, which makes the next one.
                    await asyncio.sleep(0)
                    await self._ready.wait()
        except TimeoutError:
            raise ConnectFailed(self.url, f"{method} was not sent: {self._why_not}") from None

    # Channels.

    def stream(self, channel: str, *, limit: int | None = None) -> Stream[Notification]:
        """The messages of any channel. `limit`: how many may wait to be read."""
        return stream_of(self, channel, limit or self.settings.queue_max)

    def reports(self, from_user_seq: int | None = None, *, limit: int | None = None) -> Reports:
        """What happens to the account, from a number on (1: all that ever has), or from now."""
        return Reports(self, limit or self.settings.queue_max, from_user_seq)

    def book(self, instrument_name: str, pace: str = "raw") -> LiveBook:
        """A book that follows the venue's."""
        return LiveBook(self, instrument_name, pace)

    async def open_feed(self, feed: Feed) -> None:
        """Subscribes a feed and keeps it subscribed. `async with` does it."""
        if self._ended is not None:
            raise ClientClosed(str(self._ended)) from self._ended
        self._feeds.setdefault(feed.channel, []).append(feed)
        try:
            connection = await self._connected("subscribe", self.settings.call_timeout)
            await self._subscribe(connection, [feed.channel])
            await self._resume(feed)
        except ConnectionLost:
            # The next connection subscribes it.
            return
        except BaseException:
            self._forget(feed)
            raise

    async def close_feed(self, feed: Feed) -> None:
        """Unsubscribes a feed when it was the last of its channel."""
        self._forget(feed)
        connection = self._connection
        if feed.channel in self._feeds or connection is None or not self._ready.is_set():
            return
        try:
            await connection.call(
                f"{_side(feed.channel)}/unsubscribe",
                {"channels": [feed.channel]},
                self.settings.call_timeout,
            )
        except TenorError:
            # Messages of a channel without a feed are dropped.
            return

    def repair(self, feed: Feed) -> None:
        """Lets a feed ask for what it has missed, beside everything else."""
        task = asyncio.create_task(self._resume(feed), name=f"tenor: repair {feed.channel}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume(self, feed: Feed) -> None:
        try:
            async with feed.repairing:
                await feed.resume()
        except (ConnectionLost, CallTimeout, ConnectFailed, ClientClosed):
            # The next connection resumes it.
            if self.is_connected and self._connection is not None and self._connection.is_open:
                feed.end(Unexpected(f"{feed.channel}: missed messages could not be asked for"))
        except (KeyError, TypeError, ValueError) as error:
            feed.end(Unexpected(f"{feed.channel}: {error!r}"))
        except TenorError as error:
            feed.end(error)

    async def _subscribe_again(self, connection: Connection) -> None:
        """Every channel of the last connection; one that the venue does not have any more ends by itself."""
        try:
            await self._subscribe(connection, list(self._feeds))
        except Refused:
            for channel in list(self._feeds):
                try:
                    await self._subscribe(connection, [channel])
                except Refused as refusal:
                    for feed in self._feeds.pop(channel):
                        feed.end(refusal)

    async def _subscribe(self, connection: Connection, channels: list[str]) -> None:
        for side in ("public", "private"):
            of_side = [channel for channel in channels if _side(channel) == side]
            for at in range(0, len(of_side), _CHANNELS_A_REQUEST):
                asked = of_side[at : at + _CHANNELS_A_REQUEST]
                granted = await connection.call(
                    f"{side}/subscribe", {"channels": asked}, self.settings.call_timeout
                )
                missing = set(asked) - set(granted)
                if missing:
                    raise Unexpected(f"not subscribed to {', '.join(sorted(missing))}")

    def _told(self, message: Notification) -> None:
        for feed in list(self._feeds.get(message.channel, ())):
            try:
                feed.take(message)
            except (KeyError, TypeError, ValueError) as error:
                feed.end(Unexpected(f"{feed.channel}: {error!r}"))
            except TenorError as error:
                feed.end(error)

    def _forget(self, feed: Feed) -> None:
        feeds = self._feeds.get(feed.channel, [])
        if feed in feeds:
            feeds.remove(feed)
        if not feeds:
            self._feeds.pop(feed.channel, None)

    def _all_feeds(self) -> Iterable[Feed]:
        return [feed for feeds in self._feeds.values() for feed in feeds]


def connect(
    url: str,
    login: Login | None = None,
    *,
    cancel_on_disconnect: bool = False,
    settings: Settings | None = None,
) -> Client:
    """A client of the venue at `url`, as `ws://127.0.0.1:9377/ws/api/v2`; without a login only for public methods.

    With `cancel_on_disconnect` the venue cancels the orders of a connection when it ends, however it ends.
    """
    settings = settings or Settings()
    return Client(url, login, settings, cancel_on_disconnect=cancel_on_disconnect)


def is_question(method: str) -> bool:
    """It changes nothing, so that it can be asked again."""
    scope, _, name = method.partition("/")
    if scope == "public":
        return name not in ("auth", "unsubscribe", "unsubscribe_all")
    return name.startswith(("get_", "simulate_", "verify_")) or name in ("replay", "subscribe")


def _side(channel: str) -> str:
    return "private" if channel.startswith(("user.", "verifier.")) else "public"
