"""Questions to the venue, typed. What is not here is `client.call("private/...", {...})`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from .exact import Number, decimal
from .objects import (
    AccountSummary,
    Candle,
    IndexPrice,
    Instrument,
    Margins,
    Obligation,
    Order,
    Position,
    Receipt,
    Report,
    Settlement,
    Ticker,
    Trade,
    UserSettlement,
    UserTrade,
)

#: Rows of one page; the venue gives no more.
PAGE = 1000


class Calls(Protocol):
    """Something that can ask the venue."""

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Calls a method by its name."""


class Requests(Calls):
    """What can be asked. Methods that walk through history are async generators, page by page."""

    # The market.

    async def time(self) -> int:
        """The venue's clock, milliseconds since 1970."""
        now: int = await self.call("public/get_time")
        return now

    async def instruments(
        self, kind: str | None = None, *, expired: bool = False
    ) -> list[Instrument]:
        """Every series that trades, or every one that has expired. `kind`: `future`, `option`."""
        asked = {"currency": "USDC", "kind": kind, "expired": expired}
        return [Instrument.read(it) for it in await self.call("public/get_instruments", asked)]

    async def instrument(self, instrument_name: str) -> Instrument:
        """One series."""
        asked = {"instrument_name": instrument_name}
        return Instrument.read(await self.call("public/get_instrument", asked))

    async def ticker(self, instrument_name: str) -> Ticker:
        """One series at a glance."""
        return Ticker.read(await self.call("public/ticker", {"instrument_name": instrument_name}))

    async def index_price(self, index_name: str) -> IndexPrice:
        """An index, as `h100_usd`; refused while it is withheld."""
        asked = {"index_name": index_name}
        return IndexPrice.read(await self.call("public/get_index_price", asked))

    async def trades(
        self, instrument_name: str, start: int | None = None, end: int | None = None
    ) -> AsyncIterator[Trade]:
        """Every trade of a series between two times, oldest first."""
        seq = 1
        while True:
            page = await self.call(
                "public/get_last_trades_by_instrument",
                {
                    "instrument_name": instrument_name,
                    "start_seq": seq,
                    "count": PAGE,
                    "sorting": "asc",
                },
            )
            for row in page["trades"]:
                trade = Trade.read(row)
                seq = trade.trade_seq + 1
                if end is not None and end < trade.timestamp:
                    return
                if start is None or start <= trade.timestamp:
                    yield trade
            if not page["trades"] or not page["has_more"]:
                return

    async def candles(
        self, instrument_name: str, start: int, end: int, resolution: str = "60"
    ) -> list[Candle]:
        """What traded, in stretches of `resolution` minutes (or `1D`); the last 5000 of them."""
        told = await self.call(
            "public/get_tradingview_chart_data",
            {
                "instrument_name": instrument_name,
                "start_timestamp": start,
                "end_timestamp": end,
                "resolution": resolution,
            },
        )
        names = ("ticks", "open", "high", "low", "close", "volume", "cost")
        columns: Sequence[Sequence[Any]] = [told[name] for name in names]
        return [
            Candle(at, *(Decimal(value) for value in values))
            for at, *values in zip(*columns, strict=True)
        ]

    async def settlements(self, instrument_name: str) -> AsyncIterator[Settlement]:
        """At which prices a series was settled, newest first."""
        rows = self._pages(
            "public/get_last_settlements_by_instrument",
            {"instrument_name": instrument_name, "count": PAGE},
            "settlements",
        )
        async for row in rows:
            yield Settlement.read(row)

    # The account.

    async def account(self) -> AccountSummary:
        """Balance, margin and what is available."""
        asked = {"currency": "USDC"}
        return AccountSummary.read(await self.call("private/get_account_summary", asked))

    async def positions(self) -> list[Position]:
        """Positions, by series."""
        return [Position.read(it) for it in await self.call("private/get_positions")]

    async def position(self, instrument_name: str) -> Position:
        """One position, zero when flat."""
        asked = {"instrument_name": instrument_name}
        return Position.read(await self.call("private/get_position", asked))

    async def margins(self, instrument_name: str, amount: Number, price: Number) -> Margins:
        """What an order would hold by itself."""
        asked = {
            "instrument_name": instrument_name,
            "amount": decimal(amount, "amount"),
            "price": decimal(price, "price"),
        }
        return Margins.read(await self.call("private/get_margins", asked))

    async def open_orders(self, instrument_name: str | None = None) -> list[Order]:
        """Open orders, oldest first."""
        method, asked = "private/get_open_orders", {}
        if instrument_name is not None:
            method, asked = f"{method}_by_instrument", {"instrument_name": instrument_name}
        return [Order.read(it) for it in await self.call(method, asked)]

    async def order_state(self, order_id: str) -> Order:
        """One order, open or ended."""
        asked = {"order_id": order_id}
        return Order.read(await self.call("private/get_order_state", asked))

    async def order_trades(self, order_id: str) -> list[UserTrade]:
        """The trades of one order."""
        told = await self.call("private/get_user_trades_by_order", {"order_id": order_id})
        rows = told["trades"] if isinstance(told, Mapping) else told
        return [UserTrade.read(it) for it in rows]

    async def user_trades(self, instrument_name: str, start: int = 0) -> AsyncIterator[UserTrade]:
        """One's own trades of a series from a time on, oldest first."""
        seen: set[str] = set()
        while True:
            page = await self.call(
                "private/get_user_trades_by_instrument",
                {
                    "instrument_name": instrument_name,
                    "start_timestamp": start,
                    "count": PAGE,
                    "sorting": "asc",
                },
            )
            fresh = [it for it in map(UserTrade.read, page["trades"]) if it.trade_id not in seen]
            for trade in fresh:
                yield trade
            if not fresh or not page["has_more"]:
                return
            # Trades of one millisecond may lie on both sides of a page's end.
            start = fresh[-1].timestamp
            seen = {it.trade_id for it in fresh if it.timestamp == start}

    async def past_reports(self, from_user_seq: int = 1) -> AsyncIterator[Report]:
        """What has happened to the account so far, from a number on."""
        while True:
            page = await self.call(
                "private/replay", {"from_user_seq": from_user_seq, "count": PAGE}
            )
            for row in page["reports"]:
                report = Report.read(row)
                from_user_seq = report.user_seq + 1
                yield report
            if not page["reports"] or page["last_user_seq"] < from_user_seq:
                return

    async def user_settlements(self, instrument_name: str) -> AsyncIterator[UserSettlement]:
        """What settlements of a series did to the account, newest first."""
        rows = self._pages(
            "private/get_settlement_history_by_instrument",
            {"instrument_name": instrument_name, "count": PAGE},
            "settlements",
        )
        async for row in rows:
            yield UserSettlement.read(row)

    async def transactions(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every movement of the account's money, newest first."""
        rows = self._pages("private/get_transaction_log", {"count": PAGE}, "logs")
        async for row in rows:
            yield row

    async def obligations(self) -> list[Obligation]:
        """GPUs that the account owes or is owed."""
        return [Obligation.read(it) for it in await self.call("private/get_obligations")]

    async def receipts(self, obligation_id: int) -> list[Receipt]:
        """The newest receipts of an obligation, newest first."""
        asked = {"obligation_id": obligation_id}
        return [Receipt.read(it) for it in await self.call("private/get_receipts", asked)]

    async def _pages(
        self, method: str, asked: Mapping[str, Any], rows: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        continuation: Any = None
        while True:
            page = await self.call(method, {**asked, "continuation": continuation})
            for row in page[rows]:
                yield row
            continuation = page["continuation"]
            if continuation is None:
                return
