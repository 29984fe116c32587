"""Orders: placed once, whatever the network does; and everything that happens to them, told once."""

from __future__ import annotations

import asyncio
import os
import random
from decimal import Decimal

import pytest
from proxy import Proxy
from venue import PATIENCE, Venue, futures, run

import tenor

SEED = 20261122
#: More is longer: `TENOR_CUTS=1000`.
CUTS = int(os.environ.get("TENOR_CUTS", "40"))


def test_orders_are_placed_changed_filled_and_cancelled(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as maker, venue.client("taker") as taker:
            ticker = (await futures(maker))[0]
            name, price = ticker.instrument_name, ticker.mark_price
            tick = (await maker.instrument(name)).tick_size
            placed = await maker.sell(
                name, 10, price, client_order_id="ask-1", label="desk", post_only=True
            )
            order = placed.order
            assert (order.client_order_id, order.label) == ("ask-1", "desk")
            assert order.open_amount == 10
            assert not placed.duplicate
            edited = (await maker.edit(order.order_id, amount=8, price=price + tick)).order
            assert (edited.amount, edited.price) == (Decimal(8), price + tick)
            bought = await taker.buy(name, 3, price + tick)
            assert bought.order.order_state == "filled"
            assert [it.amount for it in bought.trades] == [3]
            again = await maker.order_by_client_id("ask-1")
            assert (again.filled_amount, again.is_open) == (Decimal(3), True)
            assert (await maker.order_state(order.order_id)) == again
            assert [it.amount for it in await maker.order_trades(order.order_id)] == [3]
            assert [it.order_id for it in await maker.open_orders(name)] == [order.order_id]
            gone = await maker.cancel_by_client_id("ask-1")
            assert (gone.order_state, gone.cancel_reason) == ("cancelled", "user_request")
            # An order that has ended stays as it is.
            assert (await maker.cancel_by_client_id("ask-1")).filled_amount == 3
            market = await taker.place("buy", name, 1, type="market")
            assert market.order.order_state == "cancelled"
            await maker.buy(name, 1, price)
            with pytest.raises(tenor.InvalidOrder) as crossing:
                await taker.sell(name, 1, price, post_only=True)
            assert crossing.value.code == 11054
            assert await maker.cancel_all(name) == 1
            assert (await maker.position(name)).size == -3
            with pytest.raises(tenor.TooLate):
                await maker.buy(name, 1, price, valid_until=1)
            with pytest.raises(tenor.OrderNotFound):
                await maker.order_by_client_id("never")

    run(story())


def test_python_003_an_order_sent_twice_is_placed_once(venue: Venue) -> None:
    async def story() -> None:
        async with venue.client() as maker:
            ticker = (await futures(maker))[1]
            name, price = ticker.instrument_name, ticker.mark_price
            first = await maker.buy(name, 5, price, client_order_id="twice")
            second = await maker.buy(name, 5, price, client_order_id="twice")
            assert (second.duplicate, second.order.order_id) == (True, first.order.order_id)
            with pytest.raises(tenor.Refused) as other:
                await maker.buy(name, 6, price, client_order_id="twice")
            assert (other.value.param, other.value.rule) == ("client_order_id", "ORDER-062")
            assert len(await maker.open_orders(name)) == 1
            await maker.cancel_all(name)

    run(story())


def test_python_003_nothing_is_doubled_or_lost_over_cuts(venue: Venue) -> None:
    async def story() -> None:
        dice = random.Random(SEED)
        async with (
            Proxy(venue.address) as proxy,
            venue.client(url=proxy.url) as maker,
            venue.client("maker") as auditor,
        ):
            ticker = (await futures(auditor))[2]
            name, price = ticker.instrument_name, ticker.mark_price
            duplicates = 0
            for number in range(CUTS):
                # Anywhere: in the request, between it and the reply, in the reply.
                proxy.cut_after(*dice.choice([("up", 350), ("down", 900)]), spread=dice.random())
                amounts = {f"{number}-{at}": dice.randint(1, 9) for at in range(3)}
                done = await asyncio.gather(
                    *(
                        maker.buy(name, amount, price, client_order_id=word)
                        for word, amount in amounts.items()
                    )
                )
                duplicates += sum(it.duplicate for it in done)
                assert [it.order.client_order_id for it in done] == list(amounts)
                there = await auditor.open_orders(name)
                assert len(there) == len(amounts)
                assert {it.client_order_id: it.amount for it in there} == amounts
                assert await auditor.cancel_all(name) == len(amounts)
            assert CUTS / 2 < proxy.cuts
            # Some cuts came after the venue had taken the order, and some before.
            assert 0 < duplicates < 3 * CUTS

    run(story(), patience=PATIENCE + CUTS)


def test_python_003_an_order_without_an_answer_says_so(venue: Venue) -> None:
    async def story() -> None:
        async with Proxy(venue.address) as proxy, venue.client(url=proxy.url) as maker:
            ticker = (await futures(maker))[3]
            name, price = ticker.instrument_name, ticker.mark_price
            proxy.stall()
            with pytest.raises(tenor.FateUnknown) as unknown:
                await maker.buy(name, 1, price, client_order_id="lost", patience=0.2)
            assert unknown.value.client_order_id == "lost"
            proxy.flow()
            assert (await maker.order_by_client_id("lost")).is_open
            assert (await maker.buy(name, 1, price, client_order_id="lost")).duplicate
            # Not sent is not unknown.
            proxy.hold()
            proxy.cut()
            while maker.is_connected:  # noqa: ASYNC110 (the socket's own word is awaited, and it comes at once)
                await asyncio.sleep(0)
            with pytest.raises(tenor.ConnectFailed, match="was not sent"):
                await maker.buy(name, 1, price, client_order_id="unsent", patience=0.2)
            proxy.let_through()
            with pytest.raises(tenor.OrderNotFound):
                await maker.order_by_client_id("unsent")
            await maker.cancel_all(name)

    run(story())


def test_a_client_that_goes_takes_its_orders_with_it(venue: Venue) -> None:
    async def story() -> None:
        key = venue.keys["maker"]
        async with venue.client() as watcher:
            ticker = (await futures(watcher))[4]
            name, price = ticker.instrument_name, ticker.mark_price
            async with tenor.connect(venue.url, key, cancel_on_disconnect=True) as maker:
                await maker.buy(name, 1, price)
                assert len(await watcher.open_orders(name)) == 1
            async with asyncio.timeout(PATIENCE):
                while await watcher.open_orders(name):
                    pass
            # The dead man's timer.
            await watcher.buy(name, 1, price)
            await watcher.cancel_all_after(1)
            async with asyncio.timeout(PATIENCE):
                while await watcher.open_orders(name):
                    pass
            await watcher.buy(name, 1, price)
            await watcher.cancel_all_after(1)
            await watcher.cancel_all_after(0)
            assert len(await watcher.open_orders(name)) == 1
            await watcher.cancel_all(name)

    run(story())


def test_python_004_reports_are_told_once_and_in_order_over_cuts(venue: Venue) -> None:
    async def story() -> None:
        dice = random.Random(SEED)
        async with (
            Proxy(venue.address) as proxy,
            venue.client("taker", url=proxy.url) as watcher,
            venue.client("taker") as taker,
            venue.client() as maker,
        ):
            ticker = (await futures(maker))[5]
            name, price = ticker.instrument_name, ticker.mark_price
            past = [it async for it in taker.past_reports(1)]
            async with watcher.reports() as reports:
                assert reports.last_user_seq == len(past)
                await maker.sell(name, 60, price)
                for number in range(60):
                    if number % 6 == 3:
                        proxy.cut_after("down", dice.randint(0, 2000))
                    await taker.buy(name, 1, price, client_order_id=f"report-{number}")
                heard: list[tenor.Report] = []
                while sum(it.kind == "trade" for it in heard) < 60:
                    heard.append(await asyncio.wait_for(reports.next(), PATIENCE))
                assert 1 < watcher.connections
            first = len(past) + 1
            numbers = [it.user_seq for it in heard]
            assert numbers == list(range(first, first + len(heard)))
            # The same as from the venue's history, and as from the stream of another program that begins there.
            assert heard == [it async for it in taker.past_reports(first)]
            async with watcher.reports(first) as again:
                assert [await again.next() for _ in heard] == heard
            trades = [it.trade for it in heard if it.trade is not None]
            assert sum(it.amount for it in trades) == Decimal(60)
            ends = {it.order.client_order_id for it in heard if it.order and not it.order.is_open}
            assert ends == {f"report-{number}" for number in range(60)}

    run(story())
