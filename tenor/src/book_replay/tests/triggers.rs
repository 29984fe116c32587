//! Stops and take-profits.

use expect_test::expect;

use super::{check, check_all};

#[test]
fn a_stop_waits_for_the_last_price_and_then_arrives() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":1}}
{"place":{"id":2,"account":"a","side":"sell","price":"101","qty":1}}
{"place":{"id":3,"account":"a","side":"sell","price":"102","qty":5}}
{"place":{"id":4,"account":"b","side":"buy","type":"stop_market","qty":2,"trigger_price":"101"}}
{"place":{"id":5,"account":"b","side":"buy","type":"stop_limit","price":"103","qty":2,"trigger_price":"102"}}
{"place":{"id":6,"account":"c","side":"buy","price":"100","qty":1}}
{"place":{"id":7,"account":"c","side":"buy","price":"101","qty":1}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"accepted":{"id":5}}
            {"accepted":{"id":6}}
            {"trade":{"maker":1,"taker":6,"price":"100","qty":1}}
            {"accepted":{"id":7}}
            {"trade":{"maker":2,"taker":7,"price":"101","qty":1}}
            {"triggered":{"id":4}}
            {"trade":{"maker":3,"taker":4,"price":"102","qty":2}}
            {"triggered":{"id":5}}
            {"trade":{"maker":3,"taker":5,"price":"102","qty":2}}
            {"book":{"bids":[],"asks":[["102",1]]}}
        "#]],
    );
}

#[test]
fn a_stop_buy_and_a_take_sell_wait_for_a_rise_and_the_others_for_a_fall() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"buy","type":"stop_limit","price":"90","qty":1,"trigger_price":"101","trigger":"mark"}}
{"place":{"id":2,"account":"a","side":"sell","type":"take_limit","price":"110","qty":2,"trigger_price":"101","trigger":"mark"}}
{"place":{"id":3,"account":"a","side":"sell","type":"stop_limit","price":"111","qty":3,"trigger_price":"99","trigger":"index"}}
{"place":{"id":4,"account":"a","side":"buy","type":"take_limit","price":"91","qty":4,"trigger_price":"99","trigger":"index"}}
{"price":{"source":"mark","price":"100.999"}}
{"price":{"source":"index","price":"99.001"}}
{"price":{"source":"mark","price":"101"}}
{"price":{"source":"index","price":99}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"triggered":{"id":1}}
            {"triggered":{"id":2}}
            {"triggered":{"id":3}}
            {"triggered":{"id":4}}
            {"book":{"bids":[["91",4],["90",1]],"asks":[["110",2],["111",3]]}}
        "#]],
    );
}

