//! Every refusal a client can see, in one enum: Deribit's codes and names, as the clients in the field know them.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::number::Number;

/// What a refusal is called on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The frame is not JSON.
    ParseError,
    /// It is JSON, but not a request.
    InvalidRequest,
    /// No such method.
    MethodNotFound,
    /// A field is missing, unknown, of the wrong kind, or out of range.
    InvalidParams,
    /// An amount of zero or less.
    QtyTooLow,
    /// No open order of this account has that id.
    OrderNotFound,
    /// A price above the limit.
    PriceTooHigh,
    /// The account cannot fund it.
    NotEnoughFunds,
    /// The series has stopped trading.
    BookClosed,
    /// As many open orders as an account may have.
    TooManyOpenOrders,
    /// A position beyond the limit.
    PositionTooLarge,
    /// No such series.
    InvalidInstrument,
    /// An amount above the limit.
    InvalidAmount,
    /// A price of zero or less.
    InvalidPrice,
    /// An amount between two lots.
    NonIntegerAmount,
    /// More than a session or a client may ask for at once.
    TooManyRequests,
    /// The method exists, but only on a WebSocket.
    MustBeWebsocket,
    /// Deribit has it, we do not.
    NotImplemented,
    /// A price between two ticks.
    PriceWrongTick,
    /// The exchange is busy; nothing was done.
    QueueFull,
    /// A rule of the exchange forbids it.
    OtherReject,
    /// Fields that do not go together.
    UnsupportedCombination,
    /// The request is understood and makes no sense.
    BadRequest,
    /// The venue is not open.
    Maintenance,
    /// Our mistake.
    Internal,
    /// A post-only order would have taken.
    PostOnlyReject,
    /// Client id, secret, signature, timestamp or nonce is not right.
    InvalidCredentials,
    /// Nobody is logged in, or the token has expired.
    Unauthorized,
    /// A channel cannot be subscribed to.
    SubscriptionFailed,
    /// No such obligation or order.
    NotFound,
    /// Logged in, but not allowed to.
    Forbidden,
}

struct Row {
    code: i64,
    name: &'static str,
    http: u16,
    meaning: &'static str,
}

const fn row(code: i64, name: &'static str, http: u16, meaning: &'static str) -> Row {
    Row { code, name, http, meaning }
}

impl ErrorCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 31] = [
        Self::ParseError,
        Self::InvalidRequest,
        Self::MethodNotFound,
        Self::InvalidParams,
        Self::QtyTooLow,
        Self::OrderNotFound,
        Self::PriceTooHigh,
        Self::NotEnoughFunds,
        Self::BookClosed,
        Self::TooManyOpenOrders,
        Self::PositionTooLarge,
        Self::InvalidInstrument,
        Self::InvalidAmount,
        Self::InvalidPrice,
        Self::NonIntegerAmount,
        Self::TooManyRequests,
        Self::MustBeWebsocket,
        Self::NotImplemented,
        Self::PriceWrongTick,
        Self::QueueFull,
        Self::OtherReject,
        Self::UnsupportedCombination,
        Self::BadRequest,
        Self::Maintenance,
        Self::PostOnlyReject,
        Self::Internal,
        Self::InvalidCredentials,
        Self::Unauthorized,
        Self::SubscriptionFailed,
        Self::NotFound,
        Self::Forbidden,
    ];

    const fn row(self) -> Row {
        match self {
            Self::ParseError => row(-32700, "Parse error", 400, "the frame is not JSON"),
            Self::InvalidRequest => {
                row(-32600, "Invalid Request", 400, "JSON, but not a JSON-RPC 2.0 request")
            }
            Self::MethodNotFound => row(-32601, "Method not found", 404, "no such method"),
            Self::InvalidParams => row(
                -32602,
                "Invalid params",
                400,
                "a field is missing, unknown, of the wrong kind, or out of range",
            ),
            Self::QtyTooLow => row(10002, "qty_too_low", 400, "an amount of zero or less"),
            Self::OrderNotFound => {
                row(10004, "order_not_found", 404, "no open order of this account has that id")
            }
            Self::PriceTooHigh => row(10007, "price_too_high", 400, "a price above the limit"),
            Self::NotEnoughFunds => {
                row(10009, "not_enough_funds", 400, "the account cannot fund it")
            }
            Self::BookClosed => row(10012, "book_closed", 400, "the series has stopped trading"),
            Self::TooManyOpenOrders => row(
                10013,
                "pme_max_total_open_orders",
                400,
                "the account has as many open orders as it may have",
            ),
            Self::PositionTooLarge => row(
                10018,
                "non_pme_max_future_position_size",
                400,
                "the position, open orders included, would be above the limit",
            ),
            Self::InvalidInstrument => {
                row(10020, "invalid_or_unsupported_instrument", 404, "no such series")
            }
            Self::InvalidAmount => row(10021, "invalid_amount", 400, "an amount above the limit"),
            Self::InvalidPrice => row(10023, "invalid_price", 400, "a price of zero or less"),
            Self::NonIntegerAmount => row(
                10027,
                "non_integer_contract_amount",
                400,
                "an amount that is not a whole number of lots",
            ),
            Self::TooManyRequests => {
                row(10028, "too_many_requests", 429, "a limit of this session or client is reached")
            }
            Self::MustBeWebsocket => {
                row(10030, "must_be_websocket_request", 400, "needs a WebSocket session")
            }
            Self::NotImplemented => {
                row(10033, "not_implemented", 400, "Deribit has it, this venue does not")
            }
            Self::PriceWrongTick => {
                row(10043, "price_wrong_tick", 400, "a price between two ticks")
            }
            Self::QueueFull => row(
                10047,
                "matching_engine_queue_full",
                503,
                "the exchange is busy; nothing was done, ask again",
            ),
            Self::OtherReject => {
                row(11030, "other_reject", 400, "a rule of the exchange forbids it, see `rule`")
            }
            Self::UnsupportedCombination => {
                row(11047, "unsupported_arg_combination", 400, "fields that do not go together")
            }
            Self::BadRequest => {
                row(11050, "bad_request", 400, "understood, but it makes no sense here")
            }
            Self::Maintenance => row(11051, "system_maintenance", 503, "the venue is not open"),
            Self::PostOnlyReject => {
                row(11054, "post_only_reject", 400, "a post-only order would have taken")
            }
            Self::Internal => row(11094, "internal_server_error", 500, "our mistake"),
            Self::InvalidCredentials => row(
                13004,
                "invalid_credentials",
                401,
                "client id, secret, signature, timestamp or nonce is not right",
            ),
            Self::Unauthorized => {
                row(13009, "unauthorized", 401, "nobody is logged in, or the token has expired")
            }
            Self::SubscriptionFailed => {
                row(13017, "subscription_failed", 400, "a channel cannot be subscribed to")
            }
            Self::NotFound => row(13020, "not_found", 404, "no such thing"),
            Self::Forbidden => row(13021, "forbidden", 403, "logged in, but not allowed to"),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> i64 {
        self.row().code
    }

    /// The message on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        self.row().http
    }

    /// What it tells a client, for the documentation.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.row().meaning
    }
}

