//! Events in a reader's words: accounts by name, money and prices in dollars.

use std::fmt::Write as _;

use exchange::{
    AgreementReject, CloseOutEvent, DefaultEvent, DefaultReject, Event, Exchange, FixingEvent,
    HourSettled, IntervalOutcome, IntervalSettled, Reject, SettlementSource, SplitPurpose, Traded,
};
use instruments::{AccountId, InstrumentId, MicroUsd, Nanos, OrderId, Ppm, Price, Side};
use settlement::{Bucket, ChallengeOutcome, FailCause, Invoice, Verdict};

use crate::world::{START, World};
use crate::{control_words, job_words, quote_words};

/// One line for one event; nothing for what a script shows on demand: money between buckets, and depth.
#[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
pub(crate) fn event(world: &World, event: &Event) -> Option<String> {
    let exchange = &world.exchange;
    let number = |order: &OrderId| order_number(world, *order);
    let name = |account: &AccountId| account_name(exchange, *account);
    let series = |instrument: &InstrumentId| series_name(exchange, *instrument);
    let per_hour = |instrument: &InstrumentId, price: &Price| {
        exchange.series_by_id(*instrument).unwrap().instrument.price_to_decimal(*price)
    };
    Some(match event {
        Event::Default(DefaultEvent::MarkedOut)
        | Event::MoneyMoved(_)
        | Event::DepthChanged { .. }
        | Event::VariationEnded => return None,
        // An hour in which nothing was missing and no bond came back says nothing.
        Event::CloseOut(CloseOutEvent::HourSettled(hour))
            if hour.settled == settlement::HourSettled::default() =>
        {
            return None;
        }
        Event::Rejected(reason) => refused(reason),
        Event::VenueOpened => "venue open".to_owned(),
        Event::InstrumentListed(terms) => format!("{} listed", terms.name),
        Event::AccountOpened { name, .. } => format!("{name} opened"),
        Event::OrderAccepted(order) => format!(
            "#{} {} {} {} @ {}",
            number(&order.order),
            name(&order.account),
            side(order.side),
            order.qty.lots(),
            per_hour(&order.instrument, &order.limit)
        ),
        Event::OrderAmended { instrument, order, price, qty, .. } => {
            format!("#{} now {} @ {}", number(order), qty.lots(), per_hour(instrument, price))
        }
        Event::OrderCancelled { order, qty, reason, .. } => {
            format!("#{} cancelled {}: {}", number(order), qty.lots(), reason.code())
        }
        Event::OrderResent { order, .. } => format!("#{} sent again", number(order)),
        Event::CancelAllAfterSet { account, at: Some(at) } => {
            format!(
                "{} cancels all at +{}s",
                name(account),
                at.since(START).nanos() / 1_000_000_000
            )
        }
        Event::CancelAllAfterSet { account, at: None } => {
            format!("{} has no timer", name(account))
        }
        Event::CancelOnDisconnectSet { account, is_enabled } => {
            format!("{}'s sessions cancel orders: {is_enabled}", name(account))
        }
        Event::OrderTriggered { order, .. } => format!("#{} triggered", number(order)),
        Event::Quote(event) => quote_words::line(world, event),
        Event::Traded(trade) => traded(world, trade),
        Event::IndexPublished(print) => match print.value {
            Some(value) => format!("{} index {}", print.grade, usd(value)),
            None => format!("{} index withheld", print.grade),
        },
        Event::MarkChanged { instrument, mark } => {
            format!("{} mark {}", series(instrument), per_hour(instrument, mark))
        }
        Event::SettlementPriceFixed { instrument, price, source } => {
            let (price, of) = (per_hour(instrument, price), made_of(source));
            format!("{} settles @ {price} by {of}", series(instrument))
        }
        Event::Fixing(fixing) => fixing_line(exchange, fixing),
        Event::CurvePublished(point) => {
            let price = per_hour(&point.instrument, &point.price);
            format!("{} curve {price} +- {}", series(&point.instrument), usd(point.conf))
        }
        Event::VariationPaid { instrument, account, amount } => {
            format!("{} variation {} {}", series(instrument), name(account), usd(*amount))
        }
        Event::Default(event) => default(exchange, event),
        Event::SeriesExpired { instrument, settlement_price } => {
            format!("{} expired @ {}", series(instrument), per_hour(instrument, settlement_price))
        }
        Event::PositionClosed { instrument, account, net, delivered } => format!(
            "{} {} ends {:+}, {} for delivery",
            series(instrument),
            name(account),
            net.lots(),
            delivered.lots()
        ),
        _ => {
            let line = auction(exchange, event).or_else(|| agreement(exchange, event));
            return line.or_else(|| delivery(exchange, event));
        }
    })
}

