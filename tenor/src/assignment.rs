//! `tenor assignment show` and `verify`: what was published about an assignment, and whether it follows from its inputs.
//!
//! Nothing here needs the venue: the file has everything, and `settlement::assign` is the function that the exchange called.

mod file;

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use api::wire::WireAssignment;
use settlement::Assignment;

use crate::cli::{ShowAssignmentArgs, VerifyAssignmentArgs};
use crate::progress::Progress;

use file::{Read, read};

pub(crate) fn show(args: &ShowAssignmentArgs) -> Result<ExitCode> {
    let (file, owed) = on_record(&args.data, &args.instrument)?;
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&file)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "series          {}", file.instrument)?;
    writeln!(out, "settlement      {} ticks", file.settlement_price_ticks)?;
    writeln!(out, "seed            {}", file.seed)?;
    writeln!(out, "inputs hash     {}", file.inputs_hash)?;
    writeln!(out, "holders         {}", file.holders.len())?;
    writeln!(out, "agreed on       {}", file.matched.len())?;
    writeln!(out, "obligations     {}", owed.len())?;
    for pair in &owed {
        let Assignment { seller, buyer, lots } = pair;
        writeln!(out, "  {seller} delivers {} to {buyer}", lots.lots())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(args: &VerifyAssignmentArgs) -> Result<ExitCode> {
    let (file, owed) = match (&args.file, &args.data, &args.instrument) {
        (Some(path), ..) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let file: WireAssignment = serde_json::from_str(&text)
                .with_context(|| format!("{} is not an assignment", path.display()))?;
            (file, None)
        }
        (None, Some(data), Some(instrument)) => {
            let (file, owed) = on_record(data, instrument)?;
            (file, Some(owed))
        }
        (None, ..) => anyhow::bail!("name a file, or --data and --instrument"),
    };
    let read = read(&file)?;
    let difference = difference(&read, owed.as_deref());
    let mut out = stdout().lock();
    if args.json {
        let summary = serde_json::json!({
            "instrument": file.instrument,
            "inputs_hash": hex::encode(read.inputs.hash()),
            "holders": read.inputs.holders.len(),
            "pairs": read.assigned.pairs.len(),
            "ok": difference.is_none(),
            "difference": difference,
        });
        writeln!(out, "{summary}")?;
    } else {
        match &difference {
            None => writeln!(out, "match: {} follows from its inputs", file.instrument)?,
            Some(difference) => writeln!(out, "mismatch: {difference}")?,
        }
    }
    Ok(if difference.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The assignment of a series in a venue's directory, and what is owed after it.
fn on_record(data: &Path, instrument: &str) -> Result<(WireAssignment, Vec<Assignment>)> {
    let progress = Progress::start("replaying the journal");
    let found = api::venue::assignment(data, instrument);
    drop(progress);
    let found = found?.with_context(|| format!("{instrument} has not been assigned"))?;
    Ok((found.file(), found.owed))
}

/// The first thing that does not follow, in the order of the file.
fn difference(read: &Read, owed: Option<&[Assignment]>) -> Option<String> {
    let inputs = &read.inputs;
    let again = inputs.assign();
    if read.seed != inputs.seed() {
        return Some(format!(
            "seed: the file says {}, series, price and sequence number give {}",
            hex::encode(read.seed),
            hex::encode(inputs.seed())
        ));
    }
    if read.inputs_hash != inputs.hash() {
        return Some(format!(
            "inputs_hash: the file says {}, its inputs give {}",
            hex::encode(read.inputs_hash),
            hex::encode(inputs.hash())
        ));
    }
    unlike("matched", &read.assigned.matched, &again.matched)
        .or_else(|| unlike("pairs", &read.assigned.pairs, &again.pairs))
        .or_else(|| unlike("obligations", owed?, &again.pairs))
}

/// Where two lists differ first.
fn unlike(what: &str, told: &[Assignment], again: &[Assignment]) -> Option<String> {
    let length = told.len().max(again.len());
    let place = (0..length).find(|place| told.get(*place) != again.get(*place))?;
    let words = |list: &[Assignment]| {
        list.get(place).map_or_else(
            || "nothing".to_owned(),
            |pair| format!("{} to {}: {}", pair.seller, pair.buyer, pair.lots.lots()),
        )
    };
    Some(format!("{what}[{place}]: told {}, computed {}", words(told), words(again)))
}

#[cfg(test)]
mod tests {
    use api::venue::AssignmentOnRecord;
    use instruments::{AccountId, InstrumentId, NetQty, Price, Qty, Region, Seq};
    use settlement::{AssignmentInputs, Holder};

    use super::*;

    fn published() -> exchange::PublishedAssignment {
        let holder = |account, net, region| Holder {
            account: AccountId(account),
            net: NetQty::from_lots(net),
            region,
        };
        let inputs = AssignmentInputs {
            instrument: InstrumentId(3),
            settlement_price: Price::from_ticks(2_512),
            last_seq: Seq(77),
            node_size: 8,
            holders: vec![
                holder(1, -24, Some(Region::Europe)),
                holder(2, 16, None),
                holder(3, 8, Some(Region::Europe)),
            ],
            matches: vec![],
        };
        exchange::PublishedAssignment {
            seed: inputs.seed(),
            inputs_hash: inputs.hash(),
            assigned: inputs.assign(),
            inputs,
        }
    }

    fn told() -> WireAssignment {
        let instrument = "H100_USDC-27NOV26".to_owned();
        AssignmentOnRecord { instrument, published: published(), owed: Vec::new() }.file()
    }

    fn found(file: &WireAssignment) -> Option<String> {
        difference(&read(file).unwrap(), None)
    }

    /// EXPIRY-016: the file has everything, and says it in a way that survives being written and read.
    #[test]
    fn expiry_016_a_file_gives_the_assignment_again() {
        let file = told();
        let text = serde_json::to_string_pretty(&file).unwrap();
        let again: WireAssignment = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string_pretty(&again).unwrap(), text);
        let read = read(&again).unwrap();
        assert_eq!(read.inputs, published().inputs);
        assert_eq!(found(&again), None);
    }

    #[test]
    fn the_first_difference_is_named() {
        let mut file = told();
        file.pairs[0].lots = 24;
        assert_eq!(found(&file).unwrap(), "pairs[0]: told A-1 to A-2: 24, computed A-1 to A-2: 16");
        let mut file = told();
        file.pairs.pop();
        assert_eq!(found(&file).unwrap(), "pairs[1]: told nothing, computed A-1 to A-3: 8");
        let mut file = told();
        file.last_seq += 1;
        assert!(found(&file).unwrap().starts_with("seed: "));
        let mut file = told();
        file.holders[1].net = 24;
        assert!(found(&file).unwrap().starts_with("inputs_hash: "));
        let owed =
            [Assignment { seller: AccountId(1), buyer: AccountId(2), lots: Qty::from_lots(8) }];
        let read = read(&told()).unwrap();
        let told = difference(&read, Some(&owed)).unwrap();
        assert_eq!(told, "obligations[0]: told A-1 to A-2: 8, computed A-1 to A-2: 16");
    }

    #[test]
    fn what_is_no_assignment_is_refused_by_its_field() {
        let mut file = told();
        file.format = "tenor-assignment-2".to_owned();
        assert!(read(&file).unwrap_err().to_string().contains("tenor-assignment-2"));
        let mut file = told();
        file.seed.pop();
        assert!(read(&file).unwrap_err().to_string().contains("seed"));
        let mut file = told();
        file.seed = file.seed.to_uppercase();
        assert!(read(&file).unwrap_err().to_string().contains("seed must be 32 bytes in lower"));
        let mut file = told();
        file.node_size = 0;
        assert!(read(&file).unwrap_err().to_string().contains("node_size is 0"));
        let mut file = told();
        file.holders[0].region = Some("MOON".to_owned());
        assert!(read(&file).unwrap_err().to_string().contains("MOON"));
    }
}
