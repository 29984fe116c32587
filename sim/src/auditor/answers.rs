//! What a command that was not refused must at least have led to.

use exchange::{CloseOutEvent, Command, DefaultEvent, Event, FixingEvent, JobEvent, QuoteCommand};

use super::ladder::has_failed;

/// SIM-022: whether the events answer the command.
#[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
pub(super) fn is_answered(command: &Command, events: &[Event]) -> bool {
    let has = |is_it: fn(&Event) -> bool| events.iter().any(is_it);
    match command {
        Command::OpenVenue(_) => has(|event| matches!(event, Event::VenueOpened)),
        Command::ListInstrument(_) => has(|event| matches!(event, Event::InstrumentListed(_))),
        Command::OpenAccount { .. } => has(|event| matches!(event, Event::AccountOpened { .. })),
        Command::Deposit { .. } | Command::Withdraw { .. } | Command::FundHouse { .. } => {
            has(|event| matches!(event, Event::MoneyMoved(_)))
        }
        Command::PlaceOrder(_) => {
            has(|event| matches!(event, Event::OrderAccepted(_) | Event::OrderResent { .. }))
        }
        Command::CancelAllAfter { .. } => {
            has(|event| matches!(event, Event::CancelAllAfterSet { .. }))
        }
        Command::SetCancelOnDisconnect { .. } => {
            has(|event| matches!(event, Event::CancelOnDisconnectSet { .. }))
        }
        // Sent when a session has placed orders that it takes with it.
        Command::EndSession { .. } => true,
        Command::EndSessions => has(|event| matches!(event, Event::OrderCancelled { .. })),
        Command::AmendOrder(_) => {
            has(|event| matches!(event, Event::OrderAmended { .. } | Event::OrderCancelled { .. }))
        }
        Command::CancelOrder { .. } => has(|event| matches!(event, Event::OrderCancelled { .. })),
        Command::PublishIndex(_) => has(|event| matches!(event, Event::IndexPublished(_))),
        Command::DisputeFixing { .. } => {
            has(|event| matches!(event, Event::Fixing(FixingEvent::Disputed { .. })))
        }
        Command::RuleOnFixing { .. } => {
            has(|event| matches!(event, Event::Fixing(FixingEvent::Ruled { .. })))
        }
        Command::NominateAgent { .. } => has(|event| matches!(event, Event::AgentNominated { .. })),
        Command::IssueChallenge { .. } => {
            has(|event| matches!(event, Event::ChallengeIssued { .. }))
        }
        // Sent when challenges are open.
        Command::VoidChallenges => has(|event| matches!(event, Event::ChallengeEnded { .. })),
        Command::SubmitReceipt { .. } => {
            has(|event| matches!(event, Event::ReceiptAccepted { .. }))
        }
        Command::DrawRows { .. } => has(|event| matches!(event, Event::RowsDrawn { .. })),
        Command::SubmitVerdict { .. } => {
            has(|event| matches!(event, Event::VerdictRecorded { .. }))
        }
        Command::InstructExercise { .. } => {
            has(|event| matches!(event, Event::ExerciseInstructed { .. }))
        }
        Command::SetDefaultTerms(_) => {
            has(|event| matches!(event, Event::Default(DefaultEvent::DefaultTermsSet(_))))
        }
        Command::ContributeDefaultFund { .. } | Command::WithdrawDefaultFund { .. } => {
            has(|event| matches!(event, Event::Default(DefaultEvent::DefaultFundChanged { .. })))
        }
        Command::RegisterBackstop { .. } => {
            has(|event| matches!(event, Event::Default(DefaultEvent::BackstopRegistered { .. })))
        }
        Command::BidBackstop { .. } => {
            has(|event| matches!(event, Event::Default(DefaultEvent::BackstopBid { .. })))
        }
        Command::DeclareOutage { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::OutageDeclared { .. })))
        }
        // Nothing may have been open, nothing may be due.
        Command::CancelAll { .. } | Command::Tick => true,
        Command::Batch { items, .. } => {
            let done = |event: &&Event| matches!(event, Event::BatchItemDone { .. });
            events.iter().filter(done).count() == items.len()
        }
        Command::PublishCurve { .. } => has(|event| matches!(event, Event::CurvePublished(_))),
        Command::PublishRisk { .. } => has(|event| matches!(event, Event::RiskPublished(_))),
        Command::RegisterCapacity { .. } => {
            has(|event| matches!(event, Event::CapacityRegistered { .. }))
        }
        Command::SetMarginMode { .. } => {
            has(|event| matches!(event, Event::MarginModeChanged { .. }))
        }
        // Physical close-out.
        Command::Nominate { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::Nominated { .. })))
        }
        Command::AcceptDelivery { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::DeliveryAccepted { .. })))
        }
        Command::JudgeBurnIn { verdict, .. } => {
            let ends = has(|event| {
                matches!(event, Event::CloseOut(CloseOutEvent::AcceptanceEnded { .. }))
            });
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::BurnInJudged { .. })))
                && ends == has_failed(*verdict)
        }
        Command::Substitute { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::Substituted { .. })))
        }
        Command::OfferStandby { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::StandbyOffered { .. })))
        }
        Command::DisputeInvoice { .. } => {
            has(|event| matches!(event, Event::CloseOut(CloseOutEvent::InvoiceDisputed { .. })))
        }
        // Trades agreed elsewhere.
        Command::RegisterTradingKey { .. } => {
            has(|event| matches!(event, Event::TradingKeyRegistered { .. }))
        }
        Command::SubmitAgreement { .. } => has(|event| matches!(event, Event::AgreementTaken(_))),
        // Buyers' jobs.
        Command::SetJobTerms(_) => has(|event| matches!(event, Event::Job(JobEvent::TermsSet(_)))),
        Command::SubmitJob { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Submitted { .. })))
        }
        Command::ClaimJob { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Claimed { .. })))
        }
        Command::DeclineJob { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Declined { .. })))
        }
        Command::AcceptJob { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Ended { .. })))
        }
        Command::OpenDispute { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Disputed { .. })))
        }
        Command::AnswerDispute { answer: exchange::Answer::Move { .. }, .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Moved { .. })))
        }
        Command::AnswerDispute { answer: exchange::Answer::Referee, .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::RefereeCalled { .. })))
        }
        Command::RuleDispute { .. } => {
            has(|event| matches!(event, Event::Job(JobEvent::Ruled { .. })))
        }
        // What is so already is not told again.
        Command::SetTradingState { .. }
        | Command::KillAccount { .. }
        | Command::ReviveAccount { .. } => true,
        // Quotes. None may have stood that were to be cancelled.
        Command::Quoting(QuoteCommand::Cancel { .. }) => true,
        Command::Quoting(QuoteCommand::Place { .. }) => {
            has(|event| matches!(event, Event::OrderAccepted(_)))
        }
        // Sides of no lots, where nothing stood, are no side.
        Command::Quoting(QuoteCommand::MassQuote(_)) => true,
        Command::Quoting(
            QuoteCommand::Protect { .. }
            | QuoteCommand::Unprotect { .. }
            | QuoteCommand::Reset { .. },
        ) => has(|event| matches!(event, Event::Quote(_))),
        Command::OpenAuction { .. } => has(|event| matches!(event, Event::AuctionOpened { .. })),
    }
}
