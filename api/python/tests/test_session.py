"""Logging in, asking, being refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from proxy import Proxy
from venue import Venue, futures, run

import tenor
from tenor.exact import dumps

T = TypeVar("T")


def test_both_ways_of_logging_in(venue: Venue, tmp_path: Path) -> None:
    async def story() -> None:
        key = venue.keys["maker"]
        for is_signed in (False, True):
            login = replace(key, is_signed=is_signed)
            async with tenor.connect(venue.url, login) as client:
                assert (await client.account()).username == "maker"
                assert client.tokens is not None
                assert "trade:read_write" in client.tokens.scope
            with pytest.raises(tenor.LoginFailed):
                await tenor.connect(venue.url, replace(login, client_secret="0" * 64)).__aenter__()
        narrow = replace(key, scope="account:read trade:none")
        async with tenor.connect(venue.url, narrow) as client:
            with pytest.raises(tenor.NotAllowed):
                await client.cancel_all()
        # The file that `tenor account create` has written.
        path = tmp_path / "key.json"
        path.write_text(dumps({"client_id": key.client_id, "client_secret": key.client_secret}))
        assert tenor.Login.from_file(path) == key
        assert key.client_secret not in repr(key)
        async with venue.client(None) as nobody:
            assert 0 < await nobody.time()
            with pytest.raises(tenor.NotAllowed) as refusal:
                await nobody.account()
            assert refusal.value.code == 13009
        with pytest.raises(tenor.ConnectFailed):
            await tenor.connect("ws://127.0.0.1:9").__aenter__()

    run(story())


def test_tokens_are_renewed_before_they_expire(venue: Venue) -> None:
    async def story() -> None:
        settings = tenor.Settings(refresh_at=0.00001)
        async with tenor.connect(venue.url, venue.keys["maker"], settings=settings) as client:
            seen: set[str] = set()
            while len(seen) < 3:
                assert client.tokens is not None
                seen.add(client.tokens.access_token)
                await client.time()
            assert client.connections == 1

    run(story())


def test_python_002_replies_belong_to_their_calls(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client(None) as client:
            found = await client.instruments()
            names = [it.instrument_name for it in found][:200]
            tickers = await asyncio.gather(*(client.ticker(name) for name in names))
            assert [it.instrument_name for it in tickers] == names
            asked = {"instrument_name": names[0]}
        async with Proxy(venue.address) as proxy, venue.client(None, url=proxy.url) as client:
            proxy.stall()
            with pytest.raises(tenor.CallTimeout, match="no reply to public/ticker within"):
                await client.call("public/ticker", asked, timeout=0.1)
            proxy.flow()
            # The late reply is nobody's, and the connection goes on.
            assert (await client.ticker(names[1])).instrument_name == names[1]
            assert client.connections == 1
        with pytest.raises(tenor.ClientClosed):
            await client.time()

    run(story())


def test_python_008_bad_input_names_the_field(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as client:
            ticker = (await futures(client))[0]
            name, price = ticker.instrument_name, ticker.mark_price
            step = (await client.instrument(name)).tick_size
            cases = [
                (tenor.InvalidOrder, "price", client.buy(name, 1, price + step / 2)),
                (tenor.InvalidOrder, "price", client.buy(name, 1, price * 3)),
                (tenor.InvalidOrder, "amount", client.buy(name, 10**9, price)),
                (tenor.InvalidOrder, "amount", client.buy(name, "1.5", price)),
                (tenor.NotEnoughFunds, "amount", client.buy(name, 500_000, price)),
                (tenor.InvalidParams, "colour", client.buy(name, 1, price, colour="red")),
                (
                    tenor.InvalidParams,
                    "time_in_force",
                    client.buy(name, 1, price, time_in_force="x"),
                ),
                (tenor.InstrumentNotFound, "instrument_name", client.ticker("H100_USDC-1JAN20")),
                (tenor.OrderNotFound, "order_id", client.cancel("T-99999999999")),
                (tenor.Refused, "channels", enter(client.stream("trades.nothing.raw"))),
            ]
            for kind, param, asked in cases:
                with pytest.raises(kind) as refusal:
                    await asked
                assert isinstance(refusal.value, tenor.Refused)
                assert refusal.value.param == param, refusal.value
            with pytest.raises(TypeError, match="price is a float"):
                await client.buy(name, 1, 2.5)  # type: ignore[arg-type]
            with pytest.raises(tenor.Refused) as unknown:
                await client.call("private/fly")
            assert unknown.value.code == -32601
            assert await client.open_orders() == []

    async def enter(stream: tenor.Stream[tenor.Notification]) -> None:
        async with stream:
            pass

    run(story())


def test_history_is_read_page_by_page(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as maker, venue.client("taker") as taker:
            ticker = (await futures(maker))[1]
            name, price = ticker.instrument_name, ticker.mark_price
            await maker.sell(name, 8, price)
            for _ in range(4):
                await taker.buy(name, 2, price)
            trades = [it async for it in maker.trades(name)]
            assert [it.trade_seq for it in trades] == [1, 2, 3, 4]
            own = [it async for it in maker.user_trades(name)]
            assert [it.trade_id for it in own] == [it.trade_id for it in trades]
            assert {it.liquidity for it in own} == {"M"}
            candles = await maker.candles(name, 0, trades[-1].timestamp + 60_000, "1")
            assert sum(it.volume for it in candles) == 8
            assert [it async for it in maker.settlements(name)] == []
            fees = [it async for it in first(taker.transactions(), 4)]
            assert {it["type"] for it in fees} == {"fee"}
            assert (await maker.position(name)).size == -8
            assert (await taker.margins(name, 8, price)).buy > 0

    run(story())


async def first(rows: AsyncIterator[T], count: int) -> AsyncIterator[T]:
    """The first of many."""
    left = count
    async for row in rows:
        yield row
        left -= 1
        if left == 0:
            return
