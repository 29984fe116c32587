//! Lies that the auditor must see: one for each thing it claims to check, and one dropped event of every kind that carries weight.

use exchange::{
    CloseOutEvent, DefaultEvent, Event, IntervalSettled, OrderAccepted, SplitPurpose, TimeInForce,
    Traded,
};
use instruments::{GpuSeconds, MicroUsd, NetQty, Price, Qty, Seq, Side};
use matching_engine::PostOnly;
use settlement::{Bucket, Reason, Verdict};
use sim::{DefaultFault, Finding, IntervalFault, OrderFault};

use crate::stream::{audit, dropped, kind, tampered, tampered_event, world};

const ONE: MicroUsd = MicroUsd::new(1);

#[test]
fn an_untouched_world_adds_up() {
    assert_eq!(audit(&world().0), Ok(()));
}

#[test]
fn sim_001_a_missing_command_is_seen() {
    let mut entries = world().0.clone();
    entries.remove(40);
    let last = Some(Seq(40));
    assert_eq!(audit(&entries), Err(Finding::OutOfOrder { last, found: Seq(42) }));
}

#[test]
fn sim_001_an_id_out_of_order_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::Traded(traded) => {
            traded.trade.0 += 1;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::IdOutOfOrder { kind: "trade", .. }), "{finding}");
}

#[test]
fn sim_001_a_print_that_comes_twice_is_seen() {
    let finding = tampered(|(_, events)| {
        let print = events.iter().find(|event| matches!(event, Event::IndexPublished(_))).cloned();
        events.extend(print.clone());
        print.is_some()
    });
    assert!(matches!(finding, Finding::IdOutOfOrder { kind: "print", .. }), "{finding}");
}

#[test]
fn sim_002_a_refusal_with_an_effect_is_seen() {
    let finding = tampered(|(_, events)| {
        let is_refusal = matches!(events.as_slice(), [Event::Rejected(_)]);
        if is_refusal {
            events.push(Event::VenueOpened);
        }
        is_refusal
    });
    assert_eq!(finding, Finding::RefusalWithEffect { events: 2 });
}

#[test]
fn sim_003_money_from_nowhere_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) if transfer.from == Bucket::Custody => {
            transfer.amount += ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Custody { .. }), "{finding}");
}

#[test]
fn sim_003_an_overdrawn_bucket_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) if matches!(transfer.from, Bucket::Cash(_)) => {
            transfer.amount += MicroUsd::new(1_000_000_000_000_000);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::BelowZero { bucket: Bucket::Cash(_), .. }), "{finding}");
}

#[test]
fn sim_004_money_stuck_in_suspense_is_seen() {
    let finding = dropped(|event| match event {
        Event::MoneyMoved(transfer) => transfer.from == Bucket::Suspense,
        _ => false,
    });
    assert!(matches!(finding, Finding::Suspense { .. }), "{finding}");
}

#[test]
fn sim_005_a_payment_without_a_reason_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) if transfer.to == Bucket::Fees => {
            transfer.amount += ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Unexplained { .. }), "{finding}");
}

#[test]
fn sim_028_a_transfer_out_of_its_chain_or_without_a_reason_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) if 1 < transfer.id.0 => {
            transfer.chain.0 = 1;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::OutOfChain { .. }), "{finding}");
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) => {
            transfer.reason = Reason::Unstated;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::WithoutReason { .. }), "{finding}");
}

#[test]
fn sim_006_a_fee_above_the_rate_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::Traded(traded) if MicroUsd::ZERO < traded.taker.fee => {
            traded.taker.fee += ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Fee { .. }), "{finding}");
}

#[test]
fn sim_007_a_balance_that_differs_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MoneyMoved(transfer) if matches!(transfer.to, Bucket::OrderHold(_)) => {
            transfer.amount += ONE;
            true
        }
        _ => false,
    });
    // It goes unseen until the books are compared, money is brought, or until the hold is released to less than nothing.
    let is_it = matches!(
        finding,
        Finding::Balance { .. } | Finding::BelowZero { .. } | Finding::Hold { .. }
    );
    assert!(is_it, "{finding}");
}

