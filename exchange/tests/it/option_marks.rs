//! What is published of options: it counts, it stays within what an option can be worth, and it grows old.

use exchange::{Command, IndexPrint, OptionGreeks, OptionRisk};
use instruments::{
    GradeId, Instrument, InstrumentId, MicroUsd, NanosSpan, Ppm, Price, Product, Right,
};

use crate::world::{START, World, day_future};

const HOUR: NanosSpan = NanosSpan::from_seconds(3_600);
const TWO_HOURS: NanosSpan = NanosSpan::from_seconds(7_200);

/// A future at 2.50 and a call on it at 2.50 whose reference is 0.10; both trade for twelve hours, with a variation cycle every half hour.
struct Desk {
    world: World,
    call: InstrumentId,
}

impl Desk {
    fn open() -> Self {
        let mut world = World::unopened();
        let every = NanosSpan::from_seconds(1_800);
        world.apply(crate::world::open_venue(true, every));
        let after = |hours: u64| START + NanosSpan::from_seconds(hours * 3_600);
        let mut future = day_future("H100D", "H100");
        future.schedule.last_trade_at = after(12);
        future.schedule.assign_at = after(13);
        future.schedule.deliver_from = after(14);
        future.schedule.deliver_until = after(38);
        future.schedule.close_at = after(40);
        let underlying = world.list(future.clone());
        let (strike, right) = (Price::from_ticks(2_500), Right::Call);
        let call = world.list(Instrument {
            name: "CALL".to_owned(),
            product: Product::Option { underlying, strike, right },
            reference: Price::from_ticks(100),
            ..future
        });
        let mut desk = Self { world, call };
        desk.index(2_500);
        desk
    }

    fn index(&mut self, millis: i64) {
        self.world.wait(NanosSpan::from_millis(1));
        self.world.apply(Command::PublishIndex(IndexPrint {
            grade: GradeId::new("H100").unwrap(),
            observed_at: self.world.now,
            value: Some(MicroUsd::new(millis * 1_000)),
            conf: Ppm::new(1_000),
            state: oracle::State::Ok,
        }));
    }

    fn publish(&mut self, ticks: i64) {
        let greeks = OptionGreeks { delta: 500_000, ..OptionGreeks::default() };
        let (mark, iv) = (Price::from_ticks(ticks), Ppm::new(800_000));
        let risk = OptionRisk { instrument: self.call, mark, iv, greeks, array: [0; 36] };
        self.world.apply(Command::PublishRisk { risks: vec![risk] });
    }

    fn mark(&self) -> i64 {
        self.world.exchange.series_by_id(self.call).unwrap().mark.ticks()
    }

    fn is_shown(&self) -> bool {
        self.world.exchange.option_risk(self.call).is_some()
    }
}

#[test]
fn option_005_what_was_published_stays_when_futures_and_days_pass() {
    let mut desk = Desk::open();
    assert_eq!(desk.mark(), 100, "the reference");
    desk.publish(300);
    assert_eq!(desk.mark(), 300);
    // The future moves, and the option's mark with it no further than it must.
    for (index, mark) in [(2_600, 300), (2_900, 400), (2_550, 300), (2_500, 300)] {
        desk.index(index);
        assert_eq!(desk.mark(), mark, "at {index}");
    }
    // A variation cycle looks at every mark again.
    desk.world.run(HOUR);
    assert_eq!(desk.mark(), 300);
    // What is published is held to the same limits.
    desk.index(2_700);
    for (published, mark) in [(150, 200), (9_000, 2_700), (250, 250)] {
        desk.publish(published);
        assert_eq!(desk.mark(), mark, "published {published}");
    }
}

#[test]
fn option_020_a_published_mark_is_good_for_two_hours() {
    let mut desk = Desk::open();
    assert!(!desk.is_shown());
    desk.publish(300);
    desk.world.run(TWO_HOURS);
    desk.index(2_500);
    assert!(!desk.is_shown(), "a millisecond too old");
    assert_eq!(desk.mark(), 300, "no news is not news");
    // The mark is its own anchor now: what has lifted it does not let it fall again.
    desk.index(2_900);
    desk.index(2_500);
    assert_eq!(desk.mark(), 400);
    desk.publish(300);
    assert!(desk.is_shown());
    assert_eq!(desk.mark(), 300);
    desk.world.run(TWO_HOURS);
    assert!(desk.is_shown(), "two hours to the nanosecond");
    desk.world.restart();
    assert_eq!((desk.mark(), desk.is_shown()), (300, true));
}
