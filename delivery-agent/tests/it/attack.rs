//! Ways of not delivering: each is caught as often as it should be, and who delivers never is.

use delivery_agent::attack::{ATTACKS, Plan, run, try_out};

#[test]
fn proof_006_every_attack_is_caught_as_often_as_computed_and_the_honest_never() {
    let rows = run(Plan { trials: 1_000, seed: 1 }).unwrap();
    assert_eq!(rows.len(), 17);
    for row in &rows {
        assert!(row.holds(), "{row:?}");
    }
    // PROOF-007: ten thousand who delivered.
    assert_eq!((rows[0].attack, rows[0].trials, rows[0].caught), ("honest", 10_000, 0));
}

/// PROOF-007: on any number of threads the same trials end the same.
#[test]
fn proof_007_trials_do_not_depend_on_threads() {
    let plan = Plan { trials: 40, seed: 2 };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let tried = ["honest", "skipped rows", "missing VRAM"].map(|name| {
                let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap();
                try_out(attack, plan).unwrap()
            });
            assert_eq!(tried[0].caught, 0, "{threads} threads");
            tried
        })
    };
    let alone = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), alone, "{threads} threads");
    }
}

#[test]
fn a_plan_of_nothing_is_refused() {
    let refused = run(Plan { trials: 0, seed: 1 }).unwrap_err();
    assert_eq!(refused.to_string(), "0 trials, outside 1..=1000000");
}
