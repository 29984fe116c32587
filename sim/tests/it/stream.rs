//! A world's commands and events, told to an auditor with something wrong in them.

use std::sync::OnceLock;

use exchange::{CloseOutEvent, DefaultEvent, Event, Exchange, Stamped};
use sim::{Auditor, Finding, Scenario, run_with_journal};

/// One command with its events.
pub(crate) type Entry = (Stamped, Vec<Event>);

/// A world in which everything happens that the tests below want to tamper with.
pub(crate) fn world() -> &'static (Vec<Entry>, Exchange) {
    static WORLD: OnceLock<(Vec<Entry>, Exchange)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (report, journal) = run_with_journal(&Scenario::standard(2, 1));
        assert!(report.is_sound(), "{report}");
        let mut exchange = Exchange::new();
        let tell = |stamped: Stamped| {
            let mut events = Vec::new();
            exchange.apply(&stamped, &mut events);
            (stamped, events)
        };
        let entries = journal.into_iter().map(tell).collect();
        (entries, exchange)
    })
}

/// What an auditor finds who is told this, compares his books at the end, and asks whether everything has ended.
pub(crate) fn audit(entries: &[Entry]) -> Result<(), Finding> {
    let mut auditor = Auditor::new();
    for (stamped, events) in entries {
        auditor.observe(stamped, events)?;
    }
    auditor.compare(&world().1)?;
    auditor.finish()
}

/// Lets `tamper` change the first entry that it wants to change, and says what the auditor finds.
#[track_caller]
pub(crate) fn tampered(tamper: impl Fn(&mut Entry) -> bool) -> Finding {
    let mut entries = world().0.clone();
    let count = entries.iter_mut().position(tamper);
    let at = count.expect("nothing to tamper with in this world");
    audit(&entries).expect_err(&format!("tampering with command {} goes unseen", at + 1))
}

/// The same for the first event that `tamper` wants to change.
#[track_caller]
pub(crate) fn tampered_event(tamper: impl Fn(&mut Event) -> bool) -> Finding {
    tampered(|(_, events)| events.iter_mut().any(&tamper))
}

/// Drops the first event that `is_it` knows.
#[track_caller]
pub(crate) fn dropped(is_it: impl Fn(&Event) -> bool) -> Finding {
    tampered(|(_, events)| {
        let at = events.iter().position(&is_it);
        at.map(|at| events.remove(at)).is_some()
    })
}

/// An event's name.
pub(crate) const fn kind(event: &Event) -> &'static str {
    match event {
        Event::Rejected(_) => "Rejected",
        Event::VenueOpened => "VenueOpened",
        Event::InstrumentListed(_) => "InstrumentListed",
        Event::AccountOpened { .. } => "AccountOpened",
        Event::MoneyMoved(_) => "MoneyMoved",
        Event::OrderAccepted(_) => "OrderAccepted",
        Event::OrderAmended { .. } => "OrderAmended",
        Event::OrderCancelled { .. } => "OrderCancelled",
        Event::OrderTriggered { .. } => "OrderTriggered",
        Event::AuctionOpened { .. } => "AuctionOpened",
        Event::AuctionExtended { .. } => "AuctionExtended",
        Event::AuctionEnded { .. } => "AuctionEnded",
        Event::IndicativePrice { .. } => "IndicativePrice",
        Event::BatchItemDone { .. } => "BatchItemDone",
        Event::Traded(_) => "Traded",
        Event::DepthChanged { .. } => "DepthChanged",
        Event::IndexPublished(_) => "IndexPublished",
        Event::MarkChanged { .. } => "MarkChanged",
        Event::SettlementPriceFixed { .. } => "SettlementPriceFixed",
        Event::Fixing(_) => "Fixing",
        Event::CurvePublished(_) => "CurvePublished",
        Event::VariationPaid { .. } => "VariationPaid",
        Event::SeriesExpired { .. } => "SeriesExpired",
        Event::PositionClosed { .. } => "PositionClosed",
        Event::ObligationAssigned { .. } => "ObligationAssigned",
        Event::AgentNominated { .. } => "AgentNominated",
        Event::OrderResent { .. } => "OrderResent",
        Event::CancelAllAfterSet { .. } => "CancelAllAfterSet",
        Event::CancelOnDisconnectSet { .. } => "CancelOnDisconnectSet",
        Event::RiskPublished(_) => "RiskPublished",
        Event::CapacityRegistered { .. } => "CapacityRegistered",
        Event::MarginModeChanged { .. } => "MarginModeChanged",
        Event::MarginScaled { .. } => "MarginScaled",
        Event::LadderClimbed { .. } => "LadderClimbed",
        Event::IntervalOpened { .. } => "IntervalOpened",
        Event::ChallengeIssued { .. } => "ChallengeIssued",
        Event::ReceiptAccepted { .. } => "ReceiptAccepted",
        Event::RowsDrawn { .. } => "RowsDrawn",
        Event::VerdictRecorded { .. } => "VerdictRecorded",
        Event::ChallengeEnded { .. } => "ChallengeEnded",
        Event::IntervalSettled(_) => "IntervalSettled",
        Event::ObligationClosed { .. } => "ObligationClosed",
        Event::BuyerDefaulted { .. } => "BuyerDefaulted",
        Event::VariationEnded => "VariationEnded",
        Event::Default(event) => default_kind(event),
        // Options, cascades and cash futures.
        Event::ExerciseInstructed { .. } => "ExerciseInstructed",
        Event::OptionExercised { .. } => "OptionExercised",
        Event::SeriesCascaded { .. } => "SeriesCascaded",
        Event::DaySettled { .. } => "DaySettled",
        Event::SeriesSettled { .. } => "SeriesSettled",
        // Physical close-out.
        Event::CloseOut(event) => close_out_kind(event),
        // Trades agreed elsewhere.
        Event::TradingKeyRegistered { .. } => "TradingKeyRegistered",
        Event::AgreementTaken(_) => "AgreementTaken",
        Event::BlockTraded(_) => "BlockTraded",
        Event::Job(_) => "Job",
        Event::Control(_) => "Control",
        Event::Quote(_) => "Quote",
    }
}

