"""Stock ccxt, its Deribit class, against a running venue: nothing replaced but the URLs.

Usage: ccxt_deribit.py HOST:PORT ID SECRET ID SECRET, the keys of two accounts with test money.
Each step prints its name; a step that fails ends the script with its reason.
"""

import asyncio
import json
import socket
import sys
import time

import aiohttp
import ccxt.pro as ccxt

ADDRESS = sys.argv[1]
KEYS = [(sys.argv[2], sys.argv[3]), (sys.argv[4], sys.argv[5])]
SERIES = "H100_USDC-"
PATIENCE = 20


def client(key, address=ADDRESS):
    exchange = ccxt.deribit({"apiKey": key[0], "secret": key[1], "enableRateLimit": False})
    exchange.urls["api"]["rest"] = f"http://{address}"
    exchange.urls["api"]["ws"] = f"ws://{address}/ws/api/v2"
    return exchange


def done(name, detail=""):
    print(f"ok   {name} {detail}".rstrip(), flush=True)


async def soon(what):
    return await asyncio.wait_for(what, PATIENCE)


async def refused(what, kind):
    try:
        await soon(what)
    except kind as error:
        return str(error)
    raise AssertionError("was not refused")


async def until(what, holds):
    """Awaits a stream's next state until it holds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        state = await soon(what())
        if holds(state):
            return state
    raise AssertionError(f"never held: {state}")


async def market_data(a, symbol):
    await soon(a.fetch_time())
    assert (await soon(a.fetch_status()))["status"] == "ok"
    assert "USDC" in await soon(a.fetch_currencies())
    ticker = await soon(a.fetch_ticker(symbol))
    assert ticker["symbol"] == symbol
    tickers = await soon(a.fetch_tickers([symbol]))
    assert tickers[symbol]["info"]["mark_price"] == ticker["info"]["mark_price"], tickers
    book = await soon(a.fetch_order_book(symbol))
    assert book["bids"] == [] and book["asks"] == [], book
    assert await soon(a.fetch_trades(symbol)) == []
    assert await soon(a.fetch_ohlcv(symbol, "1m")) == []
    assert (await soon(a.fetch_open_interest(symbol)))["info"]["open_interest"] is not None
    await soon(a.fetch_greeks(symbol))
    options = await soon(a.fetch_option_chain("H100"))
    done("market data", f"{len(options)} options")
    return float(ticker["info"]["mark_price"])


async def orders(a, b, symbol, price):
    sell = await soon(a.create_order(symbol, "limit", "sell", 5, price + 0.010))
    buy = await soon(a.create_order(symbol, "limit", "buy", 5, price - 0.010, {"postOnly": True}))
    edited = await soon(a.edit_order(sell["id"], symbol, "limit", "sell", 4, price + 0.011))
    assert edited["amount"] == 4 and abs(edited["price"] - price - 0.011) < 1e-9, edited
    assert (await soon(a.fetch_order(sell["id"], symbol)))["status"] == "open"
    assert {order["id"] for order in await soon(a.fetch_open_orders(symbol))} == {sell["id"], buy["id"]}
    done("orders placed and amended")
    await refused(a.create_order(symbol, "limit", "buy", 5, price + 0.02, {"postOnly": True}), ccxt.InvalidOrder)
    await refused(a.create_order(symbol, "limit", "buy", 100_000, price), ccxt.InsufficientFunds)
    await refused(a.cancel_order("T-999999999", symbol), ccxt.OrderNotFound)
    done("refusals have ccxt's classes")
    return sell, buy


async def streams(a, b, symbol, price, sell, buy):
    watched = {
        "book": asyncio.ensure_future(until(lambda: a.watch_order_book(symbol), lambda it: it["asks"] and it["asks"][0][1] == 1)),
        "ticker": asyncio.ensure_future(until(lambda: a.watch_ticker(symbol), lambda it: it["last"] is not None)),
        "bids and asks": asyncio.ensure_future(until(lambda: a.watch_bids_asks([symbol]), lambda it: it[symbol]["askVolume"] == 1)),
        "trades": asyncio.ensure_future(until(lambda: b.watch_trades(symbol), lambda it: it[-1]["amount"] == 3)),
        "candles": asyncio.ensure_future(until(lambda: b.watch_ohlcv(symbol, "1m"), lambda it: 3 <= it[-1][5])),
        "orders": asyncio.ensure_future(until(lambda: a.watch_orders(symbol), lambda it: it[-1]["filled"] == 3)),
        "my trades": asyncio.ensure_future(until(lambda: a.watch_my_trades(symbol), lambda it: it[-1]["order"] == sell["id"])),
        "balance": asyncio.ensure_future(until(lambda: a.watch_balance(), lambda it: 0 < it["USDC"]["USDC"]["used"])),
    }
    # Every stream is subscribed to once its client has an answer; the venue sends what is new from then on.
    await subscribed(a, 5)
    await subscribed(b, 2)
    taken = await soon(b.create_order(symbol, "limit", "buy", 3, price + 0.020))
    assert taken["status"] == "closed" and taken["filled"] == 3, taken
    for name, task in watched.items():
        try:
            await task
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    done("streams", ", ".join(watched))
    await soon(b.create_order(symbol, "market", "sell", 1))
    return taken


async def subscribed(exchange, count):
    """Waits until a client has asked for its channels, and a round trip behind it has been answered."""
    end = time.monotonic() + PATIENCE
    url = exchange.urls["api"]["ws"]
    while url not in exchange.clients or len(exchange.clients[url].subscriptions) < count:
        assert time.monotonic() < end, "streams were never asked for"
        await asyncio.sleep(0.02)
    await soon(exchange.fetch_time())
    await asyncio.sleep(0.3)


async def past(a, b, symbol, sell, taken):
    trades = await soon(b.fetch_my_trades(symbol))
    assert sum(trade["amount"] for trade in trades) == 4, trades
    since = trades[0]["timestamp"]
    later = await soon(b.fetch_my_trades(symbol, since=since))
    assert [trade["id"] for trade in later] == [trade["id"] for trade in trades]
    b.options["code"] = "USDC"
    everywhere = await soon(b.fetch_my_trades())
    assert len(everywhere) == len(trades)
    public = await soon(a.fetch_trades(symbol, since=since))
    assert [trade["id"] for trade in public] == [trade["id"] for trade in trades]
    of_order = await soon(a.fetch_order_trades(sell["id"], symbol))
    assert [(trade["amount"], trade["takerOrMaker"]) for trade in of_order] == [(3, "maker")], of_order
    closed = await soon(b.fetch_closed_orders(symbol))
    assert taken["id"] in {order["id"] for order in closed} and len(closed) == 2, closed
    candles = await soon(a.fetch_ohlcv(symbol, "1m"))
    assert sum(candle[5] for candle in candles) == 4, candles
    days = await soon(a.fetch_ohlcv(symbol, "1d"))
    assert days[-1][5] == 4 and days[-1][4] == trades[-1]["price"], days
    done("trades, orders and candles of the past")
    positions = await soon(b.fetch_positions([symbol]))
    assert [(it["contracts"], it["side"]) for it in positions] == [(2, "long")], positions
    assert (await soon(a.fetch_position(symbol)))["side"] == "short"
    balance = await soon(a.fetch_balance())
    assert 0 < balance["USDC"]["used"] < balance["USDC"]["total"], balance["USDC"]
    deposits = await soon(b.fetch_deposits("USDC"))
    assert [(it["amount"], it["status"]) for it in deposits] == [(1_000_000, "ok")], deposits
    assert await soon(b.fetch_withdrawals("USDC")) == []
    assert await soon(b.fetch_transfers("USDC")) == []
    assert await soon(a.fetch_liquidations(symbol)) == []
    assert await soon(a.fetch_my_liquidations(symbol)) == []
    assert [account["type"] for account in await soon(a.fetch_accounts())] == ["main"]
    a.options["code"] = "USDC"
    await soon(a.fetch_trading_fees())
    await refused(b.fetch_deposit_address("USDC"), ccxt.NotSupported)
    done("positions, balance, deposits")


class Orders:
    """Orders faster than ccxt can place them: its own socket, many requests under way."""

    def __init__(self, key):
        self.key, self.number, self.waiting = key, 0, {}

    async def open(self):
        self.session = aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(f"ws://{ADDRESS}/ws/api/v2", max_msg_size=0)
        self.reader = asyncio.ensure_future(self.read())
        await self.ask("public/auth", grant_type="client_credentials", client_id=self.key[0], client_secret=self.key[1])
        return self

    async def read(self):
        async for message in self.socket:
            reply = json.loads(message.data)
            waiting = self.waiting.pop(reply.get("id"), None)
            if waiting:
                waiting.set_result(reply)

    async def ask(self, method, **params):
        self.number += 1
        reply = self.waiting[self.number] = asyncio.get_running_loop().create_future()
        await self.socket.send_str(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}))
        reply = await asyncio.wait_for(reply, 60)
        assert "error" not in reply, reply
        return reply["result"]

    async def close(self):
        await self.socket.close()
        await self.session.close()
        self.reader.cancel()


class Proxy:
    """Between a client and the venue. When told so it reads nothing that the venue sends, loses every message of a channel, or cuts."""

    async def open(self):
        self.reads, self.loses, self.lost, self.writers = asyncio.Event(), False, 0, []
        self.reads.set()
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        host, port = ADDRESS.split(":")
        upstream = socket.socket()
        # A receive buffer so small that the venue soon cannot write.
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, (host, int(port)))
        back, forth = await asyncio.open_connection(sock=upstream)
        self.writers += [writer, forth]
        await asyncio.gather(self.carry(reader, forth), self.carry_frames(back, writer), return_exceptions=True)

    def cut(self):
        """Ends every connection without a word to either side."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers = []

    async def carry(self, reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def carry_frames(self, reader, writer):
        """HTTP replies as they are up to the handshake, which may come over the same connection; then frame by frame, unmasked."""
        status = b""
        while b" 101 " not in status:
            head = await reader.readuntil(b"\r\n\r\n")
            status, *fields = head.lower().split(b"\r\n")
            lengths = [int(field.split(b":")[1]) for field in fields if field.startswith(b"content-length:")]
            writer.write(head + await reader.readexactly(sum(lengths)))
        while True:
            await self.reads.wait()
            frame = await reader.readexactly(2)
            length = frame[1] & 127
            if 126 <= length:
                frame += await reader.readexactly(2 if length == 126 else 8)
                length = int.from_bytes(frame[2:], "big")
            payload = await reader.readexactly(length)
            if self.loses and b'"method":"subscription"' in payload:
                self.lost += 1
                continue
            writer.write(frame + payload)
            await writer.drain()


def sides(book):
    return {side: [[price, amount] for price, amount, *_ in book[side]] for side in ("bids", "asks")}


async def same(venue, slow, symbol):
    """Waits until the client's book is the venue's."""
    end = time.monotonic() + PATIENCE
    while True:
        truth, book = sides(await soon(venue.fetch_order_book(symbol, 10_000))), sides(slow.orderbooks[symbol])
        if truth == book:
            return len(truth["bids"])
        differs = [level for level in book["bids"] if level not in truth["bids"]]
        assert time.monotonic() < end, f"{len(differs)} of {len(book['bids'])} levels differ: {differs[:5]}"
        await asyncio.sleep(0.1)


async def gaps(symbol, series, price):
    """A client that stops reading, and one that loses messages and asks again, have the venue's book again. Their code is ccxt's."""
    proxy = Proxy()
    slow, venue, trader = client(KEYS[0], await proxy.open()), client(KEYS[1]), await Orders(KEYS[1]).open()
    await soon(slow.load_markets())
    await soon(venue.load_markets())
    raw = {"interval": "raw"}

    async def place(step):
        placed = await trader.ask("private/buy", instrument_name=series, amount=1 + step % 5, price=round(price - 0.001 * step, 3))
        return placed["order"]["order_id"]

    async def each(work, over):
        """Sixteen at a time: the venue answers more, and a slow machine is asked for less."""
        over, done = list(over), []
        for start in range(0, len(over), 16):
            done += await asyncio.gather(*(work(one) for one in over[start : start + 16]))
        return done

    cancel = lambda order: trader.ask("private/cancel", order_id=order)
    first = await each(place, range(50, 150))
    await until(lambda: slow.watch_order_book(symbol, params=raw), lambda book: len(book["bids"]) == 100)

    proxy.reads.clear()
    await each(cancel, first[:90])
    for _ in range(4):
        await each(cancel, await each(place, range(20, 120)))
    second = await each(place, range(100, 190))
    proxy.reads.set()
    levels = await same(venue, slow, symbol)
    done("book after a stall", f"{levels} levels")

    proxy.loses = True
    await each(cancel, first[90:] + second[:60])
    await each(place, range(10, 40))
    end = time.monotonic() + PATIENCE
    while proxy.lost == 0 or sides(slow.orderbooks[symbol]) == sides(await soon(venue.fetch_order_book(symbol, 10_000))):
        assert time.monotonic() < end, f"{proxy.lost} messages were lost"
        await asyncio.sleep(0.05)
    proxy.loses = False
    url = slow.urls["api"]["ws"]
    await slow.clients[url].send({"jsonrpc": "2.0", "id": slow.request_id(), "method": "public/subscribe", "params": {"channels": [f"book.{series}.raw"]}})
    levels = await same(venue, slow, symbol)
    done("book after lost messages and asking again", f"{proxy.lost} lost, {levels} levels")

    async def keep_watching(params):
        """What every user of ccxt writes around a stream."""
        while True:
            try:
                await slow.watch_order_book(symbol, params=dict(params))
            except ccxt.NetworkError:
                await asyncio.sleep(0.05)

    for pace, params in (("raw", raw), ("100ms", {})):
        watching = asyncio.ensure_future(keep_watching(params))
        end = time.monotonic() + PATIENCE
        while not any(pace in name for name in slow.clients[url].subscriptions):
            assert time.monotonic() < end, "never subscribed"
            await asyncio.sleep(0.05)
        for is_stalled in (False, True):
            third = await each(place, range(200, 300))
            await same(venue, slow, symbol)
            if is_stalled:
                # What is on its way is lost with the connection.
                proxy.reads.clear()
                fourth = await each(place, range(300, 340))
                await each(cancel, third[:50] + fourth[:20])
            proxy.cut()
            await each(cancel, third[50:])
            await each(place, range(320, 330))
            proxy.reads.set()
            levels = await same(venue, slow, symbol)
            how = "a stall and a cut" if is_stalled else "a cut"
            done(f"book over a new connection after {how}", f"{pace}, {levels} levels")
            await trader.ask("private/cancel_all")
            await same(venue, slow, symbol)
        watching.cancel()
    await trader.close()
    await slow.close()
    await venue.close()


async def main():
    a, b = client(KEYS[0]), client(KEYS[1])
    markets = await soon(a.load_markets())
    await soon(b.load_markets())
    symbol = next(symbol for symbol, it in sorted(markets.items()) if it["future"] and it["id"].startswith(SERIES))
    done("markets", f"{len(markets)} series, {symbol} is {markets[symbol]['id']}")
    price = round(await market_data(a, symbol), 3)
    sell, buy = await orders(a, b, symbol, price)
    taken = await streams(a, b, symbol, price, sell, buy)
    await past(a, b, symbol, sell, taken)
    assert (await soon(a.cancel_order(buy["id"], symbol)))["status"] == "canceled"
    await soon(a.cancel_all_orders(symbol))
    await soon(b.cancel_all_orders())
    assert await soon(a.fetch_open_orders(symbol)) == []
    done("cancelled")
    await gaps(symbol, markets[symbol]["id"], price)
    await a.close()
    await b.close()


asyncio.run(main())
