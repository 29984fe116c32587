//! Reads the file of an assignment, which `public/get_assignment` gives. `docs/assignment.md` describes it.

use anyhow::{Context, Result, ensure};
use api::wire::{WireAssignment, WireHolder, WirePair};
use instruments::{AccountId, InstrumentId, NetQty, Price, Qty, Region, Seq};
use settlement::{Assigned, Assignment, AssignmentInputs, Holder};

/// What every file begins with.
const FORMAT: &str = "tenor-assignment-1";

/// A file in the exchange's own terms.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) inputs: AssignmentInputs,
    pub(super) seed: [u8; 32],
    pub(super) inputs_hash: [u8; 32],
    pub(super) assigned: Assigned,
}

/// A file without the words.
///
/// # Errors
/// The first field that is not what it should be.
pub(super) fn read(file: &WireAssignment) -> Result<Read> {
    ensure!(file.format == FORMAT, "format is `{}`, this reads `{FORMAT}`", file.format);
    ensure!(0 < file.node_size, "node_size is 0, a node has at least one GPU");
    let holders: Result<Vec<Holder>> = file.holders.iter().map(holder).collect();
    let inputs = AssignmentInputs {
        instrument: InstrumentId(file.instrument_id),
        settlement_price: Price::from_ticks(file.settlement_price_ticks),
        last_seq: Seq(file.last_seq),
        node_size: file.node_size,
        holders: holders?,
        matches: pairs(&file.matches),
    };
    let assigned = Assigned { matched: pairs(&file.matched), pairs: pairs(&file.pairs) };
    let (seed, inputs_hash) = (hash("seed", &file.seed)?, hash("inputs_hash", &file.inputs_hash)?);
    Ok(Read { inputs, seed, inputs_hash, assigned })
}

fn pairs(rows: &[WirePair]) -> Vec<Assignment> {
    let pair = |row: &WirePair| Assignment {
        seller: AccountId(row.seller),
        buyer: AccountId(row.buyer),
        lots: Qty::from_lots(row.lots),
    };
    rows.iter().map(pair).collect()
}

fn holder(row: &WireHolder) -> Result<Holder> {
    let region = row.region.as_deref().map(|code| {
        Region::from_code(code).with_context(|| format!("holders: no region `{code}`"))
    });
    Ok(Holder {
        account: AccountId(row.account),
        net: NetQty::from_lots(row.net),
        region: region.transpose()?,
    })
}

fn hash(field: &str, text: &str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let is_written_so = !text.bytes().any(|letter| letter.is_ascii_uppercase());
    ensure!(is_written_so, "{field} must be 32 bytes in lower-case hex");
    hex::decode_to_slice(text, &mut bytes)
        .with_context(|| format!("{field} must be 32 bytes in lower-case hex"))?;
    Ok(bytes)
}
