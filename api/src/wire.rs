//! The wire: Deribit's JSON-RPC shapes as types of their own. Domain types never appear in JSON by themselves.
//!
//! Invariants:
//! - a number is read from its text and written as its text; no float stands between the two;
//! - a field that is not known is refused by name.

mod account;
mod agreement;
mod assignment;
mod catalogue;
mod chart;
mod clearing;
mod day;
mod default_fund;
mod delivery;
mod envelope;
mod error;
mod job;
mod maker;
mod margin;
mod market;
mod number;
mod order;
mod params;
mod past;
mod platform;
mod quote;
mod settled;
mod shape;
mod stream;
mod transcript;

pub use account::{WireAccountSummary, WirePosition};
pub use agreement::{WireBlockFill, WireBlockTrade, WireBlockTrades, WireToSign};
pub use assignment::{WireAssignment, WireHolder, WirePair};
pub use catalogue::{WireCurrency, WireInstrument, WireTickStep};
pub use chart::{WireBookSummary, WireCandle, WireCandles};
pub use clearing::{
    WireDeliveredInDay, WireMovement, WireStatement, WireTradedInDay, WireTransfer, WireTransfers,
    WireVariationInDay, WireWithdrawal,
};
pub use day::{
    WireContractSize, WireDeliveryPrice, WireDeliveryPrices, WireOptionMark, WireTradeVolumes,
};
pub use default_fund::{WireBackstopAuction, WireDefaultStanding, WireOfferedPosition};
pub use delivery::{
    WireChallenge, WireDraw, WireMeter, WireObligation, WireReceipt, WireSalts, WireTask,
    WireTranscriptPage,
};
pub(crate) use envelope::notification_data;
pub use envelope::{
    Credits, ID_LEN_MAX, Place, Request, Stamp, Unreadable, heartbeat_text, notification_text,
    reply_text, to_result,
};
pub(crate) use error::Kept;
pub use error::{ErrorCode, WireError};
pub use job::{WireDispute, WireJob, WireJobClaim};
pub use maker::{WireMassQuote, WireMmpConfig, WireMmpStatus, WireQuoteError, WireQuoteShort};
pub use margin::{
    WireMargin, WireMarginRates, WireModelChange, WireModelState, WireOrderMargins, WirePortfolio,
    WireRisk, WireRiskArray, WireRiskParameters, WireSimulated,
};
pub use market::{
    WireBook, WireBookChange, WireGreeks, WireIndexPrice, WireLevel, WireLevelChange, WireStats,
    WireTicker, WireTrade,
};
pub use number::{Number, NumberError};
pub use order::{WireOrder, WirePlaced, WireUserTrade};
pub use params::Params;
pub(crate) use params::missing;
pub use past::{
    WireCashMovement, WireCashMovements, WireSubaccount, WireUserSettlement, WireUserSettlements,
};
pub use platform::{WirePlatformState, WireStatus, WireStoppedSeries};
pub use quote::{WireIndexMessage, WireQuote, WireSeriesState, WireUserChanges, WireWindow};
pub use settled::{
    WireSettlement, WireSettlementSource, WireSettlements, WireSplitLine, WireSplitPage,
    WireSplitShare, WireSplits,
};
pub use shape::{DEPTH_MAX, NUMBER_LEN_MAX};
pub use stream::{WireMessage, WireReplay, WireReport, WireReports};
pub use transcript::{
    TRANSCRIPT_INTERVALS_MAX, TRANSCRIPT_LINE_MAX, TRANSCRIPT_LINES_MAX, TRANSCRIPT_VERSION,
    WireCountersignature, WireDeclaredOutage, WireDeliveryStatement, WireMetering,
    WireTranscriptClaim, WireTranscriptEntry, WireTranscriptHeader, WireTranscriptLine,
    transcript_line_hash,
};
