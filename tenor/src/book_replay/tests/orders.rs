//! Tokens, sliding, ceilings, instants, positions, bands.

use expect_test::expect;

use super::{check, check_all};

#[test]
fn only_orders_with_the_same_token_are_ones_own() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":1,"stp_token":7}}
{"place":{"id":2,"account":"a","side":"sell","price":"100","qty":1,"stp_token":"desk"}}
{"place":{"id":3,"account":"a","side":"sell","price":"100","qty":1}}
{"place":{"id":4,"account":"b","side":"sell","price":"100","qty":1,"stp_token":7}}
{"place":{"id":5,"account":"a","side":"buy","price":"100","qty":3,"stp":"cancel_oldest","stp_token":"7"}}
{"place":{"id":6,"account":"a","side":"buy","price":"100","qty":1,"stp_token":-1}}
{"place":{"id":6,"account":"a","side":"buy","price":"100","qty":1,"stp_token":1.5}}
{"place":{"id":6,"account":"a","side":"buy","price":"100","qty":1,"stp_token":[7]}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"accepted":{"id":5}}
            {"cancelled":{"id":1,"qty":1,"reason":"self_trade"}}
            {"trade":{"maker":2,"taker":5,"price":"100","qty":1}}
            {"trade":{"maker":3,"taker":5,"price":"100","qty":1}}
            {"trade":{"maker":4,"taker":5,"price":"100","qty":1}}
            {"rejected":{"id":6,"reason":"invalid_field:stp_token"}}
            {"rejected":{"id":6,"reason":"invalid_field:stp_token"}}
            {"rejected":{"id":6,"reason":"invalid_field:stp_token"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn a_sliding_order_rests_one_tick_off_and_says_where() {
    check(
        r#"
{"book":{"tick":"0.5"}}
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":1}}
{"place":{"id":2,"account":"b","side":"buy","price":"101","qty":1,"post_only":"slide"}}
{"place":{"id":3,"account":"b","side":"buy","price":"99.5","qty":1,"post_only":"slide"}}
{"place":{"id":4,"account":"c","side":"sell","price":"50","qty":1,"post_only":"slide"}}
{"place":{"id":5,"account":"c","side":"sell","price":"99.5","qty":1,"post_only":"reject"}}
{"amend":{"id":3,"price":"200"}}
{"place":{"id":6,"account":"c","side":"sell","price":"99.5","qty":1,"post_only":"slide","tif":"IOC"}}
{"place":{"id":6,"account":"c","side":"sell","price":"99.5","qty":1,"post_only":"maybe"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2,"price":"99.5"}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4,"price":"100"}}
            {"rejected":{"id":5,"reason":"post_only_would_cross"}}
            {"amended":{"id":3,"price":"99.5","qty":1}}
            {"rejected":{"id":6,"reason":"post_only_immediate"}}
            {"rejected":{"id":6,"reason":"unsupported_field:post_only"}}
            {"book":{"bids":[["99.5",2]],"asks":[["100",2]]}}
        "#]],
    );
}

#[test]
fn no_limit_goes_beyond_its_ceiling() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":1}}
{"place":{"id":2,"account":"a","side":"sell","price":"102","qty":1}}
{"place":{"id":3,"account":"b","side":"buy","price":"101.001","qty":1,"ceiling":"101"}}
{"place":{"id":3,"account":"b","side":"buy","price":"99","qty":1,"ceiling":"101"}}
{"amend":{"id":3,"price":"101.001"}}
{"amend":{"id":3,"price":"101"}}
{"place":{"id":4,"account":"b","side":"buy","type":"market","qty":5,"ceiling":"101.999"}}
{"place":{"id":5,"account":"b","side":"buy","type":"market","qty":5,"ceiling":"102"}}
{"place":{"id":6,"account":"b","side":"sell","price":"99","qty":1,"ceiling":"100"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"beyond_ceiling"}}
            {"accepted":{"id":3}}
            {"rejected":{"id":3,"reason":"beyond_ceiling"}}
            {"amended":{"id":3,"price":"101","qty":1}}
            {"trade":{"maker":1,"taker":3,"price":"100","qty":1}}
            {"accepted":{"id":4}}
            {"cancelled":{"id":4,"qty":5,"reason":"market"}}
            {"accepted":{"id":5}}
            {"trade":{"maker":2,"taker":5,"price":"102","qty":1}}
            {"cancelled":{"id":5,"qty":4,"reason":"market"}}
            {"rejected":{"id":6,"reason":"beyond_ceiling"}}
            {"book":{"bids":[],"asks":[]}}
        "#]],
    );
}

