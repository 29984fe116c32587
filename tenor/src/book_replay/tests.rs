//! Lines in, lines out.

mod any_lines;
mod auctions;
mod help;
mod icebergs;
mod orders;
mod plain;
mod pro_rata;
mod refusals;
mod sums;
mod triggers;

use expect_test::Expect;

use super::run;

/// What is printed without a wish for details.
#[track_caller]
fn check(input: &str, expected: Expect) {
    expected.assert_eq(&replay(input, false));
}

/// What is printed when events of every kind are wanted.
#[track_caller]
fn check_all(input: &str, expected: Expect) {
    expected.assert_eq(&replay(input, true));
}

fn replay(input: &str, is_verbose: bool) -> String {
    let mut output = Vec::new();
    let ended = run(input.as_bytes(), &mut output, is_verbose);
    let mut text = String::from_utf8(output).unwrap();
    if let Err(error) = ended {
        text.push_str(&format!("error: {error}\n"));
    }
    text
}
