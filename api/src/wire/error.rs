//! Every refusal a client can see, in one enum: Deribit's codes and names, as the clients in the field know them.

use std::fmt;
use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::number::Number;

struct Row {
    code: i64,
    name: &'static str,
    http: u16,
    meaning: &'static str,
}

/// Defines the codes and their rows at once, so that neither can be without the other.
macro_rules! error_codes {
    ($($variant:ident = ($code:literal, $name:literal, $http:literal): $meaning:literal;)*) => {
        /// What a refusal is called on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorCode {
            /// Every code, by its number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        code: $code,
                        name: $name,
                        http: $http,
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

error_codes! {
    ParseError = (-32700, "Parse error", 400): "the frame is not JSON";
    InvalidParams = (-32602, "Invalid params", 400): "a field is missing, unknown, of the wrong kind, or out of range";
    MethodNotFound = (-32601, "Method not found", 404): "no such method";
    InvalidRequest = (-32600, "Invalid Request", 400): "JSON, but not a JSON-RPC 2.0 request";
    QtyTooLow = (10002, "qty_too_low", 400): "an amount of zero or less";
    OrderNotFound = (10004, "order_not_found", 404): "no open order of this account has that id";
    PriceTooLow = (10005, "price_too_low", 400): "a price below the limit";
    PriceTooHigh = (10007, "price_too_high", 400): "a price above the limit";
    NotEnoughFunds = (10009, "not_enough_funds", 400): "the account cannot fund it";
    BookClosed = (10012, "book_closed", 400): "the series has stopped trading, for good or for now";
    TooManyOpenOrders = (10013, "pme_max_total_open_orders", 400): "the account has as many open orders as it may have";
    PositionTooLarge = (10018, "non_pme_max_future_position_size", 400): "the position, open orders included, would be above the limit";
    LockedByAdmin = (10019, "locked_by_admin", 403): "an operator has stopped the account";
    InvalidInstrument = (10020, "invalid_or_unsupported_instrument", 404): "no such series";
    InvalidAmount = (10021, "invalid_amount", 400): "an amount above the limit";
    InvalidPrice = (10023, "invalid_price", 400): "a price of zero or less";
    NonIntegerAmount = (10027, "non_integer_contract_amount", 400): "an amount that is not a whole number of lots";
    TooManyRequests = (10028, "too_many_requests", 429): "a limit of this session or client is reached";
    MustBeWebsocket = (10030, "must_be_websocket_request", 400): "needs a WebSocket session";
    NotImplemented = (10033, "not_implemented", 400): "Deribit has it, this venue does not";
    PriceWrongTick = (10043, "price_wrong_tick", 400): "a price between two ticks";
    QueueFull = (10047, "matching_engine_queue_full", 503): "the exchange is busy; nothing was done, ask again";
    OtherReject = (11030, "other_reject", 400): "a rule of the exchange forbids it, see `rule`";
    UnsupportedCombination = (11047, "unsupported_arg_combination", 400): "fields that do not go together";
    BadRequest = (11050, "bad_request", 400): "understood, but it makes no sense here";
    Maintenance = (11051, "system_maintenance", 503): "the venue is not open, or not wholly";
    PostOnlyReject = (11054, "post_only_reject", 400): "a post-only order would have taken";
    Internal = (11094, "internal_server_error", 500): "our mistake; the one error that does not say that nothing was done";
    InvalidCredentials = (13004, "invalid_credentials", 401): "client id, secret, signature, timestamp or nonce is not right";
    Unauthorized = (13009, "unauthorized", 401): "nobody is logged in, or the token has expired";
    SubscriptionFailed = (13017, "subscription_failed", 400): "a channel cannot be subscribed to";
    NotFound = (13020, "not_found", 404): "no such thing";
    Forbidden = (13021, "forbidden", 403): "logged in, but not allowed to";
    TimedOut = (13888, "timed_out", 400): "the request came after its `valid_until`";
}

impl ErrorCode {
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
    kept: Option<Kept>,
    leaves_open: bool,
    retry_after: Option<u64>,
}

/// Which messages of a channel there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Kept {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) epoch: u64,
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
            kept: None,
            leaves_open: false,
            retry_after: None,
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

    /// Says it in other words.
    #[must_use]
    pub fn because(mut self, reason: String) -> Self {
        self.0.reason = reason;
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

    /// Names the messages that there are.
    #[must_use]
    pub(crate) fn with_kept(mut self, kept: Kept) -> Self {
        self.0.kept = Some(kept);
        self
    }

    /// Says after how many milliseconds it may be tried again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        // Rounded up: whoever comes back then is not too early.
        let millis = wait.as_nanos().div_ceil(1_000_000);
        self.0.retry_after = Some(u64::try_from(millis).unwrap_or(u64::MAX));
        self
    }

    /// After how many milliseconds it may be tried again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// A command was taken, and nobody can say what came of it.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorCode::Internal, reason);
        error.0.leaves_open = true;
        error
    }

    /// Whether a command was taken of which nobody can say what came of it.
    #[must_use]
    pub fn leaves_open(&self) -> bool {
        self.0.leaves_open
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
    #[serde(flatten)]
    kept: Option<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
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
            kept: details.kept,
            retry_after: details.retry_after,
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
    fn api_003_every_code_has_a_number_and_a_name_of_its_own() {
        let numbers: BTreeSet<i64> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!((numbers.len(), names.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.code()));
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
