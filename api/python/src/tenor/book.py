"""One order book, kept from the messages of its channel.

What always holds: every change that was applied followed the one before it (`prev_change_id`), and where the venue sends a
checksum it was this book's. What does not fit is `BookGap`, and the book is then empty: a book that may be wrong is never shown.
A book whose series collects orders for an auction may be crossed.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from .errors import BookGap, Unexpected

#: Levels a side that the checksum covers.
CHECKSUM_DEPTH = 25
#: Levels a side that a book may have: more than the venue has ticks within a band.
LEVELS_MAX = 100_000


class Level(NamedTuple):
    """A price and what is offered at it."""

    price: Decimal
    amount: Decimal


class _Side:
    """Levels by price, best first. Bids are kept under negated prices, so that both sides ascend."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._amounts: dict[Decimal, Decimal] = {}
        self._order: list[Decimal] = []

    def set(self, price: Decimal, amount: Decimal) -> None:
        key = price * self._sign
        if key not in self._amounts:
            if LEVELS_MAX <= len(self._order):
                raise BookGap(f"more than {LEVELS_MAX} levels on one side")
            insort(self._order, key)
        self._amounts[key] = amount

    def delete(self, price: Decimal) -> None:
        key = price * self._sign
        if self._amounts.pop(key, None) is not None:
            del self._order[bisect_left(self._order, key)]

    def clear(self) -> None:
        self._amounts.clear()
        self._order.clear()

    def levels(self, depth: int | None) -> list[Level]:
        return [Level(key * self._sign, self._amounts[key]) for key in self._order[:depth]]


class OrderBook:
    """The levels of one series."""

    def __init__(self, instrument_name: str) -> None:
        self.instrument_name = instrument_name
        #: The place in the journal that the book is of; `None` while there is no book.
        self.change_id: int | None = None
        #: When the venue made the newest message.
        self.timestamp = 0
        self._bids = _Side(-1)
        self._asks = _Side(1)

    def bids(self, depth: int | None = None) -> list[Level]:
        """The best bids, highest first."""
        return self._bids.levels(depth)

    def asks(self, depth: int | None = None) -> list[Level]:
        """The best asks, lowest first."""
        return self._asks.levels(depth)

    @property
    def best_bid(self) -> Level | None:
        """The highest bid."""
        return next(iter(self.bids(1)), None)

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask."""
        return next(iter(self.asks(1)), None)

    def clear(self) -> None:
        """Forgets everything; the next message must be a snapshot."""
        self.change_id = None
        self._bids.clear()
        self._asks.clear()

    def apply(self, message: Mapping[str, Any]) -> None:
        """Takes one message of the channel. Raises `BookGap` when it does not follow, and the book is empty then."""
        try:
            self._apply(message)
            self._check(message.get("checksum"))
        except (KeyError, ValueError, TypeError) as error:
            self.clear()
            raise Unexpected(f"{self.instrument_name}: not a book message: {error}") from error
        except BookGap:
            self.clear()
            raise

    def _apply(self, message: Mapping[str, Any]) -> None:
        kind, change_id = message["type"], message["change_id"]
        if kind == "snapshot":
            self.clear()
        elif self.change_id is None or message["prev_change_id"] != self.change_id:
            raise BookGap(
                f"{self.instrument_name}: a change after {message['prev_change_id']} "
                f"does not follow {self.change_id}"
            )
        for side, rows in ((self._bids, message["bids"]), (self._asks, message["asks"])):
            for what, price, amount in rows:
                if what == "delete":
                    side.delete(Decimal(price))
                else:
                    side.set(Decimal(price), Decimal(amount))
        self.change_id = change_id
        self.timestamp = message["timestamp"]

    def _check(self, checksum: int | None) -> None:
        if checksum is not None and checksum != self.checksum():
            raise BookGap(
                f"{self.instrument_name}: checksum {self.checksum()}, the venue's is {checksum}"
            )

    def checksum(self) -> int:
        """CRC-32 of the best 25 levels: bid price, bid amount, ask price, ask amount, level by level, joined by colons."""
        bids, asks = self.bids(CHECKSUM_DEPTH), self.asks(CHECKSUM_DEPTH)
        words: list[str] = []
        for at in range(max(len(bids), len(asks))):
            for side in (bids, asks):
                if at < len(side):
                    words += [_digits(side[at].price), _digits(side[at].amount)]
        return zlib.crc32(":".join(words).encode())


def _digits(number: Decimal) -> str:
    """A number as the venue writes it: no exponent, no zeros at the end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
