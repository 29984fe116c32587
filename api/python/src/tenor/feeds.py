"""Channels that outlive connections: each feed knows the last message it gave, and asks for those that it missed.

Two kinds of channel. In one every message counts (trades, one's own orders): they are numbered without gaps, and what was sent while
the connection was down is asked for. In the other only the newest state counts (tickers, quotes): after a cut it begins with that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from .connection import Notification
from .errors import MissedMessages, Refused, SlowReader, TenorError
from .objects import Report

T = TypeVar("T")

#: Messages that one request for missed ones brings at most.
REPLAY_COUNT = 1000
#: Channels in which every message counts.
_EVENTS = (
    "trades.",
    "instrument.state.",
    "user.orders.",
    "user.trades.",
    "user.changes.",
    "user.delivery",
    "user.jobs",
)
_NOT_FOUND = 13020


class Host(Protocol):
    """What a feed needs of the client."""

    async def open_feed(self, feed: Feed) -> None:
        """Subscribes, and keeps it subscribed."""

    async def close_feed(self, feed: Feed) -> None:
        """Unsubscribes when it was the last of its channel."""

    def repair(self, feed: Feed) -> None:
        """Lets the feed ask for what it has missed, beside everything else."""

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Asks the venue."""


class Feed:
    """One reader of one channel."""

    def __init__(self, host: Host, channel: str) -> None:
        self._host = host
        self.channel = channel
        #: One repair at a time.
        self.repairing = asyncio.Lock()

    def take(self, message: Notification) -> None:
        """A message has come. Never waits."""
        raise NotImplementedError

    def lost(self) -> None:
        """The connection has ended; there will be another."""

    async def resume(self) -> None:
        """The channel is subscribed to, again or for the first time."""

    def end(self, error: TenorError | None) -> None:
        """Nothing will come any more."""
        raise NotImplementedError


