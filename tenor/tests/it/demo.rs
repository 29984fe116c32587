//! The demo: its checks hold, and one seed gives one course of trading. Challenges come when nobody can foresee them, so what is missing
//! is another amount each time.

use serde_json::Value;

use crate::running::tenor;

fn summary(seed: &str) -> Value {
    let ran = tenor().args(["demo", "--once", "--json", "--seed", seed]).output().expect("runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "the demo failed:\n{said}");
    serde_json::from_slice(&ran.stdout).expect("one JSON object and nothing else")
}

#[test]
fn two_demos_of_one_seed_agree_on_all_but_the_clock() {
    let both = std::thread::scope(|scope| {
        let runs = [scope.spawn(|| summary("11")), scope.spawn(|| summary("11"))];
        runs.map(|run| run.join().expect("a summary"))
    });
    for key in [
        "trades",
        "volume_lots",
        "settlement_price",
        "obligations_closed",
        "money_conserved",
        "positions_zero",
        "replay_hash_equal",
    ] {
        assert_eq!(both[0][key], both[1][key], "{key}");
    }
    let number = |key: &str| both[0][key].as_f64().expect("a number");
    assert!(20.0 <= number("trades") && 2.0 <= number("obligations_closed"));
    assert!(2.0 <= number("intervals_delivered"));
    assert!(0.0 < number("shortfall_paid_usd"));
    for key in ["money_conserved", "positions_zero", "replay_hash_equal"] {
        assert_eq!(both[0][key], Value::Bool(true), "{key}");
    }
}