#[test]
fn sim_008_a_position_that_differs_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::PositionClosed { net, .. } => {
            *net = NetQty::from_lots(net.lots() + 1);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Position { .. }), "{finding}");
}

#[test]
fn sim_009_depth_that_no_order_stands_behind_is_seen() {
    let finding = dropped(|event| matches!(event, Event::DepthChanged { .. }));
    assert!(matches!(finding, Finding::Depth { .. }), "{finding}");
}

#[test]
fn sim_010_a_crossed_book_is_seen() {
    let finding = tampered(|(_, events)| {
        let has_traded = events.iter().any(|event| matches!(event, Event::Traded(_)));
        let rests = |event: &Event| matches!(event, Event::DepthChanged { side: Side::Buy, .. });
        let is_resting_bid = !has_traded && events.iter().filter(|event| rests(event)).count() == 1;
        let bids = events.iter().any(|event| match event {
            Event::OrderAccepted(accepted) => {
                accepted.side == Side::Buy && accepted.post_only == PostOnly::Reject
            }
            _ => false,
        });
        if !is_resting_bid || !bids {
            return false;
        }
        for event in events {
            match event {
                Event::OrderAccepted(accepted) => accepted.limit = Price::from_ticks(9_999_999),
                Event::DepthChanged { price, .. } => *price = Price::from_ticks(9_999_999),
                _ => {}
            }
        }
        true
    });
    assert!(matches!(finding, Finding::Crossed { .. }), "{finding}");
}

fn order_fault(finding: &Finding) -> Option<OrderFault> {
    match finding {
        Finding::Order { what, .. } => Some(*what),
        _ => None,
    }
}

#[test]
fn sim_011_an_order_that_breaks_its_terms_is_seen() {
    let of_trade = |change: fn(&mut Traded)| {
        order_fault(&tampered_event(|event| match event {
            Event::Traded(traded) => {
                change(traded);
                true
            }
            _ => false,
        }))
    };
    let more = |traded: &mut Traded| traded.qty += Qty::from_lots(1_000_000);
    assert_eq!(of_trade(more), Some(OrderFault::Overfilled));
    let dearer = |traded: &mut Traded| traded.price = Price::from_ticks(traded.price.ticks() + 1);
    assert_eq!(of_trade(dearer), Some(OrderFault::BeyondLimit));
    let turned = |traded: &mut Traded| traded.taker_side = traded.taker_side.opposite();
    assert_eq!(of_trade(turned), Some(OrderFault::WrongParty));

    let of_arrival = |taking: bool, change: fn(&mut OrderAccepted)| {
        order_fault(&tampered(|(_, events)| {
            let trades = events.iter().any(|event| matches!(event, Event::Traded(_)));
            events.iter_mut().any(|event| match event {
                Event::OrderAccepted(accepted) if trades == taking => {
                    change(accepted);
                    true
                }
                _ => false,
            })
        }))
    };
    let took = of_arrival(true, |accepted| accepted.post_only = PostOnly::Reject);
    assert_eq!(took, Some(OrderFault::Took));
    let lingers = of_arrival(false, |accepted| accepted.time_in_force = TimeInForce::Ioc);
    assert_eq!(lingers, Some(OrderFault::Lingers));

    let rest = tampered_event(|event| match event {
        Event::OrderCancelled { qty, .. } => {
            *qty += Qty::from_lots(1);
            true
        }
        _ => false,
    });
    assert_eq!(order_fault(&rest), Some(OrderFault::WrongRest));
}

#[test]
fn sim_011_a_trade_before_an_order_with_priority_is_seen() {
    // The first of two trades of one taker is told last.
    let finding = tampered(|(_, events)| {
        let is_trade = |event: &Event| matches!(event, Event::Traded(_));
        let places: Vec<usize> = (0..events.len()).filter(|at| is_trade(&events[*at])).collect();
        let [first, second, ..] = places.as_slice() else { return false };
        let (Event::Traded(one), Event::Traded(two)) = (&events[*first], &events[*second]) else {
            return false;
        };
        let (mut one, mut two) = (one.clone(), two.clone());
        std::mem::swap(&mut one.trade, &mut two.trade);
        std::mem::swap(&mut one.trade_seq, &mut two.trade_seq);
        events[*first] = Event::Traded(two);
        events[*second] = Event::Traded(one);
        true
    });
    assert_eq!(order_fault(&finding), Some(OrderFault::OutOfTurn));
}

