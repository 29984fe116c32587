//! AUCTION and BAND: what keeps prices from running away, and how orders are collected.

use exchange::{Command, Event};
use expect_test::expect;
use instruments::{BandWidths, Guards, Instrument, NanosSpan, Ppm, Price, Product, Right, Side};
use matching_engine::Phase;

use crate::script::check;
use crate::world::{START, World, day_future, limit, refusal};

const GUARDED: &str = "
    open test
    list H100D guarded
    account alice
    account bob
    account carol
    deposit alice 10000
    deposit bob 10000
    deposit carol 10000
    ";

#[test]
fn band_001_a_limit_beyond_the_band_is_refused_with_its_edge() {
    check(
        &format!(
            "{GUARDED}
            alice buy 1 @ 2.626
            alice buy 1 @ 2.625
            alice sell 1 @ 2.374
            alice cancel all
            alice sell 1 @ 2.375
            alice amend #2 @ 2.374
            alice amend #2 @ 2.9
            alice amend #2 x 2
            "
        ),
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            refused BAND-001 AboveBand, limit 2625 ticks
            #1 alice buy 1 @ 2.625
            refused BAND-001 BelowBand, limit 2375 ticks
            #1 cancelled 1: user
            #2 alice sell 1 @ 2.375
            refused BAND-001 BelowBand, limit 2375 ticks
            #2 now 1 @ 2.9
            #2 now 2 @ 2.9
        "#]],
    );
}

/// BAND-002: what rests stays, what comes later meets the new band.
#[test]
fn band_002_bands_follow_the_mark() {
    check(
        &format!(
            "{GUARDED}
            alice buy 1 @ 2.6
            index H100 2.4
            alice amend #1 x 2
            alice amend #1 @ 2.53
            alice amend #1 @ 2.52
            "
        ),
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            #1 alice buy 1 @ 2.6
            H100 index 2.4
            H100D mark 2.4
            #1 now 2 @ 2.6
            refused BAND-001 AboveBand, limit 2520 ticks
            #1 now 2 @ 2.52
        "#]],
    );
}

/// BAND-003: what waits is asked when it arrives.
#[test]
fn band_003_a_stop_is_asked_when_it_fires() {
    check(
        &format!(
            "{GUARDED}
            alice sell 1 @ 2.2 when mark falls 2.45
            alice sell 1 market when mark falls 2.45
            bob buy 1 @ 2.4
            index H100 2.45
            "
        ),
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            #1 alice sell 1 @ 2.2
            #2 alice sell 1 @ 2.328
            #3 bob buy 1 @ 2.4
            H100 index 2.45
            H100D mark 2.45
            #1 triggered
            #1 cancelled 1: band
            #2 triggered
            #2 alice sells 1 @ 2.4 with #3 bob, fee 0.0288
        "#]],
    );
}

#[test]
fn band_004_a_far_series_has_the_wider_band() {
    let mut world = World::open();
    let widths = BandWidths { front: Ppm::new(50_000), back: Ppm::new(100_000) };
    let mut terms = day_future("H100D", "H100");
    terms.guards = Guards { bands: Some(widths), ..Guards::NONE };
    let mut far = Instrument { name: "H100F".to_owned(), ..terms.clone() };
    let wait = NanosSpan::from_seconds(36 * 86_400);
    let schedule = &mut far.schedule;
    schedule.last_trade_at = schedule.last_trade_at + wait;
    schedule.assign_at = schedule.assign_at + wait;
    schedule.deliver_from = schedule.deliver_from + wait;
    schedule.deliver_until = schedule.deliver_until + wait;
    schedule.close_at = schedule.close_at + wait;
    let (near, far) = (world.list(terms), world.list(far));
    let bands = |world: &World, series| {
        let bands = world.exchange.book(series).unwrap().bands();
        (bands.low.unwrap().ticks(), bands.high.unwrap().ticks())
    };
    assert_eq!(bands(&world, near), (2_375, 2_625));
    assert_eq!(bands(&world, far), (2_250, 2_750));
    world.is_watched = false;
    world.run(NanosSpan::from_seconds(2 * 86_400));
    assert_eq!(bands(&world, far), (2_375, 2_625), "it has come to the front");
}