#[test]
fn a_waiting_order_is_amended_and_cancelled_like_any_other() {
    check_all(
        r#"
{"price":{"source":"mark","price":"100"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","qty":2,"trigger_price":"105","trigger":"mark"}}
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":2}}
{"amend":{"id":1,"price":"99"}}
{"amend":{"id":1,"qty":3}}
{"place":{"id":2,"account":"a","side":"buy","type":"stop_limit","price":"99","qty":2,"trigger_price":"105","trigger":"mark"}}
{"amend":{"id":2,"price":"98","trigger_price":"100"}}
{"amend":{"id":2,"trigger_price":"101"}}
{"cancel":{"id":1}}
{"place":{"id":1,"account":"a","side":"sell","type":"take_market","qty":2,"trigger_price":"100","trigger":"mark"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"rejected":{"id":1,"reason":"duplicate_id"}}
            {"rejected":{"id":1,"reason":"no_limit"}}
            {"amended":{"id":1,"qty":3}}
            {"accepted":{"id":2}}
            {"amended":{"id":2,"price":"98","qty":2}}
            {"triggered":{"id":2}}
            {"rejected":{"id":2,"reason":"not_waiting"}}
            {"cancelled":{"id":1,"qty":3,"reason":"user"}}
            {"accepted":{"id":1}}
            {"triggered":{"id":1}}
            {"trade":{"maker":2,"taker":1,"price":"98","qty":2}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn without_a_wish_for_details_a_triggered_order_just_trades() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":5}}
{"place":{"id":2,"account":"b","side":"buy","type":"stop_market","qty":2,"trigger_price":"90","trigger":"index"}}
{"place":{"id":3,"account":"b","side":"buy","type":"take_market","qty":9,"trigger_price":"90","trigger":"index"}}
{"price":{"source":"index","price":"90"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"trade":{"maker":1,"taker":2,"price":"100","qty":2}}
            {"trade":{"maker":1,"taker":3,"price":"100","qty":3}}
            {"cancelled":{"id":3,"qty":6,"reason":"market"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn a_trigger_that_is_none_is_refused_by_its_fields_name() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","qty":2}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","qty":2,"trigger_price":"100.0001"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","qty":2,"trigger_price":true}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","price":"100","qty":2,"trigger_price":"100"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_limit","qty":2,"trigger_price":"100"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_market","qty":2,"trigger_price":"100","trigger":"best"}}
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":2,"trigger_price":"100"}}
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":2,"trigger":"mark"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_loss","qty":2,"trigger_price":"100"}}
{"place":{"id":1,"account":"a","side":"buy","type":"stop_limit","price":"100","qty":2,"trigger_price":"100","tif":"GFN"}}
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":2}}
{"amend":{"id":1,"trigger_price":"101"}}
{"price":{"source":"last","price":"101"}}
"#,
        expect![[r#"
            {"rejected":{"id":1,"reason":"missing_field:trigger_price"}}
            {"rejected":{"id":1,"reason":"off_tick"}}
            {"rejected":{"id":1,"reason":"invalid_field:trigger_price"}}
            {"rejected":{"id":1,"reason":"unsupported_field:price"}}
            {"rejected":{"id":1,"reason":"missing_field:price"}}
            {"rejected":{"id":1,"reason":"unsupported_field:trigger"}}
            {"rejected":{"id":1,"reason":"unsupported_field:trigger_price"}}
            {"rejected":{"id":1,"reason":"unsupported_field:trigger"}}
            {"rejected":{"id":1,"reason":"unsupported_field:type"}}
            {"rejected":{"id":1,"reason":"trigger_time_in_force"}}
            {"accepted":{"id":1}}
            {"rejected":{"id":1,"reason":"not_waiting"}}
            error: line 14, column 25: unknown variant `last`, expected `mark` or `index`
        "#]],
    );
}

#[test]
fn what_a_triggered_order_meets_ends_it_with_a_reason() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":1}}
{"place":{"id":2,"account":"b","side":"buy","type":"stop_limit","price":"100","qty":2,"trigger_price":"50","trigger":"mark","post_only":true}}
{"place":{"id":3,"account":"b","side":"buy","type":"stop_limit","price":"100","qty":2,"trigger_price":"50","trigger":"mark","tif":"FOK"}}
{"place":{"id":4,"account":"b","side":"buy","type":"stop_limit","price":"106","qty":2,"trigger_price":"50","trigger":"mark"}}
{"place":{"id":5,"account":"b","side":"buy","type":"stop_limit","price":"100","qty":2,"trigger_price":"50","trigger":"mark","post_only":"slide"}}
{"band":{"low":"95","high":"105"}}
{"price":{"source":"mark","price":"50"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"accepted":{"id":5}}
            {"triggered":{"id":2}}
            {"cancelled":{"id":2,"qty":2,"reason":"post_only"}}
            {"triggered":{"id":3}}
            {"cancelled":{"id":3,"qty":2,"reason":"fok"}}
            {"triggered":{"id":4}}
            {"cancelled":{"id":4,"qty":2,"reason":"band"}}
            {"triggered":{"id":5}}
            {"amended":{"id":5,"price":"99.999","qty":2}}
            {"book":{"bids":[["99.999",2]],"asks":[["100",1]]}}
        "#]],
    );
}
