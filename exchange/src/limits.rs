//! How much of everything there may be. Each limit has its reject.

use instruments::{MicroUsd, NanosSpan, Qty};

/// Series on one venue: five grades with a full calendar of futures, options and spreads fit ten times over.
pub const SERIES_MAX: usize = 10_000;
/// Accounts on one venue: bounds a snapshot's size.
pub const ACCOUNTS_MAX: usize = 1_000_000;
/// Bytes of an account's name.
pub const ACCOUNT_NAME_LEN_MAX: usize = 64;
/// One deposit: a billion dollars.
pub const DEPOSIT_MAX: MicroUsd = MicroUsd::new(1_000_000_000_000_000);
/// One account's equity after a deposit: ten billion dollars. A ledger of micro-dollars holds 900 such accounts.
pub const EQUITY_MAX: MicroUsd = MicroUsd::new(10_000_000_000_000_000);
/// All deposits together: four trillion dollars, below half the ledger's range.
pub const DEPOSITS_MAX: MicroUsd = MicroUsd::new(4_000_000_000_000_000_000);
/// Open orders of one account: bounds the time of one `cancel_all`.
pub const OPEN_ORDERS_PER_ACCOUNT_MAX: u64 = 5_000;
/// Open orders of all accounts: each and its price level have a slot in the books, of which there are 2^24.
pub const OPEN_ORDERS_MAX: usize = 8_000_000;
/// Orders, changes and cancels in one batch: bounds how long it may hold everyone else up.
pub const BATCH_MAX: usize = 64;
/// How many times what it shows an iceberg may be: each part that comes to light is work for whoever takes it.
pub const DISPLAY_RATIO_MAX: u64 = 1_000;
/// Bytes of a label, as in Deribit's API.
pub const LABEL_LEN_MAX: usize = 64;
/// Bytes of an account's own id of an order.
pub const CLIENT_ORDER_ID_LEN_MAX: usize = 64;
/// Ended orders of one account that are remembered by its own ids: ten orders a second for almost three hours.
pub const CLIENT_ORDERS_PER_ACCOUNT_MAX: u64 = 100_000;
/// Ended orders of all accounts that are remembered so: bounds a snapshot's size.
pub const CLIENT_ORDERS_MAX: u64 = 1_000_000;
/// Legs of one block.
pub const LEGS_MAX: usize = 8;
/// Agreements that cannot come again, of all accounts: one a second for a day, and some.
pub const AGREEMENTS_MAX: usize = 100_000;
/// Lots of one position with its open orders: keeps every notional within the ledger at today's prices.
pub const POSITION_MAX: Qty = Qty::from_lots(1_000_000);
/// Grades on one venue: bounds the portfolios that an account has.
pub const GRADES_MAX: usize = 32;
/// Options in one publication of risk arrays: a strip of strikes of one expiry, with room.
pub const RISKS_MAX: usize = 256;
/// Points of one published curve.
pub const CURVE_POINTS_MAX: usize = 64;
/// GPUs of one grade that one account registers: more than were ever built of one.
pub const CAPACITY_MAX: u64 = 10_000_000;
/// Accounts in liquidation: bounds the time of one timer.
pub const LIQUIDATIONS_MAX: usize = 4_096;
/// Backstop bidders, and so the bids of one auction.
pub const BACKSTOPS_MAX: usize = 64;
/// Highest index, dollars per GPU-hour: ten thousand.
pub const INDEX_MAX: MicroUsd = MicroUsd::new(10_000_000_000);
/// Bytes of the address at which a holder is reached.
pub const ENDPOINT_LEN_MAX: usize = 256;
/// Bytes of a machine's name.
pub const NODE_NAME_LEN_MAX: usize = 64;
/// Offers of the standby pool: each is looked at when one is called.
pub const STANDBY_OFFERS_MAX: usize = 1_000;
/// Machines in one nomination or substitution: more than any one delivery has had, and a bound on the command.
pub const NODES_MAX: usize = 1_024;
/// Challenges of one obligation that wait for an answer or a verdict at a time: a common instant, one check again, and some.
pub const CHALLENGES_IN_FLIGHT_MAX: u64 = 4;
/// Matches of one series that were agreed on elsewhere: bounds the time of an assignment.
pub const MATCHES_PER_SERIES_MAX: usize = 10_000;
/// Entries of one mass quote, each with two sides: bounds how long it may hold everyone else up.
pub const QUOTES_MAX: usize = 64;
/// Bytes of a quote's own words, as of a label.
pub const QUOTE_WORD_LEN_MAX: usize = 64;
/// Bytes of the name of a group of quotes.
pub const GROUP_NAME_LEN_MAX: usize = 64;
/// The longest window of a protection, as in Deribit's API.
pub const WINDOW_MAX: NanosSpan = NanosSpan::from_seconds(3_600);
/// The longest time that a protection keeps a group away by itself, as in Deribit's API.
pub const FREEZE_MAX: NanosSpan = NanosSpan::from_seconds(3_600);