/// SETTLE-003: what a settlement price was made of.
fn made_of(source: &SettlementSource) -> String {
    match source {
        SettlementSource::Trades { trades, lots, .. } => format!("{lots} lots in {trades} trades"),
        SettlementSource::Book(impact) => {
            format!("{} bid and {} offered", impact.bids.lots, impact.asks.lots)
        }
        SettlementSource::Mark => "the mark".to_owned(),
        SettlementSource::Index { values, .. } => {
            format!("{} of {} partitions", values.iter().flatten().count(), values.len())
        }
    }
}

fn auction(exchange: &Exchange, event: &Event) -> Option<String> {
    let series = |instrument: &InstrumentId| series_name(exchange, *instrument);
    let at = |instrument: &InstrumentId, price: &Option<Price>| {
        let terms = &exchange.series_by_id(*instrument).unwrap().instrument;
        price.map_or_else(String::new, |price| format!(" @ {}", terms.price_to_decimal(price)))
    };
    Some(match event {
        Event::AuctionOpened { instrument, kind, until } => {
            let until = until.map_or_else(String::new, |at| format!(" until {}", since_start(at)));
            format!("{} auction opens: {kind:?}{until}", series(instrument))
        }
        Event::AuctionExtended { instrument, until } => {
            format!("{} auction goes on until {}", series(instrument), since_start(*until))
        }
        Event::AuctionEnded { instrument, price, volume } => {
            let at = at(instrument, price);
            format!("{} auction ends, {} traded{at}", series(instrument), volume.lots())
        }
        Event::IndicativePrice { instrument, price, volume } => {
            format!("{} would trade {}{}", series(instrument), volume.lots(), at(instrument, price))
        }
        Event::BatchItemDone { place, refusal } => match refusal {
            Some(reason) => format!("[{place}] {}", refused(reason)),
            None => format!("[{place}] done"),
        },
        _ => return None,
    })
}

/// From the last trade to the close, but for the intervals.
fn close_out(exchange: &Exchange, event: &CloseOutEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        CloseOutEvent::Nominated { account, instrument, nomination } => {
            let region = nomination.region.map_or("anywhere", instruments::Region::code);
            let nodes: Vec<&str> = nomination.nodes.iter().map(|node| node.name.as_str()).collect();
            format!(
                "{} {} nominates {region} [{}] {}",
                series_name(exchange, *instrument),
                name(account),
                nodes.join(" "),
                nomination.endpoint
            )
        }
        CloseOutEvent::MatchReported { instrument, seller, buyer, lots } => {
            format!(
                "{} {} delivers {} to {} by agreement",
                series_name(exchange, *instrument),
                name(seller),
                lots.lots(),
                name(buyer)
            )
        }
        CloseOutEvent::AssignmentPublished(published) => format!(
            "{} assigned: {} holders, {} matched, {} paired",
            series_name(exchange, published.inputs.instrument),
            published.inputs.holders.len(),
            published.assigned.matched.len(),
            published.assigned.pairs.len()
        ),
        CloseOutEvent::AcceptanceOpened { obligation } => {
            format!("{obligation} may be accepted")
        }
        CloseOutEvent::DeliveryAccepted { obligation, account } => {
            format!("{obligation} {} accepts", name(account))
        }
        CloseOutEvent::BurnInJudged { obligation, verifier, verdict } => {
            format!("{obligation} burn-in: {} says {}", name(verifier), verdict_words(*verdict))
        }
        CloseOutEvent::AcceptanceEnded { obligation, is_accepted } => {
            let how = if *is_accepted { "accepted" } else { "not accepted" };
            format!("{obligation} {how}")
        }
        CloseOutEvent::InvoiceDisputed { obligation, account, invoice } => {
            format!("{obligation} {} disputes invoice {invoice}", name(account))
        }
        CloseOutEvent::HourSettled(settled) => hour_settled(exchange, settled),
        CloseOutEvent::Invoiced(invoice) => invoiced(invoice),
        _ => ladder(exchange, event),
    }
}

