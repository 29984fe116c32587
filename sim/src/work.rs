//! The work of a delivery and who does it: agents of every character, and the verifier who computes it again.
//!
//! The work of a challenge stands in for the tensor program: one hash of the challenge's seed and size, which an honest agent computes and a
//! liar does not. Everything after that, receipts, chain, draw, verdict, is as in a real delivery.

use exchange::{Delivery, OpenChallenge};
use instruments::{AccountId, Instrument, NanosSpan, Ppm};
use settlement::{DeliveryReceipt, Verdict};

use crate::seed::Stream;

/// How an agent behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Works and answers in time.
    Honest,
    /// Claims work that it did not do, one time in four.
    Lying,
    /// Does not answer, one time in six.
    Silent,
    /// Answers too late, one time in five.
    Slow,
    /// Works on hardware that is not always up to the grade.
    Worn,
}

impl Conduct {
    /// The conduct of the provider at `place` of the cast: the first is honest.
    pub(crate) fn of_place(place: u64) -> Self {
        match place % 5 {
            0 => Self::Honest,
            1 => Self::Worn,
            2 => Self::Lying,
            3 => Self::Silent,
            _ => Self::Slow,
        }
    }
}

/// A provider's agent.
pub(crate) struct Agent {
    pub(crate) account: AccountId,
    pub(crate) signer: [u8; 20],
    pub(crate) conduct: Conduct,
    chance: Stream,
}

/// What an agent sends when it answers.
pub(crate) struct Answer {
    pub(crate) receipt: DeliveryReceipt,
    /// What a verifier would measure.
    pub(crate) quality: Ppm,
}

impl Agent {
    pub(crate) fn new(account: AccountId, conduct: Conduct, mut chance: Stream) -> Self {
        let bytes = chance.bytes();
        let mut signer = [0; 20];
        signer.copy_from_slice(&bytes[..20]);
        Self { account, signer, conduct, chance }
    }

    /// How long it takes to answer; `None` when it never does.
    pub(crate) fn takes(&mut self, terms: &Instrument) -> Option<NanosSpan> {
        let in_time = self.chance.between(500, 45_000);
        let is_off = self.chance.chance(match self.conduct {
            Conduct::Honest | Conduct::Worn | Conduct::Lying => 0,
            Conduct::Silent => 166_000,
            Conduct::Slow => 200_000,
        });
        match (is_off, self.conduct) {
            (false, _) => Some(NanosSpan::from_millis(in_time)),
            (true, Conduct::Slow) => {
                let late = terms.schedule.answer_within.nanos() / 1_000_000 + in_time;
                Some(NanosSpan::from_millis(late))
            }
            (true, _) => None,
        }
    }

    /// Works, or does not, and claims that it did.
    pub(crate) fn answer(
        &mut self,
        delivery: &Delivery,
        challenge: &OpenChallenge,
        terms: &Instrument,
    ) -> Answer {
        let lies = self.conduct == Conduct::Lying && self.chance.chance(250_000);
        let honest = work_root(challenge);
        let quality = match self.conduct {
            Conduct::Worn => self.chance.between(860_000, 1_010_000).min(1_000_000),
            Conduct::Honest | Conduct::Lying | Conduct::Silent | Conduct::Slow => 1_000_000,
        };
        let receipt = DeliveryReceipt {
            obligation: challenge.obligation,
            challenge: challenge.challenge,
            gpu_millis: delivery.next_claim_millis(terms),
            challenges: delivery.obligation.receipts + 1,
            work_root: if lies { self.chance.bytes() } else { honest },
            prev: delivery.obligation.last_receipt,
            terms: terms.grade_terms,
        };
        let quality = Ppm::new(i64::try_from(quality).unwrap_or(1_000_000));
        Answer { receipt, quality }
    }
}

/// What the work of a challenge comes to.
fn work_root(challenge: &OpenChallenge) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(&challenge.seed);
    *hasher.update(&challenge.lots.lots().to_le_bytes()).finalize().as_bytes()
}

/// What the verifier says of a claim: it does the work again and compares.
pub(crate) fn judge(challenge: &OpenChallenge, quality: Ppm) -> Verdict {
    if challenge.work_root == Some(work_root(challenge)) {
        Verdict::Valid { quality }
    } else {
        Verdict::Invalid
    }
}

/// What the next receipt must name.
#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
pub(crate) fn digest(receipt: &DeliveryReceipt) -> [u8; 32] {
    *blake3::hash(&borsh::to_vec(receipt).expect("a receipt encodes")).as_bytes()
}
