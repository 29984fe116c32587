//! OPTION: which short lots are exercised against; and positions that come about by something else than a trade.

use instruments::{NetQty, Qty};
use proptest::prelude::*;
use settlement::{Booked, Holder, Positions, allot};

use crate::world::{account, month, ticks};

proptest! {
    /// OPTION-009.
    #[test]
    fn option_009_what_is_assigned_is_what_is_exercised(
        nets in prop::collection::vec((-200..200_i64, 0..250_u64), 0..14),
        seed in any::<[u8; 32]>(),
    ) {
        let rest: i64 = -nets.iter().map(|(net, _)| *net).sum::<i64>();
        let nets: Vec<(i64, u64)> = nets.into_iter().chain([(rest, 7)]).collect();
        let mut holders: Vec<Holder> = (1..)
            .zip(&nets)
            .map(|(id, (net, _))| Holder { account: account(id), net: NetQty::from_lots(*net), region: None })
            .collect();
        let wanted = |id: instruments::AccountId| {
            Qty::from_lots(nets[usize::try_from(id.0).unwrap() - 1].1)
        };
        let parts = allot(seed, &holders, wanted);
        prop_assert_eq!(parts.iter().map(|part| part.lots.lots()).sum::<i64>(), 0);
        let short: u64 = nets.iter().map(|(net, _)| (-net).max(0).unsigned_abs()).sum();
        let exercised: u64 = parts.iter().map(|part| part.lots.long().lots()).sum();
        for holder in &holders {
            let part = parts.iter().find(|part| part.account == holder.account);
            let lots = part.map_or(0, |part| part.lots.lots());
            let net = holder.net.lots();
            prop_assert!(lots.abs() <= net.abs() && 0 <= lots * net);
            if 0 < net {
                prop_assert_eq!(lots.unsigned_abs(), wanted(holder.account).lots().min(net.unsigned_abs()));
            } else {
                let (share, exact) = (lots.unsigned_abs() * short, net.unsigned_abs() * exercised);
                prop_assert!(share.abs_diff(exact) < short.max(1), "less than a lot from its share");
            }
        }
        holders.reverse();
        prop_assert_eq!(allot(seed, &holders, wanted), parts);
    }
}

#[test]
fn option_012_booked_lots_show_the_strike_and_count_from_the_price() {
    let terms = month();
    let lots = NetQty::from_lots;
    let worth = |lots: i64, ticks: i64| i128::from(lots) * i128::from(ticks) * 744_000;
    let booked =
        |lots, price, strike| Booked { cost: worth(lots, price), entry: worth(lots, strike) };
    let mut positions = Positions::default();
    let mut book = |net: i64, price: i64, strike: i64| {
        positions.book(&terms, account(1), lots(net), booked(net, price, strike));
        let position = positions.get(terms.id, account(1)).copied().unwrap_or_default();
        let average = position.average_price(&terms).map(|average| average.micros());
        let due = position.unrealised(&terms, ticks(2_300)).micros();
        (position.net.lots(), average, due)
    };
    assert_eq!(book(2, 2_300, 2_500), (2, Some(2_500_000), 0));
    assert_eq!(book(2, 2_300, 2_300), (4, Some(2_400_000), 0));
    assert_eq!(book(-1, 2_200, 2_000), (3, Some(2_400_000), -74_400_000));
    assert_eq!(book(-5, 2_300, 2_600), (-2, Some(2_600_000), -74_400_000));
    assert_eq!(book(2, 2_200, 2_000), (0, None, 74_400_000));
    positions.settle(terms.id, account(1), 74_400_000);
    let left = positions.get(terms.id, account(1)).map(|position| position.cost);
    assert_eq!(left, Some(-148_800_000));
    positions.settle(terms.id, account(1), -148_800_000);
    assert_eq!(positions.get(terms.id, account(1)), None, "gone");
}