/// What is done about a seller who fails, and how a delivery is prefunded.
fn ladder(exchange: &Exchange, event: &CloseOutEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        CloseOutEvent::OutageBegan { obligation, interval, substitute_by } => {
            format!("{obligation}/{interval} outage, substitute by {}", since_start(*substitute_by))
        }
        CloseOutEvent::OutageDeclared { obligation, from, until } => {
            format!("{obligation} says {from} until {until} will be missing")
        }
        CloseOutEvent::FailureWeighed { obligation, challenge, is_soft } => {
            format!("{obligation}/{challenge} is {}", if *is_soft { "soft" } else { "hard" })
        }
        CloseOutEvent::Substituted { obligation, grade, excused_from, excused_until, .. } => {
            format!(
                "{obligation} substituted by {grade}, {excused_from} until {excused_until} excused"
            )
        }
        CloseOutEvent::StandbyOffered { account, grade, gpus, fee } => {
            format!("{} stands by with {} {grade} at {}", name(account), gpus.lots(), usd(*fee))
        }
        CloseOutEvent::StandbyPaid { account, amount } => {
            format!("{} receives {} for standing by", name(account), usd(*amount))
        }
        CloseOutEvent::StandbyCalled { obligation, provider, from, until } => {
            format!("{obligation} {} stands in from {from} until {until}", name(provider))
        }
        CloseOutEvent::StandbyDismissed { obligation, provider, until } => {
            format!("{obligation} {} is dismissed from {until}", name(provider))
        }
        CloseOutEvent::BoughtIn { obligation, hour, instrument, bought } => {
            let seconds: u64 = bought.iter().map(|part| part.compute.seconds()).sum();
            let hours = seconds / 3_600;
            let series = series_name(exchange, *instrument);
            format!("{obligation} hour {hour}: bought {hours} GPU-hours in {series}")
        }
        CloseOutEvent::Prefunded { obligation, until, amount } => {
            format!("{obligation} prefunded until {until} with {}", usd(*amount))
        }
        CloseOutEvent::PrefundingEnded { obligation, until, given_up, paid } => {
            format!(
                "{obligation} ends at {until}, {} given up, {} paid for that",
                usd(*given_up),
                usd(*paid)
            )
        }
        other => panic!("an event without words: {other:?}"),
    }
}

fn default(exchange: &Exchange, event: &DefaultEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        DefaultEvent::DefaultResolved(part) => {
            let mut line = format!("{} lost {}", name(&part.account), usd(part.lost));
            let layers = [
                ("own margin", part.own_margin),
                ("own share", part.own_share),
                ("first loss", part.first_loss),
                ("insurance", part.insurance),
                ("mutual", part.mutual),
                ("haircut", part.haircut),
            ];
            money(&mut line, &layers);
            line
        }
        DefaultEvent::LossSplit { purpose, page } => {
            let what = match purpose {
                SplitPurpose::Haircut => "haircut".to_owned(),
                SplitPurpose::FundShares => "fund shares".to_owned(),
                SplitPurpose::CloseOut { instrument, account } => {
                    format!("{} {} closed out", series_name(exchange, *instrument), name(account))
                }
            };
            let parts: Vec<String> = page
                .lines
                .iter()
                .map(|line| format!("{} {} of {}", name(&line.account), line.part, line.weight))
                .collect();
            format!("{what} {}/{}: {}", page.page, page.pages, parts.join(", "))
        }
        other => liquidation(exchange, other),
    }
}

