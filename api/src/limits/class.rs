//! What a request costs, and out of which bucket.
//!
//! The class follows from the method's name, so that a new method has one before anybody thinks of it.

use serde::de::IgnoredAny;

use crate::auth::Need;
use crate::methods::Spec;
use crate::wire::Params;

/// Requests that share credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Order,
    Cancel,
    Quote,
    Query,
    Subscribe,
    /// Whatever else is journaled.
    Command,
}

impl Class {
    pub(crate) const ALL: [Self; 6] =
        [Self::Order, Self::Cancel, Self::Quote, Self::Query, Self::Subscribe, Self::Command];

    /// As replies name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Cancel => "cancel",
            Self::Quote => "quote",
            Self::Query => "query",
            Self::Subscribe => "subscribe",
            Self::Command => "command",
        }
    }

    /// The class of a method.
    pub(crate) fn of(spec: &Spec) -> Self {
        let name = spec.name.rsplit('/').next().unwrap_or_default();
        if name.contains("cancel") {
            return Self::Cancel;
        }
        if name == "buy" || name == "sell" || name.starts_with("edit") {
            return Self::Order;
        }
        if name == "mass_quote" {
            return Self::Quote;
        }
        if name.contains("subscribe") {
            return Self::Subscribe;
        }
        let only_asks = matches!(spec.need, None | Some(Need::AccountRead | Need::TradeRead));
        if only_asks { Self::Query } else { Self::Command }
    }
}

/// What is taken for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) class: Class,
    pub(crate) cost: u32,
    /// Whether it may use what is kept for orders that only reduce.
    pub(crate) reduces: bool,
}

/// Questions that read more than one thing, and what they cost.
const LONG_ANSWERS: [(&str, u32); 11] = [
    ("get_instruments", 5),
    ("get_book_summary_by_currency", 5),
    ("get_last_trades", 5),
    ("get_last_settlements", 5),
    ("get_tradingview_chart_data", 10),
    ("get_order_history", 5),
    ("get_user_trades", 5),
    ("get_settlement_history", 5),
    ("get_transaction_log", 10),
    ("get_transcript", 10),
    ("simulate_portfolio", 10),
];
/// What cancelling more than one order costs.
const CANCEL_MANY: u32 = 5;

impl Charge {
    /// One credit of a class.
    pub(crate) const fn one(class: Class) -> Self {
        Self { class, cost: 1, reduces: false }
    }

    /// What a request costs. Fields that cannot be read cost nothing more: the request will be refused.
    pub(crate) fn of(spec: &Spec, params: &Params) -> Self {
        let class = Class::of(spec);
        let count = |field: &str| {
            let list = params.value::<Vec<IgnoredAny>>(field, "").ok().flatten();
            list.map_or(1, |list| u32::try_from(list.len()).unwrap_or(u32::MAX)).max(1)
        };
        let name = spec.name.rsplit('/').next().unwrap_or_default();
        let cost = match class {
            Class::Subscribe => count("channels"),
            Class::Quote => count("quotes"),
            Class::Cancel if name.starts_with("cancel_all") && name != "cancel_all_after" => {
                CANCEL_MANY
            }
            Class::Query => {
                let long = LONG_ANSWERS.iter().find(|(start, _)| name.starts_with(start));
                long.map_or(1, |(_, cost)| *cost)
            }
            Class::Order | Class::Cancel | Class::Command => 1,
        };
        let reduces = class == Class::Order && params.flag("reduce_only") == Ok(Some(true));
        Self { class, cost, reduces }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::methods::by_name;

    fn charge(method: &str, params: &str) -> Charge {
        let params: Box<RawValue> = serde_json::from_str(params).unwrap();
        Charge::of(by_name(method).unwrap(), &Params::from_json(Some(&params)).unwrap())
    }

    #[test]
    fn limit_012_every_method_has_its_class_and_its_cost() {
        for (method, params, class, cost) in [
            ("private/buy", "{}", Class::Order, 1),
            ("private/edit_by_label", "{}", Class::Order, 1),
            ("private/cancel", "{}", Class::Cancel, 1),
            ("private/cancel_all", "{}", Class::Cancel, 5),
            ("private/cancel_all_by_currency", "{}", Class::Cancel, 5),
            ("private/enable_cancel_on_disconnect", "{}", Class::Cancel, 1),
            ("public/subscribe", r#"{"channels":["a","b","c"]}"#, Class::Subscribe, 3),
            ("private/subscribe", r#"{"channels":7}"#, Class::Subscribe, 1),
            ("public/unsubscribe_all", "{}", Class::Subscribe, 1),
            ("public/test", "{}", Class::Query, 1),
            ("public/auth", "{}", Class::Query, 1),
            ("private/get_order_history_by_currency", "{}", Class::Query, 5),
            ("private/get_positions", "{}", Class::Query, 1),
            ("private/submit_receipt", "{}", Class::Command, 1),
            ("private/withdraw", "{}", Class::Command, 1),
        ] {
            let charged = charge(method, params);
            assert_eq!((charged.class, charged.cost), (class, cost), "{method}");
        }
    }

    #[test]
    fn limit_011_only_an_order_that_says_so_reduces() {
        assert!(charge("private/sell", r#"{"reduce_only":true}"#).reduces);
        assert!(!charge("private/sell", r#"{"reduce_only":false}"#).reduces);
        assert!(!charge("private/sell", r#"{"reduce_only":"true"}"#).reduces);
        assert!(!charge("private/withdraw", r#"{"reduce_only":true}"#).reduces);
    }
}