#[test]
fn an_order_good_till_an_instant_ends_at_it() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":1,"tif":"GTD","expire_at":1000}}
{"place":{"id":2,"account":"a","side":"buy","price":"99","qty":1,"tif":"GTD","expire_at":999}}
{"place":{"id":3,"account":"a","side":"buy","price":"98","qty":1,"tif":"GTD"}}
{"place":{"id":3,"account":"a","side":"buy","price":"98","qty":1,"expire_at":1000}}
{"place":{"id":3,"account":"a","side":"buy","price":"98","qty":1,"tif":"GTD","expire_at":"1000"}}
{"place":{"id":3,"account":"a","side":"buy","price":"98","qty":1,"tif":"GTD","expire_at":18446744073710}}
{"place":{"id":3,"account":"a","side":"buy","price":"98","qty":1,"tif":"DAY"}}
{"clock":{"at":998}}
{"clock":{"at":1000}}
{"place":{"id":1,"account":"a","side":"buy","price":"98","qty":1,"tif":"GTD","expire_at":1000}}
{"place":{"id":1,"account":"a","side":"buy","price":"98","qty":1,"tif":"GTD","expire_at":1001}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"rejected":{"id":3,"reason":"missing_field:expire_at"}}
            {"rejected":{"id":3,"reason":"unsupported_field:expire_at"}}
            {"rejected":{"id":3,"reason":"invalid_field:expire_at"}}
            {"rejected":{"id":3,"reason":"invalid_field:expire_at"}}
            {"rejected":{"id":3,"reason":"unsupported_field:tif"}}
            {"cancelled":{"id":2,"qty":1,"reason":"expired"}}
            {"cancelled":{"id":1,"qty":1,"reason":"expired"}}
            {"rejected":{"id":1,"reason":"expiry_passed"}}
            {"accepted":{"id":1}}
            {"book":{"bids":[["98",1]],"asks":[]}}
        "#]],
    );
}

#[test]
fn a_command_that_comes_after_its_instant_is_refused() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"buy","price":"100","qty":1,"valid_until":0}}
{"clock":{"at":50}}
{"place":{"id":1,"account":"a","side":"buy","price":"99","qty":1,"valid_until":49}}
{"amend":{"id":1,"price":"99","valid_until":49}}
{"amend":{"id":1,"price":"99","valid_until":50}}
{"amend":{"id":2,"price":"99","valid_until":49}}
{"amend":{"id":1,"price":"99","valid_until":-1}}
{"place":{"id":3,"account":"a","side":"buy","price":"99","qty":1,"valid_until":false}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"rejected":{"id":1,"reason":"valid_until_passed"}}
            {"rejected":{"id":1,"reason":"valid_until_passed"}}
            {"amended":{"id":1,"price":"99","qty":1}}
            {"rejected":{"id":2,"reason":"valid_until_passed"}}
            {"rejected":{"id":1,"reason":"invalid_field:valid_until"}}
            {"accepted":{"id":3}}
            {"book":{"bids":[["99",2]],"asks":[]}}
        "#]],
    );
}

