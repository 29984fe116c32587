"""Pages with programs in them, run as a newcomer would run them.

A page's `sh` blocks run in their order, in one folder; a block marked `sh keeps running` runs beside the rest until the page ends; a
`python` block is a file, named in its first line (`# hedger.py`). After an `sh` block a `text` block is what it prints, up to the words
that have a digit in them: prices, times and names of series are another day's.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from venue import BINARY, ROOT

_BLOCK = re.compile(r"^```(\S+)( keeps running)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ADDRESS = "127.0.0.1:9377"
#: No command of a page takes longer.
_SECONDS_MAX = 60


@dataclass(frozen=True)
class Block:
    """One block of code."""

    kind: str
    keeps_running: bool
    text: str


def blocks(page: Path) -> list[Block]:
    """All code of a page."""
    return [
        Block(kind, bool(keeps), text) for kind, keeps, text in _BLOCK.findall(page.read_text())
    ]


def program_name(block: Block) -> str:
    """The file that a program is to be saved as."""
    return block.text.splitlines()[0].removeprefix("# ")


def run_page(page: Path, folder: Path) -> None:
    """Does what the page says, in a fresh folder, at a port that is free."""
    address = f"127.0.0.1:{_free_port()}"
    environment = os.environ | {"PATH": f"{_stand_ins(folder)}:{os.environ['PATH']}"}
    running: list[subprocess.Popen[str]] = []
    printed = ""
    try:
        for block in blocks(page):
            text = block.text.replace(_ADDRESS, address)
            if block.kind == "python":
                (folder / program_name(block)).write_text(text)
            elif block.keeps_running:
                running.append(_start(text, folder, environment))
            elif block.kind == "sh":
                printed = _run(text, folder, environment)
            elif block.kind == "text":
                _compare(printed, text)
    finally:
        for process in reversed(running):
            process.terminate()
            process.communicate()


def _run(text: str, folder: Path, environment: dict[str, str]) -> str:
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _start(text: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Starts it and waits for its first line."""
    command = ["bash", "-euc", f"exec {text}"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline(), f"{text} has ended at once"
    return process


def _compare(printed: str, expected: str) -> None:
    got, wanted = printed.splitlines(), expected.splitlines()
    for number, line in enumerate(wanted):
        assert number < len(got), f"{line!r} was not printed:\n{printed}"
        assert _without_figures(got[number]) == _without_figures(line), printed
    assert len(got) == len(wanted), printed


def _without_figures(line: str) -> list[str]:
    return ["0" if re.search(r"\d", word) else word for word in line.split()]


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _stand_ins(folder: Path) -> Path:
    """`cargo run` runs the binary that is built already, `pip install` sees that the package is there, `python` is this one."""
    tools = folder / "bin"
    tools.mkdir()
    scripts = {
        "cargo": f'test "$1" = run; while test "$1" != --; do shift; done; shift; exec {BINARY} "$@"',
        "pip": f'test "$1" = install && test -f {ROOT}/"$2"/pyproject.toml',
        "python": f'exec {sys.executable} -B "$@"',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return tools