#[test]
fn sim_013_variation_of_another_amount_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::VariationPaid { amount, .. } => {
            *amount += ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Variation { .. }), "{finding}");
}

#[test]
fn sim_042_another_equity_at_a_liquidation_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::Default(DefaultEvent::LiquidationStarted { equity, .. }) => {
            *equity += -ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Liquidation { what: DefaultFault::NotBelow, .. }));
}

#[test]
fn sim_044_a_close_out_that_is_not_pro_rata_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::Default(DefaultEvent::LossSplit {
            purpose: SplitPurpose::CloseOut { .. },
            page,
        }) => {
            page.lines[0].part += 1;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Liquidation { what: DefaultFault::NotProRata, .. }));
}

#[test]
fn sim_014_lots_that_are_not_assigned_are_seen() {
    let finding = tampered_event(|event| match event {
        Event::PositionClosed { delivered, .. } => {
            *delivered += Qty::from_lots(8);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Assignment { .. }), "{finding}");
}

fn interval_fault(finding: &Finding) -> Option<IntervalFault> {
    match finding {
        Finding::Interval { what, .. } => Some(*what),
        _ => None,
    }
}

#[test]
fn sim_015_an_interval_that_skips_a_step_is_seen() {
    let finding = dropped(|event| matches!(event, Event::IntervalOpened { .. }));
    assert_eq!(interval_fault(&finding), Some(IntervalFault::OutOfTurn), "{finding}");
}

#[test]
fn sim_015_an_outcome_against_the_verdict_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::VerdictRecorded { verdict, .. } if *verdict != Verdict::Invalid => {
            *verdict = Verdict::Invalid;
            true
        }
        _ => false,
    });
    assert_eq!(interval_fault(&finding), Some(IntervalFault::Unsupported), "{finding}");
}

#[test]
fn sim_015_a_receipt_out_of_its_chain_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::ReceiptAccepted { receipt, .. } => {
            receipt.gpu_millis += 1;
            true
        }
        _ => false,
    });
    assert_eq!(interval_fault(&finding), Some(IntervalFault::OutOfChain), "{finding}");
}

#[test]
fn sim_015_every_amount_of_an_interval_is_checked() {
    let changes: [fn(&mut IntervalSettled); 2] =
        [|settled| settled.paid += ONE, |settled| settled.returned_to_buyer += ONE];
    for change in changes {
        let finding = tampered_event(|event| match event {
            Event::IntervalSettled(settled) => {
                change(settled);
                true
            }
            _ => false,
        });
        assert_eq!(interval_fault(&finding), Some(IntervalFault::WrongMoney), "{finding}");
    }
}

/// DELIV-023: an hour pays what is missing of it.
#[test]
fn sim_015_every_amount_of_an_hour_is_checked() {
    let changes: [fn(&mut settlement::HourSettled); 7] = [
        |settled| settled.compensation += ONE,
        |settled| settled.penalty += ONE,
        |settled| settled.unpaid += ONE,
        |settled| settled.bond_released += ONE,
        |settled| settled.missing += GpuSeconds::new(1),
        |settled| settled.tolerated += GpuSeconds::new(1),
        |settled| settled.received.clear(),
    ];
    for change in changes {
        let finding = tampered_event(|event| match event {
            Event::CloseOut(CloseOutEvent::HourSettled(hour))
                if !hour.settled.received.is_empty() =>
            {
                change(&mut hour.settled);
                true
            }
            _ => false,
        });
        assert_eq!(interval_fault(&finding), Some(IntervalFault::WrongHour), "{finding}");
    }
}

#[test]
fn sim_016_a_bond_that_is_not_there_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::ObligationAssigned { bond, .. } if ONE < *bond => {
            *bond -= ONE;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::SetAside { .. }), "{finding}");
}

#[test]
fn sim_016_an_obligation_that_ends_with_other_counts_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::ObligationClosed { intervals_delivered, .. } => {
            *intervals_delivered += 1;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Closing { .. }), "{finding}");
}

