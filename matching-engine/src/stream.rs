//! Command streams: order flow as bytes, so that any engine can replay it.
//!
//! A header of 64 bytes, then 16 bytes a command, all little endian. [`read`] checks every byte once; what it returns decodes commands as
//! they are asked for, allocates nothing and cannot fail. `docs/streams.md` has the format byte by byte.

use core::fmt;
use instruments::Side;

/// What a stream begins with.
pub const MAGIC: [u8; 8] = *b"CDXSTRM1";

/// The only version there is.
pub const VERSION: u32 = 1;

/// A command names its book in 16 bits.
pub const STREAM_BOOKS_MAX: u32 = 1 << 16;

const HEADER_BYTES: usize = 64;
const COMMAND_BYTES: usize = 16;

/// What a stream says about all its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many books; a command names one below this.
    pub books: u32,
    /// How many commands follow.
    pub commands: u64,
    /// How many of them only fill the books: clocks start after them.
    pub warmup: u64,
    /// The lowest price of any command, in ticks.
    pub price_low: u32,
    /// The highest.
    pub price_high: u32,
    /// The highest id of any command.
    pub id_high: u32,
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A limit order that rests until it is cancelled.
    Add,
    /// The end of an order; one that has ended already is refused.
    Cancel,
    /// A new price and open quantity for an order, which goes to the back of its level; one that has ended is refused.
    Modify,
    /// A limit order whose rest is cancelled on arrival.
    Ioc,
    /// An order without a limit, whose rest is cancelled on arrival.
    Market,
}

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCommand {
    /// What it asks for.
    pub op: Op,
    /// Which way; a cancel repeats its order's.
    pub side: Side,
    /// Which book, from zero.
    pub book: u16,
    /// How much. A cancel has none.
    pub qty: u32,
    /// The order's id, unique in the stream.
    pub id: u32,
    /// Its limit in ticks. A cancel and a market order have none.
    pub price: u32,
}

/// A stream whose every byte has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Stream<'a> {
    header: Header,
    commands: &'a [[u8; COMMAND_BYTES]],
}

impl<'a> Stream<'a> {
    /// What it says about its commands.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many commands there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// One command by its place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<StreamCommand> {
        self.commands.get(place).map(Raw::of).map(Raw::decode)
    }

    /// The commands in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = StreamCommand> + use<'a> {
        self.commands.iter().map(Raw::of).map(Raw::decode)
    }
}

/// A part of a stream that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The first eight bytes, as a number.
    Magic,
    /// The version.
    Version,
    /// How many books.
    Books,
    /// How many commands before the clock starts.
    Warmup,
    /// The highest price, which is not below the lowest.
    PriceHigh,
    /// Bytes of the header that mean nothing yet.
    Reserved,
    /// How many bytes the stream has.
    Length,
    /// What a command asks for.
    Op,
    /// Which way.
    Side,
    /// Which book.
    Book,
    /// How much.
    Qty,
    /// Which order.
    Id,
    /// At what price.
    Price,
}

impl Field {
    /// Its name in a message.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Magic => "magic",
            Self::Version => "version",
            Self::Books => "books",
            Self::Warmup => "warmup",
            Self::PriceHigh => "price_high",
            Self::Reserved => "reserved",
            Self::Length => "length",
            Self::Op => "op",
            Self::Side => "side",
            Self::Book => "book",
            Self::Qty => "qty",
            Self::Id => "id",
            Self::Price => "price",
        }
    }
}

/// How a field misses its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// It has to be the limit.
    Not,
    /// It is more than the limit.
    Above,
    /// It is less than the limit.
    Below,
}

/// Why bytes are not a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamError {
    /// The first field that is wrong.
    pub field: Field,
    /// Its value.
    pub value: u64,
    /// How it misses the limit.
    pub miss: Miss,
    /// The limit.
    pub limit: u64,
    /// Where the field begins, in bytes from the start. A length has no place: then this is where the stream should end.
    pub offset: u64,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, miss, limit, offset } = self;
        let miss = match miss {
            Miss::Not => "it has to be",
            Miss::Above => "above the limit of",
            Miss::Below => "below the limit of",
        };
        let field = field.name();
        write!(f, "{field} at byte {offset} is {value}, {miss} {limit}")
    }
}

impl core::error::Error for StreamError {}

/// Checks a stream.
///
/// # Errors
/// [`StreamError`] names the first field that is wrong, and where it is.
pub fn read(bytes: &[u8]) -> Result<Stream<'_>, StreamError> {
    let length = count(bytes.len());
    let Some((head, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        let limit = count(HEADER_BYTES);
        return Err(wrong(Field::Length, length, Miss::Below, (limit, limit)));
    };
    let header = read_header(head)?;
    let (commands, tail) = body.as_chunks::<COMMAND_BYTES>();
    let end = header.commands.saturating_mul(count(COMMAND_BYTES));
    let end = end.saturating_add(count(HEADER_BYTES));
    at_least(Field::Length, length, end, end)?;
    at_most(Field::Length, length, end, end)?;
    debug_assert!(tail.is_empty(), "the length has just been checked");
    let mut offset = count(HEADER_BYTES);
    for command in commands {
        Raw::of(command).check(&header, offset)?;
        offset = offset.saturating_add(count(COMMAND_BYTES));
    }
    Ok(Stream { header, commands })
}

