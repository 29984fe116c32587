"""A venue that does what a real one does not, or not when asked to: loses messages, forgets them, counts anew, sends nonsense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve

from tenor.exact import dumps, loads

Answer = Callable[[Mapping[str, Any]], Any]


class No(Exception):
    """A refusal."""

    def __init__(self, code: int, message: str, **data: Any) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


class OddVenue:
    """Answers by a table of methods; everything else is written to its sessions as the test says."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers: dict[str, Answer] = {
            "public/subscribe": lambda params: params["channels"],
            "public/unsubscribe": lambda params: params["channels"],
            "public/get_time": lambda _: 1,
            **answers,
        }
        #: Every request, in order.
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.sessions: list[ServerConnection] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def tell(self, channel: str, data: Any, **place: Any) -> None:
        """A message of a channel to the newest session."""
        params = {"channel": channel, "data": data, **place}
        await self.write(dumps({"method": "subscription", "params": params}))

    async def write(self, frame: str) -> None:
        """Anything at all."""
        await self.sessions[-1].send(frame)

    async def hang_up(self) -> None:
        """Ends the newest session."""
        await self.sessions[-1].close()

    async def _serve(self, session: ServerConnection) -> None:
        self.sessions.append(session)
        async for frame in session:
            request = loads(frame)
            method, params = request["method"], request["params"]
            self.asked.append((method, params))
            reply: dict[str, Any] = {"id": request["id"]}
            try:
                reply["result"] = self.answers[method](params)
            except No as refusal:
                reply["error"] = refusal.error
            remaining = 100 - len(self.asked)
            reply["credits"] = {"class": "query", "remaining": remaining, "limit": 100}
            await session.send(dumps(reply))
