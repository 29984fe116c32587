//! Refusals: every [`Reject`] of the exchange, and what else can stop a request, as a code, a reason, a field and a limit.

mod absence;
mod agreement;
mod close_out;
mod control;
mod default;
mod desk;
mod fixing;
mod job;
mod quote;
mod submit;

use exchange::{ReceiptField, Reject};
use instruments::{Instrument, Price};
use rust_decimal::Decimal;

use crate::io::sign::SignError;
use crate::wire::{ErrorCode, Number, WireError};

pub(crate) use control::word as state_word;
pub(crate) use desk::{openings_error, roots_error};
pub(crate) use submit::submit_error;

/// A refusal of the exchange. Prices in it are ticks of `instrument`.
#[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
pub(crate) fn reject(reject: &Reject, instrument: Option<&Instrument>) -> WireError {
    let error = match reject {
        Reject::VenueNotOpen
        | Reject::VenueAlreadyOpen
        | Reject::BadTerms(_)
        | Reject::SeriesListed
        | Reject::TooManySeries { .. } => venue(reject),
        Reject::UnknownAccount
        | Reject::BadAccountName
        | Reject::AccountNameTaken
        | Reject::TooManyAccounts { .. }
        | Reject::TestMoneyClosed
        | Reject::DepositOutOfRange { .. }
        | Reject::EquityOutOfRange { .. } => account(reject),
        Reject::UnknownInstrument
        | Reject::ProductNotCleared
        | Reject::SeriesExpired
        | Reject::ZeroQuantity
        | Reject::QtyAboveLimit { .. }
        | Reject::PriceNotPositive
        | Reject::PriceAboveLimit { .. }
        | Reject::BeyondCeiling { .. }
        | Reject::AboveBand { .. }
        | Reject::BelowBand { .. } => terms(reject, instrument),
        Reject::TooLate
        | Reject::NotWaiting
        | Reject::NoLimit
        | Reject::PostOnlyImmediate
        | Reject::DisplayImmediate
        | Reject::DisplayOutOfRange { .. }
        | Reject::TriggerTimeInForce
        | Reject::TriggerSlides
        | Reject::ExpiryPassed
        | Reject::NotInContinuous
        | Reject::NotInAuction
        | Reject::AuctionUnderWay
        | Reject::AuctionOutOfTime => kind(reject),
        Reject::LabelTooLong { .. }
        | Reject::TooManyOpenOrders { .. }
        | Reject::VenueFull
        | Reject::BatchOutOfRange { .. }
        | Reject::BatchOfOthers
        | Reject::WouldNotReduce { .. }
        | Reject::PositionAboveLimit { .. }
        | Reject::NotionalOutOfRange
        | Reject::InsufficientMargin { .. }
        | Reject::PostOnlyWouldCross
        | Reject::UnknownOrder
        | Reject::NothingToAmend => order(reject),
        Reject::UnknownGrade => WireError::param("grade", "no series has that grade"),
        Reject::IndexOutOfOrder | Reject::IndexOutOfRange { .. } => index(reject),
        Reject::UnknownObligation
        | Reject::NotTheSeller
        | Reject::WrongStep
        | Reject::WrongSigner
        | Reject::ReceiptOutOfChain { .. }
        | Reject::RowsDrawn
        | Reject::NotAVerifier
        | Reject::QualityOutOfRange => delivery(reject),
        // Ledger.
        Reject::WithdrawalOutOfRange { .. } | Reject::NotAHouseFund => account(reject),
        // Margin and risk arrays.
        Reject::TooManyGrades { .. }
        | Reject::RisksOutOfRange { .. }
        | Reject::RiskOfNoOption
        | Reject::ArrayOutOfRange { .. }
        | Reject::CapacityOutOfRange { .. }
        | Reject::BeyondDeliverable { .. }
        | Reject::MarginModeSet
        | Reject::MarginModeNotCarried { .. } => margin(reject),
        // Marks and settlement prices.
        // Options, cascades and cash futures.
        Reject::BadUnderlying | Reject::NotAnOption | Reject::InstructionAboveHolding { .. } => {
            option(reject)
        }
        Reject::CurveTooLong { limit } => {
            WireError::param("points", "must be some, at most the limit").with_limit(count(*limit))
        }
        Reject::CurveOfNoFuture => {
            let reason = "the curve is of futures";
            WireError::new(ErrorCode::InvalidInstrument, reason).of("instrument_name")
        }
        Reject::Fixing(reason) => fixing::fixing(reason),
        // Default funds and liquidation.
        Reject::Default(reason) => default::default(reason),
        // Physical close-out.
        Reject::CloseOut(reason) => close_out::close_out(*reason),
        // Trades agreed elsewhere.
        Reject::Agreement(reason) => agreement::agreement(reason, instrument),
        // Buyers' jobs.
        Reject::Job(reason) => job::job(*reason),
        // Whoever is gone.
        Reject::BadClientOrderId { .. }
        | Reject::ClientOrderIdTaken { .. }
        | Reject::TimeoutOutOfRange { .. } => absence::absence(reject),
        // What operators have stopped.
        Reject::Control(reason) => control::control(*reason),
        // Quotes.
        Reject::Quote(reason) => quote::quote(*reason),
    };
    error.by_rule(reject.rule())
}

