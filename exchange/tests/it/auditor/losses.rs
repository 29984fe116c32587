//! Who bears a loss, and that it is borne in full.

use super::*;

/// What somebody bears of a loss moves through suspense beside what is due.
#[track_caller]
pub(super) fn bear(
    event: &DefaultEvent,
    at_risk: &BTreeSet<AccountId>,
    uncovered: &mut i128,
    through_suspense: &mut BTreeMap<AccountId, i128>,
) {
    let mut moves = |account: AccountId, amount: i128| {
        *through_suspense.entry(account).or_default() += amount;
    };
    match event {
        DefaultEvent::DefaultResolved(part) => {
            let own = micros(part.own_margin) + micros(part.own_share);
            let others = micros(part.first_loss) + micros(part.insurance);
            let lost = own + others + micros(part.mutual) + micros(part.haircut);
            assert_eq!(lost, micros(part.lost), "layers sum to the loss");
            *uncovered = micros(part.haircut);
            moves(part.account, own - lost);
        }
        DefaultEvent::LossSplit { purpose, page } => {
            for line in &page.lines {
                assert!(at_risk.contains(&line.account), "who held nothing bears nothing");
                assert!(page.terms.hold_for(line), "a line that does not follow");
                let part = i128::from(line.part);
                match purpose {
                    SplitPurpose::Haircut => {
                        moves(line.account, i128::try_from(line.weight).unwrap() - part);
                    }
                    SplitPurpose::FundShares => moves(line.account, part),
                    SplitPurpose::CloseOut { .. } => {}
                }
            }
        }
        // What the layers could not pay of a close-out is in its price.
        DefaultEvent::LossCovered { account, .. } => moves(*account, *uncovered),
        other => panic!("nobody bears {other:?}"),
    }
}
