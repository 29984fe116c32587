//! Orders that show a part.

use expect_test::expect;

use super::{check, check_all};

const ICEBERG_AND_TAKERS: &str = r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":10,"display":4}}
{"place":{"id":2,"account":"b","side":"sell","price":"100","qty":3}}
{"place":{"id":3,"account":"c","side":"buy","price":"100","qty":5}}
{"amend":{"id":1,"qty":8}}
{"place":{"id":4,"account":"c","side":"buy","price":"100","qty":4}}
"#;

#[test]
fn an_iceberg_shows_a_part_and_refreshes_at_the_back() {
    check_all(
        ICEBERG_AND_TAKERS,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"trade":{"maker":1,"taker":3,"price":"100","qty":4}}
            {"refreshed":{"id":1,"shown":4}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":1}}
            {"amended":{"id":1,"price":"100","qty":8}}
            {"accepted":{"id":4}}
            {"trade":{"maker":2,"taker":4,"price":"100","qty":2}}
            {"trade":{"maker":1,"taker":4,"price":"100","qty":2}}
            {"book":{"bids":[],"asks":[["100",2]]}}
        "#]],
    );
}

#[test]
fn without_a_wish_for_details_only_the_plain_kinds_are_printed() {
    check(
        ICEBERG_AND_TAKERS,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"accepted":{"id":3}}
            {"trade":{"maker":1,"taker":3,"price":"100","qty":4}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":1}}
            {"amended":{"id":1,"price":"100","qty":8}}
            {"accepted":{"id":4}}
            {"trade":{"maker":2,"taker":4,"price":"100","qty":2}}
            {"trade":{"maker":1,"taker":4,"price":"100","qty":2}}
            {"book":{"bids":[],"asks":[["100",2]]}}
        "#]],
    );
}

#[test]
fn a_taker_uses_its_whole_size_and_rests_with_a_part() {
    check_all(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":7}}
{"place":{"id":2,"account":"b","side":"buy","price":"100","qty":20,"display":5}}
{"place":{"id":3,"account":"c","side":"sell","price":"99","qty":12}}
{"amend":{"id":2,"price":"98","qty":30}}
"#,
        expect![[r#"
            {"accepted":{"id":1}}
            {"accepted":{"id":2}}
            {"trade":{"maker":1,"taker":2,"price":"100","qty":7}}
            {"accepted":{"id":3}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":5}}
            {"refreshed":{"id":2,"shown":5}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":5}}
            {"refreshed":{"id":2,"shown":3}}
            {"trade":{"maker":2,"taker":3,"price":"100","qty":2}}
            {"amended":{"id":2,"price":"98","qty":30}}
            {"book":{"bids":[["98",5]],"asks":[]}}
        "#]],
    );
}

#[test]
fn an_iceberg_that_shows_nothing_or_too_little_or_never_rests_is_refused() {
    check(
        r#"
{"place":{"id":1,"account":"a","side":"sell","price":"100","qty":10,"display":0}}
{"place":{"id":2,"account":"a","side":"sell","price":"100","qty":1001,"display":1}}
{"place":{"id":3,"account":"a","side":"sell","price":"100","qty":10,"display":5,"tif":"IOC"}}
{"place":{"id":4,"account":"a","side":"sell","type":"market","qty":10,"display":5}}
{"place":{"id":5,"account":"a","side":"sell","price":"100","qty":10,"display":"5"}}
{"place":{"id":6,"account":"a","side":"sell","price":"100","qty":1000,"display":1}}
{"amend":{"id":6,"qty":1001}}
{"place":{"id":7,"account":"a","side":"sell","price":"101","qty":2,"display":9}}
{"place":{"id":8,"account":"a","side":"sell","price":"102","qty":2,"display":false}}
"#,
        expect![[r#"
            {"rejected":{"id":1,"reason":"display_out_of_range"}}
            {"rejected":{"id":2,"reason":"display_out_of_range"}}
            {"rejected":{"id":3,"reason":"display_immediate"}}
            {"rejected":{"id":4,"reason":"display_immediate"}}
            {"rejected":{"id":5,"reason":"invalid_field:display"}}
            {"accepted":{"id":6}}
            {"rejected":{"id":6,"reason":"display_out_of_range"}}
            {"accepted":{"id":7}}
            {"accepted":{"id":8}}
            {"book":{"bids":[],"asks":[["100",1],["101",2],["102",2]]}}
        "#]],
    );
}
