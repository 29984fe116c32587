//! Command streams: what is written is read, and whatever is wrong is named with its place and its limit.

use expect_test::expect;
use instruments::Side;
use matching_engine::stream::{Header, Op, StreamCommand, StreamError, read, write};
use proptest::prelude::*;

const HEADER: Header =
    Header { books: 3, commands: 2, warmup: 1, price_low: 100, price_high: 200, id_high: 9 };

const ADD: StreamCommand =
    StreamCommand { op: Op::Add, side: Side::Sell, book: 2, qty: 7, id: 9, price: 200 };

fn any_command(header: Header) -> impl Strategy<Value = StreamCommand> {
    let ops = prop::sample::select(vec![Op::Add, Op::Cancel, Op::Modify, Op::Ioc, Op::Market]);
    let side = prop::sample::select(vec![Side::Buy, Side::Sell]);
    let book = (0..header.books).prop_map(|book| u16::try_from(book).unwrap());
    let prices = header.price_low..=header.price_high;
    let fields = (ops, side, book, 1..=u32::MAX, 0..=header.id_high, prices);
    fields.prop_map(|(op, side, book, qty, id, price)| StreamCommand {
        op,
        side,
        book,
        qty,
        id,
        price,
    })
}

fn any_stream() -> impl Strategy<Value = (Header, Vec<StreamCommand>)> {
    let header = (1..=65_536_u32, 0..u32::MAX, 0..u32::MAX, any::<u32>()).prop_map(
        |(books, price, other, id_high)| Header {
            books,
            commands: 0,
            warmup: 0,
            price_low: price.min(other),
            price_high: price.max(other),
            id_high,
        },
    );
    header
        .prop_flat_map(|header| (Just(header), prop::collection::vec(any_command(header), 0..40)))
        .prop_flat_map(|(header, commands)| {
            let count = commands.len() as u64;
            (Just(header), Just(commands), 0..=count)
        })
        .prop_map(|(header, commands, warmup)| {
            (Header { commands: commands.len() as u64, warmup, ..header }, commands)
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read((header, commands) in any_stream()) {
        let bytes = write(&header, &commands);
        let stream = read(&bytes).unwrap();
        prop_assert_eq!(*stream.header(), header);
        prop_assert_eq!(stream.len(), commands.len());
        prop_assert_eq!(stream.iter().collect::<Vec<_>>(), commands.clone());
        let by_place: Vec<_> = (0..commands.len()).filter_map(|at| stream.get(at)).collect();
        prop_assert_eq!(by_place, commands.clone());
        prop_assert_eq!(stream.get(commands.len()), None);
    }

    /// A stream that has lost bytes or been changed is refused, or is another stream; it is never a panic.
    #[test]
    fn damage_is_refused_or_read(
        (header, commands) in any_stream(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        let whole = write(&header, &commands);
        let cut = length.index(whole.len());
        prop_assert!(read(&whole[..cut]).is_err());
        let mut changed = whole.clone();
        changed[place.index(whole.len())] = byte;
        if let Ok(stream) = read(&changed) {
            let commands: Vec<_> = stream.iter().collect();
            prop_assert_eq!(write(stream.header(), &commands), changed);
        }
    }
}

/// The error after some bytes of a good stream of two commands were replaced.
#[track_caller]
fn refusal(at: usize, bytes: &[u8]) -> StreamError {
    let mut stream = write(&HEADER, &[ADD, StreamCommand { price: 100, ..ADD }]);
    assert!(read(&stream).is_ok());
    stream[at..at + bytes.len()].copy_from_slice(bytes);
    read(&stream).unwrap_err()
}

#[test]
fn every_fault_has_a_name_a_place_and_a_limit() {
    let faults: [(usize, &[u8]); 18] = [
        (0, b"X"),
        (8, &[2]),
        (12, &[0]),
        (14, &[2]),
        (16, &[3]),
        (16, &[1]),
        (24, &[3]),
        (36, &[99]),
        (44, &[1]),
        (63, &[1]),
        (64, &[5]),
        (65, &[2]),
        (66, &[3]),
        (68, &[0]),
        (72, &[10]),
        (76, &[201]),
        (92, &[99]),
        (80, &[2, 0, 0, 0, 0]),
    ];
    let mut said = String::new();
    for (at, bytes) in faults {
        said.push_str(&format!("{}\n", refusal(at, bytes)));
    }
    expect![[r#"
        magic at byte 0 is 3552586203194213464, it has to be 3552586203194213443
        version at byte 8 is 2, it has to be 1
        books at byte 12 is 0, below the limit of 1
        books at byte 12 is 131075, above the limit of 65536
        length at byte 112 is 96, below the limit of 112
        length at byte 80 is 96, above the limit of 80
        warmup at byte 24 is 3, above the limit of 2
        price_high at byte 36 is 99, below the limit of 100
        reserved at byte 44 is 1, it has to be 0
        reserved at byte 60 is 16777216, it has to be 0
        op at byte 64 is 5, above the limit of 4
        side at byte 65 is 2, above the limit of 1
        book at byte 66 is 3, above the limit of 2
        qty at byte 68 is 0, below the limit of 1
        id at byte 72 is 10, above the limit of 9
        price at byte 76 is 201, above the limit of 200
        price at byte 92 is 99, below the limit of 100
        qty at byte 84 is 0, below the limit of 1
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_cancel_needs_no_quantity_and_no_price_and_a_market_order_no_price() {
    let cancel = StreamCommand { op: Op::Cancel, qty: 0, price: 0, ..ADD };
    let market = StreamCommand { op: Op::Market, price: 0, ..ADD };
    let bytes = write(&HEADER, &[cancel, market]);
    let stream = read(&bytes).unwrap();
    assert_eq!(stream.iter().collect::<Vec<_>>(), [cancel, market]);
}

#[test]
fn a_stream_ends_where_its_header_says() {
    let mut bytes = write(&HEADER, &[ADD, ADD]);
    bytes.push(0);
    let long = read(&bytes).unwrap_err().to_string();
    expect!["length at byte 96 is 97, above the limit of 96"].assert_eq(&long);
    let short = read(&bytes[..95]).unwrap_err().to_string();
    expect!["length at byte 96 is 95, below the limit of 96"].assert_eq(&short);
    let none = read(&[]).unwrap_err().to_string();
    expect!["length at byte 64 is 0, below the limit of 64"].assert_eq(&none);
}
