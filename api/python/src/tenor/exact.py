"""JSON whose numbers are exact: read as `Decimal`, written digit by digit.

A binary float never stands between a price and the wire: one that is to be sent is refused, by the name of its field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

#: What may be given where a number belongs. A text is read as a decimal, so that `"2.345"` is exactly that.
Number = Decimal | int | str

#: As deep as a request may be nested; ours are three deep.
_DEPTH_MAX = 32


def decimal(value: Number, field: str) -> Decimal:
    """A number as it will be sent. A float is refused, because what it looks like is not what it is."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        hint = f'; write Decimal("{value}")' if isinstance(value, float) else ""
        raise TypeError(f"{field} is a {type(value).__name__}, not an exact number{hint}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{field} is no number: {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"{field} is not finite: {number}")
    return number


def loads(text: str | bytes) -> Any:
    """Reads JSON; every number with a point or an exponent becomes a `Decimal`."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: object) -> str:
    """Writes JSON; a `Decimal` becomes its digits, without an exponent."""
    return _written(value, "the request", 0)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _written(value: object, field: str, depth: int) -> str:
    if _DEPTH_MAX < depth:
        raise ValueError(f"{field} is nested more than {_DEPTH_MAX} deep")
    match value:
        case None | bool() | str():
            return json.dumps(value)
        case int():
            return str(value)
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{field} is not finite: {value}")
            return f"{value:f}"
        case list() | tuple():
            items = (_written(item, f"{field}[{at}]", depth + 1) for at, item in enumerate(value))
            return "[" + ",".join(items) + "]"
        case Mapping():
            pairs = (
                f"{json.dumps(str(key))}:{_written(item, str(key), depth + 1)}"
                for key, item in value.items()
            )
            return "{" + ",".join(pairs) + "}"
        case float():
            raise TypeError(f'{field} is a float, not an exact number; write Decimal("{value}")')
        case _:
            raise TypeError(f"{field} is a {type(value).__name__}, which JSON does not have")
