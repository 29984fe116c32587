//! The catalogue of methods. The documentation's table is made from it.

use super::agreements::Agreements;
use super::blocks::Blocks;
use super::clearing::Clearing;
use super::close_out::CloseOut;
use super::day::Day;
use super::default_fund::DefaultFund;
use super::fate::Fate;
use super::fixing::Fixing;
use super::jobs::Jobs;
use super::keys::Keys;
use super::margin::Margin;
use super::past::{ORDERS_IN, ORDERS_OF, Past, TRADES_IN, TRADES_OF};
use super::quotes::Quotes;
use super::replay::{CHANNEL_FIELDS, FIELDS, Replay};
use crate::auth::Need;
use crate::lower::{
    BLOCK_FIELDS, CANCEL_FIELDS, CANCEL_QUOTES_FIELDS, DELIVERY_FIELDS, EDIT_BY_LABEL_FIELDS,
    EDIT_FIELDS, EXECUTE_BLOCK_FIELDS, EXECUTE_DELIVERY_FIELDS, LOG_FIELDS, MASS_QUOTE_FIELDS,
    MMP_FIELDS, NOMINATION_FIELDS, ORDER_FIELDS, RECEIPT_FIELDS,
};

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Auth,
    Hello,
    Test,
    Status,
    GetTime,
    GetCurrencies,
    GetInstruments,
    GetInstrument,
    Ticker,
    GetOrderBook,
    GetLastTradesByInstrument,
    GetIndexPrice,
    GetIndexPriceNames,
    GetRiskArrays,
    GetAssignment,
    GetSettlementFixing,
    GetTranscript,
    GetLastSettlementsByInstrument,
    GetLastTradesByInstrumentAndTime,
    GetBookSummaryByCurrency,
    GetBookSummaryByInstrument,
    GetTradingviewChartData,
    Subscribe,
    Unsubscribe,
    UnsubscribeAll,
    Logout,
    PrivateSubscribe,
    PrivateUnsubscribe,
    PrivateUnsubscribeAll,
    Buy,
    Sell,
    Edit,
    EditByLabel,
    Cancel,
    CancelByLabel,
    CancelAll,
    GetOpenOrders,
    GetOrderState,
    GetOrderStateByLabel,
    GetPositions,
    GetPosition,
    GetAccountSummary,
    GetAccountSummaries,
    Faucet,
    NominateAgent,
    GetObligations,
    SubmitSegmentRoots,
    SubmitReceipt,
    OpenRows,
    SubmitVerdict,
    GetReceipts,
    CountersignReceipt,
    MockSession,
    Margin(Margin),
    Clearing(Clearing),
    CloseOut(CloseOut),
    DefaultFund(DefaultFund),
    Fixing(Fixing),
    Agreements(Agreements),
    Jobs(Jobs),
    Keys(Keys),
    Quotes(Quotes),
    Blocks(Blocks),
    Day(Day),
    Past(Past),
    Fate(Fate),
    Replay(Replay),
    Connection(Connection),
    /// Deribit has it, this venue does not, for this reason.
    Absent(&'static str),
}

/// A method about the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    SetHeartbeat,
    DisableHeartbeat,
    EnableCancelOnDisconnect,
    DisableCancelOnDisconnect,
    GetCancelOnDisconnect,
}

/// What is known of a method.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) method: Method,
    pub(crate) name: &'static str,
    /// `None` for everybody.
    pub(crate) need: Option<Need>,
    pub(crate) fields: &'static [&'static str],
    /// What it does, for the documentation.
    pub(crate) does: &'static str,
}

const fn public(
    method: Method,
    name: &'static str,
    fields: &'static [&'static str],
    does: &'static str,
) -> Spec {
    Spec { method, name, need: None, fields, does }
}

const fn private(
    method: Method,
    name: &'static str,
    need: Need,
    fields: &'static [&'static str],
    does: &'static str,
) -> Spec {
    Spec { method, name, need: Some(need), fields, does }
}

const LOGIN: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "timestamp",
    "nonce",
    "data",
    "signature",
    "message",
    "address",
    "refresh_token",
    "scope",
];
const KEY_EDIT: &[&str] =
    &["id", "max_scope", "name", "enabled", "ip_whitelist", "expires_at", "cancel_on_revoke"];