#[test]
fn time_does_not_run_back() {
    for (line, expected) in [
        (
            r#"{"clock":{"at":49}}"#,
            expect![[r#"
            error: line 2: clock at: before_clock
        "#]],
        ),
        (
            r#"{"clock":{}}"#,
            expect![[r#"
            error: line 2: clock at: missing_field:at
        "#]],
        ),
        (
            r#"{"clock":{"at":"50"}}"#,
            expect![[r#"
            error: line 2: clock at: invalid_field:at
        "#]],
        ),
        (
            r#"{"clock":{"at":18446744073710}}"#,
            expect![[r#"
            error: line 2: clock at: invalid_field:at
        "#]],
        ),
    ] {
        check(&format!("{}\n{line}\n", r#"{"clock":{"at":50}}"#), expected);
    }
}

#[test]
fn a_reduce_only_order_is_immediate_and_not_larger_than_the_position() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":3}}
{"place":{"id":2,"account":"b","side":"buy","price":"100","qty":3}}
{"place":{"id":3,"account":"c","side":"buy","price":"99","qty":9}}
{"place":{"id":4,"account":"b","side":"sell","type":"market","qty":4,"reduce_only":true}}
{"place":{"id":5,"account":"b","side":"sell","price":"99","qty":1,"reduce_only":true}}
{"place":{"id":6,"account":"b","side":"buy","type":"market","qty":1,"reduce_only":true}}
{"place":{"id":7,"account":"b","side":"sell","type":"market","qty":2,"reduce_only":true}}
{"place":{"id":8,"account":"b","side":"sell","price":"99","qty":2,"reduce_only":true,"tif":"IOC"}}
{"place":{"id":9,"account":"b","side":"sell","price":"99","qty":1,"reduce_only":true,"tif":"IOC"}}
{"place":{"id":10,"account":"d","side":"sell","type":"market","qty":1,"reduce_only":true}}
{"place":{"id":10,"account":"d","side":"sell","type":"market","qty":1,"reduce_only":"yes"}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"trade":{"maker":1,"taker":2,"price":"100","qty":3}}
            {"accepted":{"id":3}}
            {"rejected":{"id":4,"reason":"reduce_only"}}
            {"rejected":{"id":5,"reason":"reduce_only"}}
            {"rejected":{"id":6,"reason":"reduce_only"}}
            {"accepted":{"id":7}}
            {"trade":{"maker":3,"taker":7,"price":"99","qty":2}}
            {"rejected":{"id":8,"reason":"reduce_only"}}
            {"accepted":{"id":9}}
            {"trade":{"maker":3,"taker":9,"price":"99","qty":1}}
            {"rejected":{"id":10,"reason":"reduce_only"}}
            {"rejected":{"id":10,"reason":"unsupported_field:reduce_only"}}
            {"book":{"bids":[["99",6]],"asks":[]}}
        "#]],
    );
}

#[test]
fn a_limit_outside_the_band_is_refused_with_the_bands_limit() {
    check(
        r#"
{"book":{"tick":"0.5","band":{"low":"95","high":"105"}}}
{"place":{"id":1,"account":"a","side":"buy","price":"105.5","qty":1}}
{"place":{"id":2,"account":"a","side":"sell","price":"94.5","qty":1}}
{"place":{"id":3,"account":"a","side":"sell","price":"105.5","qty":1}}
{"place":{"id":4,"account":"b","side":"buy","type":"market","qty":1}}
{"amend":{"id":3,"price":"94.5"}}
{"band":{"high":null}}
{"place":{"id":5,"account":"b","side":"buy","type":"market","qty":1}}
{"band":{"low":"95","high":"x"}}
"#,
        expect![[r#"
            {"rejected":{"id":1,"reason":"above_band","limit":"105"}}
            {"rejected":{"id":2,"reason":"below_band","limit":"95"}}
            {"accepted":{"id":3}}
            {"accepted":{"id":4}}
            {"cancelled":{"id":4,"qty":1,"reason":"market"}}
            {"rejected":{"id":3,"reason":"below_band","limit":"95"}}
            {"accepted":{"id":5}}
            {"trade":{"maker":3,"taker":5,"price":"105.5","qty":1}}
            error: line 10: band high: invalid_field:high
        "#]],
    );
}

#[test]
fn an_id_may_be_used_again_once_its_order_has_ended() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":2}}
{"place":{"id":1,"account":"a","side":"sell","price":"101","qty":2}}
{"place":{"id":1,"account":"a","side":"sell","price":"101","qty":0}}
{"place":{"id":2,"account":"b","side":"buy","price":"100","qty":2}}
{"place":{"id":1,"account":"a","side":"sell","price":"101","qty":2}}
{"place":{"id":2,"account":"b","side":"buy","price":"90","qty":2,"tif":"IOC"}}
{"place":{"id":2,"account":"b","side":"buy","price":"90","qty":2}}
{"cancel":{"id":2}}
{"place":{"id":2,"account":"b","side":"buy","price":"91","qty":2}}
{"amend":{"id":2,"qty":0}}
{"amend":{"id":2,"qty":1}}
{"place":{"id":18446744073709551615,"account":"b","side":"buy","price":"91","qty":2}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"rejected":{"id":1,"reason":"duplicate_id"}}
            {"rejected":{"id":1,"reason":"zero_quantity"}}
            {"accepted":{"id":2}}
            {"trade":{"maker":1,"taker":2,"price":"100","qty":2}}
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"cancelled":{"id":2,"qty":2,"reason":"ioc"}}
            {"accepted":{"id":2}}
            {"cancelled":{"id":2,"qty":2,"reason":"user"}}
            {"accepted":{"id":2}}
            {"cancelled":{"id":2,"qty":2,"reason":"amended"}}
            {"rejected":{"id":2,"reason":"unknown_order"}}
            {"accepted":{"id":18446744073709551615}}
            {"book":{"bids":[["91",2]],"asks":[["101",2]]}}
        "#]],
    );
}
