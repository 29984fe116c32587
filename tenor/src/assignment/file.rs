//! The file of an assignment. `docs/assignment.md` describes it.

use anyhow::{Context, Result, ensure};
use exchange::PublishedAssignment;
use instruments::{AccountId, InstrumentId, NetQty, Price, Qty, Region, Seq};
use serde::{Deserialize, Serialize};
use settlement::{Assigned, Assignment, AssignmentInputs, Holder};

/// What every file begins with.
const FORMAT: &str = "tenor-assignment-1";

/// An assignment as it is written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentFile {
    pub(super) format: String,
    pub(super) instrument: String,
    pub(super) instrument_id: u64,
    pub(super) settlement_price_ticks: i64,
    pub(super) last_seq: u64,
    pub(super) node_size: u32,
    pub(super) holders: Vec<HolderRow>,
    pub(super) matches: Vec<PairRow>,
    pub(super) seed: String,
    pub(super) inputs_hash: String,
    pub(super) matched: Vec<PairRow>,
    pub(super) pairs: Vec<PairRow>,
}

/// One holder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HolderRow {
    pub(super) account: u64,
    pub(super) net: i64,
    pub(super) region: Option<String>,
}

/// One seller and one buyer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PairRow {
    pub(super) seller: u64,
    pub(super) buyer: u64,
    pub(super) lots: u64,
}

/// A file in the exchange's own terms.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) inputs: AssignmentInputs,
    pub(super) seed: [u8; 32],
    pub(super) inputs_hash: [u8; 32],
    pub(super) assigned: Assigned,
}

impl AssignmentFile {
    pub(super) fn of(instrument: &str, published: &PublishedAssignment) -> Self {
        let PublishedAssignment { inputs, seed, inputs_hash, assigned } = published;
        let row = |holder: &Holder| HolderRow {
            account: holder.account.0,
            net: holder.net.lots(),
            region: holder.region.map(|region| region.code().to_owned()),
        };
        Self {
            format: FORMAT.to_owned(),
            instrument: instrument.to_owned(),
            instrument_id: inputs.instrument.0,
            settlement_price_ticks: inputs.settlement_price.ticks(),
            last_seq: inputs.last_seq.0,
            node_size: inputs.node_size,
            holders: inputs.holders.iter().map(row).collect(),
            matches: rows(&inputs.matches),
            seed: hex::encode(seed),
            inputs_hash: hex::encode(inputs_hash),
            matched: rows(&assigned.matched),
            pairs: rows(&assigned.pairs),
        }
    }

    /// The same without the words.
    ///
    /// # Errors
    /// The first field that is not what it should be.
    pub(super) fn read(&self) -> Result<Read> {
        ensure!(self.format == FORMAT, "format is `{}`, this reads `{FORMAT}`", self.format);
        let holders: Result<Vec<Holder>> = self.holders.iter().map(holder).collect();
        let inputs = AssignmentInputs {
            instrument: InstrumentId(self.instrument_id),
            settlement_price: Price::from_ticks(self.settlement_price_ticks),
            last_seq: Seq(self.last_seq),
            node_size: self.node_size,
            holders: holders?,
            matches: pairs(&self.matches),
        };
        let assigned = Assigned { matched: pairs(&self.matched), pairs: pairs(&self.pairs) };
        let (seed, inputs_hash) =
            (hash("seed", &self.seed)?, hash("inputs_hash", &self.inputs_hash)?);
        Ok(Read { inputs, seed, inputs_hash, assigned })
    }
}

fn rows(pairs: &[Assignment]) -> Vec<PairRow> {
    let row = |pair: &Assignment| PairRow {
        seller: pair.seller.0,
        buyer: pair.buyer.0,
        lots: pair.lots.lots(),
    };
    pairs.iter().map(row).collect()
}

fn pairs(rows: &[PairRow]) -> Vec<Assignment> {
    let pair = |row: &PairRow| Assignment {
        seller: AccountId(row.seller),
        buyer: AccountId(row.buyer),
        lots: Qty::from_lots(row.lots),
    };
    rows.iter().map(pair).collect()
}

fn holder(row: &HolderRow) -> Result<Holder> {
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
    hex::decode_to_slice(text, &mut bytes)
        .with_context(|| format!("{field} must be 32 bytes in hex"))?;
    Ok(bytes)
}
