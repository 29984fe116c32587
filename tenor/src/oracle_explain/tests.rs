//! The sentence, for every state.

use expect_test::expect;
use instruments::{Nanos, Ppm};
use oracle::{Gate, GateName, METHODOLOGY, Print, State, Withheld};

use super::sentence;

fn print(state: State) -> Print {
    Print {
        at: Nanos::new(0),
        value: None,
        conf: Ppm::ONE,
        state,
        providers: 4,
        voices: Ppm::ZERO,
        top_share: Ppm::ZERO,
        price_leg: None,
        utilisation_leg: None,
        utilisation: None,
        methodology: METHODOLOGY,
    }
}

/// TAPE-021: whatever the state is, a sentence says why, and names each gate that is closed with what is and what should be.
#[test]
fn tape_021_every_state_has_its_sentence() {
    let gate = |name, is_open, is, limit| Gate { name, is_open, is, limit };
    let gates = [
        gate(GateName::Providers, false, 4, 5),
        gate(GateName::TopShare, true, 200_000, 350_000),
        gate(GateName::Dispersion, false, 210_500, 200_000),
    ];
    let withheld = Withheld::Providers { voting: 2, needed: 4, on_probation: 1 };
    let states = [
        State::Ok,
        State::LowConf,
        State::Unconfirmed,
        State::Fallback(3),
        State::Withheld(withheld),
    ];
    let mut said = String::new();
    for state in states {
        said += &format!("{}\n{}\n", sentence(&print(state), &gates), sentence(&print(state), &[]));
    }
    expect![[r#"
        OK, because every gate is open
        OK, because every gate is open
        LOW_CONF, because not every gate is open; providers 4, at least 5; dispersion 0.2105, at most 0.2
        LOW_CONF, because of what the state remembers of the ticks before
        UNCONFIRMED, because it moved further than the others confirm; providers 4, at least 5; dispersion 0.2105, at most 0.2
        UNCONFIRMED, because it moved further than the others confirm
        FALLBACK(3), because too few quote: the last value, moved by a futures mark; providers 4, at least 5; dispersion 0.2105, at most 0.2
        FALLBACK(3), because too few quote: the last value, moved by a futures mark
        WITHHELD: 2 of 4 providers and 1 on probation; providers 4, at least 5; dispersion 0.2105, at most 0.2
        WITHHELD: 2 of 4 providers and 1 on probation
    "#]]
    .assert_eq(&said);
}
