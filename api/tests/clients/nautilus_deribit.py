"""Stock nautilus_trader, its Deribit adapter in a live node, against a running venue: nothing replaced but the URLs.

Usage: nautilus_deribit.py HOST:PORT ID SECRET ID SECRET, the keys of two accounts with test money.
A strategy trades with the first; the second is what it trades with, by plain HTTP.
"""

import asyncio
import base64
import json
import sys
import types
import urllib.request

import pandas
from nautilus_trader.adapters.deribit import execution
from nautilus_trader.adapters.deribit.config import DeribitDataClientConfig, DeribitExecClientConfig
from nautilus_trader.adapters.deribit.factories import DeribitLiveDataClientFactory, DeribitLiveExecClientFactory
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.core import nautilus_pyo3
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

ADDRESS = sys.argv[1]
KEY = (sys.argv[2], sys.argv[3])
OTHER = (sys.argv[4], sys.argv[5])
HTTP, WS = f"http://{ADDRESS}/api/v2", f"ws://{ADDRESS}/ws/api/v2"
PATIENCE = 60


def with_our_url(environment, api_key, api_secret, account_id, proxy_url=None):
    """What the adapter makes, at our URL: this version's execution client has a setting for it and does not read it."""
    client = nautilus_pyo3.DeribitWebSocketClient(
        url=WS, api_key=api_key, api_secret=api_secret, environment=environment, proxy_url=proxy_url
    )
    client.set_account_id(account_id)
    return client


class OurUrl(types.ModuleType):
    DeribitWebSocketClient = types.SimpleNamespace(with_credentials=with_our_url)

    def __getattr__(self, name):
        return getattr(nautilus_pyo3, name)


execution.nautilus_pyo3 = OurUrl("nautilus_pyo3")


def ask(key, method, **params):
    request = urllib.request.Request(f"{HTTP}/{method}", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    if key:
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(key).encode()).decode())
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())["result"]


class Trader(Strategy):
    def __init__(self, series, price):
        super().__init__(StrategyConfig(strategy_id="T-001", order_id_tag="001"))
        self.instrument_id = InstrumentId.from_str(f"{series}.DERIBIT")
        self.series, self.price_at, self.seen, self.problems = series, price, [], []
        self.done = asyncio.Event()

    def see(self, what, detail=""):
        if what not in self.seen:
            self.seen.append(what)
            print(f"ok   {what} {detail}".rstrip(), flush=True)
            self.step()

    def step(self):
        """What comes next, once everything before it has been seen."""
        has = set(self.seen)
        if {"book", "trade", "quote"} <= has and "placing" not in has:
            self.seen.append("placing")
            self.request_bars(BarType.from_str(f"{self.instrument_id}-1-MINUTE-LAST-EXTERNAL"), start=self.clock.utc_now() - pandas.Timedelta(hours=1))
            self.place()
        if {"order accepted", "order modified"} <= has and "crossing" not in has:
            self.seen.append("crossing")
            ask(OTHER, "private/buy", instrument_name=self.series, amount=2, price=self.price(11))
        if {"fill", "position"} <= has and "cancelling" not in has:
            self.seen.append("cancelling")
            self.cancel_order(self.sell)
        if {"order cancelled", "bar"} <= has:
            self.done.set()

    def price(self, ticks):
        return round(self.price_at + ticks * 0.001, 3)

    def on_start(self):
        self.instrument = self.cache.instrument(self.instrument_id)
        self.see("instruments", f"{len(self.cache.instruments())}, {self.instrument.id} a tick is {self.instrument.price_increment}")
        self.subscribe_order_book_deltas(self.instrument_id, BookType.L2_MBP)
        self.subscribe_quote_ticks(self.instrument_id)
        self.subscribe_trade_ticks(self.instrument_id)
        self.clock.set_timer("market", interval=pandas.Timedelta(seconds=1), callback=self.move_market)

    def move_market(self, _event):
        """The other account trades with itself beside us until we have seen it: subscriptions are answered in their own time."""
        if {"book", "trade", "quote"} <= set(self.seen):
            self.clock.cancel_timer("market")
            return
        ask(OTHER, "private/sell", instrument_name=self.series, amount=1, price=self.price(-20), stp="none")
        ask(OTHER, "private/buy", instrument_name=self.series, amount=2, price=self.price(-20), stp="none", time_in_force="good_til_cancelled")

    def place(self):
        self.sell = self.order_factory.limit(
            self.instrument_id, OrderSide.SELL, Quantity.from_int(4), self.instrument.make_price(self.price(10)), post_only=True
        )
        self.submit_order(self.sell)

    def on_order_book_deltas(self, deltas):
        self.see("book", f"{len(deltas.deltas)} deltas")

    def on_quote_tick(self, quote):
        self.see("quote", f"{quote.bid_price}")

    def on_trade_tick(self, trade):
        self.see("trade", f"{trade.size} at {trade.price}")

    def on_historical_data(self, data):
        self.see("bar", f"{data}")

    def on_order_accepted(self, event):
        self.see("order accepted", f"{event.venue_order_id}")
        if "modifying" not in self.seen:
            self.seen.append("modifying")
            self.modify_order(self.sell, Quantity.from_int(3), self.instrument.make_price(self.price(11)))

    def on_order_updated(self, event):
        self.see("order modified", f"{event.quantity} at {event.price}")

    def on_order_filled(self, event):
        self.see("fill", f"{event.last_qty} at {event.last_px} {event.liquidity_side}, {event.commission}")

    def on_position_opened(self, event):
        self.see("position", f"{event.side} {event.quantity}")

    def on_order_canceled(self, event):
        self.see("order cancelled")

    def on_order_rejected(self, event):
        self.problems.append(f"rejected: {event.reason}")
        self.done.set()

    def on_order_modify_rejected(self, event):
        self.problems.append(f"modify rejected: {event.reason}")
        self.done.set()

    def on_order_cancel_rejected(self, event):
        self.problems.append(f"cancel rejected: {event.reason}")
        self.done.set()


