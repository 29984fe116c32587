"""Venues for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from venue import Venue


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """One venue for the tests of a file."""
    started = Venue(tmp_path_factory.mktemp("venue"))
    yield started
    started.stop()


@pytest.fixture
def own_venue(tmp_path: Path) -> Iterator[Venue]:
    """A venue for one test, which may stop it."""
    started = Venue(tmp_path)
    yield started
    started.stop()
