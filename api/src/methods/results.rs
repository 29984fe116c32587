//! What every method answers with: the type of its result. The specifications are made from this table.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::fields::Shape;
use super::{
    account, clearing, delivery, fate, fixing, keys, login, margin, market_data, mock, past,
};
use crate::wire::{
    WireAccountSummary, WireAssignment, WireBackstopAuction, WireBlockTrade, WireBlockTrades,
    WireBook, WireBookSummary, WireCandles, WireCashMovements, WireContractSize, WireCurrency,
    WireDefaultStanding, WireDeliveryPrices, WireIndexPrice, WireInstrument, WireJob,
    WireMassQuote, WireMmpConfig, WireMmpStatus, WireModelChange, WireObligation, WireOrder,
    WireOrderMargins, WirePlaced, WirePosition, WireReceipt, WireReplay, WireReports, WireRisk,
    WireSalts, WireSettlements, WireSimulated, WireSplitPage, WireSplits, WireStatement,
    WireStatus, WireSubaccount, WireTicker, WireToSign, WireTradeVolumes, WireTranscriptPage,
    WireTransfers, WireUserSettlements, WireWithdrawal,
};

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn ok(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "const": "ok", "description": "it is done" })
}

fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "description": "how many orders" })
}

fn millis(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "description": "milliseconds since 1970" })
}

fn names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string" }, "description": "their names" })
}

/// How many, or with `detailed` which.
fn cancelled(generator: &mut SchemaGenerator) -> Schema {
    let either = [count(generator), of::<Vec<WireOrder>>(generator)];
    json_schema!({ "anyOf": either })
}

/// Each step has its own answer.
fn dry_run(generator: &mut SchemaGenerator) -> Schema {
    let steps = [
        of::<mock::Begun>(generator),
        of::<mock::Asked>(generator),
        of::<mock::Drawn>(generator),
        of::<mock::Judged>(generator),
    ];
    json_schema!({ "anyOf": steps })
}

/// Of a channel, or the account's reports.
fn replay(generator: &mut SchemaGenerator) -> Schema {
    let either = [of::<WireReplay>(generator), of::<WireReports>(generator)];
    json_schema!({ "anyOf": either })
}

