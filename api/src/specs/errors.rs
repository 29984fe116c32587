//! What a client does about each refusal: whether the same request may be sent again, and what to change.

use crate::wire::ErrorCode;

/// Whether the same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will be refused again.
    No,
    /// When what the reason says has changed.
    Later,
    /// It was not done; the same may be sent again after a while.
    Yes,
}

impl Retry {
    /// In a table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Later => "later",
            Self::Yes => "yes",
        }
    }
}

/// Whether to ask again, and what to do.
#[must_use]
pub const fn advice(code: ErrorCode) -> (Retry, &'static str) {
    match code {
        ErrorCode::ParseError => (Retry::No, "send JSON"),
        ErrorCode::InvalidParams => (Retry::No, "correct the field that `param` names"),
        ErrorCode::MethodNotFound => (Retry::No, "see the list of methods"),
        ErrorCode::InvalidRequest => {
            (Retry::No, "send one JSON-RPC 2.0 request with an `id`, within the limits")
        }
        ErrorCode::QtyTooLow => (Retry::No, "send at least one lot"),
        ErrorCode::OrderNotFound => {
            (Retry::No, "ask for the order's state: it has ended, or is another account's")
        }
        ErrorCode::PriceTooLow => {
            (Retry::Later, "send at least `limit`, which moves with the mark")
        }
        ErrorCode::PriceTooHigh => {
            (Retry::Later, "send at most `limit`, which moves with the mark")
        }
        ErrorCode::NotEnoughFunds => (
            Retry::Later,
            "make it smaller, cancel orders, or add money: `required` less `available`",
        ),
        ErrorCode::BookClosed => (Retry::No, "trade another series"),
        ErrorCode::TooManyOpenOrders => (Retry::Later, "cancel orders"),
        ErrorCode::PositionTooLarge => (Retry::Later, "make it smaller, or cancel orders"),
        ErrorCode::LockedByAdmin => (Retry::Later, "ask the operators"),
        ErrorCode::InvalidInstrument => (Retry::No, "ask public/get_instruments for the names"),
        ErrorCode::InvalidAmount => (Retry::No, "stay within `limit`"),
        ErrorCode::InvalidPrice => {
            (Retry::No, "send a price above zero, and within the order's own ceiling")
        }
        ErrorCode::NonIntegerAmount => (Retry::No, "send whole lots"),
        ErrorCode::TooManyRequests => {
            (Retry::Yes, "wait `retry_after` milliseconds; close what is not needed")
        }
        ErrorCode::MustBeWebsocket => (Retry::No, "open a WebSocket session"),
        ErrorCode::NotImplemented => (Retry::No, "do without it; `reason` says why it is not here"),
        ErrorCode::PriceWrongTick => {
            (Retry::No, "send a multiple of the tick size, which is `limit`")
        }
        ErrorCode::QueueFull => (Retry::Yes, "send it again after a moment; nothing was done"),
        ErrorCode::OtherReject => (Retry::No, "read the rule that `rule` names"),
        ErrorCode::UnsupportedCombination => (Retry::No, "leave out the field that `param` names"),
        ErrorCode::BadRequest => (Retry::No, "read `reason`"),
        ErrorCode::Maintenance => (Retry::Yes, "wait until public/status says that it is open"),
        ErrorCode::PostOnlyReject => (Retry::Later, "send a price that does not cross the book"),
        ErrorCode::Internal => {
            (Retry::Yes, "ask what became of it before sending it again; tell us")
        }
        ErrorCode::InvalidCredentials => {
            (Retry::No, "check id, secret, signature and clock; a nonce is used once")
        }
        ErrorCode::Unauthorized => (Retry::Later, "log in, or refresh the token"),
        ErrorCode::SubscriptionFailed => (Retry::No, "see the list of channels"),
        ErrorCode::NotFound => (Retry::No, "check the id that `param` names"),
        ErrorCode::Forbidden => (Retry::No, "use a login with the scope that `reason` names"),
        ErrorCode::TimedOut => {
            (Retry::Yes, "decide anew; send it with a later `valid_until` if it is still meant")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Numbers and names as `ccxt` 4.5.90 knows them, in the table of exceptions of its Deribit class (MIT licence), for every code here
    /// that stands there.
    const CCXT: &[(i64, &str)] = &[
        (-32700, "Parse error"),
        (-32602, "Invalid params"),
        (-32601, "Method not found"),
        (10002, "qty_too_low"),
        (10004, "order_not_found"),
        (10005, "price_too_low"),
        (10007, "price_too_high"),
        (10009, "not_enough_funds"),
        (10012, "book_closed"),
        (10013, "pme_max_total_open_orders"),
        (10018, "non_pme_max_future_position_size"),
        (10019, "locked_by_admin"),
        (10020, "invalid_or_unsupported_instrument"),
        (10021, "invalid_amount"),
        (10022, "invalid_quantity"),
        (10023, "invalid_price"),
        (10026, "price_precision_exceeded"),
        (10027, "non_integer_contract_amount"),
        (10028, "too_many_requests"),
        (10029, "not_owner_of_order"),
        (10030, "must_be_websocket_request"),
        (10033, "not_implemented"),
        (10040, "retry"),
        (10041, "settlement_in_progress"),
        (10043, "price_wrong_tick"),
        (10047, "matching_engine_queue_full"),
        (10048, "not_on_this_server"),
        (11008, "already_filled"),
        (11029, "invalid_arguments"),
        (11030, "other_reject"),
        (11031, "other_error"),
        (11042, "permission_denied"),
        (11043, "bad_argument"),
        (11044, "not_open_order"),
        (11047, "unsupported_arg_combination"),
        (11049, "bad_arguments"),
        (11050, "bad_request"),
        (11051, "system_maintenance"),
        (11052, "subscribe_error_unsubscribed"),
        (11054, "post_only_reject"),
        (11094, "internal_server_error"),
        (12003, "login_over_limit"),
        (13004, "invalid_credentials"),
        (13006, "security_error"),
        (13009, "unauthorized"),
        (13010, "value_required"),
        (13017, "subscription_failed"),
        (13020, "not_found"),
        (13021, "forbidden"),
        (13025, "method_switched_off_by_admin"),
    ];
    /// JSON-RPC 2.0, section 5.1, and what `nautilus_trader` (LGPL, `crates/adapters/deribit`) knows beside: codes that no list of `ccxt` has.
    const BEYOND_CCXT: &[i64] = &[-32600, 13888];
    /// The codes of Deribit that `nautilus_trader` sends again after a while.
    const SENT_AGAIN: &[i64] = &[10028, 10040, 10041, 10047, 10066, 11051, 11094, 13028, 13888];

    #[test]
    fn api_113_codes_and_names_are_those_that_clients_know() {
        let known: BTreeMap<i64, &str> = CCXT.iter().copied().collect();
        for code in ErrorCode::ALL {
            match known.get(&code.code()) {
                Some(name) => assert_eq!(code.name(), *name, "{}", code.code()),
                None => assert!(BEYOND_CCXT.contains(&code.code()), "{} is nowhere", code.code()),
            }
        }
    }

    /// API-113: what a stock client sends again is what may be sent again.
    #[test]
    fn api_113_a_client_that_asks_again_is_right_to() {
        for code in ErrorCode::ALL {
            let (retry, what) = advice(*code);
            assert_eq!(retry == Retry::Yes, SENT_AGAIN.contains(&code.code()), "{}", code.name());
            assert!(!what.is_empty());
        }
    }
}
