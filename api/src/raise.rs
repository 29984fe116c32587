//! Domain to wire: ticks become decimals, instants become milliseconds, enums become Deribit's words.
//!
//! The opposite direction is `lower.rs`. Nothing here asks or changes anything.

mod agreement;
mod chart;
mod clearing;
mod default_fund;
mod delivery;
mod job;
mod listing;
mod maker;
mod margin;
mod money;
mod option;
mod order;
mod past;
mod platform;
mod quote;
mod reject;
mod report;
mod settled;
mod ticker;

pub(crate) use agreement::{block_fill, to_sign};
pub(crate) use chart::{book_summary, candle, cost, stats};
pub(crate) use clearing::{assignment, day_name, statement, transfer};
pub(crate) use default_fund::{backstop_auction, default_standing};
pub(crate) use delivery::{
    Message as DeliveryMessage, challenge, delivery_message, draw, is_party, obligation, receipt,
    salts, task,
};
pub(crate) use job::{job, job_message};
pub(crate) use listing::{currency, index_price, instrument, kind, root, traded};
pub(crate) use maker::{mmp_config, mmp_status, mmp_trigger, quote_event, quote_side};
pub(crate) use margin::{model_state, risk, simulated};
pub(crate) use money::{account_summary, position};
pub(crate) use order::{
    new_order, order, order_from_open, public_trade, tick_direction, user_trade,
};
pub(crate) use past::{cash_movement, user_settlement};
pub(crate) use platform::{platform_state, status};
pub(crate) use quote::{index_message, option_marks, quote, window};
pub(crate) use reject::{
    openings_error, reject, roots_error, sign_error, state_word, submit_error,
};
pub(crate) use report::report;
pub(crate) use settled::{place, settlement, split_page, split_share};
pub(crate) use ticker::{book, levels, price_band, ticker};

use instruments::{GradeId, Side};

/// The one currency: dollars, under the name that clients expect of linear instruments.
pub(crate) const CURRENCY: &str = "USDC";

pub(crate) fn direction(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// `H100` as an index: `h100_usd`.
pub(crate) fn index_name(grade: &GradeId) -> String {
    format!("{}_usd", grade.as_str().to_ascii_lowercase())
}

/// Bytes as lower-case hexadecimal with `0x`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