async def main():
    series = min(
        (it for it in ask(None, "public/get_instruments", currency="any", kind="future") if it["base_currency"] == "H100"),
        key=lambda it: it["expiration_timestamp"],
    )["instrument_name"]
    price = round(ask(None, "public/ticker", instrument_name=series)["mark_price"], 3)
    common = {
        "api_key": KEY[0],
        "api_secret": KEY[1],
        "environment": nautilus_pyo3.DeribitEnvironment.TESTNET,
        "base_url_http": HTTP,
        "base_url_ws": WS,
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    node = TradingNode(
        TradingNodeConfig(
            trader_id=TraderId("TESTER-001"),
            logging=LoggingConfig(log_level="ERROR", log_colors=False),
            # This version's adapter leaves out the fills that its own socket tells of; the engine finds them by asking.
            exec_engine=LiveExecEngineConfig(
                reconciliation=True, reconciliation_startup_delay_secs=0.1, open_check_interval_secs=1.0, open_check_threshold_ms=500
            ),
            data_clients={"DERIBIT": DeribitDataClientConfig(**common)},
            exec_clients={"DERIBIT": DeribitExecClientConfig(**common)},
            timeout_connection=30.0,
            timeout_disconnection=5.0,
            timeout_post_stop=1.0,
        )
    )
    trader = Trader(series, price)
    node.trader.add_strategy(trader)
    node.add_data_client_factory("DERIBIT", DeribitLiveDataClientFactory)
    node.add_exec_client_factory("DERIBIT", DeribitLiveExecClientFactory)
    node.build()
    running = asyncio.ensure_future(node.run_async())
    try:
        await asyncio.wait_for(trader.done.wait(), PATIENCE)
    except asyncio.TimeoutError:
        trader.problems.append("not everything came in time")
    account = node.cache.account_for_venue(execution.DERIBIT_VENUE)
    if account is None:
        trader.problems.append("no account state")
    else:
        print("ok   balance", {str(it): str(account.balance_total(it)) for it in account.currencies()}, flush=True)
    await node.stop_async()
    running.cancel()
    assert not trader.problems, f"{trader.problems}; seen {trader.seen}"


asyncio.run(main())
print("ok   nautilus_trader", flush=True)
