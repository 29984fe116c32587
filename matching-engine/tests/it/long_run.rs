//! A long stream of commands from one seed through both engines: 200,000 of them from seed 1, or as `TENOR_MATCH_COMMANDS` and
//! `TENOR_MATCH_SEED` say.
//!
//! Books stay small, so that the naive engine keeps up; what is rare in one book is not in millions of commands.

use std::collections::BTreeMap;
use std::env;

use instruments::{AccountId, InstrumentId, Nanos, NanosSpan, Price, Qty, Side};
use matching_engine::{
    Amend, AuctionKind, Bands, BookEvent, CancelReason, NewOrder, OrderKind, PostOnly, PriceSource,
    StpMode, TimeInForce, Trigger, TriggerWhen,
};

use crate::drafts::{BOOKS, Draft, Pick, opened};

/// Orders that may live at one time, in all books, before cancels outnumber them.
const LIVE_MAX: usize = 150;

/// Splitmix64: a few lines, the same numbers everywhere.
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    const fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn price(&mut self) -> Price {
        // Mostly near the middle, now and then far outside of a ladder's window.
        let ticks = i64::try_from(self.below(13)).unwrap() + 94;
        Price::from_ticks(if self.one_in(400) { 10 * ticks - 900 } else { ticks })
    }

    fn qty(&mut self) -> Qty {
        let lots = match self.below(40) {
            0 => 0,
            1 => self.below(3_000),
            _ => 1 + self.below(9),
        };
        Qty::from_lots(lots)
    }

    const fn span(&mut self) -> NanosSpan {
        NanosSpan::new(self.below(60) * 70_000_000)
    }

    const fn book(&mut self) -> InstrumentId {
        InstrumentId(if self.one_in(500) { BOOKS + 1 } else { 1 + self.below(BOOKS) })
    }

    const fn source(&mut self) -> PriceSource {
        match self.below(3) {
            0 => PriceSource::Last,
            1 => PriceSource::Mark,
            _ => PriceSource::Index,
        }
    }

    fn order(&mut self) -> NewOrder {
        let side = if self.one_in(2) { Side::Buy } else { Side::Sell };
        let account = AccountId(1 + self.below(4));
        NewOrder {
            kind: if self.one_in(12) { OrderKind::Market } else { OrderKind::Limit(self.price()) },
            time_in_force: match self.below(16) {
                0 => TimeInForce::Ioc,
                1 => TimeInForce::Fok,
                2 => TimeInForce::Gfa,
                3 => TimeInForce::Gfn,
                4 => TimeInForce::Gtd(Nanos::new(self.below(30) * 1_000_000_000)),
                _ => TimeInForce::Gtc,
            },
            post_only: match self.below(12) {
                0 => PostOnly::Reject,
                1 => PostOnly::Slide,
                _ => PostOnly::No,
            },
            stp: match self.below(8) {
                0 => StpMode::CancelNewest,
                1 => StpMode::CancelOldest,
                2 => StpMode::CancelBoth,
                3 => StpMode::Decrement,
                _ => StpMode::None,
            },
            stp_token: if self.one_in(4) { 1 } else { 0 },
            display: if self.one_in(5) { Some(Qty::from_lots(self.below(4))) } else { None },
            trigger: if self.one_in(6) { Some(self.trigger()) } else { None },
            ceiling: if self.one_in(12) { Some(self.price()) } else { None },
            ..NewOrder::limit(account, side, self.price(), self.qty())
        }
    }

    fn trigger(&mut self) -> Trigger {
        let when = if self.one_in(2) { TriggerWhen::Rises } else { TriggerWhen::Falls };
        Trigger { source: self.source(), when, price: self.price() }
    }

    fn pick(&mut self) -> Pick {
        Pick { lives: !self.one_in(12), nth: self.below(1 << 40) }
    }

    fn amend(&mut self) -> Amend {
        Amend {
            price: if self.one_in(2) { Some(self.price()) } else { None },
            total: if self.one_in(2) { Some(self.qty()) } else { None },
            trigger: if self.one_in(8) { Some(self.price()) } else { None },
        }
    }

    fn auction(&mut self) -> (AuctionKind, Option<NanosSpan>) {
        let kind = match self.below(4) {
            0 => AuctionKind::Opening,
            1 => AuctionKind::Volatility,
            2 => AuctionKind::Restart,
            _ => AuctionKind::Call,
        };
        let length = NanosSpan::new(1_000_000_000 * (1 + self.below(9)));
        (kind, if self.one_in(4) { None } else { Some(length) })
    }

    fn bands(&mut self) -> Bands {
        let wide = |low: bool, by: u64| {
            let by = i64::try_from(by).unwrap();
            Price::from_ticks(if low { 102 - by } else { 98 + by })
        };
        Bands {
            low: if self.one_in(2) { Some(wide(true, self.below(14))) } else { None },
            high: if self.one_in(2) { Some(wide(false, self.below(14))) } else { None },
        }
    }

    fn draft(&mut self, live: usize) -> Draft {
        if LIVE_MAX < live && self.one_in(2) {
            return Draft::Cancel(self.pick());
        }
        match self.below(1_000) {
            0..=649 => Draft::Place(self.book(), self.order()),
            650..=729 => Draft::Cancel(self.pick()),
            730..=869 => Draft::Amend(self.pick(), self.amend()),
            870..=899 => Draft::SetPrice(self.book(), self.source(), self.price()),
            900..=907 => Draft::SetBands(self.book(), self.bands()),
            908..=969 => Draft::Advance(self.span()),
            970..=979 => {
                let (kind, length) = self.auction();
                Draft::OpenAuction(self.book(), kind, length)
            }
            980..=998 => Draft::Uncross(self.book(), self.price()),
            _ => Draft::Relist(InstrumentId(1 + self.below(BOOKS))),
        }
    }
}

