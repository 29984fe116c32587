//! Streams in, figures out.

use std::io;

use expect_test::{Expect, expect};
use instruments::Side;
use matching_engine::stream::{Header, Op, StreamCommand, write};
use serde_json::Value;

use super::{read_all, run};

const HEADER: Header =
    Header { books: 2, commands: 0, warmup: 0, price_low: 90, price_high: 110, id_high: 9 };

fn command(op: Op, side: Side, id: u32, qty: u32, price: u32) -> StreamCommand {
    StreamCommand { op, side, book: 1, qty, id, price }
}

fn replay(bytes: &[u8], is_json: bool) -> Result<String, String> {
    let mut output = Vec::new();
    run(bytes, &mut output, is_json).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(output).unwrap())
}

/// The last line, without what is another each time or with each version.
fn figures(text: &str) -> Value {
    let mut report: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let nanos = report.as_object_mut().unwrap().remove("ns_per_command").unwrap();
    assert!(nanos.is_null() || nanos.as_f64().is_some_and(|nanos| 0.0 <= nanos), "{nanos}");
    let hash = report.as_object_mut().unwrap().remove("events_hash").unwrap();
    assert!(hash.as_str().is_some_and(|hash| hash.len() == 16), "{hash}");
    report
}

#[track_caller]
fn check(header: Header, commands: &[StreamCommand], expected: Expect) {
    let report = match replay(&write(&header, commands), true) {
        Ok(text) => figures(&text).to_string(),
        Err(error) => error,
    };
    expected.assert_eq(&report);
}

#[test]
fn every_command_does_what_its_number_says() {
    let (buy, sell) = (Side::Buy, Side::Sell);
    let commands = [
        command(Op::Add, sell, 1, 5, 100),
        command(Op::Add, sell, 2, 5, 101),
        command(Op::Ioc, buy, 3, 2, 100),
        command(Op::Market, buy, 4, 4, 0),
        command(Op::Cancel, sell, 1, 0, 0),
        command(Op::Cancel, sell, 2, 0, 0),
        command(Op::Cancel, sell, 2, 0, 0),
        command(Op::Modify, sell, 2, 1, 100),
        command(Op::Cancel, sell, 9, 0, 0),
    ];
    let expected = expect![[
        r#"{"commands":9,"notional":601,"rejected":4,"resting":0,"trades":3,"volume":6}"#
    ]];
    check(HEADER, &commands, expected);
}

#[test]
fn a_modify_names_the_open_quantity_and_goes_to_the_back() {
    let (buy, sell) = (Side::Buy, Side::Sell);
    let before = [
        command(Op::Add, sell, 1, 5, 100),
        command(Op::Add, sell, 2, 5, 100),
        command(Op::Ioc, buy, 3, 2, 100),
        // Three are open. The same price and no more would keep the place in an amend.
        command(Op::Modify, sell, 1, 3, 100),
        command(Op::Modify, sell, 2, 2, 101),
    ];
    let after = |taker: StreamCommand| [&before[..], &[taker]].concat();
    check(
        HEADER,
        &after(command(Op::Market, buy, 4, 5, 0)),
        expect![[
            r#"{"commands":6,"notional":702,"rejected":0,"resting":0,"trades":3,"volume":7}"#
        ]],
    );
    check(
        HEADER,
        &after(command(Op::Modify, sell, 1, 4, 90)),
        expect![[
            r#"{"commands":6,"notional":200,"rejected":0,"resting":2,"trades":1,"volume":2}"#
        ]],
    );
    let crossing = [command(Op::Add, buy, 5, 1, 99), command(Op::Modify, buy, 5, 7, 101)];
    check(
        HEADER,
        &[&before[..], &crossing].concat(),
        expect![[
            r#"{"commands":7,"notional":702,"rejected":0,"resting":1,"trades":3,"volume":7}"#
        ]],
    );
}

#[test]
fn a_modify_that_changes_nothing_loses_the_place() {
    let (buy, sell) = (Side::Buy, Side::Sell);
    let commands = [
        command(Op::Add, sell, 1, 3, 100),
        command(Op::Add, sell, 2, 3, 100),
        command(Op::Modify, sell, 1, 3, 100),
        command(Op::Ioc, buy, 3, 3, 100),
        // Only the second order has traded.
        command(Op::Cancel, sell, 1, 0, 0),
        command(Op::Cancel, sell, 2, 0, 0),
    ];
    check(
        HEADER,
        &commands,
        expect![[
            r#"{"commands":6,"notional":300,"rejected":1,"resting":0,"trades":1,"volume":3}"#
        ]],
    );
}

#[test]
fn the_warm_up_counts_and_is_not_timed() {
    let commands = [command(Op::Add, Side::Sell, 1, 5, 100)];
    let text = replay(&write(&Header { warmup: 1, ..HEADER }, &commands), true).unwrap();
    assert!(
        text.contains(r#""commands":1,"#) && text.contains(r#""ns_per_command":null"#),
        "{text}"
    );
}

#[test]
fn people_read_the_same_figures() {
    let commands = [command(Op::Add, Side::Sell, 1, 5, 100)];
    let bytes = write(&HEADER, &commands);
    let text = replay(&bytes, false).unwrap();
    let words: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('{')).map(|line| &line[..14]).collect();
    expect![[r#"
        [
            "commands      ",
            "trades        ",
            "volume        ",
            "notional      ",
            "rejected      ",
            "resting       ",
            "events hash   ",
            "ns per command",
        ]
    "#]]
    .assert_debug_eq(&words);
    assert_eq!(figures(&text), figures(&replay(&bytes, true).unwrap()));
    assert_eq!(replay(&bytes, true).unwrap().lines().count(), 1);
}

#[test]
fn what_is_no_stream_is_refused_with_field_value_and_place() {
    let command = command(Op::Add, Side::Sell, 1, 5, 100);
    check(HEADER, &[command, command], expect!["id at byte 88 is 1, which an earlier order has"]);
    check(
        HEADER,
        &[StreamCommand { price: 111, ..command }],
        expect!["price at byte 76 is 111, above the limit of 110"],
    );
    check(
        Header { id_high: 1 << 25, ..HEADER },
        &[command],
        expect!["id_high at byte 40 is 33554432, above the limit of 33554431"],
    );
    for (bytes, expected) in [
        (&b""[..], expect!["length at byte 64 is 0, below the limit of 64"]),
        (
            &b"\xfd7zXZ\0\0\x04"[..],
            expect!["the stream is packed by xz: unpack it with `xz --decompress --keep FILE`"],
        ),
        (
            &[b'{'; 100][..],
            expect!["magic at byte 0 is 8897841259083430779, it has to be 3552586203194213443"],
        ),
    ] {
        expected.assert_eq(&replay(bytes, true).unwrap_err());
    }
}

#[test]
fn nothing_longer_than_the_limit_is_read() {
    let bytes = write(&HEADER, &[]);
    assert_eq!(read_all(&bytes[..], 64).unwrap(), bytes);
    let error = read_all(io::repeat(0), 64).unwrap_err();
    expect!["length is above the limit of 64 bytes"].assert_eq(&error.to_string());
}