const SESSION_KEY: &[&str] =
    &["account", "wallet", "address", "scope", "expires_at", "nonce", "signature"];
const LAST_TRADES: &[&str] =
    &["instrument_name", "count", "start_seq", "end_seq", "sorting", "include_old"];

const NO_FUNDING: &str = "there is no perpetual here and so no funding";
const NO_VOLATILITY: &str = "the volatility of the past is not computed here";
const NO_VOLATILITY_INDEX: &str =
    "no index of implied volatility is computed here: each option's is `mark_iv` in its ticker";
const NO_COMBOS: &str =
    "spreads are not cleared here: trade the legs, or agree on both in one block";
const NO_ADDRESS: &str = "deposits are not made to an address here";
const NO_TRANSFERS: &str = "money is not sent from one account to another here";

/// Every method, in the order of the documentation.
#[rustfmt::skip]
pub(crate) const METHODS: &[Spec] = &[
    public(Method::Auth, "public/auth", LOGIN, "logs in; grant types client_credentials, client_signature, wallet, session_key, refresh_token"),
    public(Method::Keys(Keys::Challenge), "public/get_sign_in_challenge", &["address", "purpose"], "the EIP-4361 text that a wallet signs to log in, with a nonce that is good once and for five minutes; purpose `sign_in` or `session_key`"),
    public(Method::Keys(Keys::CreateSession), "public/create_session_key", SESSION_KEY, "lets a key in that a wallet has signed for, see [logging in](api-auth.md)"),
    public(Method::Keys(Keys::AuditHead), "public/get_audit_head", &[], "the newest signed head of the audit log, and who signs them; `tenor verify audit` reads it"),
    public(Method::Hello, "public/hello", &["client_name", "client_version"], "introduces a client; answers with the venue's version"),
    public(Method::Test, "public/test", &[], "answers with the venue's version"),
    public(Method::Status, "public/status", &[], "whether the venue takes orders"),
    public(Method::GetTime, "public/get_time", &[], "the venue's clock, milliseconds since 1970"),
    public(Method::GetCurrencies, "public/get_currencies", &[], "the one currency, USDC, and what is traded, as `H100`"),
    public(Method::GetInstruments, "public/get_instruments", &["currency", "kind", "expired"], "every series that trades, or every one that has expired"),
    public(Method::GetInstrument, "public/get_instrument", &["instrument_name"], "one series"),
    public(Method::Ticker, "public/ticker", &["instrument_name"], "one series at a glance"),
    public(Method::GetOrderBook, "public/get_order_book", &["instrument_name", "depth"], "the book, 1 to 10000 levels a side (20)"),
    public(Method::GetLastTradesByInstrument, "public/get_last_trades_by_instrument", LAST_TRADES, "trades of one series, 1 to 1000 (10)"),
    public(Method::GetLastTradesByInstrumentAndTime, "public/get_last_trades_by_instrument_and_time", &["instrument_name", "start_timestamp", "end_timestamp", "count", "sorting", "include_old"], "trades of one series by time, 1 to 1000 (10); the newest, or the first from `start_timestamp` on"),
    public(Method::GetBookSummaryByCurrency, "public/get_book_summary_by_currency", &["currency", "kind"], "every series that trades, each in a line"),
    public(Method::GetBookSummaryByInstrument, "public/get_book_summary_by_instrument", &["instrument_name"], "the same of one series"),
    public(Method::GetTradingviewChartData, "public/get_tradingview_chart_data", &["instrument_name", "start_timestamp", "end_timestamp", "resolution"], "candles made of trades, the last 5000 of the stretch; without a trade the price is where it was"),
    public(Method::GetIndexPrice, "public/get_index_price", &["index_name"], "an index, as `h100_usd` or `H100`"),
    public(Method::GetIndexPriceNames, "public/get_index_price_names", &[], "the names of all indices"),
    public(Method::GetRiskArrays, "public/get_risk_arrays", &["instrument_name", "grade"], "everything that margin is computed from, of one series or of a grade, as integers"),
    public(Method::GetAssignment, "public/get_assignment", &["instrument_name"], "how a series was assigned, with everything that it follows from; `tenor assignment verify` reads it"),
    public(Method::GetLastSettlementsByInstrument, "public/get_last_settlements_by_instrument", &["instrument_name", "type", "search_start_timestamp", "count", "continuation"], "at which prices a series was settled, with what they were made of, newest first, 1 to 1000 (100) a page"),
    public(Method::GetSettlementFixing, "public/get_settlement_fixing", &["instrument_name"], "how a settlement price stands: provisional, pending or final, with its 48 partitions and open claims"),
    public(Method::GetTranscript, "public/get_transcript", &["obligation_id", "from", "count"], "lines of a delivery's transcript as they were hashed, from one on (0), 1 to 256 (256), half a megabyte at most; and how many there are"),
    public(Method::Subscribe, "public/subscribe", &["channels"], "subscribes to public channels; WebSocket only"),
    public(Method::Unsubscribe, "public/unsubscribe", &["channels"], "ends subscriptions; WebSocket only"),
    public(Method::UnsubscribeAll, "public/unsubscribe_all", &[], "ends every subscription; WebSocket only"),
    public(Method::Replay(Replay::Public), "public/replay", CHANNEL_FIELDS, "what a channel has told from a message on, oldest first, 1 to 1000 (1000), half a megabyte at most"),
    public(Method::Connection(Connection::SetHeartbeat), "public/set_heartbeat", &["interval"], "a heartbeat every so many seconds, 10 to 3600; a session that is silent for one is asked for public/test, and ended after another; WebSocket only"),
    public(Method::Connection(Connection::DisableHeartbeat), "public/disable_heartbeat", &[], "ends them; WebSocket only"),
    public(Method::Absent(NO_FUNDING), "public/get_funding_rate_value", &["instrument_name", "start_timestamp", "end_timestamp"], "10033: there is no perpetual"),
    public(Method::Absent(NO_FUNDING), "public/get_funding_rate_history", &["instrument_name", "start_timestamp", "end_timestamp"], "10033: there is no perpetual"),
    public(Method::Absent(NO_VOLATILITY), "public/get_historical_volatility", &["currency"], "10033: it is not computed"),
    public(Method::Day(Day::TradeVolumes), "public/get_trade_volumes", &["extended"], "what was traded in the last 24 hours, by what is traded"),
    public(Method::Day(Day::DeliveryPrices), "public/get_delivery_prices", &["index_name", "offset", "count"], "at which prices the futures of an index ended, newest first, 1 to 1000 (10)"),
    public(Method::Day(Day::ContractSize), "public/get_contract_size", &["instrument_name"], "the GPU-hours of a lot"),
    public(Method::Absent(NO_VOLATILITY_INDEX), "public/get_volatility_index_data", &["currency", "start_timestamp", "end_timestamp", "resolution"], "10033: no index of it is computed"),
    public(Method::Absent(NO_COMBOS), "public/get_combos", &["currency"], "10033: spreads are not cleared"),
    public(Method::Absent(NO_COMBOS), "public/get_combo_ids", &["currency", "state"], "10033: spreads are not cleared"),
    public(Method::Absent(NO_COMBOS), "public/get_combo_details", &["combo_id"], "10033: spreads are not cleared"),
    private(Method::Absent(NO_COMBOS), "private/create_combo", Need::TradeWrite, &["trades"], "10033: spreads are not cleared"),
    private(Method::Logout, "private/logout", Need::AccountRead, &["invalidate_token"], "logs out; the session stays"),
    private(Method::Keys(Keys::Create), "private/create_api_key", Need::AccountWrite, &["max_scope", "name", "ip_whitelist", "expires_at", "cancel_on_revoke"], "makes a key that may no more than this login; its secret is told this once"),
    private(Method::Keys(Keys::List), "private/list_api_keys", Need::AccountRead, &[], "the account's keys, without secrets"),
    private(Method::Keys(Keys::Edit), "private/edit_api_key", Need::AccountWrite, KEY_EDIT, "changes a key; what is absent stays"),
    private(Method::Keys(Keys::Edit), "private/change_scope_in_api_key", Need::AccountWrite, &["id", "max_scope"], "the same of its scope"),
    private(Method::Keys(Keys::Edit), "private/change_api_key_name", Need::AccountWrite, &["id", "name"], "the same of its name"),
    private(Method::Keys(Keys::Enable), "private/enable_api_key", Need::AccountWrite, &["id"], "lets a disabled key in again"),
    private(Method::Keys(Keys::Disable), "private/disable_api_key", Need::AccountWrite, &["id"], "shuts a key out: its sessions end within a second"),
    private(Method::Keys(Keys::Reset), "private/reset_api_key", Need::AccountWrite, &["id", "overlap"], "draws another secret; the old one stays good for so many seconds, 0 to 86400 (0)"),
    private(Method::Keys(Keys::Remove), "private/remove_api_key", Need::AccountWrite, &["id"], "removes a key for good: its sessions end within a second"),
    private(Method::Keys(Keys::LinkChallenge), "private/get_link_challenge", Need::AccountRead, &["address"], "the EIP-4361 text that a wallet signs to be linked to the account"),
    private(Method::Keys(Keys::LinkWallet), "private/link_wallet", Need::AccountWrite, &["message", "signature"], "lets a wallet log in as the account; it may withdraw only where the login that links it may"),
    private(Method::Keys(Keys::UnlinkWallet), "private/unlink_wallet", Need::AccountWrite, &["address"], "ends that, and its session keys; needs wallet:read_write for a wallet that may withdraw"),
    private(Method::Keys(Keys::ListWallets), "private/list_wallets", Need::AccountRead, &[], "the account's wallets"),
    private(Method::Keys(Keys::ListSessions), "private/list_session_keys", Need::AccountRead, &[], "the keys that its wallets have let in"),
    private(Method::Keys(Keys::RemoveSession), "private/remove_session_key", Need::AccountWrite, &["address"], "shuts one out: its sessions end within a second"),
    private(Method::PrivateSubscribe, "private/subscribe", Need::TradeRead, &["channels"], "subscribes to any channels; WebSocket only"),
    private(Method::PrivateUnsubscribe, "private/unsubscribe", Need::TradeRead, &["channels"], "ends subscriptions; WebSocket only"),
    private(Method::PrivateUnsubscribeAll, "private/unsubscribe_all", Need::TradeRead, &[], "ends every subscription; WebSocket only"),
    private(Method::Connection(Connection::EnableCancelOnDisconnect), "private/enable_cancel_on_disconnect", Need::TradeWrite, &["scope"], "orders placed over this session from now on are cancelled when it ends, however it ends; with scope `account` over every session that logs in from now on, too"),
    private(Method::Connection(Connection::DisableCancelOnDisconnect), "private/disable_cancel_on_disconnect", Need::TradeWrite, &["scope"], "they stay; with scope `account` those of every session that logs in from now on, too"),
    private(Method::Connection(Connection::GetCancelOnDisconnect), "private/get_cancel_on_disconnect", Need::TradeRead, &["scope"], "which of the two; over HTTP there is scope `account` only"),
    private(Method::Fate(Fate::CancelAllAfter), "private/cancel_all_after", Need::TradeWrite, &["timeout"], "cancels every order of the account after 1000 to 3600000 milliseconds unless it is asked again before; 0 stops it"),
    private(Method::Fate(Fate::GetCancelAllAfter), "private/get_cancel_all_after", Need::TradeRead, &[], "when that will be"),
    private(Method::Buy, "private/buy", Need::TradeWrite, ORDER_FIELDS, "places a buy order; answers when it is durable"),
    private(Method::Sell, "private/sell", Need::TradeWrite, ORDER_FIELDS, "places a sell order; answers when it is durable"),
    private(Method::Edit, "private/edit", Need::TradeWrite, EDIT_FIELDS, "changes an open order's price, trigger price or total amount, wholly or not at all"),
    private(Method::EditByLabel, "private/edit_by_label", Need::TradeWrite, EDIT_BY_LABEL_FIELDS, "the same of the one open order of a series that has a label"),
    private(Method::Cancel, "private/cancel", Need::TradeWrite, &["order_id"], "cancels an open order"),
    private(Method::CancelByLabel, "private/cancel_by_label", Need::TradeWrite, &["label", "currency"], "cancels every open order that has a label; answers with their number"),
    private(Method::CancelAll, "private/cancel_all", Need::TradeWrite, CANCEL_FIELDS, "cancels every open order that the fields let through; answers with their number"),
    private(Method::CancelAll, "private/cancel_all_by_instrument", Need::TradeWrite, CANCEL_FIELDS, "cancels the open orders of one series that the fields let through; answers with their number"),
    private(Method::CancelAll, "private/cancel_all_by_currency", Need::TradeWrite, &["currency", "type", "direction", "label"], "cancels every open order that the fields let through; answers with their number"),
    private(Method::GetOpenOrders, "private/get_open_orders", Need::TradeRead, &["kind", "type"], "open orders, oldest first"),
    private(Method::GetOpenOrders, "private/get_open_orders_by_instrument", Need::TradeRead, &["instrument_name", "type"], "open orders of one series, oldest first"),
    private(Method::GetOpenOrders, "private/get_open_orders_by_currency", Need::TradeRead, &["currency", "kind", "type"], "open orders, oldest first"),
    private(Method::GetOrderState, "private/get_order_state", Need::TradeRead, &["order_id"], "one order, open or ended"),
    private(Method::GetOrderStateByLabel, "private/get_order_state_by_label", Need::TradeRead, &["currency", "label"], "orders of one label, newest first"),
    private(Method::Fate(Fate::OrderState), "private/get_order_state_by_client_order_id", Need::TradeRead, &["client_order_id"], "the newest order that was placed under that id"),
    private(Method::Past(Past::OrderHistoryByInstrument), "private/get_order_history_by_instrument", Need::TradeRead, ORDERS_IN, "own orders of one series that have ended, newest first, 1 to 1000 (20); those that never traded only with `include_unfilled`"),
    private(Method::Past(Past::OrderHistoryByCurrency), "private/get_order_history_by_currency", Need::TradeRead, ORDERS_OF, "the same of every series"),
    private(Method::Past(Past::UserTradesByInstrument), "private/get_user_trades_by_instrument", Need::TradeRead, TRADES_IN, "own trades of one series, 1 to 1000 (10); the newest, or the first from `start_timestamp` on"),
    private(Method::Past(Past::UserTradesByInstrument), "private/get_user_trades_by_instrument_and_time", Need::TradeRead, TRADES_IN, "the same"),
    private(Method::Past(Past::UserTradesByCurrency), "private/get_user_trades_by_currency", Need::TradeRead, TRADES_OF, "own trades of every series, as above"),
    private(Method::Past(Past::UserTradesByCurrency), "private/get_user_trades_by_currency_and_time", Need::TradeRead, TRADES_OF, "the same"),
    private(Method::Past(Past::UserTradesByOrder), "private/get_user_trades_by_order", Need::TradeRead, &["order_id", "sorting", "historical"], "the trades of one order, the newest 1000"),
    private(Method::Past(Past::SettlementHistoryByInstrument), "private/get_settlement_history_by_instrument", Need::TradeRead, &["instrument_name", "type", "search_start_timestamp", "count", "continuation"], "what settlements of a series did to the account, newest first, 1 to 1000 (10) a page"),
    private(Method::Replay(Replay::Private), "private/replay", Need::TradeRead, FIELDS, "the account's execution reports from a number on, or the messages of one of its own channels; oldest first, 1 to 1000 (1000)"),
    private(Method::GetPositions, "private/get_positions", Need::AccountRead, &["currency", "kind"], "positions, by series"),
    private(Method::GetPosition, "private/get_position", Need::AccountRead, &["instrument_name"], "one position, zero when flat"),
    private(Method::GetAccountSummary, "private/get_account_summary", Need::AccountRead, &["currency", "extended"], "balance, margin and what is available"),
    private(Method::GetAccountSummaries, "private/get_account_summaries", Need::AccountRead, &["extended"], "the same in a list, one entry a currency"),
    private(Method::Past(Past::Subaccounts), "private/get_subaccounts", Need::AccountRead, &["with_portfolio"], "the account itself: it has no others"),
    private(Method::Past(Past::Deposits), "private/get_deposits", Need::WalletRead, &["currency", "count", "offset"], "money that came in, newest first, 1 to 1000 (10)"),
    private(Method::Past(Past::Withdrawals), "private/get_withdrawals", Need::WalletRead, &["currency", "count", "offset"], "money that went out, newest first, 1 to 1000 (10)"),
    private(Method::Past(Past::Transfers), "private/get_transfers", Need::WalletRead, &["currency", "count", "offset"], "nothing: money is not sent from one account to another"),
    private(Method::Absent(NO_ADDRESS), "private/get_current_deposit_address", Need::WalletRead, &["currency"], "10033: deposits are not made to an address"),
    private(Method::Absent(NO_ADDRESS), "private/create_deposit_address", Need::AccountWrite, &["currency"], "10033: deposits are not made to an address"),
    private(Method::Absent(NO_TRANSFERS), "private/submit_transfer_to_subaccount", Need::AccountWrite, &["currency", "amount", "destination"], "10033: money is not sent from one account to another"),
    private(Method::Absent(NO_TRANSFERS), "private/submit_transfer_to_user", Need::AccountWrite, &["currency", "amount", "destination"], "10033: money is not sent from one account to another"),
    private(Method::Margin(Margin::SimulatePortfolio), "private/simulate_portfolio", Need::AccountRead, &["currency", "simulated_positions", "add_positions"], "what the account would require with other positions, beside its own or instead of them"),
    private(Method::Margin(Margin::GetMargins), "private/get_margins", Need::TradeRead, &["instrument_name", "amount", "contracts", "price"], "what an order would hold by itself"),
    private(Method::Margin(Margin::ChangeMarginModel), "private/change_margin_model", Need::AccountWrite, &["margin_model", "dry_run"], "computes the account's margin series by series (segregated_sm) or by scenarios (segregated_pm)"),
    private(Method::Margin(Margin::RegisterCapacity), "private/register_capacity", Need::TradeWrite, &["account", "grade", "gpus"], "says how many GPUs of a grade another account can deliver, 0 for none any more; verifiers only"),
    private(Method::Faucet, "private/faucet", Need::AccountWrite, &["amount"], "credits test money; test venues only"),
    private(Method::Clearing(Clearing::Withdraw), "private/withdraw", Need::WalletWrite, &["currency", "amount"], "takes free money out of the account"),
    private(Method::Clearing(Clearing::GetTransactionLog), "private/get_transaction_log", Need::AccountRead, LOG_FIELDS, "movements of the account's money, newest first, 1 to 1000 (100) a page"),
    private(Method::Clearing(Clearing::GetStatement), "private/get_statement", Need::AccountRead, &["day"], "what a day came to: opening, movements, trades, variation, deliveries, closing"),
    private(Method::Clearing(Clearing::InstructExercise), "private/instruct_exercise", Need::TradeWrite, &["instrument_name", "exercise", "abandon"], "says how many lots of an option to exercise out of the money or to abandon in it; replaces what was said before"),
    private(Method::Clearing(Clearing::Nominate), "private/nominate", Need::TradeWrite, NOMINATION_FIELDS, "says where the account delivers or receives what it holds of a series that has stopped trading"),
    private(Method::Clearing(Clearing::GetLossSplits), "private/get_loss_splits", Need::AccountRead, &["currency", "count", "continuation"], "splits of losses in which the account has a line, newest first, 1 to 1000 (100) a page"),
    private(Method::Clearing(Clearing::GetLossSplit), "private/get_loss_split", Need::AccountRead, &["split_id", "page"], "one page of such a split, the account's own unless it says which; `tenor haircut verify` reads it"),
    private(Method::Fixing(Fixing::Dispute), "private/dispute_settlement", Need::TradeWrite, &["instrument_name", "partition", "value"], "says what one partition of a provisional settlement price should have been, withheld without a value; holds a bond of 1,000 dollars"),
    private(Method::Fixing(Fixing::Rule), "private/rule_on_settlement", Need::TradeWrite, &["instrument_name", "partition", "upheld"], "rules on such a claim; verifiers only, and not on their own"),
    private(Method::NominateAgent, "private/nominate_agent", Need::AccountWrite, &["address"], "says which key signs this account's delivery receipts"),
    private(Method::GetObligations, "private/get_obligations", Need::TradeRead, &[], "obligations, each with the challenge or draw that waits for its seller"),
    private(Method::SubmitSegmentRoots, "private/submit_segment_roots", Need::TradeWrite, &["obligation_id", "challenge", "slot", "first_segment", "roots"], "brings the roots of segments as they are finished, 1 to 64 of one slot; answers with the salts that may be known for them"),
    private(Method::SubmitReceipt, "private/submit_receipt", Need::TradeWrite, RECEIPT_FIELDS, "claims the work of one challenge"),
    private(Method::OpenRows, "private/open_rows", Need::TradeWrite, &["obligation_id", "challenge", "openings"], "opens the rows that were drawn, for the verifiers"),
    private(Method::SubmitVerdict, "private/submit_verdict", Need::TradeWrite, &["obligation_id", "challenge", "verdict", "quality", "reason"], "judges one challenge; verifiers only"),
    private(Method::GetReceipts, "private/get_receipts", Need::TradeRead, &["obligation_id"], "an obligation's newest 1000 receipts, newest first"),
    private(Method::CountersignReceipt, "private/countersign_receipt", Need::TradeWrite, &["obligation_id", "challenge", "signature"], "puts the buyer's signature on a receipt into the transcript; without one, three later receipts are its acceptance"),
    private(Method::MockSession, "private/mock_session", Need::TradeWrite, &["step", "amount", "count", "grade", "work_root", "openings"], "a dry run of a delivery session, step by step (begin, challenge, claim, open), with nothing at stake; test venues only"),
    private(Method::CloseOut(CloseOut::AcceptDelivery), "private/accept_delivery", Need::TradeWrite, &["obligation_id"], "accepts a delivery after its burn-in"),
    private(Method::CloseOut(CloseOut::JudgeBurnIn), "private/judge_burn_in", Need::TradeWrite, &["obligation_id", "verdict", "quality"], "judges a burn-in; verifiers only"),
    private(Method::CloseOut(CloseOut::DeclareOutage), "private/declare_outage", Need::TradeWrite, &["obligation_id", "from", "until"], "says at least one interval ahead that the intervals from the first until before the last will be missing; the penalty for them is 2 % instead of 10 %"),
    private(Method::CloseOut(CloseOut::Substitute), "private/substitute", Need::TradeWrite, &["obligation_id", "grade", "nodes"], "brings other hardware in place of what fails"),
    private(Method::CloseOut(CloseOut::OfferStandby), "private/offer_standby", Need::TradeWrite, &["grade", "amount", "fee"], "offers GPUs to be called in a seller's place, for dollars per GPU-hour; 0 withdraws"),
    private(Method::CloseOut(CloseOut::DisputeInvoice), "private/dispute_invoice", Need::TradeWrite, &["obligation_id"], "disputes the newest invoice"),
    private(Method::Jobs(Jobs::Submit), "private/submit_job", Need::TradeWrite, &["obligation_id", "spec", "blobs", "mode", "gpu_seconds", "steps", "stride"], "asks for work on the hardware that is delivered to the account; spec and blobs were put before"),
    private(Method::Jobs(Jobs::Get), "private/get_jobs", Need::TradeRead, &["job_id"], "the account's jobs, oldest first, or one of them; a verifier's are those that wait for a ruling"),
    private(Method::Jobs(Jobs::Claim), "private/claim_job", Need::TradeWrite, &["job_id", "result", "blobs", "checkpoints", "replay_cost", "signature"], "says what has come of a job; result and blobs were put before"),
    private(Method::Jobs(Jobs::Decline), "private/decline_job", Need::TradeWrite, &["job_id"], "says that a job will not be run"),
    private(Method::Jobs(Jobs::Accept), "private/accept_job", Need::TradeWrite, &["job_id"], "takes a result"),
    private(Method::Jobs(Jobs::Dispute), "private/dispute_job", Need::TradeWrite, &["job_id", "claim", "replay_cost"], "doubts a result, and stakes the fee and the prover's replay on that"),
    private(Method::Jobs(Jobs::AnswerDispute), "private/answer_dispute", Need::TradeWrite, &["job_id", "said", "referee"], "makes a move in a dispute, calls the referee, or both"),
    private(Method::Jobs(Jobs::RuleDispute), "private/rule_dispute", Need::TradeWrite, &["job_id", "verdict", "quality"], "rules in a dispute: valid for the prover, invalid for the buyer; verifiers only"),
    private(Method::Quotes(Quotes::MassQuote), "private/mass_quote", Need::TradeWrite, MASS_QUOTE_FIELDS, "sets bids and asks in 1 to 64 series at once, each side by itself; what is refused is in `errors`, by entry and side"),
    private(Method::Quotes(Quotes::Cancel), "private/cancel_quotes", Need::TradeWrite, CANCEL_QUOTES_FIELDS, "cancels the quotes that the fields let through; answers with their number, or with `detailed` with the orders"),
    private(Method::Quotes(Quotes::SetMmpConfig), "private/set_mmp_config", Need::TradeWrite, MMP_FIELDS, "sets up the protection of a group of quotes, or of an index; an interval of 0 ends it with all that is open in it"),
    private(Method::Quotes(Quotes::GetMmpConfig), "private/get_mmp_config", Need::TradeRead, &["index_name", "mmp_group"], "the account's protections, of one index or group or all"),
    private(Method::Quotes(Quotes::ResetMmp), "private/reset_mmp", Need::TradeWrite, &["index_name", "mmp_group"], "lets a group that was pulled quote again, with nothing counted"),
    private(Method::Quotes(Quotes::GetMmpStatus), "private/get_mmp_status", Need::TradeRead, &["index_name", "mmp_group"], "the groups that are pulled now, and until when"),
    private(Method::DefaultFund(DefaultFund::Get), "private/get_default_fund", Need::AccountRead, &[], "the account's share of the default fund, until when it stays, and what the account takes over as a backstop"),
    private(Method::DefaultFund(DefaultFund::Contribute), "private/contribute_default_fund", Need::AccountWrite, &["currency", "amount"], "puts free money into the account's share of the default fund"),
    private(Method::DefaultFund(DefaultFund::Withdraw), "private/withdraw_default_fund", Need::AccountWrite, &["currency", "amount"], "takes money out of the share, without a position and after the time of notice"),
    private(Method::DefaultFund(DefaultFund::RegisterBackstop), "private/register_backstop", Need::TradeWrite, &["amount"], "says the largest notional that the account takes over when a portfolio is auctioned; 0 for none any more"),
    private(Method::DefaultFund(DefaultFund::GetAuctions), "private/get_backstop_auctions", Need::TradeRead, &[], "portfolios on offer, each with its positions and the account's own bid; registered backstops only"),
    private(Method::DefaultFund(DefaultFund::Bid), "private/bid_backstop", Need::TradeWrite, &["auction_id", "amount"], "asks for so much for taking a whole portfolio over at its marks, or pays where negative; sealed until the end, and the later bid counts"),
    private(Method::Agreements(Agreements::RegisterTradingKey), "private/register_trading_key", Need::AccountWrite, &["address"], "says which key signs what this account agrees elsewhere"),
    private(Method::Agreements(Agreements::VerifyBlock), "private/verify_block_trade", Need::TradeRead, BLOCK_FIELDS, "the digest and the typed data of a block, or of futures in place of a reservation, that both parties sign"),
    private(Method::Agreements(Agreements::ExecuteBlock), "private/execute_block_trade", Need::TradeWrite, EXECUTE_BLOCK_FIELDS, "books a block that both parties have signed, all of its trades or none"),
    private(Method::Blocks(Blocks::One), "private/get_block_trade", Need::TradeRead, &["id"], "the account's side of one block, by the hash that both signed"),
    private(Method::Blocks(Blocks::Newest), "private/get_block_trades", Need::TradeRead, &["currency", "count", "continuation"], "the account's blocks, newest first, 1 to 1000 (20) a page"),
    private(Method::Blocks(Blocks::Newest), "private/get_last_block_trades_by_currency", Need::TradeRead, &["currency", "count", "continuation"], "the same"),
    private(Method::Agreements(Agreements::VerifyDelivery), "private/verify_delivery_agreement", Need::TradeRead, DELIVERY_FIELDS, "the same of a delivery without the clearing house: lots of an expired series, or the end of an obligation"),
    private(Method::Agreements(Agreements::ExecuteDelivery), "private/execute_delivery_agreement", Need::TradeWrite, EXECUTE_DELIVERY_FIELDS, "takes lots out of the assignment, or ends an obligation, as both parties have signed"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_has_a_name_of_its_own_and_private_ones_need_a_login() {
        let names: BTreeSet<&str> = METHODS.iter().map(|spec| spec.name).collect();
        assert_eq!(names.len(), METHODS.len());
        for spec in METHODS {
            assert_eq!(spec.name.starts_with("private/"), spec.need.is_some(), "{}", spec.name);
        }
    }
}
