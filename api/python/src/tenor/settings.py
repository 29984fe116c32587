"""What a client may be told about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient a client is, in seconds, and how much it keeps."""

    #: A call waits so long for its reply, a lost connection included.
    call_timeout: float = 10
    #: A connection is tried for so long.
    connect_timeout: float = 10
    #: The first pause before connecting again; each is up to twice the last one.
    pause_first: float = 0.1
    pause_max: float = 10
    #: So long without a connection, and the client gives up. `None`: never.
    give_up_after: float | None = None
    #: An order is sent again for so long until its fate is known.
    order_patience: float = 30
    #: Messages that may wait in a stream before its reader is too slow.
    queue_max: int = 10_000
    #: Tokens are renewed when this part of their life is over.
    refresh_at: float = 0.8
