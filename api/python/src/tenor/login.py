"""How a client says who it is."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Login:
    """An account's key, as `tenor account create` prints it."""

    client_id: str
    client_secret: str = field(repr=False)
    #: Sign instead of sending the secret.
    is_signed: bool = False
    #: Narrows the login, for example `trade:read account:read`.
    scope: str | None = None

    @classmethod
    def from_file(
        cls, path: str | Path, *, is_signed: bool = False, scope: str | None = None
    ) -> Self:
        """From the JSON that `tenor account create` prints."""
        told = json.loads(Path(path).read_text())
        return cls(told["client_id"], told["client_secret"], is_signed, scope)

    def params(self) -> Mapping[str, Any]:
        """The fields of `public/auth`."""
        fields: dict[str, Any] = {"client_id": self.client_id}
        if self.is_signed:
            timestamp, nonce = int(time.time() * 1000), secrets.token_hex(8)
            fields |= {
                "grant_type": "client_signature",
                "timestamp": timestamp,
                "nonce": nonce,
                "data": "",
                "signature": signature(self.client_secret, timestamp, nonce, ""),
            }
        else:
            fields |= {"grant_type": "client_credentials", "client_secret": self.client_secret}
        if self.scope is not None:
            fields["scope"] = self.scope
        return fields


def signature(secret: str, timestamp: int, nonce: str, data: str) -> str:
    """HMAC-SHA256 in hexadecimal of what `public/auth` takes for a proof of the secret."""
    text = f"{timestamp}\n{nonce}\n{data}"
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login has given. The access token is for HTTP requests; a session needs none."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scope: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Tokens:
        """From the reply."""
        return cls(data["access_token"], data["refresh_token"], data["expires_in"], data["scope"])