fn liquidation(exchange: &Exchange, event: &DefaultEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        DefaultEvent::DefaultTermsSet(_) => "terms of defaults set".to_owned(),
        DefaultEvent::DefaultFundChanged { account, share } => {
            format!("{} has {} in the default fund", name(account), usd(*share))
        }
        DefaultEvent::LiquidationStarted { account, equity, maintenance } => {
            let (equity, maintenance) = (usd(*equity), usd(*maintenance));
            format!("{} is liquidated: has {equity} of {maintenance}", name(account))
        }
        DefaultEvent::LiquidationSlice { account, instrument, wanted, closed, fee, .. } => format!(
            "{} {} closes {} of {}, fee {}",
            series_name(exchange, *instrument),
            name(account),
            closed.lots(),
            wanted.lots(),
            usd(*fee)
        ),
        DefaultEvent::LiquidationEnded { account } => {
            format!("{} liquidation ends", name(account))
        }
        DefaultEvent::BackstopRegistered { account, capacity } => {
            format!("{} takes portfolios of {}", name(account), usd(*capacity))
        }
        DefaultEvent::BackstopOpened { auction, account, until } => {
            format!("{} is offered in {auction} until {}", name(account), since_start(*until))
        }
        DefaultEvent::BackstopBid { auction, account } => {
            format!("{} bids in {auction}", name(account))
        }
        DefaultEvent::BackstopTaken { account, bidder, ask, paid } => {
            let (ask, paid) = (usd(*ask), usd(*paid));
            format!("{} takes {} over for {ask}, is paid {paid}", name(bidder), name(account))
        }
        DefaultEvent::ClosedOut { account, equity } => {
            format!("{} is closed out with {}", name(account), usd(*equity))
        }
        DefaultEvent::LossCovered { account, paid } => {
            format!("{} is covered with {}", name(account), usd(*paid))
        }
        DefaultEvent::CloseOutPaid { instrument, account, against, amount } => {
            format!(
                "{} {} pays {} {}",
                series_name(exchange, *instrument),
                name(account),
                name(against),
                usd(*amount)
            )
        }
        DefaultEvent::RoundingKept { account, amount } => {
            format!("{} leaves {} to rounding", name(account), usd(*amount))
        }
        DefaultEvent::PositionMoved { instrument, from, to, net, price, .. } => {
            let terms = &exchange.series_by_id(*instrument).unwrap().instrument;
            let price = terms.price_to_decimal(*price);
            format!("{} {:+} @ {price} from {} to {}", terms.name, net.lots(), name(from), name(to))
        }
        other => panic!("an event without words: {other:?}"),
    }
}

fn delivery(exchange: &Exchange, event: &Event) -> Option<String> {
    let name = |account: &AccountId| account_name(exchange, *account);
    Some(match event {
        Event::ObligationAssigned { obligation, seller, buyer, lots, escrow, bond, .. } => format!(
            "{obligation} {} delivers {} to {}, escrow {}, bond {}",
            name(seller),
            lots.lots(),
            name(buyer),
            usd(*escrow),
            usd(*bond)
        ),
        Event::AgentNominated { account, signer } => {
            format!("{} nominates {:02x}", name(account), signer[0])
        }
        Event::IntervalOpened { obligation, interval } => format!("{obligation}/{interval} open"),
        Event::ChallengeIssued { obligation, challenge, seller, lots, answer_by, .. } => format!(
            "{obligation}/{challenge} challenges {} on {} until {}",
            name(seller),
            lots.lots(),
            since_start(*answer_by)
        ),
        Event::ReceiptAccepted { receipt, .. } => {
            let millis = receipt.gpu_millis;
            format!("{}/{} claimed {millis} ms", receipt.obligation, receipt.challenge)
        }
        Event::RowsDrawn { obligation, challenge, .. } => format!("{obligation}/{challenge} drawn"),
        Event::VerdictRecorded { obligation, challenge, verifier, verdict } => {
            let verdict = verdict_words(*verdict);
            format!("{obligation}/{challenge} {} says {verdict}", name(verifier))
        }
        Event::ChallengeEnded { obligation, challenge, outcome } => {
            format!("{obligation}/{challenge} {}", ended_words(*outcome))
        }
        Event::IntervalSettled(settled) => interval_settled(exchange, settled),
        Event::ObligationClosed {
            obligation,
            intervals_delivered,
            intervals_failed,
            intervals_unverified,
            paid_to_seller,
            shortfall_paid,
        } => {
            let mut line = format!(
                "{obligation} closed, {intervals_delivered} delivered, {intervals_failed} failed, \
                 {intervals_unverified} unverified"
            );
            money(&mut line, &[("paid", *paid_to_seller), ("shortfall", *shortfall_paid)]);
            line
        }
        Event::BuyerDefaulted { obligation, paid } => {
            format!("{obligation} buyer defaults, pays {}", usd(*paid))
        }
        // Ledger.
        // Margin and risk arrays.
        Event::RiskPublished(_)
        | Event::CapacityRegistered { .. }
        | Event::MarginModeChanged { .. }
        | Event::MarginScaled { .. }
        | Event::LadderClimbed { .. } => margin(exchange, event)?,
        // Marks and settlement prices.
        // Options, cascades and cash futures.
        Event::ExerciseInstructed { .. }
        | Event::OptionExercised { .. }
        | Event::SeriesCascaded { .. }
        | Event::DaySettled { .. }
        | Event::SeriesSettled { .. } => return product(exchange, event),
        // Default funds and liquidation.
        // Physical close-out.
        Event::CloseOut(event) => close_out(exchange, event),
        // Buyers' jobs.
        Event::Job(event) => job_words::line(exchange, event),
        Event::Control(event) => control_words::line(exchange, event),
        // Trades agreed elsewhere.
        other => panic!("an event without words: {other:?}"),
    })
}

