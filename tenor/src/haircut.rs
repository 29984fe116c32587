//! `tenor haircut verify`: whether a split of a loss among those who bear it is what its weights make of it.
//!
//! Nothing here needs the venue, and nobody's word is taken: `settlement::Split` is what the exchange itself split with.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use api::wire::{WireSplitLine, WireSplitPage};
use instruments::AccountId;
use settlement::{Split, SplitLine, SplitPage, SplitTerms, verify_haircut};

use crate::cli::VerifyHaircutArgs;

/// What every file begins with.
const FORMAT: &str = "tenor-split-1";

pub(crate) fn verify(args: &VerifyHaircutArgs) -> Result<ExitCode> {
    let pages: Result<Vec<WireSplitPage>> = args.files.iter().map(|path| load(path)).collect();
    let pages = pages?;
    let account = args.account.map(AccountId);
    let found = check(&pages, account)?;
    let mut out = stdout().lock();
    let Found { lines, part, difference } = &found;
    if args.json {
        let summary = serde_json::json!({
            "split_id": pages.first().map(|page| &page.split_id),
            "pages": pages.len(),
            "of": pages.first().map(|page| page.pages),
            "lines": lines,
            "account": args.account,
            "part": part,
            "ok": difference.is_none(),
            "difference": difference,
        });
        writeln!(out, "{summary}")?;
    } else if let Some(difference) = difference {
        writeln!(out, "mismatch: {difference}")?;
    } else {
        let of = pages.first().map_or(0, |page| page.pages);
        write!(out, "match: {} of {of} pages, {lines} lines", pages.len())?;
        if let (Some(account), Some(part)) = (account, part) {
            write!(out, "; {account} has {part}")?;
        }
        writeln!(out)?;
    }
    Ok(if difference.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(path: &Path) -> Result<WireSplitPage> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not a page of a split", path.display()))
}

/// What pages come to.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    lines: usize,
    /// What the account bore or got.
    part: Option<u64>,
    /// The first thing that does not follow.
    difference: Option<String>,
}

/// Checks pages of one split, all of them or some.
///
/// # Errors
/// When a page cannot be read, or none has a line of the account.
fn check(told: &[WireSplitPage], account: Option<AccountId>) -> Result<Found> {
    let pages: Result<Vec<SplitPage>> = told.iter().map(page).collect();
    let pages = pages?;
    let all: Vec<&SplitLine> = pages.iter().flat_map(|page| &page.lines).collect();
    let line = match account {
        Some(account) => {
            let own = all.iter().find(|line| line.account == account);
            Some(own.with_context(|| format!("no line of {account} on these pages"))?)
        }
        None => None,
    };
    let difference = difference(told, &pages, &all);
    let part = line.map(|line| line.part).filter(|_| difference.is_none());
    Ok(Found { lines: all.len(), part, difference })
}

fn difference(told: &[WireSplitPage], pages: &[SplitPage], all: &[&SplitLine]) -> Option<String> {
    let (first, terms) = (told.first()?, pages.first()?.terms);
    for (place, (wire, page)) in told.iter().zip(pages).enumerate() {
        if wire.split_id != first.split_id || page.terms != terms || page.pages != first.pages {
            return Some(format!("file {}: it is a page of another split", place + 1));
        }
    }
    for line in all {
        if !terms.hold_for(line) {
            return Some(format!("{}: its line does not follow from the terms", line.account));
        }
    }
    if pages.len() < usize::try_from(first.pages).unwrap_or(usize::MAX) {
        // What can be said of some pages has been said.
        return None;
    }
    let Some(split) = Split::of_pages(pages) else {
        return Some("a page is there twice".to_owned());
    };
    let weights: Vec<(AccountId, u128)> =
        split.lines.iter().map(|line| (line.account, line.weight)).collect();
    if !weights.is_sorted_by(|one, next| one.0 < next.0) || weights.iter().any(|it| it.1 == 0) {
        return Some("the lines are not by account, each with a weight".to_owned());
    }
    let holds =
        split.lines.first().is_some_and(|line| verify_haircut(&split, line.account).is_some());
    if holds {
        return None;
    }
    let again = Split::new(terms.amount, &weights)?;
    if again.terms != terms {
        return Some("the terms do not follow from the weights".to_owned());
    }
    let (told, again) = split.lines.iter().zip(&again.lines).find(|(told, again)| told != again)?;
    let words = |line: &SplitLine| format!("{} at rank {}", line.part, line.rank);
    Some(format!("{}: told {}, computed {}", told.account, words(told), words(again)))
}

fn page(wire: &WireSplitPage) -> Result<SplitPage> {
    ensure!(wire.format == FORMAT, "format is `{}`, this reads `{FORMAT}`", wire.format);
    let last_served = wire.last_served.as_ref().map(|(remainder, account)| {
        Ok::<_, anyhow::Error>((number("last_served", remainder)?, AccountId(*account)))
    });
    let mut commitment = [0; 32];
    let digits = wire.commitment.strip_prefix("0x").unwrap_or(&wire.commitment);
    hex::decode_to_slice(digits, &mut commitment)
        .context("commitment must be 32 bytes in hexadecimal")?;
    let terms = SplitTerms {
        amount: wire.amount,
        weights: number("weights", &wire.weights)?,
        shift: wire.shift,
        lines: wire.line_count,
        served: wire.served,
        last_served: last_served.transpose()?,
        commitment,
    };
    let lines: Result<Vec<SplitLine>> = wire.lines.iter().map(line).collect();
    Ok(SplitPage { terms, page: wire.page, pages: wire.pages, lines: lines? })
}

