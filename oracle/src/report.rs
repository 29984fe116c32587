//! What reporters sign: one print of one grade, with all that is needed to find it again.
//!
//! Invariant: two reporters that ran the same index over the same inputs make the same report to the bit. When it was written down stands beside
//! it, never in it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, MicroUsd, Nanos, NanosSpan, Ppm};
use thiserror::Error;

use crate::print::{Print, State};
use crate::publication::{StateKind, Trigger};
use crate::statement::Address;

/// One print, ready to be signed. Its bytes are those of borsh, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Report {
    /// Of which grade.
    pub grade: GradeId,
    /// The place of its tick: the first is 1, every tick that reporters agreed on is one more.
    pub height: u64,
    /// The moment that the value is of.
    pub value_at: Nanos,
    /// Dollars per GPU-hour; none exactly when it is withheld.
    pub value: Option<MicroUsd>,
    /// The half-width of what is equally plausible, as a share of the value.
    pub conf: Ppm,
    /// How far it may be relied upon.
    pub state: StateKind,
    /// The rung of the fallback ladder; zero in other states.
    pub rung: u8,
    /// Why it is withheld, in words; empty in other states.
    pub reason: String,
    /// Providers that quoted and vote.
    pub providers: u32,
    /// How many equal voices they are worth, in millionths.
    pub voices: Ppm,
    /// The largest share of one owner.
    pub top_share: Ppm,
    /// The index of prices alone.
    pub price_leg: Option<MicroUsd>,
    /// What utilisation says the price should be.
    pub utilisation_leg: Option<MicroUsd>,
    /// The share of units leased.
    pub utilisation: Option<Ppm>,
    /// Why there is a report.
    pub trigger: Trigger,
    /// After this time there is another one, or something is wrong.
    pub heartbeat: NanosSpan,
    /// The hash of the method's version and parameters.
    pub methodology: [u8; 32],
    /// The root over the signed statements of the tick, of all grades, in their order.
    pub inputs_root: [u8; 32],
    /// How many they are.
    pub inputs: u32,
    /// The hash of the report of this grade before; zero in the first.
    pub previous: [u8; 32],
}

/// What a report says beside its print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Of which grade.
    pub grade: GradeId,
    /// The place of its tick.
    pub height: u64,
    /// Why there is a report.
    pub trigger: Trigger,
    /// How long until the next at most.
    pub heartbeat: NanosSpan,
    /// The hash of the method.
    pub methodology: [u8; 32],
    /// The root over the inputs.
    pub inputs_root: [u8; 32],
    /// How many inputs.
    pub inputs: u32,
    /// The report before.
    pub previous: [u8; 32],
}

impl Report {
    /// The report of a print.
    #[must_use]
    pub fn new(print: &Print, from: Provenance) -> Self {
        let reason = match &print.state {
            State::Withheld(reason) => reason.to_string(),
            State::Ok | State::LowConf | State::Unconfirmed | State::Fallback(_) => String::new(),
        };
        let rung = if let State::Fallback(rung) = print.state { rung } else { 0 };
        Self {
            grade: from.grade,
            height: from.height,
            value_at: print.at,
            value: print.value,
            conf: print.conf,
            state: StateKind::of(&print.state),
            rung,
            reason,
            providers: print.providers,
            voices: print.voices,
            top_share: print.top_share,
            price_leg: print.price_leg,
            utilisation_leg: print.utilisation_leg,
            utilisation: print.utilisation,
            trigger: from.trigger,
            heartbeat: from.heartbeat,
            methodology: from.methodology,
            inputs_root: from.inputs_root,
            inputs: from.inputs,
            previous: from.previous,
        }
    }

    /// The Herfindahl index of the voices: one over their number, rounded down; one when there are none.
    #[must_use]
    pub fn concentration(&self) -> Ppm {
        let square = Ppm::ONE.ppm().saturating_mul(Ppm::ONE.ppm());
        Ppm::new(square.checked_div(self.voices.ppm()).unwrap_or(Ppm::ONE.ppm()))
    }

    /// Whether at `now` the next report is overdue by more than `grace`: then this one is history, not the index.
    #[must_use]
    pub fn is_overdue(&self, now: Nanos, grace: NanosSpan) -> bool {
        let allowed = self.heartbeat.nanos().saturating_add(grace.nanos());
        allowed < now.since(self.value_at).nanos()
    }
}

/// Who reports, as data: `n = 3f + 1` addresses, of which `2f + 1` must agree.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReporterSet {
    addresses: Vec<Address>,
}

/// Why a list is not a set of reporters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReporterSetError {
    /// Not `3f + 1`, or too many.
    #[error("{count} reporters, not 1, 4, 7 and so on to {}", ReporterSet::MAX)]
    Count {
        /// How many.
        count: usize,
    },
    /// One address twice.
    #[error("reporter {address} stands there twice")]
    Twice {
        /// Which.
        address: Address,
    },
}

impl ReporterSet {
    /// The most reporters: four may fail.
    pub const MAX: usize = 13;

    /// A set of reporters. The order of the addresses is who leads when.
    ///
    /// # Errors
    /// [`ReporterSetError`].
    pub fn new(addresses: Vec<Address>) -> Result<Self, ReporterSetError> {
        let count = addresses.len();
        if Self::MAX < count || count.checked_rem(3) != Some(1) {
            return Err(ReporterSetError::Count { count });
        }
        let mut sorted = addresses.clone();
        sorted.sort_unstable();
        for pair in sorted.windows(2) {
            if let [first, second] = pair
                && first == second
            {
                return Err(ReporterSetError::Twice { address: *first });
            }
        }
        Ok(Self { addresses })
    }

    /// The reporters in their order.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many may fail in any way: `f`.
    #[must_use]
    pub fn faults(&self) -> usize {
        // Rounds down; exact for 3f + 1.
        self.addresses.len().saturating_sub(1).checked_div(3).unwrap_or(0)
    }

    /// How many must agree: `2f + 1`.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.addresses.len().saturating_sub(self.faults())
    }

    /// Where a reporter stands in the order.
    #[must_use]
    pub fn position(&self, address: &Address) -> Option<usize> {
        self.addresses.iter().position(|it| it == address)
    }
}
