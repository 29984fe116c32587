//! REPLAY-004: one fixed life, and the hash its state must have on every machine and in every profile.

use crate::script::Desk;

/// Change only together with `RULES_VERSION`, or before the first release.
const STATE: &str = "f1e9403d0c1bb7f65767ccf14e962ebfee95f64e68dbce107d4724a15826e45a";
const HISTORY: &str = "e178d59269e39e339972eedfc1e91d355e35b49088a96724fc8286136c305d9e";

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