/// BAND-005: half of the mark, or the width of the strike where that is more.
#[test]
fn band_005_the_band_of_an_option_is_wide_for_its_mark_and_narrow_for_its_future() {
    let mut world = World::open();
    let widths = BandWidths { front: Ppm::new(50_000), back: Ppm::new(100_000) };
    let mut month = day_future("H100D", "H100");
    month.guards = Guards { bands: Some(widths), ..Guards::NONE };
    let underlying = world.list(month.clone());
    let mut option = |name: &str, reference: i64| {
        let (strike, right) = (Price::from_ticks(2_500), Right::Call);
        world.list(Instrument {
            name: name.to_owned(),
            product: Product::Option { underlying, strike, right },
            reference: Price::from_ticks(reference),
            ..month.clone()
        })
    };
    let (dear, cheap, worthless) = (option("DEAR", 510), option("CHEAP", 100), option("LOW", 1));
    let bands = |series| {
        let bands = world.exchange.book(series).unwrap().bands();
        (bands.low.unwrap().ticks(), bands.high.unwrap().ticks())
    };
    assert_eq!(bands(dear), (255, 765), "half of 0.51");
    assert_eq!(bands(cheap), (1, 225), "5 % of 2.50");
    assert_eq!(bands(worthless), (1, 126));
    let account = world.account("alice", 1_000_000);
    for (side, ticks) in [(Side::Buy, 766), (Side::Sell, 254)] {
        let events = world.apply(Command::PlaceOrder(limit(account, dear, side, 1, ticks)));
        assert_eq!(refusal(&events), Some("BAND-001"));
    }
    for (side, ticks) in [(Side::Buy, 765), (Side::Sell, 766)] {
        let events = world.apply(Command::PlaceOrder(limit(account, dear, side, 1, ticks)));
        assert_eq!(refusal(&events), None);
    }
}

/// AUCTION-001, AUCTION-002.
#[test]
fn auction_001_and_002_each_phase_has_its_orders() {
    check(
        &format!(
            "{GUARDED}
            alice buy 1 @ 2.5 gfa
            alice buy 1 @ 2.5 gfn
            auction H100D until 1m
            alice buy 1 market
            alice buy 1 @ 2.5 ioc
            alice buy 1 @ 2.5 fok
            alice buy 1 @ 2.5 post
            alice buy 1 @ 2.5 gfn
            alice buy 1 market when last rises 2.6
            alice buy 1 @ 2.5 gfa
            alice buy 1 @ 2.5
            "
        ),
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            refused AUCTION-001 NotInContinuous
            #1 alice buy 1 @ 2.5
            H100D auction opens: Opening until 0:01:00
            #1 cancelled 1: auction
            refused AUCTION-002 NotInAuction
            refused AUCTION-002 NotInAuction
            refused AUCTION-002 NotInAuction
            refused AUCTION-002 NotInAuction
            refused AUCTION-002 NotInAuction
            #2 alice buy 1 @ 2.73
            #3 alice buy 1 @ 2.5
            #4 alice buy 1 @ 2.5
        "#]],
    );
}

/// AUCTION-003, AUCTION-004.
#[test]
fn auction_003_and_004_one_at_a_time_and_in_time() {
    let mut world = World::open();
    let series = world.list(day_future("H100D", "H100"));
    let mut open = |seconds| {
        let until = START + NanosSpan::from_seconds(seconds);
        let reason = exchange::AuctionReason::Restart;
        refusal(&world.apply(Command::OpenAuction { instrument: series, reason, until }))
    };
    assert_eq!(open(0), Some("AUCTION-004"));
    assert_eq!(open(3_600), Some("AUCTION-004"), "the last trade");
    assert_eq!(open(3_599), None);
    assert_eq!(open(3_599), Some("AUCTION-003"));
}

/// AUCTION-005, AUCTION-006: crossing orders wait, the market is told where they would meet, and they meet there.
#[test]
fn auction_005_orders_are_collected_and_trade_at_one_price() {
    check(
        "
        open test
        list H100D
        account alice
        account bob
        account carol
        deposit alice 10000
        deposit bob 10000
        deposit carol 10000
        alice buy 1 @ 2.4 gfn
        auction H100D until 1m
        alice buy 3 @ 2.6
        bob sell 2 @ 2.4
        run 2s
        carol sell 2 @ 2.5 gfa
        run 2s
        show book
        run 1m
        show book
        show alice
        show bob
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            carol opened
            #1 alice buy 1 @ 2.4
            H100D auction opens: Opening until 0:01:00
            #1 cancelled 1: auction
            #2 alice buy 3 @ 2.6
            #3 bob sell 2 @ 2.4
            H100D would trade 2 @ 2.6
            #4 carol sell 2 @ 2.5
            H100D would trade 3 @ 2.5
            H100D bids [2.6x3] asks [2.4x2 2.5x2]
            #3 bob sells 2 @ 2.5 with #2 alice, fee 0.06
            #4 carol sells 1 @ 2.5 with #2 alice, fee 0.03
            H100D auction ends, 3 traded @ 2.5
            #4 cancelled 1: auction_over
            H100D bids [] asks []
            alice: cash 9964 margin 36 +3 H100D
            bob: cash 9975.94 margin 24 -2 H100D
        "#]],
    );
}

