"""Orders by one's own word for them, so that they can be sent again without being placed again.

Every order has a `client_order_id`, made here unless given. When the connection ends before the answer, the same order is sent
over the next one: the venue places it if it has not, or answers with what became of it, as a `duplicate`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from .errors import (
    Busy,
    CallTimeout,
    ConnectFailed,
    ConnectionLost,
    FateUnknown,
    OrderNotFound,
    TooManyRequests,
    VenueFailed,
)
from .exact import Number, decimal
from .objects import Order, Placed
from .requests import Calls
from .settings import Settings


class Trading(Calls):
    """What changes orders."""

    settings: Settings

    async def buy(self, instrument_name: str, amount: Number, price: Number, **more: Any) -> Placed:
        """Places a limit order to buy; `more` as in `place`."""
        return await self.place("buy", instrument_name, amount, price, **more)

    async def sell(
        self, instrument_name: str, amount: Number, price: Number, **more: Any
    ) -> Placed:
        """Places a limit order to sell; `more` as in `place`."""
        return await self.place("sell", instrument_name, amount, price, **more)

    async def place(
        self,
        direction: str,
        instrument_name: str,
        amount: Number,
        price: Number | None = None,
        *,
        client_order_id: str | None = None,
        patience: float | None = None,
        **more: Any,
    ) -> Placed:
        """Places an order and waits until it is durable, over cuts if it must.

        `more` are the other fields of `private/buy`: `type`, `time_in_force`, `post_only`, `reduce_only`, `valid_until`, `label` ..
        Without a price give `type="market"`. `FateUnknown` when no answer came within `patience` seconds: call again with the same
        `client_order_id`, or ask `order_by_client_id`.
        """
        if direction not in ("buy", "sell"):
            raise ValueError(f"direction is buy or sell, not {direction!r}")
        name = client_order_id or new_client_order_id()
        asked = {
            "instrument_name": instrument_name,
            "amount": decimal(amount, "amount"),
            "client_order_id": name,
            **_exact(more),
        }
        if price is not None:
            asked["price"] = decimal(price, "price")
        return Placed.read(await self._until_known(f"private/{direction}", asked, name, patience))

    async def edit(
        self,
        order_id: str,
        *,
        amount: Number,
        price: Number | None = None,
        patience: float | None = None,
        **more: Any,
    ) -> Placed:
        """Changes an open order to a total amount and a price, which can be said twice."""
        asked = {"order_id": order_id, "amount": decimal(amount, "amount"), **_exact(more)}
        if price is not None:
            asked["price"] = decimal(price, "price")
        return Placed.read(await self._until_known("private/edit", asked, order_id, patience))

    async def cancel(self, order_id: str, *, patience: float | None = None) -> Order:
        """Cancels an open order. `OrderNotFound` when it had ended before."""
        asked = {"order_id": order_id}
        return Order.read(await self._until_known("private/cancel", asked, order_id, patience))

    async def cancel_by_client_id(
        self, client_order_id: str, *, patience: float | None = None
    ) -> Order:
        """Cancels the order of that client order id if it is open, and says how it ended."""
        order = await self.order_by_client_id(client_order_id)
        if not order.is_open:
            return order
        try:
            return await self.cancel(order.order_id, patience=patience)
        except OrderNotFound:
            return await self.order_by_client_id(client_order_id)

    async def cancel_all(self, instrument_name: str | None = None) -> int:
        """Cancels every open order, or those of one series; says how many there were."""
        method, asked = "private/cancel_all", {}
        if instrument_name is not None:
            method, asked = f"{method}_by_instrument", {"instrument_name": instrument_name}
        count: int = await self._until_known(method, asked, method, None)
        return count

    async def order_by_client_id(self, client_order_id: str) -> Order:
        """The order that was placed under that client order id; `OrderNotFound` when none was."""
        asked = {"client_order_id": client_order_id}
        method = "private/get_order_state_by_client_order_id"
        return Order.read(await self.call(method, asked))

    async def cancel_all_after(self, seconds: float) -> Mapping[str, Any]:
        """The dead man's timer: unless it is set again within so many seconds, everything is cancelled. 0 switches it off."""
        asked = {"timeout": int(seconds * 1000)}
        method = "private/cancel_all_after"
        told: Mapping[str, Any] = await self._until_known(method, asked, method, None)
        return told

    async def _until_known(
        self, method: str, asked: Mapping[str, Any], name: str, patience: float | None
    ) -> Any:
        """Sends what can be sent twice until there is an answer."""
        clock = asyncio.get_running_loop().time
        allowed = self.settings.order_patience if patience is None else patience
        end, was_sent = clock() + allowed, False
        while True:
            pause = 0.0
            try:
                return await self.call(
                    method, asked, timeout=min(self.settings.call_timeout, end - clock())
                )
            except (ConnectionLost, CallTimeout, VenueFailed) as error:
                was_sent = True
                pause = 0.05 if isinstance(error, VenueFailed) else 0
                if end <= clock() + pause:
                    raise FateUnknown(name, allowed) from error
            except ConnectFailed as error:
                if end <= clock():
                    if was_sent:
                        raise FateUnknown(name, allowed) from error
                    raise
            except (TooManyRequests, Busy) as refusal:
                pause = refusal.retry_after or 0.05
                if end <= clock() + pause:
                    if was_sent:
                        raise FateUnknown(name, allowed) from refusal
                    raise
            await asyncio.sleep(pause)


def new_client_order_id() -> str:
    """Unique for all purposes: 128 random bits."""
    return secrets.token_hex(16)


def _exact(more: Mapping[str, Any]) -> dict[str, Any]:
    """A float is refused here, by its name, and not when the request is written."""
    for field, value in more.items():
        if isinstance(value, float):
            decimal(value, field)  # type: ignore[arg-type]
    return dict(more)