fn line(wire: &WireSplitLine) -> Result<SplitLine> {
    Ok(SplitLine {
        account: AccountId(wire.account),
        weight: number("weight", &wire.weight)?,
        floor: wire.floor,
        remainder: number("remainder", &wire.remainder)?,
        rank: wire.rank,
        part: wire.part,
    })
}

fn number(field: &str, text: &str) -> Result<u128> {
    text.parse().with_context(|| format!("{field} must be a whole number, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss of 90,000 micro-dollars over 300 accounts, as the venue writes it down.
    fn told() -> Vec<WireSplitPage> {
        let weights: Vec<(AccountId, u128)> =
            (1..=300).map(|account| (AccountId(account), u128::from(account) * 1_009)).collect();
        let split = Split::new(90_000, &weights).unwrap();
        let line = |line: &SplitLine| WireSplitLine {
            account: line.account.0,
            weight: line.weight.to_string(),
            floor: line.floor,
            remainder: line.remainder.to_string(),
            rank: line.rank,
            part: line.part,
        };
        let page = |page: SplitPage| WireSplitPage {
            format: FORMAT.to_owned(),
            split_id: "7-3".to_owned(),
            timestamp: 1_800_000_000_000,
            purpose: "haircut".to_owned(),
            instrument_name: None,
            amount: page.terms.amount,
            weights: page.terms.weights.to_string(),
            shift: page.terms.shift,
            line_count: page.terms.lines,
            served: page.terms.served,
            last_served: page.terms.last_served.map(|(left, by)| (left.to_string(), by.0)),
            commitment: hex::encode(page.terms.commitment),
            page: page.page,
            pages: page.pages,
            lines: page.lines.iter().map(line).collect(),
        };
        split.pages().map(page).collect()
    }

    fn differs(pages: &[WireSplitPage]) -> String {
        check(pages, None).unwrap().difference.expect("a difference")
    }

    /// LIQ-029: all pages in any order, or one alone.
    #[test]
    fn liq_029_pages_make_the_split_again() {
        let mut pages = told();
        let own = pages[0].lines[99].part;
        let found = |lines, part| Found { lines, part, difference: None };
        assert_eq!(check(&pages, Some(AccountId(100))).unwrap(), found(300, Some(own)));
        assert_eq!(check(&pages[1..], None).unwrap(), found(44, None));
        pages.reverse();
        assert_eq!(check(&pages, None).unwrap(), found(300, None));
        let text = serde_json::to_string(&pages[0]).unwrap();
        assert_eq!(serde_json::from_str::<WireSplitPage>(&text).unwrap(), pages[0]);
        let error = check(&pages[..1], Some(AccountId(100))).unwrap_err().to_string();
        assert_eq!(error, "no line of A-100 on these pages");
    }

    #[test]
    fn whatever_was_changed_is_named() {
        let mut pages = told();
        pages[0].lines[99].part += 1;
        assert_eq!(differs(&pages), "A-100: its line does not follow from the terms");
        assert_eq!(differs(&pages[..1]), "A-100: its line does not follow from the terms");

        let mut pages = told();
        pages[1].amount += 1;
        assert_eq!(differs(&pages), "file 2: it is a page of another split");

        let mut pages = told();
        let twice = pages[0].clone();
        pages[1] = twice;
        assert_eq!(differs(&pages), "a page is there twice");

        let mut pages = told();
        for page in &mut pages {
            page.commitment = "00".repeat(32);
        }
        assert_eq!(differs(&pages), "the terms do not follow from the weights");

        // Two ranks swapped hold for the terms, each by itself, but not together.
        let mut pages = told();
        let served: Vec<usize> =
            (0..256).filter(|place| pages[0].lines[*place].rank <= pages[0].served).collect();
        let (one, other) = (served[0], served[1]);
        let rank = pages[0].lines[one].rank;
        pages[0].lines[one].rank = pages[0].lines[other].rank;
        pages[0].lines[other].rank = rank;
        assert_eq!(check(&pages[..1], None).unwrap().difference, None);
        assert!(differs(&pages).contains("at rank"), "{}", differs(&pages));

        // A line that is left out is missing in the sums.
        let mut pages = told();
        pages[1].lines.pop();
        assert_eq!(differs(&pages), "the terms do not follow from the weights");
    }

    #[test]
    fn what_is_no_page_is_refused_by_its_field() {
        let refused = |change: fn(&mut WireSplitPage)| {
            let mut pages = told();
            change(&mut pages[0]);
            check(&pages, None).unwrap_err().to_string()
        };
        assert!(refused(|page| page.format.push('1')).contains("tenor-split-11"));
        assert!(refused(|page| page.weights = "many".to_owned()).contains("weights"));
        assert!(refused(|page| page.commitment.push('0')).contains("commitment"));
        assert!(refused(|page| page.lines[0].weight = "-1".to_owned()).contains("weight"));
    }
}
