"""A venue of its own for a test: the real server, on this machine, with accounts that have test money."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import tenor

T = TypeVar("T")

ROOT = Path(__file__).parents[3]
BINARY = os.environ.get("TENOR_BINARY", str(ROOT / "target" / "debug" / "tenor"))
#: No test waits longer for anything.
PATIENCE = 20
#: A series without which no test venue starts: a month far ahead.
SERIES_PREFIX = "H100_USDC-"


class Venue:
    """A directory and the server on it, which may be stopped, killed and started again at the same address."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("maker", "taker")) -> None:
        self.data = folder / "venue"
        self.keys = {name: self._account(name) for name in names}
        self.address = "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"ws://{self.address}/ws/api/v2"

    def start(self) -> None:
        command = [BINARY, "serve", "--testnet", "--listen", self.address, "--data", str(self.data)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "ws://" in line, f"the venue says {line!r}"
        self.address = line.split("ws://")[1].split("/")[0]

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        process.communicate()
        assert how == signal.SIGKILL or process.returncode == 0, "the venue found fault with itself"

    def client(
        self, name: str | None = "maker", *, url: str | None = None, **settings: Any
    ) -> tenor.Client:
        """A client of one account, or of nobody."""
        login = None if name is None else self.keys[name]
        told = tenor.Settings(**{"pause_first": 0.02, "pause_max": 0.2, **settings})
        return tenor.connect(url or self.url, login, settings=told)

    def _account(self, name: str) -> tenor.Login:
        kind = ["--verifier"] if name == "verifier" else ["--deposit", "1000000"]
        command = [BINARY, "account", "create", "--json", "--testnet", "--name", name, *kind]
        done = subprocess.run([*command, "--data", str(self.data)], capture_output=True, check=True)
        return tenor.Login(**json.loads(done.stdout))


def run(what: Coroutine[Any, Any, T], patience: float = 3 * PATIENCE) -> T:
    """Runs a test's story, for as long as a test may take."""

    async def soon() -> T:
        return await asyncio.wait_for(what, patience)

    return asyncio.run(soon())


async def futures(client: tenor.Client) -> list[tenor.Ticker]:
    """Months of H100, as tickers, nearest last: tests that share a venue take one each."""
    found = await client.instruments("future")
    names = [it.instrument_name for it in found if it.instrument_name.startswith(SERIES_PREFIX)]
    return [await client.ticker(name) for name in reversed(names)]
