"""A network that fails, under load: nothing is missed, nothing is doubled, and no book is wrong."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest
from proxy import Proxy
from venue import PATIENCE, Venue, futures, run

import tenor

SEED = 20261122


async def load(client: tenor.Client, name: str, price: Decimal, rounds: int) -> None:
    """Orders that rest at some levels, trade with each other, and go."""
    dice = random.Random(SEED)
    tick = Decimal("0.001")
    own: list[str] = []
    for _ in range(rounds):
        side = dice.choice(["buy", "sell"])
        away = tick * dice.randint(-5, 30) * (-1 if side == "buy" else 1)
        placed = await client.place(side, name, dice.randint(1, 9), price + away, stp="none")
        own.append(placed.order.order_id)
        if 12 < len(own):
            gone = own.pop(dice.randrange(len(own)))
            if (await client.order_state(gone)).is_open:
                await client.cancel(gone)


async def cut(proxy: Proxy, client: tenor.Client) -> None:
    """Cuts the connection and sees the next one."""
    before = client.connections
    proxy.cut()
    async with asyncio.timeout(PATIENCE):
        while client.connections == before:
            await client.time()


def test_python_005_the_book_is_the_venue_s_over_cuts(venue: Venue) -> None:
    async def story() -> None:
        async with (
            Proxy(venue.address) as proxy,
            venue.client() as maker,
            venue.client(None, url=proxy.url) as watcher,
        ):
            ticker = (await futures(maker))[0]
            name, price = ticker.instrument_name, ticker.mark_price
            async with watcher.book(name) as live:
                seen = 0

                async def watch() -> None:
                    nonlocal seen
                    async for book in live:
                        assert book is live.book
                        seen += 1

                watching = asyncio.create_task(watch())
                for _ in range(5):
                    working = asyncio.create_task(load(maker, name, price, 25))
                    await cut(proxy, watcher)
                    await working

                async def is_equal() -> bool:
                    asked = {"instrument_name": name, "depth": 10_000}
                    told = await maker.call("public/get_order_book", asked)
                    book = await live.live()
                    if book.change_id != told["change_id"]:
                        return False
                    assert book.bids() == [tuple(level) for level in told["bids"]]
                    assert book.asks() == [tuple(level) for level in told["asks"]]
                    assert book.bids()
                    return True

                async with asyncio.timeout(PATIENCE):
                    while not await is_equal():
                        await watcher.time()
                assert watcher.connections == 6
                assert 5 < seen
            await watching
            assert not live.is_live

    run(story())


def test_python_005_a_message_that_does_not_fit_is_repaired(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as maker:
            ticker = (await futures(maker))[1]
            name, price = ticker.instrument_name, ticker.mark_price
            await maker.buy(name, 3, price)
            async with maker.book(name) as live:
                wrong: dict[str, Any] = {"type": "change", "change_id": 2**60, "prev_change_id": 1}
                empty: dict[str, Any] = {"timestamp": 1, "bids": [], "asks": []}
                live.take(tenor.Notification(live.channel, wrong | empty))
                assert not live.is_live
                assert live.book.bids() == []
                book = await live.live()
                assert book.best_bid == tenor.Level(price, Decimal(3))
                assert live.repairs == 1
                assert "does not follow" in live.repair_reason
                assert maker.connections == 1
            await maker.cancel_all(name)

    run(story())


def test_python_006_a_reader_that_is_too_slow_is_told_and_holds_up_nobody(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as maker, venue.client("taker") as taker:
            ticker = (await futures(maker))[2]
            name, price = ticker.instrument_name, ticker.mark_price
            channel = f"trades.{name}.raw"
            async with (
                maker.stream(channel, limit=3) as slow,
                maker.stream(channel) as quick,
            ):
                await maker.sell(name, 10, price)
                for _ in range(6):
                    await taker.buy(name, 1, price)
                heard = [(await quick.next()).data[0]["trade_seq"] for _ in range(6)]
                assert heard == [1, 2, 3, 4, 5, 6]
                # What has come can still be read; then the error, however often one asks.
                assert [(await slow.next()).data[0]["trade_seq"] for _ in range(3)] == [1, 2, 3]
                for _ in range(2):
                    with pytest.raises(tenor.SlowReader) as error:
                        await slow.next()
                assert (error.value.channel, error.value.limit) == (channel, 3)
                await maker.time()
            with pytest.raises(StopAsyncIteration):
                await quick.next()
            await maker.cancel_all(name)

    run(story())


def test_a_client_goes_on_after_the_venue_has_been_killed(own_venue: Venue) -> None:
    async def story() -> None:
        async with own_venue.client() as maker:
            ticker = (await futures(maker))[0]
            name, price = ticker.instrument_name, ticker.mark_price
            placed = await maker.buy(name, 1, price)
            async with maker.book(name) as live:
                own_venue.stop(9)
                asked = asyncio.create_task(maker.order_state(placed.order.order_id))
                own_venue.start()
                assert (await asked).order_state == "open"
                assert (await live.live()).best_bid == tenor.Level(price, Decimal(1))
                assert maker.connections == 2
        settings = tenor.Settings(give_up_after=0.2, pause_first=0.01)
        key = own_venue.keys["maker"]
        async with tenor.connect(own_venue.url, key, settings=settings) as client:
            async with client.stream(f"trades.{name}.raw") as it:
                own_venue.stop()
                with pytest.raises(tenor.ConnectFailed, match="given up after"):
                    await it.next()
            with pytest.raises(tenor.ClientClosed):
                await client.time()

    run(story())


def test_python_009_every_trade_is_heard_once_over_cuts(venue: Venue) -> None:
    async def story() -> None:
        dice = random.Random(SEED)
        async with (
            Proxy(venue.address) as proxy,
            venue.client() as maker,
            venue.client("taker") as taker,
            venue.client(None, url=proxy.url) as watcher,
        ):
            ticker = (await futures(maker))[3]
            name, price = ticker.instrument_name, ticker.mark_price
            async with watcher.stream(f"trades.{name}.raw") as trades:
                await maker.sell(name, 80, price)
                for number in range(80):
                    if number % 8 == 5:
                        proxy.cut_after("down", dice.randint(0, 1000))
                    await taker.buy(name, 1, price)
                heard: list[int] = []
                async with asyncio.timeout(PATIENCE):
                    while len(heard) < 80:
                        heard += [it["trade_seq"] for it in (await trades.next()).data]
                assert heard == list(range(1, 81))
                assert len(trades) == 0
                assert 1 < watcher.connections

    run(story())
