"""Numbers, errors and objects, without a venue."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources

import pytest

import tenor
from tenor.errors import refused
from tenor.exact import decimal, dumps, loads


def test_python_001_numbers_keep_their_digits() -> None:
    text = '{"price":2.3450000000000000000001,"amount":8,"fee":-0.1}'
    read = loads(text)
    assert read["price"] == Decimal("2.3450000000000000000001")
    assert dumps(read) == text
    assert (
        dumps([Decimal("1E+3"), Decimal("1E-7"), 10**20])
        == "[1000,0.0000001,100000000000000000000]"
    )
    assert dumps({"label": 'a"ü', "post_only": True, "none": None}) == (
        '{"label":"a\\"\\u00fc","post_only":true,"none":null}'
    )


def test_python_001_a_float_is_refused_by_its_field() -> None:
    with pytest.raises(TypeError, match=r'price is a float.*Decimal\("2.345"\)'):
        dumps({"params": {"price": 2.345}})
    for value, error in [
        (2.5, TypeError),
        (True, TypeError),
        ("a", ValueError),
        ("NaN", ValueError),
    ]:
        with pytest.raises(error, match="amount"):
            decimal(value, "amount")  # type: ignore[arg-type]
    assert decimal("2.345", "price") == Decimal("2.345")
    for text in ("[NaN]", "[Infinity]", "[1"):
        with pytest.raises(ValueError, match=r"."):
            loads(text)


def test_python_008_a_refusal_says_which_field_and_how_much() -> None:
    data = {
        "reason": "above",
        "param": "amount",
        "limit": 10,
        "rule": "ORDER-003",
        "retry_after": 250,
    }
    error = refused("private/buy", {"code": 10009, "message": "not_enough_funds", "data": data})
    assert isinstance(error, tenor.NotEnoughFunds)
    assert (error.code, error.param, error.limit, error.rule) == (10009, "amount", 10, "ORDER-003")
    assert error.retry_after == 0.25
    assert str(error) == "private/buy: not_enough_funds (10009): amount: above (limit 10)"
    assert type(refused("a", {"code": 4711, "message": "new"})) is tenor.Refused


def test_objects_say_what_is_missing_and_keep_the_rest() -> None:
    with pytest.raises(tenor.Unexpected, match=r"AccountSummary\.id is missing"):
        tenor.AccountSummary.read({"currency": "USDC"})
    told: dict[str, object] = {"class": "order", "remaining": 3, "limit": 5, "new": "word"}
    left = tenor.Credits.read(told)
    assert (left.kind, left.remaining, left.raw["new"]) == ("order", 3, "word")
    with pytest.raises(tenor.Unexpected, match=r"Credits\.limit is no int: '5'"):
        tenor.Credits.read({**told, "limit": "5"})


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("tenor").joinpath("py.typed").is_file()
    assert set(tenor.__all__) <= set(dir(tenor))
