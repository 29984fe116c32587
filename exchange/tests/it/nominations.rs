//! EXPIRY: what holders say between the last trade and the assignment, and what is published of it.

use exchange::{CloseOutEvent, CloseOutReject, Command, Event, Nomination, Reject};
use expect_test::expect;
use instruments::{AccountId, InstrumentId};

use crate::script::{Desk, check_morning};
use crate::world::refusal;

/// A series that takes nominations until half an hour after its last trade; alice is long 3 nodes, carol one, bob is short 4.
fn nominating() -> Desk {
    let mut desk = Desk::morning();
    desk.run(
        "
        list H100N nominate 90m
        bob sell 4 @ 2.5 in H100N
        alice buy 3 @ 2.5 in H100N
        carol buy 1 @ 2.5 in H100N
        ",
    );
    desk
}

#[test]
fn expiry_008_nominations_are_taken_from_the_last_trade_until_their_instant() {
    let mut desk = nominating();
    desk.out.clear();
    desk.run(
        "
        alice nominates for H100N EU
        run 1h
        alice nominates for H100N EU
        alice nominates for H100N NA node=rack-7 node=rack-8 at=lynx.example:443
        +29m
        bob nominates for H100N NA
        +1m
        carol nominates for H100N
        alice nominates for H100D EU
        nobody nominates for H100N
        alice nominates for H100Z
        ",
    );
    expect![[r#"
        refused EXPIRY-008 NoNominations
        H100D settles @ 2.5 by the mark
        H100D expired @ 2.5
        H100N settles @ 2.5 by the mark
        H100N expired @ 2.5
        H100N alice nominates EU [] 
        H100N alice nominates NA [rack-7 rack-8] lynx.example:443
        H100N bob nominates NA [] 
        refused EXPIRY-008 NoNominations
        refused EXPIRY-008 NoNominations
        refused ACCOUNT-001 UnknownAccount
        refused ORDER-001 UnknownInstrument
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn expiry_009_only_holders_nominate() {
    let mut desk = nominating();
    desk.run("account dave");
    desk.out.clear();
    desk.run("run 1h");
    desk.out.clear();
    desk.run("dave nominates for H100N EU");
    expect![[r#"
        refused EXPIRY-009 NothingHeld
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn expiry_010_a_nomination_is_bounded() {
    let mut desk = nominating();
    desk.run("run 1h");
    let node = |len: usize| exchange::Node { name: "n".repeat(len), digest: [1; 32] };
    let bad = [
        Nomination { nodes: vec![node(0)], ..Nomination::default() },
        Nomination { nodes: vec![node(65)], ..Nomination::default() },
        Nomination { nodes: vec![node(1); 1_025], ..Nomination::default() },
        Nomination { endpoint: "e".repeat(257), ..Nomination::default() },
    ];
    let good = Nomination { region: None, endpoint: "e".repeat(256), nodes: vec![node(64); 1_024] };
    let mut nominate = |nomination: Nomination| {
        let nomination = Box::new(nomination);
        let (account, instrument) = (AccountId(1), InstrumentId(2));
        desk.world.apply(Command::Nominate { account, instrument, nomination })
    };
    for nomination in bad {
        assert_eq!(
            nominate(nomination),
            [Event::Rejected(Reject::CloseOut(CloseOutReject::BadNomination))]
        );
    }
    assert_eq!(refusal(&nominate(good)), None);
}

/// EXPIRY-015, EXPIRY-016: the regions lead to other pairs than sizes alone would, and the publication says why.
#[test]
fn expiry_016_an_assignment_is_published_with_what_it_follows_from() {
    let mut desk = nominating();
    desk.run(
        "
        account dave
        deposit dave 1000
        dave sell 3 @ 2.5 in H100N
        alice buy 3 @ 2.5 in H100N
        run 1h
        bob nominates for H100N EU
        dave nominates for H100N NA
        carol nominates for H100N NA
        ",
    );
    desk.out.clear();
    let events = desk.world.run(instruments::NanosSpan::from_seconds(3_600));
    let published = events.iter().find_map(|event| match event {
        Event::CloseOut(CloseOutEvent::AssignmentPublished(published)) => Some(published),
        _ => None,
    });
    let published = published.unwrap();
    let told: Vec<_> =
        published.inputs.holders.iter().map(|it| (it.net.lots(), it.region)).collect();
    let (eu, na) = (Some(instruments::Region::Europe), Some(instruments::Region::NorthAmerica));
    assert_eq!(told, [(6, None), (-4, eu), (1, na), (-3, na)]);
    assert_eq!(published.inputs.assign(), published.assigned);
    assert_eq!(published.seed, published.inputs.seed());
    assert_eq!(published.inputs_hash, published.inputs.hash());
    let pairs: Vec<_> = published
        .assigned
        .pairs
        .iter()
        .map(|it| (it.seller.0, it.buyer.0, it.lots.lots()))
        .collect();
    assert_eq!(pairs, [(2, 1, 4), (4, 1, 2), (4, 3, 1)]);
    let owed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ObligationAssigned { seller, buyer, lots, .. } => {
                Some((seller.0, buyer.0, lots.lots()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(owed, pairs);
}

#[test]
fn a_series_that_nobody_held_publishes_nothing() {
    check_morning(
        "run 2h",
        expect![[r#"
            H100D settles @ 2.5 by the mark
            H100D expired @ 2.5
        "#]],
    );
}
