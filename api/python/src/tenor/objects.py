"""What the venue speaks of, as values that do not change.

Prices are dollars per GPU-hour, amounts are lots, money is dollars, all of them exact. A time is milliseconds since 1970.
What a message has and a class does not name is in `raw`, so that nothing is lost when the venue says more than this version knows.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Self

from .errors import Unexpected

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What has been read from the wire."""

    raw: Json = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, data: object) -> Self:
        """Reads the fields by their types; one that is missing or of another kind is `Unexpected`, by name."""
        if not isinstance(data, Mapping):
            raise Unexpected(f"{cls.__name__}: not an object: {data!r}")
        found: dict[str, Any] = {"raw": data}
        for name, wire_name, reader, default in _fields(typing.cast("Hashable", cls)):
            value = data.get(wire_name)
            if value is None:
                if default is dataclasses.MISSING:
                    raise Unexpected(f"{cls.__name__}.{name} is missing")
                found[name] = default
                continue
            found[name] = reader(value, f"{cls.__name__}.{name}")
        return cls(**found)


_Reader = Callable[[Any, str], Any]


@cache
def _fields(cls: type[Wire]) -> tuple[tuple[str, str, _Reader, Any], ...]:
    hints = typing.get_type_hints(cls)
    described = []
    for item in dataclasses.fields(cls):
        if item.name == "raw":
            continue
        hint, default = hints[item.name], item.default
        if isinstance(hint, types.UnionType):
            hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
            default = None if default is dataclasses.MISSING else default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        wire_name = item.metadata.get("wire", item.name)
        described.append((item.name, wire_name, _reader(hint), default))
    return tuple(described)


def _reader(hint: Any) -> _Reader:
    if typing.get_origin(hint) is tuple:
        inner = _reader(typing.get_args(hint)[0])
        return lambda value, name: tuple(inner(item, name) for item in _listed(value, name))
    if isinstance(hint, type) and issubclass(hint, Wire):
        return lambda value, name: hint.read(value)
    if hint is Decimal:
        return _number
    if hint in (int, str, bool):
        return lambda value, name: _plain(value, name, hint)
    return lambda value, name: value


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Unexpected(f"{name} is no number: {value!r}")
    return Decimal(value)


