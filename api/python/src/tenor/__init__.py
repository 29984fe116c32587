"""Client of a Tenor venue: an exchange for GPU-hours.

async with tenor.connect(url, client_id=.., client_secret=..) as client:
    placed = await client.buy("H100_USDC-28DEC26", 8, "2.345")
"""

from .book import Level, OrderBook
from .client import Client, connect
from .connection import Notification
from .errors import (
    BookGap,
    Busy,
    CallTimeout,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    FateUnknown,
    InstrumentNotFound,
    InvalidOrder,
    InvalidParams,
    LoginFailed,
    MissedMessages,
    NotAllowed,
    NotEnoughFunds,
    OrderNotFound,
    Refused,
    SlowReader,
    TenorError,
    TooLate,
    TooManyRequests,
    Unexpected,
    VenueFailed,
)
from .exact import Number
from .feeds import Reports, Stream
from .live_book import LiveBook
from .login import Login, Tokens
from .objects import (
    AccountSummary,
    Candle,
    Credits,
    IndexPrice,
    Instrument,
    Margins,
    Obligation,
    Order,
    Placed,
    Position,
    Receipt,
    Report,
    Settlement,
    Ticker,
    Trade,
    UserSettlement,
    UserTrade,
)
from .settings import Settings
from .trading import new_client_order_id

__all__ = [
    "AccountSummary",
    "BookGap",
    "Busy",
    "CallTimeout",
    "Candle",
    "Client",
    "ClientClosed",
    "ConnectFailed",
    "ConnectionLost",
    "Credits",
    "FateUnknown",
    "IndexPrice",
    "Instrument",
    "InstrumentNotFound",
    "InvalidOrder",
    "InvalidParams",
    "Level",
    "LiveBook",
    "Login",
    "LoginFailed",
    "Margins",
    "MissedMessages",
    "NotAllowed",
    "NotEnoughFunds",
    "Notification",
    "Number",
    "Obligation",
    "Order",
    "OrderBook",
    "OrderNotFound",
    "Placed",
    "Position",
    "Receipt",
    "Refused",
    "Report",
    "Reports",
    "Settings",
    "Settlement",
    "SlowReader",
    "Stream",
    "TenorError",
    "Ticker",
    "Tokens",
    "TooLate",
    "TooManyRequests",
    "Trade",
    "Unexpected",
    "UserSettlement",
    "UserTrade",
    "VenueFailed",
    "connect",
    "new_client_order_id",
]