#[test]
fn sim_017_an_obligation_that_never_ends_is_seen() {
    let (entries, _) = world();
    let is_assigned = |event: &Event| matches!(event, Event::ObligationAssigned { .. });
    let assigned = entries.iter().position(|(_, events)| events.iter().any(is_assigned));
    let mut auditor = sim::Auditor::new();
    for (stamped, events) in &entries[..=assigned.unwrap()] {
        auditor.observe(stamped, events).unwrap();
    }
    assert!(matches!(auditor.finish(), Err(Finding::Endless { .. })));
}

#[test]
fn sim_017_money_that_is_still_held_at_the_end_is_seen() {
    let (entries, _) = world();
    let is_hold = |event: &Event| match event {
        Event::MoneyMoved(transfer) => matches!(transfer.to, Bucket::OrderHold(_)),
        _ => false,
    };
    let held = entries.iter().position(|(_, events)| events.iter().any(is_hold)).unwrap();
    let mut auditor = sim::Auditor::new();
    for (stamped, events) in &entries[..=held] {
        auditor.observe(stamped, events).unwrap();
    }
    assert!(matches!(auditor.finish(), Err(Finding::LeftOver { .. })));
}

#[test]
fn sim_021_a_series_that_does_not_stop_trading_is_seen() {
    let finding = dropped(|event| matches!(event, Event::SeriesExpired { .. }));
    assert!(matches!(finding, Finding::TimerStuck { .. }), "{finding}");
}

#[test]
fn sim_022_a_command_without_its_event_is_seen() {
    let finding = dropped(|event| matches!(event, Event::RowsDrawn { .. }));
    assert_eq!(finding, Finding::Unanswered);
}

#[test]
fn sim_022_an_event_about_something_unknown_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::Traded(traded) => {
            traded.maker.order.0 = u64::MAX;
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Unannounced { kind: "order", .. }), "{finding}");
}

/// SIM-023, MARK-001.
#[test]
fn sim_023_a_mark_beside_the_median_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::MarkChanged { mark, .. } => {
            *mark = Price::from_ticks(mark.ticks() + 1);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::Mark { .. }), "{finding}");
}

/// SIM-024, INDEX-004.
#[test]
fn sim_024_a_settlement_beside_the_fixing_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::SeriesExpired { settlement_price, .. } => {
            *settlement_price = Price::from_ticks(settlement_price.ticks() + 1);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::SettlementPrice { .. }), "{finding}");
}