/// The bytes of a stream. The number of commands is counted, whatever the header says.
#[must_use]
pub fn write(header: &Header, commands: &[StreamCommand]) -> Vec<u8> {
    let length = commands.len().saturating_mul(COMMAND_BYTES).saturating_add(HEADER_BYTES);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(header.books.to_le_bytes());
    bytes.extend(count(commands.len()).to_le_bytes());
    bytes.extend(header.warmup.to_le_bytes());
    bytes.extend(header.price_low.to_le_bytes());
    bytes.extend(header.price_high.to_le_bytes());
    bytes.extend(header.id_high.to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    for command in commands {
        bytes.extend(Raw::encode(command));
    }
    bytes
}

/// A command as it stands in the bytes, checked or not.
#[derive(Debug, Clone, Copy)]
struct Raw {
    op: u8,
    side: u8,
    book: u16,
    qty: u32,
    id: u32,
    price: u32,
}

impl Raw {
    #[inline]
    const fn of(bytes: &[u8; COMMAND_BYTES]) -> Self {
        let [op, side, b0, b1, q0, q1, q2, q3, i0, i1, i2, i3, p0, p1, p2, p3] = *bytes;
        Self {
            op,
            side,
            book: u16::from_le_bytes([b0, b1]),
            qty: u32::from_le_bytes([q0, q1, q2, q3]),
            id: u32::from_le_bytes([i0, i1, i2, i3]),
            price: u32::from_le_bytes([p0, p1, p2, p3]),
        }
    }

    /// What it says. Numbers that [`Raw::check`] would refuse are read as the nearest that it would not.
    #[inline]
    const fn decode(self) -> StreamCommand {
        let op = match self.op {
            0 => Op::Add,
            1 => Op::Cancel,
            2 => Op::Modify,
            3 => Op::Ioc,
            _ => Op::Market,
        };
        let side = if self.side == 0 { Side::Buy } else { Side::Sell };
        let Self { book, qty, id, price, .. } = self;
        StreamCommand { op, side, book, qty, id, price }
    }

    fn encode(command: &StreamCommand) -> [u8; COMMAND_BYTES] {
        let op = match command.op {
            Op::Add => 0,
            Op::Cancel => 1,
            Op::Modify => 2,
            Op::Ioc => 3,
            Op::Market => 4,
        };
        let side = if command.side == Side::Buy { 0 } else { 1 };
        let [b0, b1] = command.book.to_le_bytes();
        let [q0, q1, q2, q3] = command.qty.to_le_bytes();
        let [i0, i1, i2, i3] = command.id.to_le_bytes();
        let [p0, p1, p2, p3] = command.price.to_le_bytes();
        [op, side, b0, b1, q0, q1, q2, q3, i0, i1, i2, i3, p0, p1, p2, p3]
    }

    /// Compares every field with its limits, in the order of the bytes.
    fn check(self, header: &Header, offset: u64) -> Result<(), StreamError> {
        let after = |bytes: u64| offset.saturating_add(bytes);
        at_most(Field::Op, self.op.into(), 4, offset)?;
        at_most(Field::Side, self.side.into(), 1, after(1))?;
        let book_high = header.books.saturating_sub(1);
        at_most(Field::Book, self.book.into(), book_high.into(), after(2))?;
        let op = self.decode().op;
        if op != Op::Cancel {
            at_least(Field::Qty, self.qty.into(), 1, after(4))?;
        }
        at_most(Field::Id, self.id.into(), header.id_high.into(), after(8))?;
        if matches!(op, Op::Add | Op::Modify | Op::Ioc) {
            at_least(Field::Price, self.price.into(), header.price_low.into(), after(12))?;
            at_most(Field::Price, self.price.into(), header.price_high.into(), after(12))?;
        }
        Ok(())
    }
}

fn read_header(head: &[u8; HEADER_BYTES]) -> Result<Header, StreamError> {
    let (words, _) = head.as_chunks::<4>();
    let word = |place: usize| words.get(place).map_or(0, |word| u32::from_le_bytes(*word));
    let long = |place: usize| {
        let high = word(place.saturating_add(1));
        u64::from(high) << 32 | u64::from(word(place))
    };
    exactly(Field::Magic, long(0), u64::from_le_bytes(MAGIC), 0)?;
    exactly(Field::Version, word(2).into(), VERSION.into(), 8)?;
    let header = Header {
        books: word(3),
        commands: long(4),
        warmup: long(6),
        price_low: word(8),
        price_high: word(9),
        id_high: word(10),
    };
    at_least(Field::Books, header.books.into(), 1, 12)?;
    at_most(Field::Books, header.books.into(), STREAM_BOOKS_MAX.into(), 12)?;
    at_most(Field::Warmup, header.warmup, header.commands, 24)?;
    at_least(Field::PriceHigh, header.price_high.into(), header.price_low.into(), 36)?;
    for (place, offset) in [(11, 44), (12, 48), (13, 52), (14, 56), (15, 60)] {
        exactly(Field::Reserved, word(place).into(), 0, offset)?;
    }
    Ok(header)
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

const fn wrong(field: Field, value: u64, miss: Miss, (limit, offset): (u64, u64)) -> StreamError {
    StreamError { field, value, miss, limit, offset }
}

fn exactly(field: Field, value: u64, limit: u64, offset: u64) -> Result<(), StreamError> {
    if value == limit { Ok(()) } else { Err(wrong(field, value, Miss::Not, (limit, offset))) }
}

fn at_most(field: Field, value: u64, limit: u64, offset: u64) -> Result<(), StreamError> {
    if value <= limit { Ok(()) } else { Err(wrong(field, value, Miss::Above, (limit, offset))) }
}

fn at_least(field: Field, value: u64, limit: u64, offset: u64) -> Result<(), StreamError> {
    if limit <= value { Ok(()) } else { Err(wrong(field, value, Miss::Below, (limit, offset))) }
}