/// A refusal: what the client did, where, and what would have been right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    code: ErrorCode,
    reason: String,
    param: Option<String>,
    rule: Option<&'static str>,
    limit: Option<Number>,
    required: Option<Number>,
    available: Option<Number>,
}

impl WireError {
    /// A refusal with its reason in words.
    #[must_use]
    pub fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            reason: reason.into(),
            param: None,
            rule: None,
            limit: None,
            required: None,
            available: None,
        }))
    }

    /// A field that cannot be read.
    #[must_use]
    pub fn param(param: &str, reason: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams, reason).of(param)
    }

    /// Names the field.
    #[must_use]
    pub fn of(mut self, param: &str) -> Self {
        self.0.param = Some(param.to_owned());
        self
    }

    /// Names the rule of the rule book.
    #[must_use]
    pub fn by_rule(mut self, rule: &'static str) -> Self {
        self.0.rule = Some(rule);
        self
    }

    /// Names the limit that the field has passed.
    #[must_use]
    pub fn with_limit(mut self, limit: impl Into<Number>) -> Self {
        self.0.limit = Some(limit.into());
        self
    }

    /// Names what was needed and what there is.
    #[must_use]
    pub fn with_funds(mut self, required: Number, available: Number) -> Self {
        self.0.required = Some(required);
        self.0.available = Some(available);
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Its reason in words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code().name(), self.code().code(), self.0.reason)
    }
}

impl std::error::Error for WireError {}

#[derive(Serialize)]
struct Data<'a> {
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<Number>,
}

impl Serialize for WireError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let details = &self.0;
        let data = Data {
            reason: &details.reason,
            param: details.param.as_deref(),
            rule: details.rule,
            limit: details.limit,
            required: details.required,
            available: details.available,
        };
        let mut object = serializer.serialize_struct("error", 3)?;
        object.serialize_field("code", &details.code.code())?;
        object.serialize_field("message", details.code.name())?;
        object.serialize_field("data", &data)?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn api_003_every_code_is_listed_once_under_a_number_of_its_own() {
        let numbers: BTreeSet<i64> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        // `row` is exhaustive; the list is as long as the last variant says.
        let last = ErrorCode::ALL.iter().max().unwrap();
        assert_eq!(*last, ErrorCode::Forbidden);
        let distinct: BTreeSet<ErrorCode> = ErrorCode::ALL.into_iter().collect();
        assert_eq!(distinct.len(), 31);
    }

    #[test]
    fn api_003_a_refusal_names_field_rule_and_limit() {
        let error = WireError::new(ErrorCode::NotEnoughFunds, "too dear").of("amount");
        let error = error.by_rule("ORDER-014").with_funds(MICRO_DOLLAR.into(), Number::default());
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            "{\"code\":10009,\"message\":\"not_enough_funds\",\"data\":{\"reason\":\"too dear\",\
             \"param\":\"amount\",\"rule\":\"ORDER-014\",\"required\":0.000001,\"available\":0}}"
        );
    }

    const MICRO_DOLLAR: instruments::MicroUsd = instruments::MicroUsd::new(1);
}