fn product(exchange: &Exchange, event: &Event) -> Option<String> {
    let name = |account: &AccountId| account_name(exchange, *account);
    Some(match event {
        Event::ExerciseInstructed { account, instrument, instruction } => format!(
            "{} {} abandons {}, exercises {}",
            series_name(exchange, *instrument),
            name(account),
            instruction.abandon.lots(),
            instruction.exercise.lots()
        ),
        Event::SeriesCascaded { instrument, lot_value, into } => {
            let into: Vec<String> = into.iter().map(|id| series_name(exchange, *id)).collect();
            let lot = usd(MicroUsd::from_i128(*lot_value).unwrap());
            format!(
                "{} cascades at {lot} a lot into {}",
                series_name(exchange, *instrument),
                into.join(" ")
            )
        }
        Event::DaySettled { instrument, day, per_lot, valued, hours_left } => format!(
            "{} day {day} brings {} a lot, {valued} hours valued, {hours_left} left",
            series_name(exchange, *instrument),
            usd(*per_lot)
        ),
        Event::SeriesSettled { instrument, mean, coverage, .. } => format!(
            "{} settled at a mean of {}, coverage {} ppm",
            series_name(exchange, *instrument),
            usd(*mean),
            coverage.ppm()
        ),
        Event::OptionExercised { instrument, account, exercised, underlying, booked, .. } => {
            let (option, future) =
                (series_name(exchange, *instrument), series_name(exchange, *underlying));
            let (lots, booked) = (exercised.lots(), booked.lots());
            format!("{option} {} exercises {lots:+}, {booked:+} {future}", name(account))
        }
        _ => return None,
    })
}

fn agreement(exchange: &Exchange, event: &Event) -> Option<String> {
    let name = |account: &AccountId| account_name(exchange, *account);
    Some(match event {
        Event::TradingKeyRegistered { account, key } => {
            format!("{} signs with {:02x}", name(account), key[0])
        }
        Event::AgreementTaken(signed) => {
            let [first, second] = signed.agreement.parties;
            format!("agreed by {} and {}", name(&first), name(&second))
        }
        Event::BlockTraded(block) => {
            let terms = &exchange.series_by_id(block.instrument).unwrap().instrument;
            let mut line = format!(
                "{} block: {} buys {} @ {} from {}",
                terms.name,
                name(&block.buyer.account),
                block.qty.lots(),
                terms.price_to_decimal(block.price),
                name(&block.seller.account),
            );
            money(&mut line, &[("fee", block.buyer.fee), ("and", block.seller.fee)]);
            line + if block.reservation.is_some() { ", for a reservation" } else { "" }
        }
        _ => return None,
    })
}