const fn default_kind(event: &DefaultEvent) -> &'static str {
    match event {
        DefaultEvent::MarkedOut => "MarkedOut",
        DefaultEvent::DefaultResolved(_) => "DefaultResolved",
        DefaultEvent::LossSplit { .. } => "LossSplit",
        DefaultEvent::DefaultTermsSet(_) => "DefaultTermsSet",
        DefaultEvent::DefaultFundChanged { .. } => "DefaultFundChanged",
        DefaultEvent::LiquidationStarted { .. } => "LiquidationStarted",
        DefaultEvent::LiquidationSlice { .. } => "LiquidationSlice",
        DefaultEvent::LiquidationEnded { .. } => "LiquidationEnded",
        DefaultEvent::BackstopRegistered { .. } => "BackstopRegistered",
        DefaultEvent::BackstopOpened { .. } => "BackstopOpened",
        DefaultEvent::BackstopBid { .. } => "BackstopBid",
        DefaultEvent::BackstopTaken { .. } => "BackstopTaken",
        DefaultEvent::ClosedOut { .. } => "ClosedOut",
        DefaultEvent::LossCovered { .. } => "LossCovered",
        DefaultEvent::CloseOutPaid { .. } => "CloseOutPaid",
        DefaultEvent::RoundingKept { .. } => "RoundingKept",
        DefaultEvent::PositionMoved { .. } => "PositionMoved",
    }
}

const fn close_out_kind(event: &CloseOutEvent) -> &'static str {
    match event {
        CloseOutEvent::Nominated { .. } => "Nominated",
        CloseOutEvent::MatchReported { .. } => "MatchReported",
        CloseOutEvent::AssignmentPublished(_) => "AssignmentPublished",
        CloseOutEvent::AcceptanceOpened { .. } => "AcceptanceOpened",
        CloseOutEvent::DeliveryAccepted { .. } => "DeliveryAccepted",
        CloseOutEvent::BurnInJudged { .. } => "BurnInJudged",
        CloseOutEvent::AcceptanceEnded { .. } => "AcceptanceEnded",
        CloseOutEvent::OutageDeclared { .. } => "OutageDeclared",
        CloseOutEvent::FailureWeighed { .. } => "FailureWeighed",
        CloseOutEvent::OutageBegan { .. } => "OutageBegan",
        CloseOutEvent::Substituted { .. } => "Substituted",
        CloseOutEvent::StandbyOffered { .. } => "StandbyOffered",
        CloseOutEvent::StandbyPaid { .. } => "StandbyPaid",
        CloseOutEvent::StandbyCalled { .. } => "StandbyCalled",
        CloseOutEvent::StandbyDismissed { .. } => "StandbyDismissed",
        CloseOutEvent::BoughtIn { .. } => "BoughtIn",
        CloseOutEvent::HourSettled(_) => "HourSettled",
        CloseOutEvent::Prefunded { .. } => "Prefunded",
        CloseOutEvent::PrefundingEnded { .. } => "PrefundingEnded",
        CloseOutEvent::Invoiced(_) => "Invoiced",
        CloseOutEvent::InvoiceDisputed { .. } => "InvoiceDisputed",
    }
}