/// Every method that answers with something, by name.
#[rustfmt::skip]
pub(crate) const RESULTS: &[(&str, Shape)] = &[
    ("public/auth", of::<login::WireGrant>),
    ("public/get_sign_in_challenge", of::<keys::WireChallenge>),
    ("public/create_session_key", of::<keys::WireSessionKey>),
    ("public/get_audit_head", of::<keys::WireHead<'_>>),
    ("public/hello", of::<market_data::Version>),
    ("public/test", of::<market_data::Version>),
    ("public/status", of::<WireStatus>),
    ("public/get_time", millis),
    ("public/get_currencies", of::<Vec<WireCurrency>>),
    ("public/get_instruments", of::<Vec<WireInstrument>>),
    ("public/get_instrument", of::<WireInstrument>),
    ("public/ticker", of::<WireTicker>),
    ("public/get_order_book", of::<WireBook>),
    ("public/get_last_trades_by_instrument", of::<market_data::Trades>),
    ("public/get_last_trades_by_instrument_and_time", of::<market_data::Trades>),
    ("public/get_book_summary_by_currency", of::<Vec<WireBookSummary>>),
    ("public/get_book_summary_by_instrument", of::<Vec<WireBookSummary>>),
    ("public/get_tradingview_chart_data", of::<WireCandles>),
    ("public/get_index_price", of::<WireIndexPrice>),
    ("public/get_index_price_names", names),
    ("public/get_risk_arrays", of::<WireRisk>),
    ("public/get_assignment", of::<WireAssignment>),
    ("public/get_last_settlements_by_instrument", of::<WireSettlements>),
    ("public/get_settlement_fixing", of::<fixing::WireFixing>),
    ("public/get_transcript", of::<WireTranscriptPage>),
    ("public/subscribe", names),
    ("public/unsubscribe", names),
    ("public/unsubscribe_all", ok),
    ("public/replay", of::<WireReplay>),
    ("public/set_heartbeat", ok),
    ("public/disable_heartbeat", ok),
    ("private/logout", ok),
    ("private/create_api_key", of::<keys::WireKey>),
    ("private/list_api_keys", of::<Vec<keys::WireKey>>),
    ("private/edit_api_key", of::<keys::WireKey>),
    ("private/change_scope_in_api_key", of::<keys::WireKey>),
    ("private/change_api_key_name", of::<keys::WireKey>),
    ("private/enable_api_key", of::<keys::WireKey>),
    ("private/disable_api_key", of::<keys::WireKey>),
    ("private/reset_api_key", of::<keys::WireKey>),
    ("private/remove_api_key", ok),
    ("private/get_link_challenge", of::<keys::WireChallenge>),
    ("private/link_wallet", of::<keys::WireWallet>),
    ("private/unlink_wallet", ok),
    ("private/list_wallets", of::<Vec<keys::WireWallet>>),
    ("private/list_session_keys", of::<Vec<keys::WireSessionKey>>),
    ("private/remove_session_key", ok),
    ("private/subscribe", names),
    ("private/unsubscribe", names),
    ("private/unsubscribe_all", ok),
    ("private/enable_cancel_on_disconnect", ok),
    ("private/disable_cancel_on_disconnect", ok),
    ("private/get_cancel_on_disconnect", of::<fate::OnDisconnectState>),
    ("private/cancel_all_after", of::<fate::Timer>),
    ("private/get_cancel_all_after", of::<fate::Timer>),
    ("private/buy", of::<WirePlaced>),
    ("private/sell", of::<WirePlaced>),
    ("private/edit", of::<WirePlaced>),
    ("private/edit_by_label", of::<WirePlaced>),
    ("private/cancel", of::<WireOrder>),
    ("private/cancel_by_label", count),
    ("private/cancel_all", count),
    ("private/cancel_all_by_instrument", count),
    ("private/cancel_all_by_currency", count),
    ("private/get_open_orders", of::<Vec<WireOrder>>),
    ("private/get_open_orders_by_instrument", of::<Vec<WireOrder>>),
    ("private/get_open_orders_by_currency", of::<Vec<WireOrder>>),
    ("private/get_order_state", of::<WireOrder>),
    ("private/get_order_state_by_label", of::<Vec<WireOrder>>),
    ("private/get_order_state_by_client_order_id", of::<WireOrder>),
    ("private/get_order_history_by_instrument", of::<Vec<WireOrder>>),
    ("private/get_order_history_by_currency", of::<Vec<WireOrder>>),
    ("private/get_user_trades_by_instrument", of::<past::UserTrades>),
    ("private/get_user_trades_by_instrument_and_time", of::<past::UserTrades>),
    ("private/get_user_trades_by_currency", of::<past::UserTrades>),
    ("private/get_user_trades_by_currency_and_time", of::<past::UserTrades>),
    ("private/get_user_trades_by_order", of::<Vec<crate::wire::WireUserTrade>>),
    ("private/get_settlement_history_by_instrument", of::<WireUserSettlements>),
    ("private/replay", replay),
    ("private/get_positions", of::<Vec<WirePosition>>),
    ("private/get_position", of::<WirePosition>),
    ("private/get_account_summary", of::<WireAccountSummary>),
    ("private/get_account_summaries", of::<account::Summaries>),
    ("private/get_subaccounts", of::<Vec<WireSubaccount>>),
    ("private/get_deposits", of::<WireCashMovements>),
    ("private/get_withdrawals", of::<WireCashMovements>),
    ("private/get_transfers", of::<WireCashMovements>),
    ("private/simulate_portfolio", of::<WireSimulated>),
    ("private/get_margins", of::<WireOrderMargins>),
    ("private/change_margin_model", of::<Vec<WireModelChange>>),
    ("private/register_capacity", of::<margin::Capacity>),
    ("private/faucet", of::<account::Credited>),
    ("private/withdraw", of::<WireWithdrawal>),
    ("private/get_transaction_log", of::<WireTransfers>),
    ("private/get_statement", of::<WireStatement>),
    ("private/instruct_exercise", of::<clearing::Instructed>),
    ("private/nominate", ok),
    ("private/get_loss_splits", of::<WireSplits>),
    ("private/get_loss_split", of::<WireSplitPage>),
    ("private/dispute_settlement", of::<fixing::WireFixing>),
    ("private/rule_on_settlement", of::<fixing::WireFixing>),
    ("private/nominate_agent", ok),
    ("private/get_obligations", of::<Vec<WireObligation>>),
    ("private/submit_segment_roots", of::<WireSalts>),
    ("private/submit_receipt", of::<delivery::Accepted>),
    ("private/open_rows", ok),
    ("private/submit_verdict", ok),
    ("private/get_receipts", of::<Vec<WireReceipt>>),
    ("private/countersign_receipt", ok),
    ("private/mock_session", dry_run),
    ("private/accept_delivery", ok),
    ("private/judge_burn_in", ok),
    ("private/declare_outage", ok),
    ("private/substitute", ok),
    ("private/offer_standby", ok),
    ("private/dispute_invoice", ok),
    ("private/submit_job", of::<WireJob>),
    ("private/get_jobs", of::<Vec<WireJob>>),
    ("private/claim_job", of::<WireJob>),
    ("private/decline_job", of::<WireJob>),
    ("private/accept_job", of::<WireJob>),
    ("private/dispute_job", of::<WireJob>),
    ("private/answer_dispute", of::<WireJob>),
    ("private/rule_dispute", of::<WireJob>),
    ("private/get_default_fund", of::<WireDefaultStanding>),
    ("private/contribute_default_fund", of::<WireDefaultStanding>),
    ("private/withdraw_default_fund", of::<WireDefaultStanding>),
    ("private/register_backstop", of::<WireDefaultStanding>),
    ("private/get_backstop_auctions", of::<Vec<WireBackstopAuction>>),
    ("private/bid_backstop", ok),
    ("private/register_trading_key", ok),
    ("private/get_block_trade", of::<WireBlockTrade>),
    ("private/get_block_trades", of::<WireBlockTrades>),
    ("private/get_last_block_trades_by_currency", of::<WireBlockTrades>),
    ("private/mass_quote", of::<WireMassQuote>),
    ("private/cancel_quotes", cancelled),
    ("private/set_mmp_config", of::<WireMmpConfig>),
    ("private/get_mmp_config", of::<Vec<WireMmpConfig>>),
    ("private/reset_mmp", ok),
    ("private/get_mmp_status", of::<Vec<WireMmpStatus>>),
    ("public/get_trade_volumes", of::<Vec<WireTradeVolumes>>),
    ("public/get_delivery_prices", of::<WireDeliveryPrices>),
    ("public/get_contract_size", of::<WireContractSize>),
    ("private/verify_block_trade", of::<WireToSign>),
    ("private/execute_block_trade", of::<WireBlockTrade>),
    ("private/verify_delivery_agreement", of::<WireToSign>),
    ("private/execute_delivery_agreement", ok),
];

/// A method's result.
pub(crate) fn result_of(method: &str) -> Option<Shape> {
    RESULTS.iter().find(|(name, _)| *name == method).map(|(_, shape)| *shape)
}

#[cfg(test)]
mod tests {
    use super::super::{METHODS, Method};
    use super::*;

    /// API-110: what is missing stands in the message, line by line.
    #[test]
    fn api_110_every_method_has_the_type_of_its_result() {
        let answers = |spec: &&super::super::Spec| !matches!(spec.method, Method::Absent(_));
        let missing: Vec<&str> = METHODS
            .iter()
            .filter(answers)
            .map(|spec| spec.name)
            .filter(|name| result_of(name).is_none())
            .collect();
        assert!(missing.is_empty(), "name in methods/results.rs:\n{}", missing.join("\n"));
        let unknown: Vec<&str> = RESULTS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !METHODS.iter().filter(answers).any(|spec| spec.name == *name))
            .collect();
        assert!(unknown.is_empty(), "no such method: {unknown:?}");
    }
}