/// What has happened, by name.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn count(&mut self, event: &BookEvent) {
        let name = match event {
            BookEvent::Accepted { .. } => "accepted",
            BookEvent::Rejected { reason, .. } => reason.code(),
            BookEvent::Traded(_) => "traded",
            BookEvent::Implied { .. } => "implied",
            BookEvent::Cancelled { reason: CancelReason::AuctionOpened, .. } => "auction opens",
            BookEvent::Cancelled { reason: CancelReason::PostOnly, .. } => "post-only at firing",
            BookEvent::Cancelled { reason, .. } => reason.code(),
            BookEvent::Amended { .. } => "amended, resting or waiting",
            BookEvent::Decremented { .. } => "decremented",
            BookEvent::Refreshed { .. } => "refreshed",
            BookEvent::Triggered { .. } => "triggered",
            BookEvent::AuctionOpened { kind: AuctionKind::Volatility, .. } => "volatility opened",
            BookEvent::AuctionOpened { .. } => "auction opened",
            BookEvent::AuctionExtended { .. } => "extended",
            BookEvent::AuctionEnded { price: Some(_), .. } => "uncrossed",
            BookEvent::AuctionEnded { price: None, .. } => "ended without a trade",
            BookEvent::Tripped { .. } => "tripped",
        };
        *self.0.entry(name).or_default() += 1;
    }
}

/// Everything that the stream is long enough to lead to.
const EXPECTED: [&str; 37] = [
    "above_band",
    "accepted",
    "amended",
    "amended, resting or waiting",
    "auction opened",
    "auction opens",
    "auction_over",
    "band",
    "below_band",
    "beyond_ceiling",
    "decremented",
    "display_immediate",
    "display_out_of_range",
    "ended without a trade",
    "expired",
    "expiry_passed",
    "extended",
    "fok",
    "halted",
    "ioc",
    "market",
    "no_limit",
    "not_in_auction",
    "not_in_continuous",
    "not_waiting",
    "post-only at firing",
    "post_only_immediate",
    "post_only_would_cross",
    "refreshed",
    "self_trade",
    "traded",
    "trigger_time_in_force",
    "triggered",
    "uncrossed",
    "unknown_book",
    "unknown_order",
    "volatility opened",
];

/// MATCH-001 to MATCH-059, MATCH-090 to MATCH-103: over a long stream the engine does what the naive engine does.
#[test]
fn a_long_stream_of_commands_is_answered_as_by_the_naive_engine() {
    let given = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let wanted = given("TENOR_MATCH_COMMANDS").unwrap_or(200_000);
    let seed = given("TENOR_MATCH_SEED").unwrap_or(1);
    let (mut chance, mut pair, mut tally) = (Chance(seed), opened(), Tally::default());
    let mut live = 0;
    for nth in 0..wanted {
        for command in chance.draft(live).settle(&pair).into_iter().flatten() {
            for event in pair.apply(&command) {
                tally.count(&event);
            }
        }
        if nth % 16 == 0 {
            live = pair.resting().len();
        }
        if nth % 256 == 0 {
            pair.check();
            pair.forget_ended();
        }
    }
    pair.check();
    let events: u64 = tally.0.values().sum();
    eprintln!(
        "{wanted} commands from seed {seed}, {events} events, hash {:016x}",
        pair.real.hash()
    );
    for (name, count) in &tally.0 {
        eprintln!("{count:>12} {name}");
    }
    if 200_000 <= wanted {
        let missing: Vec<_> = EXPECTED.iter().filter(|name| !tally.0.contains_key(*name)).collect();
        assert!(missing.is_empty(), "never happened: {missing:?}");
    }
}
