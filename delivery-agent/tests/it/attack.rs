//! Ways of not delivering: each is caught as often as it should be, and who delivers never is.

use delivery_agent::attack::odds::gain_of_absence;
use delivery_agent::attack::{ATTACKS, Plan, mean_gain, run, try_out};

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

/// PROOF-008: metered by the rule by which hours are paid, an absence costs what it should.
#[test]
fn proof_008_absence_loses_money_by_the_meters_own_rule() {
    for away in [0.5, 1.0, 2.0, 4.0] {
        let (mean, error) = mean_gain(away, 10_000, 1);
        assert!(mean + 4.0 * error < 0.0, "{away} {mean} {error}");
        // Asked again within a minute, which is a fifth of a gap: what passes after the absence lies between.
        let (least, most) = (gain_of_absence(away, 1.0, 0.2), gain_of_absence(away, 1.0, 0.0));
        assert!(least - 4.0 * error < mean && mean < most + 4.0 * error, "{away} {mean}");
    }
}

#[test]
fn a_plan_of_nothing_is_refused() {
    let refused = run(Plan { trials: 0, seed: 1 }).unwrap_err();
    assert_eq!(refused.to_string(), "0 trials, outside 1..=1000000");
}