fn margin(exchange: &Exchange, event: &Event) -> Option<String> {
    let name = |account: &AccountId| account_name(exchange, *account);
    Some(match event {
        Event::RiskPublished(risk) => {
            format!(
                "{} risk published at {}",
                series_name(exchange, risk.instrument),
                risk.iv.ppm()
            )
        }
        Event::CapacityRegistered { account, grade, gpus, deliverable } => {
            let whose = name(account);
            format!("{whose} delivers {gpus} {grade}, {} in all", deliverable.lots())
        }
        Event::MarginModeChanged { account, mode } => {
            format!("{} margined by {mode:?}", name(account))
        }
        Event::MarginScaled { instrument, scale } => {
            format!("{} margin scaled {}", series_name(exchange, *instrument), scale.ppm())
        }
        Event::LadderClimbed { instrument, step } => {
            format!("{} ladder step {step}", series_name(exchange, *instrument))
        }
        _ => return None,
    })
}

fn traded(world: &World, trade: &Traded) -> String {
    let exchange = &world.exchange;
    let verb = if trade.taker_side == Side::Buy { "buys" } else { "sells" };
    let terms = &exchange.series_by_id(trade.instrument).unwrap().instrument;
    let mut line = format!(
        "#{} {} {verb} {} @ {} with #{} {}",
        order_number(world, trade.taker.order),
        account_name(exchange, trade.taker.account),
        trade.qty.lots(),
        terms.price_to_decimal(trade.price),
        order_number(world, trade.maker.order),
        account_name(exchange, trade.maker.account),
    );
    money(&mut line, &[("fee", trade.taker.fee), ("maker fee", trade.maker.fee)]);
    line
}

fn verdict_words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Valid { quality } => format!("valid at {} ppm", quality.ppm()),
        Verdict::Invalid => "invalid".to_owned(),
        Verdict::Unverifiable => "unverifiable".to_owned(),
    }
}

fn hour_settled(exchange: &Exchange, event: &HourSettled) -> String {
    let settled = &event.settled;
    let mut line = String::new();
    let seconds = [
        ("missing", settled.missing),
        ("tolerated", settled.tolerated),
        ("stood in", settled.stood_in),
    ];
    for (word, compute) in seconds.iter().filter(|(_, compute)| compute.seconds() != 0) {
        write!(line, ", {word} {} s", compute.seconds()).unwrap();
    }
    money(&mut line, &[("compensation", settled.compensation), ("penalty", settled.penalty)]);
    for (account, amount) in &settled.received {
        write!(line, ", {} {}", account_name(exchange, *account), usd(*amount)).unwrap();
    }
    let rest = [
        ("insured", settled.insured),
        ("unpaid", settled.unpaid),
        ("bond back", settled.bond_released),
    ];
    money(&mut line, &rest);
    format!("{} hour {}{line}", event.obligation, event.hour)
}

fn invoiced(invoice: &Invoice) -> String {
    let since = &invoice.since;
    let mut line = format!(
        "{} invoice {}: {} s delivered, {} s missing",
        invoice.obligation,
        invoice.number,
        since.delivered.seconds(),
        since.missed.seconds()
    );
    let parts = [
        ("seller", since.paid_to_seller),
        ("stand-ins", since.paid_to_stand_ins),
        ("buyer", since.returned_to_buyer),
        ("damages", since.compensation + since.penalty),
        ("unpaid", since.unpaid),
    ];
    money(&mut line, &parts);
    line
}