/// AUCTION-007: a trade too far from the last hour's is not made; the auction ends within half a minute after five.
#[test]
fn auction_007_the_breaker_opens_an_auction() {
    check(
        "
        open test
        list H100D guarded
        account alice
        account bob
        deposit alice 10000
        deposit bob 10000
        bob sell 1 @ 2.4
        alice buy 1 @ 2.4
        index H100 2.7
        bob sell 3 @ 2.575
        bob sell 2 @ 2.576
        alice buy 1 @ 2.576
        alice buy 3 market
        alice buy 1 @ 2.6 fok
        run 2m
        alice buy 2 @ 2.8
        run 2s
        run 5m
        show book
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 bob sell 1 @ 2.4
            #2 alice buy 1 @ 2.4
            #2 alice buys 1 @ 2.4 with #1 bob, fee 0.0288
            H100 index 2.7
            H100D mark 2.7
            #3 bob sell 3 @ 2.575
            #4 bob sell 2 @ 2.576
            #5 alice buy 1 @ 2.576
            #5 alice buys 1 @ 2.575 with #3 bob, fee 0.0309
            #6 alice buy 3 @ 2.835
            #6 alice buys 2 @ 2.575 with #3 bob, fee 0.0618
            H100D auction opens: Volatility until 0:05:00
            #6 cancelled 1: halted
            refused AUCTION-002 NotInAuction
            #7 alice buy 2 @ 2.8
            H100D would trade 2 @ 2.576
            H100D auction goes on until 0:20:09
            H100D bids [2.8x2] asks [2.576x2]
        "#]],
    );
}

/// AUCTION-008: the stop of an auction does not fire before its end.
#[test]
fn auction_008_nothing_fires_while_orders_are_collected() {
    check(
        "
        open test
        list H100D
        account alice
        account bob
        deposit alice 10000
        deposit bob 10000
        alice buy 1 @ 2.6 when mark falls 2.45
        auction H100D until 1m
        index H100 2.4
        run 1m
        show book
        ",
        expect![[r#"
            venue open
            H100D listed
            alice opened
            bob opened
            #1 alice buy 1 @ 2.6
            H100D auction opens: Opening until 0:01:00
            H100 index 2.4
            H100D mark 2.4
            H100D auction ends, 0 traded
            #1 triggered
            H100D bids [2.6x1] asks []
        "#]],
    );
}

/// AUCTION-009, VENUE-006, VENUE-011: at its last trade a series' auction ends without trades.
#[test]
fn auction_009_a_series_that_stops_does_not_uncross() {
    let mut world = World::open();
    let series = world.list(day_future("H100D", "H100"));
    let (alice, bob) = (world.account("alice", 1_000), world.account("bob", 1_000));
    let until = START + NanosSpan::from_seconds(3_599);
    let reason = exchange::AuctionReason::Call;
    world.apply(Command::OpenAuction { instrument: series, reason, until });
    for (account, side) in [(alice, Side::Buy), (bob, Side::Sell)] {
        world.apply(Command::PlaceOrder(limit(account, series, side, 1, 2_500)));
    }
    assert!(matches!(world.exchange.book(series).unwrap().phase(), Phase::Auction(_)));
    let cross = world.exchange.indicative(series).unwrap();
    assert_eq!(cross.price, Price::from_ticks(2_500));
    // Nothing asks for a tick in time: the first command after the last trade still finds the auction ended before it.
    world.wait(NanosSpan::from_seconds(7_200));
    let events = world.apply(Command::Tick);
    let trades = events.iter().filter(|event| matches!(event, Event::Traded(_))).count();
    assert_eq!(trades, 1, "the auction was over a second before the last trade");

    let mut world = World::open();
    let mut terms = day_future("H100D", "H100");
    terms.guards = Guards::standard();
    let series = world.list(terms);
    let (alice, bob) = (world.account("alice", 1_000), world.account("bob", 1_000));
    world.apply(Command::PlaceOrder(limit(bob, series, Side::Sell, 1, 2_600)));
    world.wait(NanosSpan::from_seconds(3_500));
    world.apply(Command::OpenAuction { instrument: series, reason, until });
    world.apply(Command::PlaceOrder(limit(alice, series, Side::Buy, 1, 2_600)));
    world.wait(NanosSpan::from_seconds(100));
    let events = world.apply(Command::Tick);
    let draws = |event: &&Event| matches!(event, Event::Traded(_) | Event::OrderCancelled { .. });
    assert_eq!(events.iter().filter(draws).count(), 2, "{events:?}");
    assert_eq!(world.exchange.book(series).unwrap().phase(), Phase::Continuous);
    assert!(!events.iter().any(|event| matches!(event, Event::Traded(_))), "{events:?}");
}
