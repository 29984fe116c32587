//! `tenor ledger`: a venue's money as its journal tells it. Replays, reads the events, writes; holds one day at a time.

mod page;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use api::venue::{Published, RecoverError, read_journal};
use exchange::io::JournalError;
use exchange::{Event, Statement, Statements};
use instruments::{AccountId, Date, InstrumentId};

use crate::cli::ExportFormat;
use page::Page;
use rows::Rows;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal does not replay.
    #[error(transparent)]
    Replay(#[from] RecoverError),
    /// The report cannot be written.
    #[error("cannot write the report")]
    Write(#[from] io::Error),
    /// The report cannot be written as CSV.
    #[error("cannot write the report")]
    Csv(#[from] csv::Error),
    /// The report cannot be written as JSON.
    #[error("cannot write the report")]
    Json(#[from] serde_json::Error),
    /// Nobody of that name has an account.
    #[error("no account is named {name}")]
    NoSuchAccount {
        /// The name.
        name: String,
    },
    /// The journal has nothing of that day yet.
    #[error("the journal ends on {last}, before {day}")]
    NotYet {
        /// What was asked.
        day: Day,
        /// The day of the last command.
        last: Day,
    },
}

/// A day, UTC, as one types it: `2026-12-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) Date);

/// Not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day of the calendar from 1970 on, as in 2026-12-01")]
pub(crate) struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(NotADay) };
        if [year.len(), month.len(), day.len()] != [4, 2, 2] {
            return Err(NotADay);
        }
        let number = |part: &str| part.parse::<u8>().or(Err(NotADay));
        let year = year.parse::<u16>().or(Err(NotADay))?;
        let date = Date { year, month: number(month)?, day: number(day)? };
        // A day that does not exist becomes another one on its way through the calendar.
        let is_day = 1970 <= year && 0 < date.month && 0 < date.day;
        if is_day && Date::from_days(date.days()) == date { Ok(Self(date)) } else { Err(NotADay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.0;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// What the events have said so far about who and what there is.
#[derive(Debug, Default)]
struct Names {
    accounts: BTreeMap<AccountId, String>,
    series: BTreeMap<InstrumentId, String>,
}

impl Names {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else gives a name")]
    fn read(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::AccountOpened { account, name } => {
                    self.accounts.insert(*account, name.clone());
                }
                Event::InstrumentListed(terms) => {
                    self.series.insert(terms.id, terms.name.clone());
                }
                _ => {}
            }
        }
    }

    /// Whether a statement is one account's, or there is no matter whose.
    fn is_asked(&self, whose: Option<AccountId>, account: Option<&str>) -> bool {
        let name = whose.and_then(|whose| self.accounts.get(&whose));
        account.is_none_or(|asked| name.is_some_and(|name| name == asked))
    }

    fn account(&self, account: AccountId) -> String {
        self.accounts.get(&account).cloned().unwrap_or_else(|| account.to_string())
    }

    fn series(&self, instrument: InstrumentId) -> String {
        self.series.get(&instrument).cloned().unwrap_or_else(|| instrument.to_string())
    }
}

/// Writes the statements of one day, or of every day on which something happened: one account's, or everybody's and the house's.
///
/// # Errors
/// A journal that does not read or replay, an account or a day that it does not know, or an output that cannot be written.
pub(crate) fn statement(
    data: &Path,
    account: Option<&str>,
    day: Option<Day>,
    is_json: bool,
    out: &mut impl Write,
) -> Result<(), LedgerError> {
    let (mut names, mut reader) = (Names::default(), Statements::new());
    let (mut drawn_up, mut last): (Vec<Statement>, Option<Day>) = (Vec::new(), None);
    read_journal(data, |published: &Published| {
        names.read(&published.events);
        let ended = reader.observe(published.at, &published.events);
        drawn_up.extend(ended.into_iter().filter(|page| names.is_asked(page.whose, account)));
        last = Some(Day(Date::of(published.at)));
        Ok::<(), LedgerError>(())
    })?;
    drawn_up.extend(reader.finish().into_iter().filter(|page| names.is_asked(page.whose, account)));
    let everybody = std::iter::once(None).chain(names.accounts.keys().copied().map(Some));
    let asked: Vec<_> = everybody.filter(|whose| names.is_asked(*whose, account)).collect();
    if let (true, Some(name)) = (asked.is_empty(), account) {
        return Err(LedgerError::NoSuchAccount { name: name.to_owned() });
    }
    if let Some(day) = day {
        let last = last.unwrap_or(day);
        if last < day {
            return Err(LedgerError::NotYet { day, last });
        }
        drawn_up = asked.into_iter().map(|whose| of_day(whose, day.0, &drawn_up)).collect();
    }
    for statement in &drawn_up {
        let page = Page { names: &names, statement };
        if is_json { page.write_json(out)? } else { page.write_text(out)? }
    }
    Ok(out.flush()?)
}

/// The statement of a day; one on which nothing happened ends as it began.
fn of_day(whose: Option<AccountId>, day: Date, drawn_up: &[Statement]) -> Statement {
    let mut latest_first = drawn_up.iter().rev();
    match latest_first.find(|page| page.whose == whose && page.day <= day) {
        Some(page) if page.day == day => page.clone(),
        Some(before) => Statement::quiet(whose, day, before.closing.clone()),
        None => Statement::quiet(whose, day, BTreeMap::new()),
    }
}

/// Writes every transfer from the command `from` on.
///
/// # Errors
/// A journal that does not read or replay, or an output that cannot be written.
pub(crate) fn export(
    data: &Path,
    from: u64,
    format: ExportFormat,
    out: impl Write,
) -> Result<(), LedgerError> {
    let mut names = Names::default();
    let mut rows = Rows::begin(format, out);
    read_journal(data, |published: &Published| {
        names.read(&published.events);
        if published.seq.0 < from {
            return Ok::<(), LedgerError>(());
        }
        for event in &published.events {
            if let Event::MoneyMoved(transfer) = event {
                rows.write(&names, published, transfer)?;
            }
        }
        Ok(())
    })?;
    rows.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        let read = |text: &str| text.parse::<Day>().map(|day| day.to_string());
        assert_eq!(read("2028-02-29"), Ok("2028-02-29".to_owned()));
        for nonsense in ["2027-02-29", "2027-2-28", "27-02-28", "2027-00-01", "1969-12-31", "today"]
        {
            assert_eq!(read(nonsense), Err(NotADay), "{nonsense}");
        }
    }
}
