//! What reporters say to each other, and who said it.
//!
//! Invariant: a [`Signed`] body that [`Signed::author`] has let pass was said by that reporter of this oracle, under this method, as this kind
//! of message.

use borsh::{BorshDeserialize, BorshSerialize};
use ethers_core::utils::keccak256;
use instruments::{GradeId, Nanos};

use crate::io::sign::{
    Domain, EquivocationProof, KeyError, SignatureBytes, SignedObservation, SigningKey, bytes,
    recover,
};
use crate::report::ReporterSet;

/// The most series of one provider, ever.
pub const PROVIDER_SERIES_MAX: usize = 16;
/// The most statements of one tick, and so of one list: every provider of a full registry with all its series.
pub const STATEMENTS_MAX: usize = 4_096;
/// The most proofs of one list.
pub const PROOFS_MAX: usize = 16;
/// The longest message: a proposal of 9 full lists, and room for its votes.
pub const MESSAGE_LEN_MAX: usize = 12 * 1024 * 1024;

/// A reporter's place in the set.
pub type Place = u8;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// A provider's statement, passed on.
    Observation(SignedObservation),
    /// A provider said two things at once.
    Proof(Box<EquivocationProof>),
    /// What a reporter holds for a tick.
    List(Signed<List>),
    /// What the leader of a round proposes as the inputs of a tick.
    Proposal(Signed<Proposal>),
    /// A vote on it.
    Vote(Signed<Vote>),
    /// The inputs of a tick that is decided, for one that was not there.
    Decision(Decision),
    /// A signature on a report of a tick that is decided.
    Endorsement(Signed<Endorsement>),
}

/// A body and its author's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed<T> {
    /// What is said.
    pub body: T,
    /// By whom, once recovered.
    pub signature: SignatureBytes,
}

/// A kind of message, so that no signature on one passes for another.
pub trait Kind: BorshSerialize {
    /// Its name, which is signed.
    const NAME: &'static [u8];
}

/// The statements a reporter holds for one tick.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct List {
    /// Of which tick, counted.
    pub height: u64,
    /// Of which tick, in time.
    pub tick_at: Nanos,
    /// The newest of each series.
    pub statements: Vec<SignedObservation>,
    /// Against providers that are not struck yet.
    pub proofs: Vec<EquivocationProof>,
}

/// Lists of `2f + 1` reporters for one tick. What follows from them is the same for everybody.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Of which tick.
    pub height: u64,
    /// In which round.
    pub round: u32,
    /// What it follows from.
    pub lists: Vec<Signed<List>>,
    /// Why who is locked on it may vote for it again: `2f + 1` prepared it in an earlier round.
    pub prepared: Option<Prepared>,
}

/// `2f + 1` votes of one round for one value.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Prepared {
    /// Which round.
    pub round: u32,
    /// The votes.
    pub votes: Vec<Signed<Vote>>,
}

/// The two votes of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// The proposal is in order.
    Prepare,
    /// `2f + 1` have prepared it.
    Commit,
}

/// One vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Of which tick.
    pub height: u64,
    /// In which round.
    pub round: u32,
    /// The first or the second.
    pub stage: Stage,
    /// For which inputs; `None` for none in this round.
    pub value: Option<[u8; 32]>,
}

/// The inputs of one tick.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InputSet {
    /// Of which tick, counted.
    pub height: u64,
    /// Of which tick, in time.
    pub tick_at: Nanos,
    /// The hash of the inputs of the tick before.
    pub previous: [u8; 32],
    /// One of each series, in ascending order.
    pub statements: Vec<SignedObservation>,
    /// Against providers struck by this tick, in ascending order.
    pub proofs: Vec<EquivocationProof>,
}

/// Inputs, and `2f + 1` commits of one round for them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decision {
    /// The inputs.
    pub inputs: InputSet,
    /// The votes.
    pub votes: Vec<Signed<Vote>>,
}

/// A signature on a report.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Endorsement {
    /// Of which tick.
    pub height: u64,
    /// Of which grade.
    pub grade: GradeId,
    /// What is signed.
    pub digest: [u8; 32],
    /// The report's signature, as it is published.
    pub signature: SignatureBytes,
    /// Whether the sender wants the receiver's in return.
    pub wants_answer: bool,
}

impl Kind for List {
    const NAME: &'static [u8] = b"list";
}

impl Kind for Proposal {
    const NAME: &'static [u8] = b"proposal";
}

impl Kind for Vote {
    const NAME: &'static [u8] = b"vote";
}

impl Kind for Endorsement {
    const NAME: &'static [u8] = b"endorsement";
}

impl<T: Kind> Signed<T> {
    /// Signs a body.
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no key should ever give.
    pub fn new(body: T, domain: &Domain, key: &SigningKey) -> Result<Self, KeyError> {
        let signature = key.sign(&digest(&body, domain))?;
        Ok(Self { body, signature })
    }

    /// The reporter who said it; `None` when nobody of the set did.
    #[must_use]
    pub fn author(&self, domain: &Domain, set: &ReporterSet) -> Option<Place> {
        let signer = recover(&digest(&self.body, domain), &self.signature).ok()?;
        Place::try_from(set.position(&signer)?).ok()
    }
}

fn digest<T: Kind>(body: &T, domain: &Domain) -> [u8; 32] {
    let separator = domain.separator();
    let body = keccak256(bytes(body));
    let parts: [&[u8]; 4] = [b"tenor reporter message 1 ", T::NAME, &separator, &body];
    keccak256(parts.concat())
}

impl InputSet {
    /// What is voted on.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        keccak256([b"tenor reporter inputs 1 ".to_vec(), bytes(self)].concat())
    }
}

impl Message {
    /// Reads a whole message.
    ///
    /// # Errors
    /// When the bytes are not one message, or more than [`MESSAGE_LEN_MAX`].
    pub fn read(bytes: &[u8]) -> std::io::Result<Self> {
        if MESSAGE_LEN_MAX < bytes.len() {
            let error = format!("message of {} bytes, the limit is {MESSAGE_LEN_MAX}", bytes.len());
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, error));
        }
        borsh::from_slice(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        bytes(self)
    }
}
