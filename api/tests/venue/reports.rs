//! Execution reports: gapless, the same after every kind of start, and nothing but what the journal says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use api::venue::history::{Report, Reported};
use api::venue::{RecoverError, Venue, read_journal};
use exchange::io::JournalError;
use exchange::{AmendOrder, Command, Event, PlaceOrder};
use instruments::{AccountId, OrderId, Price, Qty, Seq, Side, TradeId};
use matching_engine::{PriceSource, Trigger, TriggerWhen};

use crate::world::{World, copy_of, options};

/// What a report is about: the command, the order, the trade.
type Said = (Seq, OrderId, Option<TradeId>);

/// Reads a whole journal.
#[derive(Debug)]
struct Failed;

impl From<RecoverError> for Failed {
    fn from(_: RecoverError) -> Self {
        Self
    }
}

impl From<JournalError> for Failed {
    fn from(_: JournalError) -> Self {
        Self
    }
}

/// What the journal says of every account's orders, event by event.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is reported")]
fn journal_says(path: &Path) -> BTreeMap<AccountId, Vec<Said>> {
    let mut says: BTreeMap<AccountId, Vec<Said>> = BTreeMap::new();
    read_journal::<Failed>(path, |published| {
        for event in &published.events {
            let told = match event {
                Event::OrderAccepted(terms) => vec![(terms.account, terms.order, None)],
                Event::OrderAmended { account, order, .. }
                | Event::OrderTriggered { account, order, .. }
                | Event::OrderCancelled { account, order, .. } => vec![(*account, *order, None)],
                Event::Traded(traded) => [&traded.maker, &traded.taker]
                    .map(|fill| (fill.account, fill.order, Some(traded.trade)))
                    .to_vec(),
                _ => Vec::new(),
            };
            for (account, order, trade) in told {
                says.entry(account).or_default().push((published.seq, order, trade));
            }
        }
        Ok(())
    })
    .unwrap();
    says
}

/// All reports of an account, page by page, which must be numbered from 1 without a hole.
fn reports(venue: &Venue, account: AccountId) -> Vec<Report> {
    let mut all: Vec<Report> = Vec::new();
    loop {
        let next = u64::try_from(all.len()).unwrap() + 1;
        let page = venue.history().reports(account, next, 100);
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let numbers: Vec<u64> = all.iter().map(|report| report.user_seq).collect();
    assert!(numbers.iter().copied().eq(1..=venue.history().last_user_seq(account)), "{numbers:?}");
    all
}

fn said(report: &Report) -> Said {
    match &report.what {
        Reported::Order(order) => (report.seq, order.terms.order, None),
        Reported::Trade(trade) => (report.seq, trade.order_id(), Some(trade.trade.trade)),
    }
}

/// Random orders, changes and cancels of two accounts that meet in a narrow book.
fn trade_at_random(world: &World, venue: &Venue, numbers: &mut impl FnMut(u64) -> u64) {
    let ticks = |n: u64| Price::from_ticks(2_480 + i64::try_from(n).unwrap());
    for _ in 0..150 {
        let account = if numbers(2) == 0 { world.maker } else { world.taker };
        let last = venue.exchange().open_orders_of(account, None).into_iter().last();
        let command = match (numbers(6), last) {
            (0, Some(open)) => Command::CancelOrder { account, order: open.order },
            (1, Some(open)) => {
                let (price, qty) = (ticks(numbers(40)), Qty::from_lots(1 + numbers(9)));
                Command::AmendOrder(AmendOrder::new(account, open.order, Some(price), Some(qty)))
            }
            (kind, _) => {
                let side = if numbers(2) == 0 { Side::Buy } else { Side::Sell };
                let (price, qty) = (ticks(numbers(40)), Qty::from_lots(1 + numbers(9)));
                let plain = PlaceOrder::limit(account, world.instrument, side, price, qty);
                let (source, when) = (PriceSource::Last, TriggerWhen::Rises);
                let trigger = Trigger { source, when, price: ticks(20 + numbers(20)) };
                Command::PlaceOrder(PlaceOrder { trigger: (kind == 5).then_some(trigger), ..plain })
            }
        };
        venue.submit_blocking(command).unwrap();
    }
}

/// API-086
#[test]
fn api_086_reports_have_no_hole_and_survive_every_start() {
    let world = World::new();
    let mut state = 5_u64;
    let mut numbers = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    trade_at_random(&world, &world.venue, &mut numbers);
    // As if the power were cut: whatever of the store is on disk is behind the journal.
    let crashed = copy_of(world.path());
    let venue = Venue::open(options(crashed.path(), &world.clock)).unwrap();
    let both = [world.maker, world.taker];
    let lived = both.map(|account| reports(&world.venue, account));
    assert_eq!(both.map(|account| reports(&venue, account)), lived);
    trade_at_random(&world, &venue, &mut numbers);
    let lived = both.map(|account| reports(&venue, account));
    venue.close().unwrap();

    let says = journal_says(crashed.path());
    for (account, lived) in both.iter().zip(&lived) {
        let told: Vec<Said> = lived.iter().map(said).collect();
        assert_eq!(&told, &says[account]);
        let trades = told.iter().filter(|(_, _, trade)| trade.is_some()).count();
        assert!(200 < told.len() && 50 < trades, "{} reports, {trades} trades", told.len());
    }
    fs::remove_dir_all(crashed.path().join("store")).unwrap();
    let rebuilt = Venue::open(options(crashed.path(), &world.clock)).unwrap();
    assert_eq!(both.map(|account| reports(&rebuilt, account)), lived);
}
