//! A delivery with real processes, and what becomes of its hours when one of them dies, or the wire between them.
//!
//! The calendar is compressed to seconds; the rule is the one between challenges. Whatever happened, a naive meter over the journal's own
//! events must come to the hours that were credited, and the money must be theirs.

mod meter;
mod stage;

use instruments::NanosSpan;
use serde_json::Value;

use stage::Stage;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runs");
    runtime.block_on(test);
}

fn is_kind(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == kind
}

fn is_outcome(outcome: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == "judged" && message["outcome"] == outcome
}

#[test]
fn session_017_an_honest_delivery_is_credited_to_the_last_second() {
    run(async {
        let mut stage = Stage::open().await;
        stage.start_verifier();
        stage.start_agent();
        stage.until(is_kind("closed")).await;
        let day = stage.end().await;
        assert_eq!(day.failed, 0, "{day:?}");
        assert_eq!(day.credited, day.owed, "{day:?}");
    });
}

#[test]
fn session_018_a_worker_that_is_killed_at_work_costs_nothing_that_is_answered_in_time() {
    run(async {
        let mut stage = Stage::open().await;
        stage.start_verifier();
        stage.start_agent();
        stage.until(is_outcome("passed")).await;
        let worker = stage.worker();
        worker.stop();
        stage.until_asked().await;
        worker.kill();
        stage.until(is_outcome("passed")).await;
        assert_ne!(stage.worker(), worker, "another worker has taken over");
        stage.until(is_kind("closed")).await;
        let day = stage.end().await;
        assert_eq!((day.failed, day.credited), (0, day.owed), "{day:?}");
    });
}

#[test]
fn session_019_an_agent_that_is_killed_goes_on_where_it_was_when_it_is_back() {
    run(async {
        let mut stage = Stage::open().await;
        stage.start_verifier();
        stage.start_agent();
        stage.until(is_outcome("passed")).await;
        let worker = stage.worker();
        worker.stop();
        let asked = stage.until_asked().await;
        stage.kill_agent();
        worker.kill();
        stage.start_agent();
        let same =
            move |message: &Value| message["type"] == "judged" && message["challenge"] == asked;
        let judged = stage.until(same).await;
        assert_eq!(judged["outcome"], "passed");
        stage.until(is_kind("closed")).await;
        let day = stage.end().await;
        assert_eq!((day.failed, day.credited), (0, day.owed), "{day:?}");
    });
}

/// What was open when the server died is as if it had never been, and its downtime costs nobody anything.
#[test]
fn session_011_a_server_that_is_killed_costs_the_seller_nothing() {
    run(async {
        let mut stage = Stage::open().await;
        stage.start_verifier();
        stage.start_agent();
        stage.until(is_outcome("passed")).await;
        let worker = stage.worker();
        worker.stop();
        stage.until_asked().await;
        stage.kill_server();
        worker.go_on();
        stage.start_server().await;
        stage.until(is_outcome("passed")).await;
        stage.until(is_kind("closed")).await;
        let day = stage.end().await;
        assert!(1 <= day.unknown, "{day:?}");
        assert_eq!((day.failed, day.credited), (0, day.owed), "{day:?}");
    });
}

/// SESSION-004: the re-challenge makes good for the silence, but for the time between the two.
#[test]
fn session_020_a_wire_that_is_cut_for_one_challenge_costs_the_time_until_the_next() {
    run(async {
        let mut stage = Stage::open_with(NanosSpan::from_seconds(5)).await;
        stage.start_verifier();
        stage.start_agent();
        stage.until(is_outcome("passed")).await;
        let worker = stage.worker();
        worker.stop();
        stage.until_asked().await;
        stage.cut();
        worker.go_on();
        let failed = stage.until(is_outcome("failed")).await;
        assert_eq!(failed["cause"], "silent");
        stage.mend();
        stage.until(is_outcome("passed")).await;
        stage.until(is_kind("closed")).await;
        let day = stage.end().await;
        assert!(1 <= day.failed, "{day:?}");
        assert!(0 < day.credited && day.credited < day.owed, "{day:?}");
    });
}
