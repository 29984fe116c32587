"""The book alone."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import pytest

from tenor import BookGap, Level, OrderBook, Unexpected

D = Decimal


def message(change_id: int, prev: int | None, bids: list[Any], asks: list[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"change_id": change_id, "timestamp": 1, "bids": bids, "asks": asks}
    kind = {"type": "snapshot"} if prev is None else {"type": "change", "prev_change_id": prev}
    return told | kind


def book() -> OrderBook:
    made = OrderBook("X")
    bids = [["new", D("2.01"), 3], ["new", D("2.1"), 1]]
    made.apply(message(5, None, bids, [["new", D("2.2"), 4], ["new", D("2.15"), 2]]))
    return made


def test_levels_are_best_first() -> None:
    made = book()
    assert made.bids() == [Level(D("2.1"), D(1)), Level(D("2.01"), D(3))]
    assert made.asks(1) == [Level(D("2.15"), D(2))]
    made.apply(message(6, 5, [["delete", D("2.1"), 0], ["change", D("2.01"), 7]], []))
    assert made.best_bid == Level(D("2.01"), D(7))
    made.apply(message(9, 6, [], [["new", D("2.149"), 1]]))
    assert made.best_ask == Level(D("2.149"), D(1))
    assert made.change_id == 9


def test_python_005_a_change_that_does_not_follow_empties_the_book() -> None:
    made = book()
    with pytest.raises(BookGap, match="a change after 7 does not follow 5"):
        made.apply(message(8, 7, [], []))
    assert made.change_id is None
    assert made.bids() == []
    assert made.asks() == []
    with pytest.raises(BookGap):
        made.apply(message(9, 8, [], []))
    made.apply(message(9, None, [["new", D(2), 1]], []))
    assert made.best_bid == Level(D(2), D(1))
    with pytest.raises(Unexpected, match="not a book message"):
        made.apply({"type": "change", "change_id": 10, "prev_change_id": 9})
    assert made.change_id is None


def test_python_005_the_checksum_is_of_the_best_25_levels_in_turn() -> None:
    made = book()
    text = b"2.1:1:2.15:2:2.01:3:2.2:4"
    assert made.checksum() == zlib.crc32(text)
    right = message(6, 5, [["delete", D("2.01"), 0]], [])
    made.apply(right | {"checksum": zlib.crc32(b"2.1:1:2.15:2:2.2:4")})
    with pytest.raises(BookGap, match="checksum"):
        made.apply(message(7, 6, [["new", D("1.9"), 1]], []) | {"checksum": 1})
    assert made.change_id is None
    many = [["new", D(at) / 1000, 1] for at in range(1000, 1100)]
    made.apply(message(8, None, many, []))
    best = ":".join(f"{D(at) / 1000:f}:1" for at in range(1099, 1074, -1))
    assert made.checksum() == zlib.crc32(best.encode())
    # 1.0750 and 1.075 are one number.
    made.apply(message(9, 8, [["change", D("1.0990"), D("1.0")]], []))
    assert made.checksum() == zlib.crc32(best.encode())
