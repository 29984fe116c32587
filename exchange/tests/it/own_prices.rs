//! What our own sellers were paid for what they delivered, as observations of the oracle.

use exchange::{Event, Exchange, OwnPrices};
use instruments::{GpuSeconds, MicroUsd, Nanos};
use oracle::{ClusterId, Lease, Observation, Tier};

use crate::script::Desk;

/// Replays the desk's journal through a reader that is asked whenever `ask` says so, with the number of intervals settled so far.
fn observations(desk: &Desk, every: usize) -> (Vec<Observation>, OwnPrices) {
    let mut exchange = Exchange::new();
    let mut own = OwnPrices::new();
    let mut taken = Vec::new();
    for (input, count) in desk.world.journal.iter().zip(1..) {
        let mut events = Vec::new();
        exchange.apply(input, &mut events);
        own.observe(&events);
        if count % every == 0 {
            let owner =
                |name: &str| (name == "bob").then(|| ClusterId::new("bob-holding").unwrap());
            taken.extend(own.take(input.at, owner).unwrap().into_iter().map(|(grade, it)| {
                assert_eq!(grade.as_str(), "H100");
                it
            }));
        }
    }
    let end = desk.world.now;
    taken.extend(own.take(end, |_| None).unwrap().into_iter().map(|(_, it)| it));
    (taken, own)
}

const WHOLE_LIFE: &str = "
    account vera verifier
    bob sell 1 @ 2.4
    bob sell 1 @ 2.6
    carol sell 1 @ 9
    alice buy 2 @ 2.6
    index H100 3.1
    run 3h
    bob nominates aa
    challenge D-1/0
    +10s
    bob receipt D-1/0
    draw D-1/0
    vera verdict D-1/0 valid
    run 12h
    challenge D-1/1
    bob receipt D-1/1
    draw D-1/1
    vera verdict D-1/1 valid 950000
    run 13h
    ";

/// FEED-013: the price is the seller's own average, 2.50, though the series settled at 3.10; the amount is what counted: 48 hours less 5 % of 24.
#[test]
fn feed_013_what_was_sold_and_delivered_is_an_observation_of_the_first_tier() {
    let mut desk = Desk::morning();
    desk.run(WHOLE_LIFE);
    let (taken, own) = observations(&desk, usize::MAX);
    let [observation] = taken.as_slice() else { panic!("{taken:?}") };
    let price = MicroUsd::new(2_500_000);
    let lease = Lease { price, gpu_seconds: GpuSeconds::new(86_400 + 82_080) };
    assert_eq!((observation.price(), observation.lease()), (price, Some(lease)));
    assert_eq!(observation.tier(), Tier::Settled);
    assert_eq!(observation.provider().as_str(), "bob");
    assert_eq!(own.unpriced(), GpuSeconds::ZERO);
}

/// FEED-013: however often it is asked, every second is told once; owners are told with it.
#[test]
fn feed_013_every_second_is_told_once() {
    let mut desk = Desk::morning();
    desk.run(WHOLE_LIFE);
    let (taken, mut own) = observations(&desk, 1);
    let seconds: Vec<u64> =
        taken.iter().filter_map(|it| Some(it.lease()?.gpu_seconds.seconds())).collect();
    assert_eq!(seconds, [86_400, 82_080]);
    assert_eq!(taken[0].cluster().as_str(), "bob-holding");
    assert_eq!(own.take(Nanos::new(u64::MAX), |_| None), Ok(Vec::new()));
}

/// FEED-013: who has failed has delivered nothing.
#[test]
fn feed_013_a_failed_interval_is_no_evidence() {
    let mut desk = Desk::morning();
    desk.run(
        "
        bob sell 1 @ 2.5
        alice buy 1 @ 2.5
        index H100 2.6
        run 3h
        bob nominates bb
        challenge D-1/0
        run 30h
        ",
    );
    let (taken, own) = observations(&desk, 1);
    assert_eq!((taken, own.unpriced()), (Vec::new(), GpuSeconds::ZERO));
}

/// FEED-013: without a sale of one's own there is no price, and what was delivered is counted as unpriced.
#[test]
fn feed_013_a_delivery_without_a_sale_has_no_price() {
    let mut desk = Desk::morning();
    desk.run(WHOLE_LIFE);
    let (mut exchange, mut own) = (Exchange::new(), OwnPrices::new());
    for input in &desk.world.journal {
        let mut events = Vec::new();
        exchange.apply(input, &mut events);
        events.retain(|event| !matches!(event, Event::Traded(_)));
        own.observe(&events);
    }
    assert_eq!(own.take(desk.world.now, |_| None), Ok(Vec::new()));
    assert_eq!(own.unpriced(), GpuSeconds::new(86_400 + 82_080));
}