fn interval_settled(exchange: &Exchange, settled: &IntervalSettled) -> String {
    let outcome = match settled.outcome {
        IntervalOutcome::Delivered { quality, unjudged } if unjudged == Ppm::ZERO => {
            format!("delivered at {} ppm", quality.ppm())
        }
        IntervalOutcome::Delivered { quality, unjudged } => {
            format!("delivered at {} ppm, {} unjudged", quality.ppm(), unjudged.ppm())
        }
        IntervalOutcome::Failed { cause: FailCause::Silent, .. } => "failed: silent".to_owned(),
        IntervalOutcome::Failed { cause: FailCause::Refuted, .. } => "failed: refuted".to_owned(),
        IntervalOutcome::Failed { cause: FailCause::BelowGrade, .. } => {
            "failed: below grade".to_owned()
        }
        IntervalOutcome::Failed { cause: FailCause::NotReady, .. } => "failed: not ready".into(),
        IntervalOutcome::Failed { cause: FailCause::Declared, .. } => "failed: declared".to_owned(),
        IntervalOutcome::Unverified => "unverified".to_owned(),
    };
    let mut line = format!("{}/{} {outcome}", settled.obligation, settled.interval);
    let deliverer = settled.stand_in.map(|account| account_name(exchange, account));
    let deliverer = deliverer.as_deref().unwrap_or("seller");
    money(&mut line, &[(deliverer, settled.paid), ("buyer", settled.returned_to_buyer)]);
    line
}

pub(crate) fn refused(reason: &Reject) -> String {
    let debug = match reason {
        Reject::Default(reason) => format!("{reason:?}"),
        Reject::Agreement(reason) => format!("{reason:?}"),
        Reject::CloseOut(reason) => format!("{reason:?}"),
        Reject::Fixing(reason) => format!("{reason:?}"),
        Reject::Job(it) => format!("{it:?}"),
        Reject::Control(it) => format!("{it:?}"),
        Reject::Quote(reason) => format!("{reason:?}"),
        other => format!("{other:?}"),
    };
    let variant = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let mut line = format!("refused {} {variant}", reason.rule());
    match reason {
        Reject::InsufficientMargin { required, available } => {
            write!(line, ", needs {}, has {}", usd(*required), usd(*available)).unwrap();
        }
        Reject::Default(DefaultReject::InLiquidation { limit })
        | Reject::WouldNotReduce { limit }
        | Reject::PositionAboveLimit { limit } => {
            write!(line, ", limit {}", limit.lots()).unwrap();
        }
        Reject::AboveBand { limit }
        | Reject::BelowBand { limit }
        | Reject::BeyondCeiling { limit } => {
            write!(line, ", limit {} ticks", limit.ticks()).unwrap();
        }
        Reject::Agreement(AgreementReject::BeyondBand { limit }) => {
            write!(line, ", limit {} ticks", limit.ticks()).unwrap();
        }
        Reject::Agreement(AgreementReject::BelowSize { limit }) => {
            write!(line, ", limit {}", limit.lots()).unwrap();
        }
        Reject::ReceiptOutOfChain { field } => write!(line, ", {field:?}").unwrap(),
        Reject::BadTerms(terms) => write!(line, ", {terms:?}").unwrap(),
        _ => {}
    }
    line
}

/// Its place among all accepted orders, from 1.
pub(crate) fn order_number(world: &World, order: OrderId) -> usize {
    world.auditor.accepted.binary_search(&order).map_or(0, |place| place + 1)
}

pub(crate) fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// What is not zero.
pub(crate) fn money(line: &mut String, parts: &[(&str, MicroUsd)]) {
    for (word, amount) in parts.iter().filter(|(_, amount)| *amount != MicroUsd::ZERO) {
        write!(line, ", {word} {}", usd(*amount)).unwrap();
    }
}

