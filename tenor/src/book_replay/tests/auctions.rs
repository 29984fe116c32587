//! Calls, the breaker, batches.

use expect_test::{Expect, expect};

use super::{check, check_all};

/// One case: bids, asks, the reference; what would happen, and the book that is left.
#[track_caller]
fn check_cross(bids: &[(u32, u32)], asks: &[(u32, u32)], reference: u32, expected: Expect) {
    let mut input = String::from("{\"book\":{\"tick\":1}}\n{\"auction\":{\"phase\":\"open\"}}\n");
    let orders = bids.iter().map(|bid| ("buy", bid)).chain(asks.iter().map(|ask| ("sell", ask)));
    for ((side, (price, qty)), id) in orders.zip(1..) {
        input.push_str(&format!(
            "{{\"place\":{{\"id\":{id},\"account\":\"{id}\",\"side\":\"{side}\",\"price\":{price},\"qty\":{qty}}}}}\n"
        ));
    }
    for phase in ["indicative", "uncross"] {
        input.push_str(&format!(
            "{{\"auction\":{{\"phase\":\"{phase}\",\"reference\":{reference}}}}}\n"
        ));
    }
    let text = super::replay(&input, true);
    let wanted = ["indicative", "auction_ended", "book"];
    let lines = text.lines().filter(|line| wanted.iter().any(|word| line.contains(word)));
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

/// The expected price, volume, imbalance and rule were found by trying every tick between the lowest and the highest price.
#[test]
fn the_price_is_the_one_that_trying_every_tick_finds() {
    check_cross(
        &[(102, 10), (101, 5), (100, 5)],
        &[(99, 8), (100, 4), (101, 6)],
        100,
        expect![[r#"
        {"indicative":{"price":"101","volume":15,"imbalance":-3,"rule":"unique"}}
        {"auction_ended":{"price":"101","volume":15}}
        {"book":{"bids":[["100",5]],"asks":[["101",3]]}}"#]],
    );
    check_cross(
        &[(105, 10)],
        &[(95, 10)],
        100,
        expect![[r#"
        {"indicative":{"price":"100","volume":10,"imbalance":0,"rule":"reference"}}
        {"auction_ended":{"price":"100","volume":10}}
        {"book":{"bids":[],"asks":[]}}"#]],
    );
    check_cross(
        &[(105, 10)],
        &[(95, 10)],
        97,
        expect![[r#"
        {"indicative":{"price":"97","volume":10,"imbalance":0,"rule":"reference"}}
        {"auction_ended":{"price":"97","volume":10}}
        {"book":{"bids":[],"asks":[]}}"#]],
    );
    check_cross(
        &[(105, 20)],
        &[(95, 10)],
        100,
        expect![[r#"
        {"indicative":{"price":"105","volume":10,"imbalance":10,"rule":"buy_pressure"}}
        {"auction_ended":{"price":"105","volume":10}}
        {"book":{"bids":[["105",10]],"asks":[]}}"#]],
    );
    check_cross(
        &[(105, 10)],
        &[(95, 20)],
        100,
        expect![[r#"
        {"indicative":{"price":"95","volume":10,"imbalance":-10,"rule":"sell_pressure"}}
        {"auction_ended":{"price":"95","volume":10}}
        {"book":{"bids":[],"asks":[["95",10]]}}"#]],
    );
}

/// As above.
#[test]
fn without_a_cross_there_is_no_price_and_with_gaps_there_is_one() {
    check_cross(
        &[(99, 10)],
        &[(101, 10)],
        100,
        expect![[r#"
        {"indicative":null}
        {"auction_ended":{"volume":0}}
        {"book":{"bids":[["99",10]],"asks":[["101",10]]}}"#]],
    );
    check_cross(
        &[(97, 13), (105, 2), (96, 18)],
        &[(99, 19)],
        97,
        expect![[r#"
        {"indicative":{"price":"99","volume":2,"imbalance":-17,"rule":"sell_pressure"}}
        {"auction_ended":{"price":"99","volume":2}}
        {"book":{"bids":[["97",13],["96",18]],"asks":[["99",17]]}}"#]],
    );
    let bids = [(98, 2), (96, 14), (101, 3), (98, 3), (103, 14)];
    check_cross(
        &bids,
        &[(103, 4)],
        98,
        expect![[r#"
        {"indicative":{"price":"103","volume":4,"imbalance":10,"rule":"unique"}}
        {"auction_ended":{"price":"103","volume":4}}
        {"book":{"bids":[["103",10],["101",3],["98",5],["96",14]],"asks":[]}}"#]],
    );
}

#[test]
fn orders_for_one_phase_end_with_it() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":1,"tif":"GFN"}}
{"place":{"id":2,"account":"a","side":"buy","price":"100","qty":1,"tif":"GFA"}}
{"auction":{"phase":"open","kind":"opening"}}
{"place":{"id":2,"account":"a","side":"buy","price":"100","qty":1,"tif":"GFA"}}
{"place":{"id":3,"account":"a","side":"buy","price":"99","qty":1,"tif":"GFN"}}
{"place":{"id":4,"account":"a","side":"buy","price":"99","qty":1,"post_only":true}}
{"auction":{"phase":"open","kind":"restart"}}
{"auction":{"phase":"uncross","reference":"100"}}
{"auction":{"phase":"uncross","reference":"100"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"rejected":{"id":2,"reason":"not_in_continuous"}}
            {"auction_opened":{"kind":"opening"}}
            {"cancelled":{"id":1,"qty":1,"reason":"auction"}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"not_in_auction"}}
            {"rejected":{"id":4,"reason":"not_in_auction"}}
            {"auction_ended":{"volume":0}}
            {"cancelled":{"id":2,"qty":1,"reason":"auction_over"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn an_auction_ends_by_the_clock() {
    check_all(
        r#"
{"book":{"tick":"1","reference":"99"}}
{"auction":{"phase":"open","until":500}}
{"place":{"id":1,"account":"a","side":"buy","price":"101","qty":2}}
{"place":{"id":2,"account":"b","side":"sell","price":"98","qty":2}}
{"clock":{"at":499}}
{"auction":{"phase":"indicative","reference":"101"}}
{"clock":{"at":500}}
{"auction":{"phase":"indicative","reference":"101"}}
"#,
        expect![[r#"
            {"auction_opened":{"kind":"call","until":500}}
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"indicative":{"price":"101","volume":2,"imbalance":0,"rule":"reference"}}
            {"trade":{"maker":1,"taker":2,"price":"99","qty":2}}
            {"auction_ended":{"price":"99","volume":2}}
            {"indicative":null}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

const RUN_AWAY: &str = r#"
{"book":{"tick":"1","reference":"100","breaker":{"width":"2","window":60000,"length":5000,"extensions":1}}}
{"place":{"id":1,"account":"a","side":"sell","price":"101","qty":1}}
{"place":{"id":2,"account":"a","side":"sell","price":"102","qty":1}}
{"place":{"id":3,"account":"a","side":"sell","price":"103","qty":1}}
{"place":{"id":4,"account":"a","side":"buy","price":"90","qty":1,"tif":"GFN"}}
{"place":{"id":5,"account":"b","side":"buy","price":"105","qty":9,"tif":"FOK"}}
{"place":{"id":6,"account":"b","side":"buy","price":"105","qty":4}}
{"clock":{"at":5000}}
{"clock":{"at":19999}}
{"clock":{"at":20000}}
{"place":{"id":7,"account":"b","side":"buy","type":"market","qty":1}}
"#;

#[test]
fn a_price_that_runs_away_opens_an_auction_that_may_be_extended() {
    check_all(
        RUN_AWAY,
        expect![[r#"
        {"accepted":{"id":1}}
        {"accepted":{"id":2}}
        {"accepted":{"id":3}}
        {"accepted":{"id":4}}
        {"accepted":{"id":5}}
        {"cancelled":{"id":5,"qty":9,"reason":"fok"}}
        {"accepted":{"id":6}}
        {"trade":{"maker":1,"taker":6,"price":"101","qty":1}}
        {"trade":{"maker":2,"taker":6,"price":"102","qty":1}}
        {"auction_opened":{"kind":"volatility","until":5000}}
        {"cancelled":{"id":4,"qty":1,"reason":"auction"}}
        {"auction_extended":{"until":20000}}
        {"trade":{"maker":3,"taker":6,"price":"105","qty":1}}
        {"auction_ended":{"price":"105","volume":1}}
        {"accepted":{"id":7}}
        {"cancelled":{"id":7,"qty":1,"reason":"market"}}
        {"book":{"bids":[["105",1]],"asks":[]}}
    "#]],
    );
}

#[test]
fn without_a_wish_for_details_only_what_happens_to_orders_is_printed() {
    check(
        RUN_AWAY,
        expect![[r#"
        {"accepted":{"id":1}}
        {"accepted":{"id":2}}
        {"accepted":{"id":3}}
        {"accepted":{"id":4}}
        {"accepted":{"id":5}}
        {"cancelled":{"id":5,"qty":9,"reason":"fok"}}
        {"accepted":{"id":6}}
        {"trade":{"maker":1,"taker":6,"price":"101","qty":1}}
        {"trade":{"maker":2,"taker":6,"price":"102","qty":1}}
        {"cancelled":{"id":4,"qty":1,"reason":"auction"}}
        {"trade":{"maker":3,"taker":6,"price":"105","qty":1}}
        {"accepted":{"id":7}}
        {"cancelled":{"id":7,"qty":1,"reason":"market"}}
        {"book":{"bids":[["105",1]],"asks":[]}}
    "#]],
    );
}

#[test]
fn a_batch_book_trades_at_its_instants_only() {
    check_all(
        r#"
{"book":{"tick":"1","batch":1000}}
{"place":{"id":1,"account":"a","side":"buy","price":"101","qty":2}}
{"place":{"id":2,"account":"b","side":"sell","price":"99","qty":1}}
{"place":{"id":3,"account":"b","side":"sell","type":"market","qty":1}}
{"clock":{"at":999}}
{"clock":{"at":1000}}
{"place":{"id":4,"account":"b","side":"sell","price":"99","qty":2}}
{"place":{"id":5,"account":"b","side":"sell","type":"stop_market","qty":2,"trigger_price":"90"}}
{"clock":{"at":3500}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"not_in_auction"}}
            {"trade":{"maker":1,"taker":2,"price":"101","qty":1}}
            {"auction_ended":{"price":"101","volume":1}}
            {"accepted":{"id":4}}
            {"rejected":{"id":5,"reason":"not_in_auction"}}
            {"trade":{"maker":1,"taker":4,"price":"99","qty":1}}
            {"auction_ended":{"price":"99","volume":1}}
            {"book":{"bids":[],"asks":[["99",1]]}}
        "#]],
    );
}
