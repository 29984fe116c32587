//! REPLAY-004: one fixed life, and the hash its state must have on every machine and in every profile.

use crate::script::Desk;

/// Change only together with `RULES_VERSION`, or before the first release.
const STATE: &str = "ab1730a19f0d3764ad2742407b90af50c84931c87666653477142e0d48d4dc06";
const HISTORY: &str = "c5713344ed5d850cb503d42cd04f89b047da29b31f0f53ca0a1b5d2797f13b8e";

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn replay_004_a_fixed_life_has_a_fixed_hash() {
    let mut desk = Desk::morning();
    desk.run(
        "
        list A100D grade A100 node 2
        account vera verifier
        alice buy 5 @ 2.5 label=first
        bob sell 3 @ 2.49
        carol sell 4 market ioc
        alice amend #1 x 6
        alice sell 2 @ 2.51 stp=decrement
        bob sell 4 @ 2.52 show=1 gtd 2h token=7
        carol buy 1 @ 2.6 when last rises 2.52 ceiling 2.7
        carol batch buy 5 @ 2.52 ; cancel #2 ; buy 1 @ 2.6 reduce
        auction A100D until 10m
        bob buy 3 @ 2.4 in A100D
        carol sell 3 @ 2.4 in A100D
        index H100 2.55
        index A100 1.2
        alice buy 1000 @ 2.5
        run 3h
        bob nominates aa
        carol nominates cc
        challenge D-1/0
        bob receipt D-1/0
        carol receipt D-1/0 key=cc
        draw D-1/0
        vera verdict D-1/0 valid 960000
        challenge D-2/0
        run 30h
        ",
    );
    // The history is part of the state: where it agrees, the same happened and only the state's shape has changed.
    assert_eq!(hex(desk.world.exchange.history_hash()), HISTORY, "{}", desk.out);
    assert_eq!(hex(desk.world.exchange.state_hash()), STATE);
}
