//! Streams: made from a seed, or read from a file.

use crate::engine::Room;
use benches::reference::Reference;
use benches::streams::{Kind, SEED, generate};
use benches::tally::Tally;
use clap::Args;
use matching_engine::stream::{Header, Op, StreamCommand, read, write};
use std::path::PathBuf;

/// Which stream.
#[derive(Args, Clone, Debug)]
pub(crate) struct Choice {
    /// The stream's name, or the path of a file that holds one
    #[arg(long)]
    pub(crate) stream: String,
    /// How many commands, besides those that fill the books
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) commands: u32,
    /// What it is drawn from
    #[arg(long, default_value_t = SEED)]
    pub(crate) seed: u64,
}

/// Where to write a stream.
#[derive(Args)]
pub(crate) struct Write {
    #[command(flatten)]
    choice: Choice,
    /// The file
    #[arg(long)]
    out: PathBuf,
}

impl Write {
    /// Writes it.
    pub(crate) fn carry_out(&self) -> Result<(), String> {
        let (header, commands) = load(&self.choice)?;
        let bytes = write(&header, &commands);
        std::fs::write(&self.out, bytes).map_err(|error| format!("{}: {error}", self.out.display()))
    }
}

/// The stream that was chosen.
pub(crate) fn load(choice: &Choice) -> Result<(Header, Vec<StreamCommand>), String> {
    if let Some(kind) = Kind::of(&choice.stream) {
        return Ok(generate(kind, choice.seed, choice.commands));
    }
    let bytes = std::fs::read(&choice.stream).map_err(|error| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        format!("`{}` is no stream ({names}) and no file: {error}", choice.stream)
    })?;
    let stream = read(&bytes).map_err(|error| format!("{}: {error}", choice.stream))?;
    Ok((*stream.header(), stream.iter().collect()))
}

/// What the reference makes of a stream.
pub(crate) struct Expected {
    /// What its trades add up to.
    pub(crate) tally: Tally,
    /// What an engine may be told beforehand.
    pub(crate) room: Room,
    /// How many orders rest at its end, and at how many prices.
    pub(crate) left: (usize, usize),
}

/// Runs the reference.
pub(crate) fn expect(header: &Header, commands: &[StreamCommand]) -> Expected {
    let mut reference = Reference::new(header.books);
    let (mut fills, mut tally) = (Vec::new(), Tally::default());
    let (mut alive, mut most) = (0_u32, 0);
    for command in commands {
        let is_known = reference.apply(command, &mut fills);
        tally.rejected += u64::from(!is_known);
        for fill in fills.drain(..) {
            tally.trade(fill.maker, fill.price, fill.qty);
            alive -= u32::from(fill.is_gone);
        }
        let rests = reference.order(command.id).is_some();
        match command.op {
            Op::Add if rests => alive += 1,
            Op::Cancel | Op::Modify if is_known && !rests => alive -= 1,
            _ => {}
        }
        most = most.max(alive);
    }
    let sizes = (0..header.books).map(|book| reference.size(book as u16));
    let left = sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    Expected { tally, room: Room { header: *header, orders: most + 1 }, left }
}

/// Prints a line about a stream, or about all of them.
pub(crate) fn describe(choice: &Choice) -> Result<(), String> {
    println!(
        "stream    books   commands   resting  levels  add/cancel/modify/take %     trades   late"
    );
    let all = Kind::ALL.map(Kind::name).map(str::to_owned);
    let names = if choice.stream == "all" { all.to_vec() } else { vec![choice.stream.clone()] };
    for stream in names {
        let (header, commands) = load(&Choice { stream: stream.clone(), ..choice.clone() })?;
        let expected = expect(&header, &commands);
        let clocked = &commands[header.warmup as usize..];
        let share = |ops: &[Op]| {
            let count = clocked.iter().filter(|command| ops.contains(&command.op)).count();
            count as f64 * 100.0 / clocked.len().max(1) as f64
        };
        println!(
            "{stream:<9} {:>5} {:>10} {:>9} {:>7}  {:>5.1} {:>5.1} {:>5.1} {:>5.1}  {:>10} {:>6}",
            header.books,
            clocked.len(),
            expected.left.0,
            expected.left.1,
            share(&[Op::Add]),
            share(&[Op::Cancel]),
            share(&[Op::Modify]),
            share(&[Op::Ioc, Op::Market]),
            expected.tally.trades,
            expected.tally.rejected,
        );
    }
    Ok(())
}