/// SIM-050, SETTLE-001, SETTLE-002.
#[test]
fn sim_050_a_daily_price_beside_its_source_is_seen() {
    let finding = tampered_event(|event| match event {
        Event::SettlementPriceFixed { price, .. } => {
            *price = Price::from_ticks(price.ticks() + 1);
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::SettlementPrice { .. }), "{finding}");
    let finding = tampered_event(|event| match event {
        Event::SettlementPriceFixed { source, .. } => {
            *source = exchange::SettlementSource::Trades { trades: 5, lots: 10, value: 25_000 };
            true
        }
        _ => false,
    });
    assert!(matches!(finding, Finding::SettlementPrice { .. }), "{finding}");
}

/// SIM-051, BLOCK-004, BLOCK-005.
#[test]
fn sim_051_an_agreement_signed_by_another_is_seen() {
    let by_another = tampered_event(|event| match event {
        Event::AgreementTaken(signed) => {
            signed.signers[1] = [0; 20];
            true
        }
        _ => false,
    });
    assert!(matches!(by_another, Finding::Agreement { .. }), "{by_another}");
    let taken = std::cell::Cell::new(None);
    let again = tampered_event(|event| match event {
        Event::AgreementTaken(signed) => match taken.take() {
            None => {
                taken.set(Some((
                    signed.agreement.parties,
                    signed.agreement.nonce,
                    signed.agreement.valid_until,
                )));
                false
            }
            Some((parties, nonce, valid_until)) => {
                signed.agreement.parties[0] = parties[0];
                signed.signers[0] = [u8::try_from(parties[0].0).unwrap(); 20];
                signed.agreement.nonce = nonce;
                signed.agreement.valid_until = valid_until;
                true
            }
        },
        _ => false,
    });
    assert!(matches!(again, Finding::Agreement { .. }), "{again}");
}

/// SIM-052, BLOCK-010, BLOCK-014.
#[test]
fn sim_052_a_block_that_is_not_what_was_signed_is_seen() {
    let cheaper = tampered_event(|event| match event {
        Event::BlockTraded(block) => {
            block.price = Price::from_ticks(block.price.ticks() - 1);
            true
        }
        _ => false,
    });
    assert!(matches!(cheaper, Finding::Agreement { .. }), "{cheaper}");
    let costlier = tampered_event(|event| match event {
        Event::BlockTraded(block) => {
            block.buyer.fee += MicroUsd::new(2);
            true
        }
        _ => false,
    });
    assert!(matches!(costlier, Finding::Fee { .. }), "{costlier}");
    let dropped = dropped(|event| matches!(event, Event::BlockTraded(_)));
    assert!(matches!(dropped, Finding::Agreement { .. }), "{dropped}");
}

/// SIM-027, SIM-014, SIM-040, EXPIRY-016: an event of any of these kinds cannot be kept from the auditor, wherever in the world it is.
#[test]
fn sim_027_no_event_that_carries_weight_can_be_dropped_unseen() {
    let weighty = [
        "InstrumentListed",
        "AccountOpened",
        "MoneyMoved",
        "OrderAccepted",
        "OrderAmended",
        "OrderCancelled",
        "Traded",
        "DepthChanged",
        "MarkChanged",
        "SettlementPriceFixed",
        "TradingKeyRegistered",
        "AgreementTaken",
        "BlockTraded",
        "IndexPublished",
        "VariationPaid",
        "VariationEnded",
        "SeriesExpired",
        "PositionClosed",
        "AssignmentPublished",
        "ObligationAssigned",
        "AgentNominated",
        "IntervalOpened",
        "ChallengeIssued",
        "ReceiptAccepted",
        "RowsDrawn",
        "VerdictRecorded",
        "ChallengeEnded",
        "IntervalSettled",
        "ObligationClosed",
        "DeliveryAccepted",
        "AcceptanceEnded",
        "Substituted",
        "StandbyOffered",
        "StandbyPaid",
        "StandbyCalled",
        "StandbyDismissed",
        "HourSettled",
        "Prefunded",
        "Invoiced",
    ];
    for name in weighty {
        // The first, one in the middle, and one late in the world.
        for part in [0, 1, 3] {
            if let Some(unseen) = drop_one(name, part) {
                panic!("{unseen:?} goes unseen");
            }
        }
    }
}

/// Drops the event of a kind that lies so many quarters into all of its kind. Gives it back when nobody notices.
fn drop_one(name: &str, quarters: usize) -> Option<Event> {
    let (entries, _) = world();
    let count: usize = entries.iter().map(|(_, events)| of_kind(events, name).count()).sum();
    let mut before = (count * quarters / 4).min(count.checked_sub(1)?);
    let mut auditor = sim::Auditor::new();
    let mut dropped = None;
    for (stamped, events) in entries {
        let here = of_kind(events, name).count();
        let mut told = events.clone();
        if dropped.is_none() && before < here {
            let place = of_kind(events, name).nth(before)?;
            dropped = Some(told.remove(place));
        } else if dropped.is_none() {
            before -= here;
        }
        if auditor.observe(stamped, &told).is_err() {
            return None;
        }
    }
    auditor.compare(&world().1).and_then(|()| auditor.finish()).ok().and(dropped)
}

fn of_kind(events: &[Event], name: &str) -> impl Iterator<Item = usize> {
    (0..events.len())
        .filter(move |place| kind(&events[*place]) == name && has_weight(&events[*place]))
}

/// An hour in which nothing was missing of an obligation without a bond moves nothing: to drop it changes nobody's account.
fn has_weight(event: &Event) -> bool {
    let Event::CloseOut(CloseOutEvent::HourSettled(hour)) = event else { return true };
    let settled = &hour.settled;
    let gone = settled.missing != GpuSeconds::ZERO || settled.stood_in != GpuSeconds::ZERO;
    gone || settled.bond_released != MicroUsd::ZERO
}