/// A group's function was asked for a refusal of another group; the exhaustive table above says which is which.
fn elsewhere(reject: &Reject) -> WireError {
    WireError::new(ErrorCode::Internal, format!("refused by {}", reject.rule()))
}

fn count(limit: u64) -> Number {
    Number(Decimal::from(limit))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn venue(reject: &Reject) -> WireError {
    match reject {
        Reject::VenueNotOpen => WireError::new(ErrorCode::Maintenance, "the venue is not open yet"),
        Reject::TooManySeries { limit } => {
            let error = WireError::new(ErrorCode::OtherReject, "the venue lists no more series");
            error.with_limit(count(*limit))
        }
        other => WireError::new(ErrorCode::OtherReject, format!("refused by {}", other.rule())),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn option(reject: &Reject) -> WireError {
    match reject {
        Reject::BadUnderlying => {
            let reason = "an option is on a listed future of its grade, tick, lot and node";
            WireError::new(ErrorCode::OtherReject, reason)
        }
        Reject::NotAnOption => {
            let reason = "only an option can be exercised or abandoned";
            WireError::new(ErrorCode::InvalidInstrument, reason).of("instrument_name")
        }
        Reject::InstructionAboveHolding { limit } => {
            let reason = "an instruction is for at most the lots held long";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        other => elsewhere(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn account(reject: &Reject) -> WireError {
    match reject {
        Reject::UnknownAccount => WireError::new(ErrorCode::NotFound, "no such account"),
        Reject::BadAccountName => {
            WireError::param("name", "must have 1 to 64 bytes").with_limit(count(64))
        }
        Reject::AccountNameTaken => WireError::param("name", "an account of that name is open"),
        Reject::TooManyAccounts { limit } => {
            let error = WireError::new(ErrorCode::OtherReject, "the venue opens no more accounts");
            error.with_limit(count(*limit))
        }
        Reject::TestMoneyClosed => {
            WireError::new(ErrorCode::Forbidden, "test money exists on a test venue only")
        }
        Reject::DepositOutOfRange { limit } => {
            let reason = "a deposit must be above zero and at most the limit";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        Reject::WithdrawalOutOfRange { limit } => {
            let reason = "a withdrawal must be above zero and at most what is free";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        Reject::NotAHouseFund => {
            let reason = "the exchange funds its first loss, insurance and default fund alone";
            WireError::new(ErrorCode::Forbidden, reason)
        }
        Reject::EquityOutOfRange { limit } => {
            let reason = "the account's equity would be above the limit";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        other => elsewhere(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn terms(reject: &Reject, instrument: Option<&Instrument>) -> WireError {
    match reject {
        Reject::UnknownInstrument => {
            WireError::new(ErrorCode::InvalidInstrument, "no such series").of("instrument_name")
        }
        Reject::ProductNotCleared => {
            let reason = "spreads are not cleared yet";
            WireError::new(ErrorCode::NotImplemented, reason).of("instrument_name")
        }
        Reject::SeriesExpired => {
            let reason = "the series has stopped trading";
            WireError::new(ErrorCode::BookClosed, reason).of("instrument_name")
        }
        Reject::ZeroQuantity => {
            let error = WireError::new(ErrorCode::QtyTooLow, "amount must be at least 1");
            error.of("amount").with_limit(count(1))
        }
        Reject::QtyAboveLimit { limit } => {
            let reason = format!("amount is above the limit {}", limit.lots());
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount").with_limit(*limit)
        }
        Reject::PriceNotPositive => {
            WireError::new(ErrorCode::InvalidPrice, "price must be above zero").of("price")
        }
        Reject::PriceAboveLimit { limit } => {
            let error = WireError::new(ErrorCode::PriceTooHigh, "price is above the limit");
            beyond(error, *limit, instrument)
        }
        Reject::BeyondCeiling { limit } => {
            let reason = "price is beyond the order's own ceiling";
            beyond(WireError::new(ErrorCode::InvalidPrice, reason), *limit, instrument)
        }
        Reject::AboveBand { limit } => {
            let reason = "price is above the band around the mark";
            beyond(WireError::new(ErrorCode::PriceTooHigh, reason), *limit, instrument)
        }
        Reject::BelowBand { limit } => {
            let reason = "price is below the band around the mark";
            beyond(WireError::new(ErrorCode::PriceTooLow, reason), *limit, instrument)
        }
        other => elsewhere(other),
    }
}

/// A price that would have been possible.
fn beyond(error: WireError, limit: Price, instrument: Option<&Instrument>) -> WireError {
    match instrument {
        Some(instrument) => error.of("price").with_limit(instrument.price_to_decimal(limit)),
        None => error.of("price"),
    }
}

/// What an order asks for does not go together, or not with the moment.
#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn kind(reject: &Reject) -> WireError {
    let combination =
        |field, reason| WireError::new(ErrorCode::UnsupportedCombination, reason).of(field);
    match reject {
        Reject::TooLate => {
            let reason = "the request came after the instant until which it was valid";
            WireError::new(ErrorCode::TimedOut, reason).of("valid_until")
        }
        Reject::NotWaiting => {
            combination("trigger_price", "only an order that is untriggered has one to change")
        }
        Reject::NoLimit => combination("price", "a market order has no price to change"),
        Reject::PostOnlyImmediate => {
            combination("post_only", "a post-only order must be a limit order that may rest")
        }
        Reject::DisplayImmediate => {
            combination("display_amount", "an order that never rests has nothing to hide")
        }
        Reject::DisplayOutOfRange { limit } => {
            let reason = "an order shows at least a thousandth of itself, and at least one lot";
            let error = WireError::new(ErrorCode::InvalidAmount, reason);
            error.of("display_amount").with_limit(*limit)
        }
        Reject::TriggerTimeInForce => {
            combination("time_in_force", "an order for one phase cannot wait for a price")
        }
        Reject::TriggerSlides => {
            combination("reject_post_only", "an order that waits for a price cannot slide")
        }
        Reject::ExpiryPassed => WireError::param("good_til", "has passed"),
        Reject::NotInContinuous => {
            combination("time_in_force", "good_for_auction needs an auction, and there is none")
        }
        Reject::NotInAuction => {
            let reason = "an auction takes limit orders that rest and are not post-only";
            combination("time_in_force", reason)
        }
        Reject::AuctionUnderWay => {
            let reason = "an auction is under way already";
            WireError::new(ErrorCode::OtherReject, reason).of("instrument_name")
        }
        Reject::AuctionOutOfTime => {
            let reason = "an auction ends after now and before the last trade";
            WireError::new(ErrorCode::OtherReject, reason).of("until")
        }
        other => elsewhere(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn order(reject: &Reject) -> WireError {
    match reject {
        Reject::LabelTooLong { limit } => {
            let reason = format!("must have at most {limit} bytes");
            WireError::param("label", reason).with_limit(count(*limit))
        }
        Reject::TooManyOpenOrders { limit } => {
            let reason = format!("the account has {limit} open orders, the most it may have");
            let error = WireError::new(ErrorCode::TooManyOpenOrders, reason);
            error.of("open_orders").with_limit(count(*limit))
        }
        Reject::VenueFull => {
            let reason = "the venue has as many open orders as it may have";
            WireError::new(ErrorCode::QueueFull, reason)
        }
        Reject::BatchOutOfRange { limit } => {
            WireError::param("items", "must be some, and at most the limit")
                .with_limit(count(*limit))
        }
        Reject::BatchOfOthers => WireError::param("items", "must all be of one account"),
        Reject::WouldNotReduce { limit } => {
            let reason = "reduce-only orders must be against the position, and together at most \
                          as large";
            let error = WireError::new(ErrorCode::OtherReject, reason);
            error.of("reduce_only").with_limit(*limit)
        }
        Reject::PositionAboveLimit { limit } => {
            let reason = "the position, open orders included, would be above the limit";
            WireError::new(ErrorCode::PositionTooLarge, reason).of("amount").with_limit(*limit)
        }
        Reject::NotionalOutOfRange => {
            let reason = "price times amount does not fit into the ledger";
            WireError::new(ErrorCode::InvalidAmount, reason).of("amount")
        }
        Reject::InsufficientMargin { required, available } => {
            let reason = format!(
                "the account needs {} more margin and has {}",
                Number::from(*required),
                Number::from(*available)
            );
            let error = WireError::new(ErrorCode::NotEnoughFunds, reason);
            let error = error.of("amount").with_limit(*available);
            error.with_funds((*required).into(), (*available).into())
        }
        Reject::PostOnlyWouldCross => {
            let reason = "a post-only order would have taken, or could not slide";
            WireError::new(ErrorCode::PostOnlyReject, reason).of("post_only")
        }
        Reject::UnknownOrder => {
            let reason = "no open order of this account has that id";
            WireError::new(ErrorCode::OrderNotFound, reason).of("order_id")
        }
        Reject::NothingToAmend => {
            WireError::param("amount", "the edit would change neither amount nor price")
        }
        other => elsewhere(other),
    }
}

fn index(reject: &Reject) -> WireError {
    WireError::new(ErrorCode::OtherReject, format!("refused by {}", reject.rule()))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn delivery(reject: &Reject) -> WireError {
    match reject {
        Reject::UnknownObligation => {
            WireError::new(ErrorCode::NotFound, "no such obligation").of("obligation_id")
        }
        Reject::NotTheSeller => {
            let reason = "the obligation is another account's to deliver";
            WireError::new(ErrorCode::Forbidden, reason).of("obligation_id")
        }
        Reject::WrongStep => {
            let reason = "the challenge does not wait for this, or no longer";
            WireError::new(ErrorCode::BadRequest, reason).of("challenge")
        }
        Reject::WrongSigner => {
            let reason = "the receipt is not signed by the key that the account nominated";
            WireError::new(ErrorCode::Forbidden, reason).of("signature")
        }
        Reject::ReceiptOutOfChain { field } => out_of_chain(*field),
        Reject::RowsDrawn => {
            WireError::new(ErrorCode::BadRequest, "rows are drawn once").of("challenge")
        }
        Reject::NotAVerifier => {
            let reason = "only a verifier judges, and never a delivery of its own";
            WireError::new(ErrorCode::Forbidden, reason)
        }
        Reject::QualityOutOfRange => {
            WireError::param("quality", "must be from 0 to 1").with_limit(Decimal::ONE)
        }
        other => elsewhere(other),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the table above is exhaustive")]
fn margin(reject: &Reject) -> WireError {
    match reject {
        Reject::TooManyGrades { limit } => {
            let reason = "the venue margins no more grades";
            WireError::new(ErrorCode::OtherReject, reason).with_limit(count(*limit))
        }
        Reject::RisksOutOfRange { limit } => {
            let reason = "must have at least one entry and at most the limit";
            WireError::param("risks", reason).with_limit(count(*limit))
        }
        Reject::RiskOfNoOption => {
            let reason = "risk is published of options only";
            WireError::new(ErrorCode::InvalidInstrument, reason).of("instrument_name")
        }
        Reject::ArrayOutOfRange { limit } => {
            let reason = "a number of the array is beyond the limit";
            WireError::param("array", reason).with_limit(Decimal::from(*limit))
        }
        Reject::CapacityOutOfRange { limit } => {
            let reason = "more GPUs than one account registers";
            WireError::param("gpus", reason).with_limit(count(*limit))
        }
        Reject::BeyondDeliverable { limit } => {
            let reason = "the position would be more of what can be delivered than one may hold";
            WireError::new(ErrorCode::PositionTooLarge, reason).of("amount").with_limit(*limit)
        }
        Reject::MarginModeSet => {
            let reason = "the account's margin is computed that way already";
            WireError::new(ErrorCode::BadRequest, reason).of("margin_model")
        }
        Reject::MarginModeNotCarried { required, available } => {
            let reason = format!(
                "the positions would require {} and the account has {}",
                Number::from(*required),
                Number::from(*available)
            );
            let error = WireError::new(ErrorCode::NotEnoughFunds, reason).of("margin_model");
            error.with_limit(*available).with_funds((*required).into(), (*available).into())
        }
        other => elsewhere(other),
    }
}

fn out_of_chain(field: ReceiptField) -> WireError {
    let error = |param| {
        let reason = "the receipt does not continue the chain of receipts";
        WireError::new(ErrorCode::BadRequest, reason).of(param)
    };
    match field {
        ReceiptField::Challenges { expected } => {
            error("challenges").with_limit(Decimal::from(expected))
        }
        ReceiptField::GpuMillis { limit } => error("gpu_millis").with_limit(Decimal::from(limit)),
        ReceiptField::Prev => error("prev"),
        ReceiptField::Terms => error("terms"),
    }
}

/// A signature that names nobody.
pub(crate) fn sign_error(error: SignError) -> WireError {
    WireError::param("signature", error.to_string())
}

#[cfg(test)]
mod tests {
    use exchange::{
        AgreementReject, CloseOutReject, ControlReject, DefaultReject, FixingReject, JobReject,
        QuoteReject, TradingState,
    };
    use expect_test::expect;
    use instruments::{MicroUsd, ObligationId, Qty, TermsError};

    use super::*;
    use crate::venue::RootsError;

    /// Every refusal of the exchange, once.
    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn all() -> Vec<Reject> {
        let (money, qty, price) = (MicroUsd::new(1), Qty::from_lots(1), Price::from_ticks(1));
        vec![
            Reject::VenueNotOpen,
            Reject::VenueAlreadyOpen,
            Reject::BadTerms(TermsError::Name),
            Reject::SeriesListed,
            Reject::TooManySeries { limit: 1 },
            Reject::UnknownAccount,
            Reject::BadAccountName,
            Reject::AccountNameTaken,
            Reject::TooManyAccounts { limit: 1 },
            Reject::TestMoneyClosed,
            Reject::DepositOutOfRange { limit: money },
            Reject::EquityOutOfRange { limit: money },
            Reject::TooLate,
            Reject::UnknownInstrument,
            Reject::ProductNotCleared,
            Reject::SeriesExpired,
            Reject::NotWaiting,
            Reject::NoLimit,
            Reject::ZeroQuantity,
            Reject::QtyAboveLimit { limit: qty },
            Reject::PriceNotPositive,
            Reject::PriceAboveLimit { limit: price },
            Reject::PostOnlyImmediate,
            Reject::DisplayImmediate,
            Reject::DisplayOutOfRange { limit: qty },
            Reject::TriggerTimeInForce,
            Reject::TriggerSlides,
            Reject::ExpiryPassed,
            Reject::NotInContinuous,
            Reject::NotInAuction,
            Reject::BeyondCeiling { limit: price },
            Reject::LabelTooLong { limit: 64 },
            Reject::TooManyOpenOrders { limit: 1 },
            Reject::VenueFull,
            Reject::WouldNotReduce { limit: qty },
            Reject::PositionAboveLimit { limit: qty },
            Reject::NotionalOutOfRange,
            Reject::InsufficientMargin { required: money, available: money },
            Reject::AboveBand { limit: price },
            Reject::BelowBand { limit: price },
            Reject::PostOnlyWouldCross,
            Reject::UnknownOrder,
            Reject::NothingToAmend,
            Reject::BatchOutOfRange { limit: 64 },
            Reject::BatchOfOthers,
            Reject::AuctionUnderWay,
            Reject::AuctionOutOfTime,
            Reject::UnknownGrade,
            Reject::IndexOutOfOrder,
            Reject::IndexOutOfRange { limit: money },
            Reject::UnknownObligation,
            Reject::NotTheSeller,
            Reject::WrongStep,
            Reject::WrongSigner,
            Reject::ReceiptOutOfChain { field: ReceiptField::Challenges { expected: 1 } },
            Reject::ReceiptOutOfChain { field: ReceiptField::GpuMillis { limit: 1 } },
            Reject::ReceiptOutOfChain { field: ReceiptField::Prev },
            Reject::ReceiptOutOfChain { field: ReceiptField::Terms },
            Reject::RowsDrawn,
            Reject::NotAVerifier,
            Reject::QualityOutOfRange,
            // Ledger.
            Reject::WithdrawalOutOfRange { limit: money },
            Reject::NotAHouseFund,
            // Margin and risk arrays.
            Reject::TooManyGrades { limit: 1 },
            Reject::CurveTooLong { limit: 1 },
            Reject::CurveOfNoFuture,
            Reject::RisksOutOfRange { limit: 1 },
            Reject::RiskOfNoOption,
            Reject::ArrayOutOfRange { limit: 1 },
            Reject::CapacityOutOfRange { limit: 1 },
            Reject::BeyondDeliverable { limit: qty },
            Reject::MarginModeSet,
            Reject::MarginModeNotCarried { required: money, available: money },
            // Marks and settlement prices.
            // Options, cascades and cash futures.
            Reject::BadUnderlying,
            Reject::NotAnOption,
            Reject::InstructionAboveHolding { limit: qty },
            // Default funds and liquidation.
            // Physical close-out.
            // Trades agreed elsewhere.
        ]
    }

    fn defaults() -> Vec<DefaultReject> {
        let limit = MicroUsd::new(1);
        vec![
            DefaultReject::InLiquidation { limit: Qty::from_lots(1) },
            DefaultReject::BadDefaultTerms,
            DefaultReject::ShareOutOfRange { limit },
            DefaultReject::ShareAtRisk,
            DefaultReject::NoticeRunning { until: instruments::Nanos::from_seconds(1) },
            DefaultReject::CapacityOutOfRange { limit },
            DefaultReject::TooManyBackstops { limit: 1 },
            DefaultReject::UnknownBackstop,
            DefaultReject::NotABackstop,
            DefaultReject::BeyondCapacity { limit },
        ]
    }

    fn fixings() -> Vec<Reject> {
        let money = MicroUsd::new(1);
        let all = [
            FixingReject::NotOpen,
            FixingReject::NoPartition { limit: 48 },
            FixingReject::Disputed,
            FixingReject::OneClaim,
            FixingReject::NoChange,
            FixingReject::NoBond { required: money, available: money },
            FixingReject::NotDisputed,
        ];
        all.into_iter().map(Reject::Fixing).collect()
    }

    fn controls() -> Vec<Reject> {
        let not_open = |is_venue| ControlReject::NotOpen { state: TradingState::Halted, is_venue };
        let all = [ControlReject::Killed, not_open(true), not_open(false), ControlReject::MustRest];
        all.into_iter().map(Reject::Control).collect()
    }

    /// Those of buyers' jobs.
    fn jobs() -> Vec<Reject> {
        let money = MicroUsd::new(1);
        let all = [
            JobReject::BadTerms,
            JobReject::NotTheBuyer,
            JobReject::NotDelivering,
            JobReject::CheckpointsOutOfRange { limit: 1 },
            JobReject::ComputeOutOfRange { limit: instruments::GpuSeconds::new(1) },
            JobReject::TooManyJobs { limit: 1 },
            JobReject::UnknownJob,
            JobReject::NotYourTurn,
            JobReject::WrongStep,
            JobReject::WrongCheckpoints { expected: 1 },
            JobReject::ReplayCostOutOfRange { limit: money },
            JobReject::NotExact,
            JobReject::NoStake { required: money, available: money },
        ];
        all.into_iter().map(Reject::Job).collect()
    }

    /// Those of what is agreed elsewhere.
    fn agreements() -> Vec<Reject> {
        let all = [
            AgreementReject::SameParty,
            AgreementReject::NotAParty,
            AgreementReject::OutOfTime { limit: instruments::Nanos::from_seconds(1) },
            AgreementReject::Taken,
            AgreementReject::NotSigned { party: instruments::AccountId(1) },
            AgreementReject::TooMany { limit: 1 },
            AgreementReject::LegsOutOfRange { limit: 8 },
            AgreementReject::NoBlocks,
            AgreementReject::BelowSize { limit: Qty::from_lots(1) },
            AgreementReject::BeyondBand { limit: Price::from_ticks(1) },
            AgreementReject::NotTheParties,
            AgreementReject::DeliveryBegun,
        ];
        all.into_iter().map(Reject::Agreement).collect()
    }

    /// Those of a physical close-out.
    fn close_outs() -> Vec<Reject> {
        let all = [
            CloseOutReject::NoNominations,
            CloseOutReject::NothingHeld,
            CloseOutReject::BadNomination,
            CloseOutReject::NoMatches,
            CloseOutReject::MatchOutOfRange { limit: Qty::from_lots(1) },
            CloseOutReject::TooManyMatches { limit: 1 },
            CloseOutReject::NotAParty,
            CloseOutReject::NothingToAccept,
            CloseOutReject::NoSubstitution,
            CloseOutReject::LowerGrade,
            CloseOutReject::StandbyFeeOutOfRange { limit: MicroUsd::new(1) },
            CloseOutReject::TooManyOffers { limit: 1 },
            CloseOutReject::NothingToDispute,
        ];
        all.into_iter().map(Reject::CloseOut).collect()
    }

    fn quotes() -> Vec<Reject> {
        let (limit, lots) = (1, Qty::from_lots(1));
        let all = [
            QuoteReject::QuotesOutOfRange { limit },
            QuoteReject::WordTooLong { limit },
            QuoteReject::UnknownGroup,
            QuoteReject::GroupFrozen { until: None },
            QuoteReject::OtherGrade,
            QuoteReject::GroupFull { limit },
            QuoteReject::QuoteCrossed,
            QuoteReject::AboveQuoteMax { limit: lots },
            QuoteReject::MemberWaits,
            QuoteReject::BadGroupName { limit },
            QuoteReject::BadTerms,
            QuoteReject::QuoteMaxOutOfRange { limit: lots },
            QuoteReject::TooManyGroups { limit },
        ];
        all.into_iter().map(Reject::Quote).collect()
    }

    /// API-003: which code a client sees for which rule.
    #[test]
    fn api_003_every_refusal_of_the_exchange_has_a_code_and_its_rule() {
        let defaults = defaults().into_iter().map(Reject::Default);
        let table: String = all()
            .into_iter()
            .chain(close_outs())
            .chain(defaults)
            .chain(agreements())
            .chain(fixings())
            .chain(jobs())
            .chain(controls())
            .chain(quotes())
            .map(|refused| {
                let error = reject(&refused, None);
                let json = serde_json::to_value(&error).unwrap();
                assert_eq!(json["data"]["rule"], refused.rule());
                assert_ne!(error.code(), ErrorCode::Internal, "{refused:?}");
                format!("{} {} {}\n", refused.rule(), error.code().code(), error.code().name())
            })
            .collect();
        expect_test::expect_file!["reject/codes.txt"].assert_eq(&table);
    }

    #[test]
    fn session_009_a_refusal_of_roots_names_field_and_limit() {
        let (obligation, challenge) = (ObligationId(7), 3);
        let refused = [
            RootsError::NotTheSeller { obligation },
            RootsError::NotOpen { obligation, challenge },
            RootsError::NoSuchSlot { slot: 4, limit: 4 },
            RootsError::WrongCount { count: 65, limit: 64 },
            RootsError::TooMany { end: 17, limit: 16 },
            RootsError::OutOfOrder { slot: 0, first: 5, limit: 3 },
            RootsError::Changed { slot: 0, segment: 2 },
            RootsError::TooOften { limit: 1_088 },
        ]
        .map(|error| {
            let wire = serde_json::to_value(roots_error(&error)).unwrap();
            let (code, data) = (&wire["code"], &wire["data"]);
            format!("{code} {} {} {}", data["param"], data["limit"], data["reason"])
        });
        expect![[r#"
            13021 "obligation_id" null "obligation D-7 is not this account's to deliver"
            11050 "challenge" null "challenge 3 of obligation D-7 does not wait for roots"
            -32602 "slot" 4 "slot 4, the challenge has 4"
            -32602 "roots" 64 "65 roots, a request brings 1 to 64"
            -32602 "roots" 16 "roots up to segment 17, each slot has 16"
            -32602 "first_segment" 3 "roots from segment 5 on, the next of slot 0 is 3"
            -32602 "roots" null "the root of segment 2 of slot 0 has come before, and was another"
            10028 null 1088 "more than 1088 requests for the roots of one challenge""#]]
        .assert_eq(&refused.join("\n"));
    }
}