class Stream(Feed, Generic[T]):
    """The messages of a channel, one by one: `async with` opens it, `async for` reads it."""

    def __init__(self, host: Host, channel: str, limit: int) -> None:
        super().__init__(host, channel)
        self._limit = limit
        self._waiting: deque[T | MissedMessages] = deque()
        self._arrived = asyncio.Event()
        self._error: TenorError | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        await self._host.open_feed(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends it; what waits can still be read."""
        self.end(None)
        await self._host.close_feed(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._is_over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        first = self._waiting.popleft()
        if isinstance(first, MissedMessages):
            raise first
        return first

    async def next(self) -> T:
        """The next message; `StopAsyncIteration` when it is over."""
        return await self.__anext__()

    def __len__(self) -> int:
        """How many messages wait to be read."""
        return len(self._waiting)

    def read(self, message: Notification) -> T:
        """What a reader gets of a message."""
        raise NotImplementedError

    def give(self, message: T | MissedMessages) -> None:
        """Puts it behind what waits; a reader that is too slow loses the stream, and is told."""
        if self._is_over:
            return
        if self._limit <= len(self._waiting):
            self.end(SlowReader(self.channel, self._limit))
            return
        self._waiting.append(message)
        self._arrived.set()

    def end(self, error: TenorError | None) -> None:
        if not self._is_over:
            self._is_over, self._error = True, error
            self._arrived.set()

    def take(self, message: Notification) -> None:
        self.give(self.read(message))


class Numbered(Stream[T]):
    """A stream in which every message counts: in order, each once, also over cuts."""

    def __init__(self, host: Host, channel: str, limit: int) -> None:
        super().__init__(host, channel, limit)
        self._last: int | None = None
        #: What comes while missed messages are being asked for; `None` when nothing is missing.
        self._held: list[Notification] | None = []

    def number(self, message: Notification) -> int | None:
        """The message's place."""
        return message.seq

    async def fetch(self) -> None:
        """Gives, through `accept`, what follows the last message; knows the place of the channel afterwards."""
        raise NotImplementedError

    def accept(self, message: Notification) -> None:
        """Gives a message, unless it was given already."""
        number = self.number(message)
        if number is None or self._last is None or self._last < number:
            self._last = number if number is not None else self._last
            self.give(self.read(message))

    def take(self, message: Notification) -> None:
        number = self.number(message)
        if self._held is not None:
            if self._limit <= len(self._held):
                self.end(SlowReader(self.channel, self._limit))
                return
            self._held.append(message)
        elif number is None or self._last is None or number <= self._last + 1:
            self.accept(message)
        else:
            self._held = [message]
            self._host.repair(self)

    def lost(self) -> None:
        self._held = []

    async def resume(self) -> None:
        if self._held is None:
            return
        await self.fetch()
        held, self._held = self._held, None
        for message in held or []:
            self.accept(message)


class Events(Numbered[Notification]):
    """A channel of events, repaired from the venue's ring of its last messages."""

    def __init__(self, host: Host, channel: str, limit: int) -> None:
        super().__init__(host, channel, limit)
        self._epoch: int | None = None
        side = "private" if channel.startswith("user.") else "public"
        self._method = f"{side}/replay"

    def read(self, message: Notification) -> Notification:
        return message

    async def fetch(self) -> None:
        if self._last is None:
            await self._find_place()
            return
        first = self._last + 1
        while True:
            try:
                reply = await self._replay(first)
            except Refused as refusal:
                if refusal.code != _NOT_FOUND or "first_seq" not in refusal.data:
                    raise
                first = self._jump(refusal.data)
                continue
            if reply["epoch"] != self._epoch:
                first = self._jump(reply)
                continue
            for message in reply["messages"]:
                self.accept(
                    Notification(
                        self.channel, message["data"], message["seq"], message.get("user_seq")
                    )
                )
                first = message["seq"] + 1
            if reply["last_seq"] < first:
                return

    def _jump(self, place: Mapping[str, Any]) -> int:
        """What followed the last message is gone: says so, and goes on with the first that is there."""
        lost_from = 1 if self._last is None else self._last + 1
        first: int = place["first_seq"]
        is_same = place["epoch"] == self._epoch
        self.give(MissedMessages(self.channel, lost_from, first - 1 if is_same else None))
        self._epoch, self._last = place["epoch"], first - 1
        return first

    async def _find_place(self) -> None:
        """Where the channel stands now, so that a cut before its first message loses nothing either."""
        try:
            place = await self._replay(1, 1)
        except Refused as refusal:
            if refusal.code != _NOT_FOUND or "last_seq" not in refusal.data:
                raise
            place = refusal.data
        self._epoch = place["epoch"]
        held = [number for message in self._held or [] if (number := message.seq) is not None]
        self._last = min([place["last_seq"], *(number - 1 for number in held)])

    async def _replay(self, first: int, count: int = REPLAY_COUNT) -> Mapping[str, Any]:
        asked = {"channel": self.channel, "from_seq": first, "count": count}
        reply: Mapping[str, Any] = await self._host.call(self._method, asked)
        return reply


class Newest(Stream[Notification]):
    """A channel in which the newest state counts."""

    def read(self, message: Notification) -> Notification:
        return message


class Reports(Numbered[Report]):
    """Everything that happens to the account, from a `user_seq` on, without gaps for as long as the venue has its journal."""

    def __init__(self, host: Host, limit: int, from_user_seq: int | None) -> None:
        super().__init__(host, "user.reports", limit)
        self._last = None if from_user_seq is None else from_user_seq - 1

    @property
    def last_user_seq(self) -> int:
        """The newest report that was given to this stream: go on from the next."""
        return self._last or 0

    def number(self, message: Notification) -> int | None:
        return message.user_seq

    def read(self, message: Notification) -> Report:
        return Report.read(message.data)

    async def fetch(self) -> None:
        if self._last is None:
            place = await self._replay(1, 1)
            self._last = place["last_user_seq"]
            return
        while True:
            reply = await self._replay(self._last + 1, REPLAY_COUNT)
            for report in reply["reports"]:
                self.accept(Notification(self.channel, report, None, report["user_seq"]))
            if self._is_over or not reply["reports"] or reply["last_user_seq"] <= self._last:
                return

    async def _replay(self, first: int, count: int) -> Mapping[str, Any]:
        asked = {"from_user_seq": first, "count": count}
        reply: Mapping[str, Any] = await self._host.call("private/replay", asked)
        return reply


def stream_of(host: Host, channel: str, limit: int) -> Stream[Notification]:
    """The stream that suits a channel."""
    if channel.startswith(_EVENTS):
        return Events(host, channel, limit)
    return Newest(host, channel, limit)