def _plain(value: Any, name: str, kind: type) -> Any:
    if type(value) is not kind:
        raise Unexpected(f"{name} is no {kind.__name__}: {value!r}")
    return value


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unexpected(f"{name} is no list: {value!r}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits(Wire):
    """How many requests of a class are left, as the newest reply said."""

    kind: str = field(metadata={"wire": "class"})
    remaining: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument(Wire):
    """One series."""

    instrument_name: str
    kind: str
    base_currency: str
    grade: str
    #: Hours of one GPU in a lot: a lot is worth `price * contract_size` dollars.
    contract_size: Decimal
    tick_size: Decimal
    min_trade_amount: Decimal
    max_trade_amount: Decimal
    taker_commission: Decimal
    maker_commission: Decimal
    settlement_style: str
    #: Deliveries are multiples of so many GPUs.
    node_size: int
    state: str
    creation_timestamp: int
    #: The last trade.
    expiration_timestamp: int
    delivery_start_timestamp: int
    delivery_end_timestamp: int
    strike: Decimal | None = None
    option_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker(Wire):
    """One series at a glance. The book's sides are `None` where nobody quotes."""

    instrument_name: str
    timestamp: int
    state: str
    best_bid_price: Decimal | None
    best_bid_amount: Decimal
    best_ask_price: Decimal | None
    best_ask_amount: Decimal
    #: The venue always has one: what positions are margined at.
    mark_price: Decimal
    last_price: Decimal | None
    index_price: Decimal | None
    open_interest: Decimal
    #: The band: what a sell may ask at least, and a buy pay at most.
    min_price: Decimal
    max_price: Decimal
    settlement_price: Decimal | None = None
    mark_iv: Decimal | None = None
    underlying_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade(Wire):
    """A trade of a series, as everybody sees it. `trade_seq` counts the series' trades without gaps."""

    trade_id: str
    trade_seq: int
    instrument_name: str
    timestamp: int
    direction: str
    price: Decimal
    amount: Decimal
    mark_price: Decimal | None
    index_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTrade(Wire):
    """One's own side of a trade."""

    trade_id: str
    trade_seq: int
    instrument_name: str
    timestamp: int
    direction: str
    price: Decimal
    amount: Decimal
    order_id: str
    #: `M` for the order that rested, `T` for the one that came.
    liquidity: str
    fee: Decimal
    label: str = ""
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Wire):
    """An order as it was when the message was made."""

    order_id: str
    #: `open`, `untriggered`, `filled`, `cancelled`; `rejected` never gets an order.
    order_state: str
    order_type: str
    time_in_force: str
    instrument_name: str
    direction: str
    price: Decimal
    amount: Decimal
    filled_amount: Decimal
    average_price: Decimal
    commission: Decimal
    post_only: bool
    reduce_only: bool
    creation_timestamp: int
    last_update_timestamp: int
    label: str = ""
    client_order_id: str | None = None
    cancel_reason: str | None = None

    @property
    def is_open(self) -> bool:
        """It can still trade, now or after its trigger."""
        return self.order_state in ("open", "untriggered")

    @property
    def open_amount(self) -> Decimal:
        """What can still trade."""
        return self.amount - self.filled_amount if self.is_open else Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Wire):
    """An order and the trades that it has made. `duplicate`: the venue had it already, and nothing was placed now."""

    order: Order
    trades: tuple[UserTrade, ...] = ()
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Wire):
    """What has happened to the account. `user_seq` counts an account's reports without gaps, from 1.

    `kind` is `order` or `trade`; a trade's report has the order as it was right after the trade.
    """

    user_seq: int
    timestamp: int
    kind: str
    order: Order | None = None
    trade: UserTrade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Wire):
    """What an account holds of a series. `size` is negative when short."""

    instrument_name: str
    direction: str
    size: Decimal
    average_price: Decimal
    mark_price: Decimal
    #: Of what is held, since it was last settled; of what was closed since then.
    floating_profit_loss: Decimal
    realized_profit_loss: Decimal
    total_profit_loss: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    delta: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary(Wire):
    """An account's money."""

    currency: str
    id: int
    username: str
    equity: Decimal
    balance: Decimal
    margin_balance: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available_funds: Decimal
    session_upl: Decimal
    total_pl: Decimal
    margin_model: str
    options_value: Decimal
    delta_total: Decimal
    order_hold: Decimal
    delivery_escrow: Decimal
    bond: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins(Wire):
    """What an order would hold by itself, were it a buy or a sell."""

    buy: Decimal
    sell: Decimal
    min_price: Decimal
    max_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPrice(Wire):
    """An index. `state` says how sure it is."""

    index_price: Decimal
    timestamp: int
    state: str


@dataclass(frozen=True, slots=True)
class Candle:
    """What traded within a stretch of time that begins at `timestamp`."""

    timestamp: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement(Wire):
    """A price at which a series was settled: `settlement` of a day, `delivery` at its end."""

    kind: str = field(metadata={"wire": "type"})
    timestamp: int
    instrument_name: str
    mark_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettlement(Wire):
    """What a settlement did to the account."""

    kind: str = field(metadata={"wire": "type"})
    timestamp: int
    instrument_name: str
    mark_price: Decimal | None = None
    session_profit_loss: Decimal | None = None
    profit_loss: Decimal | None = None
    position: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation(Wire):
    """GPUs that one account owes another, hour by hour."""

    obligation_id: int
    instrument_name: str
    #: `seller` or `buyer`.
    role: str
    lots: int
    settlement_price: Decimal
    state: str
    acceptance: str
    intervals: int
    intervals_delivered: int
    intervals_failed: int
    intervals_unverified: int
    escrow: Decimal
    bond: Decimal
    paid_to_seller: Decimal
    shortfall_paid: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Wire):
    """A signed claim of a seller's agent, and what became of it."""

    obligation_id: int
    challenge: int
    gpu_millis: int
    challenges: int
    work_root: str
    digest: str
    signer: str
    signature: str
    timestamp: int
    venue_signature: str | None = None
    verdict: str | None = None
    outcome: str | None = None
