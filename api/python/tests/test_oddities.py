"""What a client does when the venue forgets, repeats, counts anew or talks nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from odd_venue import No, OddVenue
from venue import run

import tenor

TRADES = "trades.X.raw"
BOOK = "book.X.raw"
QUICK = tenor.Settings(pause_first=0.01, pause_max=0.05)


def replay(epoch: int, numbers: range) -> Any:
    """The answer of a ring that has these messages."""

    def answer(params: Mapping[str, Any]) -> Any:
        place = {"epoch": epoch, "first_seq": numbers.start, "last_seq": numbers.stop - 1}
        if not numbers.start <= params["from_seq"] <= numbers.stop:
            raise No(13020, "not_found", reason="not in the ring", **place)
        asked = range(params["from_seq"], numbers.stop)[: params["count"]]
        return place | {"messages": [{"seq": it, "data": it} for it in asked]}

    return answer


async def numbers(stream: tenor.Stream[tenor.Notification], count: int) -> list[Any]:
    return [(await stream.next()).data for _ in range(count)]


def test_python_009_messages_that_were_left_out_are_asked_for() -> None:
    async def story() -> None:
        async with (
            OddVenue({"public/replay": replay(7, range(1, 4))}) as venue,
            tenor.connect(venue.url, settings=QUICK) as client,
            client.stream(TRADES) as stream,
        ):
            await venue.tell(TRADES, 4, seq=4)
            venue.answers["public/replay"] = replay(7, range(1, 9))
            await venue.tell(TRADES, 7, seq=7)
            # Repeated, and old.
            await venue.tell(TRADES, 7, seq=7)
            await venue.tell(TRADES, 2, seq=2)
            assert await numbers(stream, 5) == [4, 5, 6, 7, 8]
            venue.answers["public/replay"] = replay(7, range(1, 12))
            await venue.hang_up()
            assert await numbers(stream, 3) == [9, 10, 11]
            assert client.connections == 2

    run(story())


def test_python_009_what_the_venue_has_forgotten_is_said() -> None:
    async def story() -> None:
        async with (
            OddVenue({"public/replay": replay(7, range(1, 4))}) as venue,
            tenor.connect(venue.url, settings=QUICK) as client,
            client.stream(TRADES) as stream,
        ):
            # The ring has gone on without us.
            venue.answers["public/replay"] = replay(7, range(8, 10))
            await venue.hang_up()
            with pytest.raises(tenor.MissedMessages) as missed:
                await stream.next()
            assert (missed.value.first, missed.value.last) == (4, 7)
            assert await numbers(stream, 2) == [8, 9]
            # The venue has started anew and counts from one.
            venue.answers["public/replay"] = replay(8, range(1, 12))
            await venue.hang_up()
            with pytest.raises(tenor.MissedMessages, match="messages from 10 on") as missed:
                await stream.next()
            assert missed.value.last is None
            assert await numbers(stream, 11) == list(range(1, 12))

    run(story())


def book(change_id: int, kind: str = "snapshot", **more: Any) -> dict[str, Any]:
    told = {"type": kind, "change_id": change_id, "timestamp": 1, "bids": [], "asks": []}
    return told | more


def test_python_005_a_wrong_checksum_brings_a_new_snapshot_and_many_end_the_book() -> None:
    async def story() -> None:
        async with OddVenue({}) as venue, tenor.connect(venue.url, settings=QUICK) as client:
            live = client.book("X")
            await client.open_feed(live)
            await venue.tell(BOOK, book(5, checksum=0))
            assert (await live.live()).change_id == 5
            await venue.tell(BOOK, book(6, "change", prev_change_id=5, checksum=1))
            async with client.stream("ticker.X.raw") as behind:
                await venue.tell("ticker.X.raw", 1)
                await behind.next()
            assert not live.is_live
            # On its way before the snapshot was asked for.
            await venue.tell(BOOK, book(7, "change", prev_change_id=6))
            await venue.tell(BOOK, book(8))
            assert (await live.live()).change_id == 8
            assert (live.repairs, "checksum" in live.repair_reason) == (1, True)
            assert venue.asked.count(("public/subscribe", {"channels": [BOOK]})) == 2
            for _ in range(6):
                await venue.tell(BOOK, book(9, checksum=1))
            with pytest.raises(tenor.BookGap):
                async for _ in live:
                    pass

    run(story())


def test_limits_are_kept_and_credits_are_told() -> None:
    async def story() -> None:
        left = [2, 2]

        def busy(at: int, result: Any) -> Any:
            def answer(_: Any) -> Any:
                left[at] -= 1
                if 0 <= left[at]:
                    raise No(10028, "too_many_requests", reason="slowly", retry_after=20)
                return result

            return answer

        order = {"instrument_name": "X", "order_id": "T-1", "order_state": "open"}
        words = {"order_type": "limit", "time_in_force": "good_til_cancelled", "direction": "buy"}
        figures = dict.fromkeys(("price", "amount", "filled_amount", "average_price"), 1)
        rest = {"commission": 0, "post_only": False, "reduce_only": False}
        times = {"creation_timestamp": 1, "last_update_timestamp": 1}
        placed = {"order": order | words | figures | rest | times}
        answers = {"public/get_time": busy(0, 5), "private/buy": busy(1, placed)}
        async with OddVenue(answers) as venue, tenor.connect(venue.url, settings=QUICK) as client:
            assert await client.time() == 5
            assert (await client.buy("X", 1, 1)).order.order_id == "T-1"
            sent = [params for method, params in venue.asked if method == "private/buy"]
            assert len(sent) == 3
            assert sent[0] == sent[1] == sent[2]
            assert client.credits["query"].remaining == 94
            left[0] = 1000
            with pytest.raises(tenor.TooManyRequests) as refusal:
                await client.call("public/get_time", timeout=0.1)
            assert refusal.value.retry_after == 0.02

    run(story())


def test_nonsense_ends_the_connection_and_not_the_client() -> None:
    async def story() -> None:
        async with (
            OddVenue({"public/status": lambda _: None}) as venue,
            tenor.connect(venue.url, settings=QUICK) as client,
        ):
            frames = ["", "7", "{", "[" * 100_000, '{"method":"subscription"}', '{"id":NaN}']
            for number, frame in enumerate(frames):
                await venue.write(frame)
                while client.connections < number + 2:
                    assert await client.time() == 1
            for frame in ['{"id":4711,"result":1}', '{"method":"heartbeat"}', "{}"]:
                await venue.write(frame)
                assert await client.time() == 1
            assert client.connections == len(frames) + 1
            async with client.stream(TRADES.replace("trades", "quote")) as stream:
                await venue.tell("quote.Y", 1)
                await venue.tell(stream.channel, 2)
                assert (await stream.next()).data == 2

    run(story())


async def until_refused(client: tenor.Client) -> None:
    while True:
        await client.time()


def test_a_channel_or_a_key_that_is_gone_ends_with_the_venue_s_word() -> None:
    async def story() -> None:
        def none(_: Any) -> Any:
            raise No(13017, "subscription_failed", reason="no such channel", param="channels")

        def tokens(_: Any) -> Any:
            return {"access_token": "a", "refresh_token": "b", "expires_in": 9, "scope": ""}

        def revoked(_: Any) -> Any:
            raise No(13004, "invalid_credentials", reason="revoked")

        async with OddVenue({"public/auth": tokens}) as venue:
            key = tenor.Login("a", "b")
            async with (
                tenor.connect(venue.url, key, settings=QUICK) as client,
                client.stream("quote.X") as stream,
            ):
                venue.answers["public/subscribe"] = none
                await venue.hang_up()
                with pytest.raises(tenor.Refused, match="no such channel"):
                    await stream.next()
                assert await client.time() == 1
                venue.answers["public/auth"] = revoked
                await venue.hang_up()
                with pytest.raises(tenor.ClientClosed, match="revoked") as closed:
                    # Until the end of the connection is seen, the time is told.
                    await until_refused(client)
                assert isinstance(closed.value.__cause__, tenor.LoginFailed)

    run(story())