/// Dollars, without zeros at the end.
pub(crate) fn usd(money: MicroUsd) -> String {
    let sign = if money < MicroUsd::ZERO { "-" } else { "" };
    let micros = money.micros().unsigned_abs();
    let (dollars, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 {
        return format!("{sign}{dollars}");
    }
    format!("{sign}{dollars}.{}", format!("{rest:06}").trim_end_matches('0'))
}

/// Hours, minutes and seconds since the tests begin.
fn since_start(at: Nanos) -> String {
    let seconds = at.since(START).nanos() / 1_000_000_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

pub(crate) fn account_name(exchange: &Exchange, account: AccountId) -> String {
    exchange.account(account).map_or_else(|| account.to_string(), |record| record.name.clone())
}

fn series_name(exchange: &Exchange, instrument: InstrumentId) -> String {
    exchange.series_by_id(instrument).unwrap().instrument.name.clone()
}

/// An account's money, bucket by bucket, and its positions.
pub(crate) fn account(exchange: &Exchange, account: AccountId) -> String {
    let mut line = account_name(exchange, account);
    line.push(':');
    let buckets = [
        ("cash", Bucket::Cash(account)),
        ("orders", Bucket::OrderHold(account)),
        ("margin", Bucket::PositionMargin(account)),
        ("escrow", Bucket::DeliveryEscrow(account)),
        ("bond", Bucket::Bond(account)),
        ("share", Bucket::DefaultFundShare(account)),
    ];
    for (word, bucket) in buckets {
        let balance = exchange.ledger().balance(bucket);
        if balance != MicroUsd::ZERO {
            write!(line, " {word} {}", usd(balance)).unwrap();
        }
    }
    for position in exchange.positions_of(account) {
        let lots = position.net.lots();
        write!(line, " {lots:+} {}", series_name(exchange, position.instrument)).unwrap();
        if position.unrealised != MicroUsd::ZERO {
            write!(line, " ({})", usd(position.unrealised)).unwrap();
        }
    }
    line
}

/// The house's own money, bucket by bucket.
pub(crate) fn house(exchange: &Exchange) -> String {
    let mut line = "house:".to_owned();
    for (bucket, balance) in exchange.ledger().balances() {
        if bucket.account().is_none() {
            write!(line, " {} {}", format!("{bucket:?}").to_lowercase(), usd(balance)).unwrap();
        }
    }
    line
}

/// A series' levels, the best bid and the best ask in the middle.
pub(crate) fn book(exchange: &Exchange, instrument: InstrumentId) -> String {
    let terms = &exchange.series_by_id(instrument).unwrap().instrument;
    let book = exchange.book(instrument).unwrap();
    let level = |(price, open): (Price, instruments::Qty)| {
        format!("{}x{}", terms.price_to_decimal(price), open.lots())
    };
    let mut bids: Vec<String> = book.depth(Side::Buy).map(level).collect();
    bids.reverse();
    let asks: Vec<String> = book.depth(Side::Sell).map(level).collect();
    format!("{} bids [{}] asks [{}]", terms.name, bids.join(" "), asks.join(" "))
}

fn fixing_line(exchange: &Exchange, event: &FixingEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    let series = |instrument: &InstrumentId| series_name(exchange, *instrument);
    let per_hour = |instrument: &InstrumentId, price: &Price| {
        exchange.series_by_id(*instrument).unwrap().instrument.price_to_decimal(*price)
    };
    match event {
        FixingEvent::Opened { instrument, until } => {
            format!(
                "{} provisional until {}",
                series(instrument),
                until.since(START).nanos() / 1_000_000_000
            )
        }
        FixingEvent::Disputed { instrument, account, partition, value, bond } => {
            let value = value.map_or_else(|| "withheld".to_owned(), |value| usd(value).to_string());
            let of = series(instrument);
            format!(
                "{of} partition {partition} disputed by {}: {value}, bond {}",
                name(account),
                usd(*bond)
            )
        }
        FixingEvent::Ruled { instrument, account, partition, is_upheld } => {
            let verdict = if *is_upheld { "upheld" } else { "rejected" };
            format!(
                "{} partition {partition}: claim of {} {verdict}",
                series(instrument),
                name(account)
            )
        }
        FixingEvent::Revised { instrument, price } => {
            format!("{} revised to {}", series(instrument), per_hour(instrument, price))
        }
        FixingEvent::Lapsed { instrument, account } => {
            format!("{} claim of {} lapsed", series(instrument), name(account))
        }
        FixingEvent::Finalised { instrument, price } => {
            format!("{} final at {}", series(instrument), per_hour(instrument, price))
        }
    }
}

fn ended_words(outcome: ChallengeOutcome) -> String {
    match outcome {
        ChallengeOutcome::Passed { quality } => format!("passed {}", quality.ppm()),
        ChallengeOutcome::Failed { cause } => format!("failed {cause:?}"),
        ChallengeOutcome::Unknown => "unknown".to_owned(),
    }
}
