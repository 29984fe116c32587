//! A settlement price behind a real server: provisional, disputed, ruled on, final.

use exchange::{Command, IndexPrint};
use instruments::{GradeId, MicroUsd, NanosSpan, Ppm};
use serde_json::{Value, json};

use crate::stand::{SERIES, Stand, refusal, start_of_time};

const HALF_HOUR: u64 = 1_800;

/// The index was 2.50 for the day before the last trade, which has come.
async fn expired() -> Stand {
    let stand = Stand::open().await;
    for half_hour in 0..=48 {
        let at = start_of_time() + NanosSpan::from_seconds(HALF_HOUR * half_hour);
        stand.clock.set(at);
        if half_hour < 48 {
            let print = IndexPrint {
                grade: GradeId::new("H100").unwrap(),
                observed_at: at,
                value: Some(MicroUsd::new(2_500_000)),
                conf: Ppm::new(5_000),
                state: oracle::State::Ok,
            };
            stand.submit(Command::PublishIndex(print)).await;
        }
    }
    stand.submit(Command::Tick).await;
    stand
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fix_009_a_verifier_rules_on_a_claim_of_another() {
    let stand = expired().await;
    let (client, _) = stand.trader(5_000).await;
    let (verifier, _) = stand.login(&stand.verifier().await).await;
    let series = json!({"instrument_name": SERIES});
    let look = async || -> Value {
        client.call("public/get_settlement_fixing", series.clone()).await.unwrap()
    };
    let fixing = look().await;
    assert_eq!(fixing["state"], json!("provisional"), "{fixing}");
    assert_eq!(fixing["settlement_price"], json!(2.5));
    assert_eq!(fixing["partitions"].as_array().map(Vec::len), Some(48));

    let claim = |partition: u64, value: f64| json!({"instrument_name": SERIES, "partition": partition, "value": value});
    let refused = refusal(client.call("private/dispute_settlement", claim(48, 3.0)).await);
    assert_eq!(
        (refused.1, refused.2, refused.3),
        (json!("partition"), json!(48), json!("FIX-002"))
    );
    let pending = client.call("private/dispute_settlement", claim(7, 3.0)).await.unwrap();
    assert_eq!(pending["state"], json!("pending"));
    assert_eq!(pending.get("settlement_price"), None, "no value while it is pending");
    assert_eq!(pending["claims"], json!([{"partition": 7, "value": 3}]));

    let ruling = json!({"instrument_name": SERIES, "partition": 7, "upheld": true});
    let refused = refusal(client.call("private/rule_on_settlement", ruling.clone()).await);
    assert_eq!((refused.0, refused.3), (13021, json!("FIX-009")));
    let ruled = verifier.call("private/rule_on_settlement", ruling).await.unwrap();
    assert_eq!(ruled["state"], json!("provisional"));
    assert_eq!(ruled["partitions"][7], json!(3));
    assert_eq!(ruled["settlement_price"], json!(2.5), "one of 48 is trimmed");
    assert!(stand.venue.exchange().money_conserved());
}
