//! SETTLE: the prices at which variation pays.

use expect_test::expect;

use crate::script::Desk;

/// A series that trades for 30 hours, seen a quarter of an hour before its first cycle.
fn evening() -> Desk {
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        account alice
        account bob
        deposit alice 2000
        deposit bob 2000
        list H100D trade 30h assign 31h from 32h until 56h close 57h
        +23h
        +45m
        ",
    );
    desk.out.clear();
    desk
}

/// SETTLE-001, SETTLE-003.
#[test]
fn settle_001_half_an_hour_of_trades() {
    // (4 * 2.50 + 2 * 2.51 + 2 * 2.49 + 2.52 + 2.53) / 10 = 2.505, while the mark is 2.50.
    let mut desk = evening();
    for (lots, price) in [(4, "2.5"), (2, "2.51"), (2, "2.49"), (1, "2.52"), (1, "2.53")] {
        desk.out.clear();
        desk.run(&format!("alice buy {lots} @ {price}\nbob sell {lots} @ {price}\n+1m"));
    }
    desk.run("run 10m");
    expect![[r#"
        #9 alice buy 1 @ 2.53
        #10 bob sell 1 @ 2.53
        #10 bob sells 1 @ 2.53 with #9 alice, fee 0.03036
        H100D settles @ 2.505 by 10 lots in 5 trades
    "#]]
    .assert_eq(&desk.out);
}

#[test]
fn settle_001_four_trades_or_nine_lots_are_no_market() {
    let mut desk = evening();
    desk.run(
        "
        alice buy 9 @ 2.53
        bob sell 1 @ 2.53
        bob sell 1 @ 2.53
        bob sell 1 @ 2.53
        bob sell 1 @ 2.53
        bob sell 5 @ 2.53
        run 15m
        ",
    );
    assert!(desk.out.contains("H100D settles @ 2.5 by the mark"), "{}", desk.out);
    let mut desk = evening();
    desk.run(
        "
        alice buy 12 @ 2.53
        bob sell 3 @ 2.53
        bob sell 3 @ 2.53
        bob sell 3 @ 2.53
        bob sell 3 @ 2.53
        run 15m
        ",
    );
    assert!(desk.out.contains("H100D settles @ 2.5 by the mark"), "{}", desk.out);
}

/// SETTLE-001: what traded more than half an hour before is no part of it.
#[test]
fn settle_001_older_trades_do_not_count() {
    let five = |desk: &mut Desk, price: &str| {
        desk.run(&format!("alice buy 10 @ {price}"));
        for _ in 0..5 {
            desk.run(&format!("bob sell 2 @ {price}"));
        }
    };
    let mut desk = evening();
    five(&mut desk, "2.53");
    desk.run("run 15m");
    assert!(desk.out.contains("H100D settles @ 2.53 by 10 lots in 5 trades"), "{}", desk.out);
    let mut desk = Desk::new();
    desk.run(
        "
        open test
        account alice
        account bob
        deposit alice 2000
        deposit bob 2000
        list H100D trade 30h assign 31h from 32h until 56h close 57h
        +23h
        +29m
        ",
    );
    five(&mut desk, "2.53");
    desk.run("run 31m");
    assert!(desk.out.contains("H100D settles @ 2.5 by the mark"), "{}", desk.out);
}

/// SETTLE-002, SETTLE-003.
#[test]
fn settle_002_the_middle_of_a_narrow_book_else_the_mark() {
    // 2.54 is less than 2 % above 2.50, 2.56 is more.
    let mut desk = evening();
    desk.run(
        "
        alice buy 1 @ 2.5
        bob sell 1 @ 2.54
        run 15m
        alice cancel all
        bob cancel all
        alice buy 1 @ 2.5
        bob sell 1 @ 2.56
        run 1h
        ",
    );
    expect![[r#"
        #1 alice buy 1 @ 2.5
        #2 bob sell 1 @ 2.54
        H100D settles @ 2.52 by 1 bid and 1 offered
        #1 cancelled 1: user
        #2 cancelled 1: user
        #3 alice buy 1 @ 2.5
        #4 bob sell 1 @ 2.56
    "#]]
    .assert_eq(&desk.out);
    let mut desk = evening();
    desk.run(
        "
        alice buy 1 @ 2.5
        bob sell 1 @ 2.56
        run 15m
        ",
    );
    expect![[r#"
        #1 alice buy 1 @ 2.5
        #2 bob sell 1 @ 2.56
        H100D settles @ 2.5 by the mark
    "#]]
    .assert_eq(&desk.out);
}
