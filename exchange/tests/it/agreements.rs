//! Agreements in a trader's words, and signed by whose keys they say.

use exchange::{Agreed, Agreement, BlockLeg, Command, SignedAgreement};
use instruments::{AccountId, ObligationId, Qty, Side};

use crate::script::{Desk, after, byte, span};
use crate::world::START;

/// `block alice bob buy 30 @ 2.5 in H100D and sell 30 @ 2.6 in A100D`, seen from the first party; `match bob alice 8`, `release bob alice D-1`.
pub(crate) fn command(desk: &Desk, words: &[&str]) -> Command {
    let [kind, first, second, rest @ ..] = words else { panic!("cannot read {words:?}") };
    let agreed = match (*kind, rest) {
        ("match", [lots, ..]) => {
            let (instrument, lots) = (desk.instrument(rest), Qty::from_lots(lots.parse().unwrap()));
            Agreed::Match { instrument, lots }
        }
        ("release", [duty, ..]) => {
            let number = duty.strip_prefix("D-").unwrap().parse().unwrap();
            Agreed::Release { obligation: ObligationId(number) }
        }
        _ => {
            let legs = rest.split(|word| *word == "and").map(|words| leg(desk, words)).collect();
            Agreed::Trades { legs, reservation: (*kind == "efp").then_some([0x11; 32]) }
        }
    };
    signed(desk, [first, second], agreed, rest)
}

fn leg(desk: &Desk, words: &[&str]) -> BlockLeg {
    let instrument = desk.instrument(words);
    BlockLeg {
        instrument,
        side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
        qty: Qty::from_lots(words[1].parse().unwrap()),
        price: desk.price(instrument, after(words, "@").unwrap()),
    }
}

/// Signed by the keys `aa` and `bb`, valid for an hour and brought by the first party, where nothing else is said.
fn signed(desk: &Desk, names: [&str; 2], agreed: Agreed, words: &[&str]) -> Command {
    let parties: [AccountId; 2] = names.map(|name| desk.account(name));
    let nonce = after(words, "number").map_or(1, |number| number.parse().unwrap());
    let in_an_hour = desk.world.now + span("1h");
    let valid_until = after(words, "valid").map_or(in_an_hour, |until| START + span(until));
    let keys = words.iter().position(|word| *word == "keys");
    let signers = keys.map_or([0xaa, 0xbb], |at| [byte(words[at + 1]), byte(words[at + 2])]);
    let agreement = Agreement { parties, agreed, nonce, valid_until };
    let signed = SignedAgreement {
        digest: [7; 32],
        agreement,
        signers: signers.map(|key| [key; 20]),
        signatures: [vec![4; 65], vec![5; 65]],
    };
    let account = after(words, "by").map_or(parties[0], |name| desk.account(name));
    Command::SubmitAgreement { account, signed: Box::new(signed) }
}
