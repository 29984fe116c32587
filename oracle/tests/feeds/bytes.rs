//! Bytes that are no body at all.

use instruments::MicroUsd;
use oracle::io::feeds::{BODY_LEN_MAX, FeedError, Source};
use proptest::prelude::*;

use crate::{body_of, parse};

/// FEED-003: a body has a bound, and so has every list and every number in it.
#[test]
fn feed_003_what_is_too_long_is_refused_with_its_limit() {
    let long = vec![b' '; BODY_LEN_MAX + 1];
    let error = parse(Source::Lium, &long).unwrap_err();
    assert_eq!(error, FeedError::TooLong { len: BODY_LEN_MAX + 1, limit: BODY_LEN_MAX });
    let rows = format!("{{\"nodes\":[{}{{}}]}}", "{},".repeat(100_000));
    let error = parse(Source::Lium, rows.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "field nodes: 100001 rows, limit 100000");
    let digits = body_of(Source::Lium).replacen("2.35", &format!("2.{}", "3".repeat(60)), 1);
    let error = parse(Source::Lium, digits.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("field nodes[0].price_per_gpu_hour: 2.333"), "{error}");
    let name = body_of(Source::Lium).replacen("H100 80GB HBM3", &"H".repeat(97), 1);
    let error = parse(Source::Lium, name.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error,
        "field nodes[0].gpu_model: text of 97 bytes, expected 1 to 96 printable characters"
    );
    for rows in [64, 3_000] {
        let offers = format!("{{\"offers\":[{}{{}}]}}", "{},".repeat(rows - 1));
        let error = parse(Source::Vast, offers.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("field offers: {rows} rows, which is where the venue cuts the book off")
        );
    }
    let deep = "[".repeat(200_000);
    assert!(parse(Source::AkashBreakdown, deep.as_bytes()).is_err());
}

/// FEED-003: what is not JSON says where.
#[test]
fn feed_003_what_is_not_json_says_where() {
    for (body, says) in [
        (&b""[..], "line 1, column 0: not JSON"),
        (b"{\n\"nodes\": [}", "line 2, column 11: not JSON"),
        (b"<html>", "line 1, column 1: not JSON"),
        (b"{\"nodes\": []} x", "line 1, column 15: not JSON"),
        (b"{\"nodes\"\n: \"\xff\"}", "line 2, column 4: not JSON"),
    ] {
        assert_eq!(parse(Source::Lium, body).unwrap_err().to_string(), says);
    }
    let empty = parse(Source::Lium, b"{\"nodes\": []}").expect("an empty book");
    assert_eq!((empty.records.len(), empty.skipped.len()), (0, 0));
}

/// A piece of a body that may be anything.
fn any_piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "-?[0-9]{1,30}(\\.[0-9]{0,40})?([eE][-+]?[0-9]{1,4})?",
        Just("null".to_owned()),
        Just("NaN".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("1e999999999".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("true".to_owned()),
    ]
}

proptest! {
    /// FEED-003: whatever arrives, a parser returns.
    #[test]
    fn feed_003_arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for source in Source::ALL {
            drop(parse(source, &bytes));
        }
    }

    /// FEED-003: nor does a body of which a stretch was replaced; and what is read has prices in range.
    #[test]
    fn feed_003_a_broken_body_is_refused_or_in_range(
        pick in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        len in 0..24_usize,
        piece in any_piece(),
    ) {
        let source = Source::ALL[pick.index(Source::ALL.len())];
        let body = body_of(source);
        let start = from.index(body.len());
        let end = (start + len).min(body.len());
        let mut bytes = body.as_bytes()[..start].to_vec();
        bytes.extend_from_slice(piece.as_bytes());
        bytes.extend_from_slice(&body.as_bytes()[end..]);
        if let Ok(parsed) = parse(source, &bytes) {
            for record in parsed.records {
                if let oracle::io::feeds::Record::Price(it) = record {
                    prop_assert!(MicroUsd::ZERO < it.price && it.price <= MicroUsd::new(10_000_000_000));
                    prop_assert!(it.stock.is_none_or(|stock| stock.free <= stock.total));
                }
            }
        }
    }
}
