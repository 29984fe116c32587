"""One WebSocket: requests and their replies, and what the venue says of itself. It ends once, and everything that waits ends with it.

A reply belongs to exactly the call that asked, whatever the order in which replies come. Nothing here waits for a reader, so
a slow one never holds up a reply.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from .errors import CallTimeout, ConnectFailed, ConnectionLost, Unexpected, refused
from .exact import dumps, loads
from .objects import Credits

#: The largest message that is taken; a snapshot of a full book is below a megabyte.
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
#: Requests under way at once; the venue reads no more of a session either.
CALLS_MAX = 64


@dataclass(frozen=True, slots=True)
class Notification:
    """A message of a channel, with its place in it. Both numbers are absent where the venue does not count the channel."""

    channel: str
    data: Any
    seq: int | None = None
    user_seq: int | None = None
    #: The venue has left messages out from this one on, and `data` makes up for them.
    missed_from: int | None = None
    #: When the numbering of the channel began, in the messages that begin a channel.
    epoch: int | None = None


class Connection:
    """A session with the venue. Made by `Connection.open`."""

    def __init__(self, socket: ClientConnection, told: Callable[[Notification], None]) -> None:
        self._socket = socket
        self._told = told
        self._calls: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._room = asyncio.Semaphore(CALLS_MAX)
        self._next_id = 1
        self._reason: str | None = None
        #: By class of request, from the newest replies.
        self.credits: dict[str, Credits] = {}
        self._reading = asyncio.create_task(self._read(), name="tenor: read")

    @classmethod
    async def open(
        cls, url: str, told: Callable[[Notification], None], timeout: float
    ) -> Connection:
        """Connects. `told` is called with every notification, at once and in order."""
        try:
            socket = await connect(
                url,
                open_timeout=timeout,
                close_timeout=2,
                max_size=MESSAGE_BYTES_MAX,
                ping_interval=20,
                ping_timeout=20,
                compression=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ConnectFailed(url, str(error) or type(error).__name__) from error
        return cls(socket, told)

    @property
    def is_open(self) -> bool:
        """Requests can be sent."""
        return self._reason is None

    async def ended(self) -> str:
        """Waits for the end, and says why."""
        await asyncio.wait([self._reading])
        return self._reason or "closed"

    async def close(self) -> None:
        """Ends it politely."""
        self._end("closed here")
        await self._socket.close()
        await asyncio.wait([self._reading])

    async def call(self, method: str, params: Mapping[str, Any], timeout: float) -> Any:
        """Asks, and waits for the reply. After `CallTimeout` and `ConnectionLost` it may have been done."""
        try:
            async with asyncio.timeout(timeout), self._room:
                reply = await self._ask(method, params)
        except TimeoutError:
            raise CallTimeout(method, timeout) from None
        self._note_credits(reply.get("credits"))
        error = reply.get("error")
        if error is not None:
            raise refused(method, error)
        if "result" not in reply:
            raise Unexpected(f"{method}: a reply without a result")
        return reply["result"]

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._reason is not None:
            raise ConnectionLost(self._reason, method)
        number, self._next_id = self._next_id, self._next_id + 1
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)}
        text = dumps(request)
        reply: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._calls[number] = reply
        try:
            await self._socket.send(text)
            return await reply
        except ConnectionClosed as error:
            raise ConnectionLost(str(error), method) from error
        except ConnectionLost as error:
            raise ConnectionLost(error.reason, method) from error
        finally:
            self._calls.pop(number, None)

    async def _read(self) -> None:
        reason = "the venue has closed it"
        try:
            async for frame in self._socket:
                self._take(loads(frame))
        except ConnectionClosed as error:
            reason = str(error)
        except (ValueError, RecursionError, Unexpected) as error:
            reason = f"not understood: {error}"
        finally:
            closed = self._socket.protocol.close_code
            self._end(f"{reason}, code {closed}" if closed else reason)

    def _take(self, message: Any) -> None:
        if not isinstance(message, Mapping):
            raise Unexpected(f"a frame that is no object: {str(message)[:200]}")
        if message.get("method") == "subscription":
            self._told(_notification(message.get("params")))
            return
        waiting = self._calls.get(message.get("id", 0))
        # A reply to a call that has timed out belongs to nobody any more; a heartbeat never did.
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _note_credits(self, told: Any) -> None:
        if isinstance(told, Mapping):
            # What a reply says beside its result must not cost the result.
            with contextlib.suppress(Unexpected):
                left = Credits.read(told)
                self.credits[left.kind] = left

    def _end(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(ConnectionLost(self._reason))


def _notification(params: Any) -> Notification:
    if not isinstance(params, Mapping) or not isinstance(params.get("channel"), str):
        raise Unexpected(f"a notification without a channel: {str(params)[:200]}")
    return Notification(
        params["channel"],
        params.get("data"),
        params.get("seq"),
        params.get("user_seq"),
        params.get("missed_from"),
        params.get("epoch"),
    )
