"""Every way in which something can fail. Each is a `TenorError`, so one `except` catches what this package raises.

`Refused` is the venue's word and nothing has happened (but see `VenueFailed`). After `ConnectionLost` or `CallTimeout` what was asked
may have happened or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class TenorError(Exception):
    """What this package raises."""


class ConnectFailed(TenorError):
    """The venue cannot be reached."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"cannot connect to {url}: {reason}")
        self.url = url
        self.reason = reason


class ConnectionLost(TenorError):
    """The connection has ended before the reply. What was asked may have happened."""

    def __init__(self, reason: str, method: str = "") -> None:
        of = f" before the reply to {method}" if method else ""
        super().__init__(f"the connection has ended{of}: {reason}")
        self.reason = reason
        self.method = method


class CallTimeout(TenorError):
    """No reply came in time. What was asked may have happened."""

    def __init__(self, method: str, seconds: float) -> None:
        super().__init__(f"no reply to {method} within {seconds:g} s")
        self.method = method
        self.seconds = seconds


class ClientClosed(TenorError):
    """The client was closed, or has given up; the cause says why."""


class SlowReader(TenorError):
    """Messages came faster than they were read. The stream has ended; what was missed can be asked for."""

    def __init__(self, channel: str, limit: int) -> None:
        super().__init__(
            f"{channel}: {limit} messages wait to be read, which is the limit; "
            "read faster, or ask for a larger limit"
        )
        self.channel = channel
        self.limit = limit


class MissedMessages(TenorError):
    """The venue does not have any more what was sent while the connection was down. The stream goes on after it."""

    def __init__(self, channel: str, first: int, last: int | None) -> None:
        until = f"to {last}" if last is not None else "on, up to a restart of the venue's numbering"
        super().__init__(f"{channel}: messages from {first} {until} are lost")
        self.channel = channel
        #: The numbers that are missing; `last` is unknown when the numbering began anew.
        self.first = first
        self.last = last


class FateUnknown(TenorError):
    """An order was sent, no answer came for as long as was allowed. Ask again by its client order id, or send it again."""

    def __init__(self, client_order_id: str, seconds: float) -> None:
        super().__init__(f"no answer about {client_order_id} within {seconds:g} s")
        self.client_order_id = client_order_id


class BookGap(TenorError):
    """A change does not follow the one before it: the book is not the venue's any more."""


class Unexpected(TenorError):
    """The venue said something that this package does not understand."""


class Refused(TenorError):
    """The venue has refused. Nothing has happened."""

    def __init__(self, method: str, code: int, message: str, data: Mapping[str, Any]) -> None:
        self.method = method
        #: Deribit's code, and its name.
        self.code = code
        self.message = message
        self.data = data
        #: A sentence for people.
        self.reason: str = str(data.get("reason", ""))
        #: The field that is wrong, what it may be at most, and the rule of the rule book.
        self.param: str | None = data.get("param")
        self.limit: Decimal | int | str | None = data.get("limit")
        self.rule: str | None = data.get("rule")
        retry_after = data.get("retry_after")
        #: Seconds after which to ask again, when the venue says so.
        self.retry_after: float | None = (
            float(retry_after) / 1000 if isinstance(retry_after, (int, Decimal)) else None
        )
        about = f"{self.param}: " if self.param else ""
        limit = f" (limit {self.limit})" if self.limit is not None else ""
        super().__init__(f"{method}: {message} ({code}): {about}{self.reason}{limit}")


class InvalidParams(Refused):
    """A field is missing, unknown, of the wrong kind, or out of range: `param` says which."""


class InvalidOrder(Refused):
    """The price, the amount or the kind of the order is not allowed: `param` and `limit` say why."""


class NotEnoughFunds(Refused):
    """The account cannot fund it."""


class OrderNotFound(Refused):
    """No such order of this account, or not open any more."""


class InstrumentNotFound(Refused):
    """No such series."""


class NotAllowed(Refused):
    """Not logged in, or not with this right."""


class LoginFailed(Refused):
    """Client id, secret, signature, timestamp or nonce is not right."""


class TooManyRequests(Refused):
    """A limit is reached: `retry_after` says for how long."""


class Busy(Refused):
    """The exchange has too much to do; nothing was done, ask again."""


class VenueFailed(Refused):
    """The venue made a mistake and says so. Unlike after any other refusal, it may have happened."""


class TooLate(Refused):
    """The request came after its `valid_until`, and was not executed."""


_CLASSES: dict[int, type[Refused]] = {
    -32602: InvalidParams,
    10002: InvalidOrder,
    10004: OrderNotFound,
    10005: InvalidOrder,
    10007: InvalidOrder,
    10009: NotEnoughFunds,
    10012: InvalidOrder,
    10013: InvalidOrder,
    10018: InvalidOrder,
    10020: InstrumentNotFound,
    10021: InvalidOrder,
    10023: InvalidOrder,
    10027: InvalidOrder,
    10028: TooManyRequests,
    10043: InvalidOrder,
    10047: Busy,
    11054: InvalidOrder,
    11094: VenueFailed,
    13004: LoginFailed,
    13009: NotAllowed,
    13021: NotAllowed,
    13888: TooLate,
}


def refused(method: str, error: Mapping[str, Any]) -> Refused:
    """The error of a reply as an exception of the class that its code has."""
    code = error.get("code")
    data = error.get("data")
    if not isinstance(code, int):
        code = 0
    kind = _CLASSES.get(code, Refused)
    about = data if isinstance(data, Mapping) else {}
    return kind(method, code, str(error.get("message", "")), about)
