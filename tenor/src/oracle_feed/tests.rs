//! Bodies in files, records out; what is added to a file is what `oracle index` reads.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use serde_json::Value;

use super::{FeedArgs, instant, run};
use crate::oracle_index;
use instruments::Nanos;

const LIUM: &str = include_str!("../../../oracle/tests/feeds/bodies/lium.json");
const VAST: &str = include_str!("../../../oracle/tests/feeds/bodies/vast.json");
const RUNPOD: &str = include_str!("../../../oracle/tests/feeds/bodies/runpod.json");
const NOON: &str = "2026-11-20T12:00:00Z";

fn args(source: &str, file: Option<PathBuf>, at: &str) -> FeedArgs {
    FeedArgs {
        source: source.to_owned(),
        file,
        live: false,
        at: Some(instant(at).expect("a time")),
        by_owner: false,
        observations: None,
        json: false,
    }
}

fn said(args: &FeedArgs) -> Result<String, String> {
    let mut out = Vec::new();
    run(args, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).expect("text"))
}

fn saved(dir: &Path, name: &str, body: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, body).expect("written");
    path
}

#[test]
fn a_body_is_shown_with_what_was_left_out_and_what_is_not_used() {
    let home = tempfile::tempdir().expect("a directory");
    let file = saved(home.path(), "runpod.json", RUNPOD);
    let text = said(&args("runpod", Some(file), NOON)).expect("records");
    expect![[r#"
        runpod at 2026-11-20T12:00:00Z: 5 records
        price        NVIDIA H100 80GB HBM3/securePrice H100_80GB_SXM5 2.69 per GPU-hour, on_demand list, 8 GPUs, 1 free to take
        price        NVIDIA H100 80GB HBM3/communityPrice H100_80GB_SXM5 2.1 per GPU-hour, on_demand list, 8 GPUs, 1 free to take
        price        NVIDIA H100 80GB HBM3/oneMonthPrice H100_80GB_SXM5 2.45 per GPU-hour, reserved list, 8 GPUs, 1 free to take
        price        NVIDIA H100 80GB HBM3/threeMonthPrice H100_80GB_SXM5 2.35 per GPU-hour, reserved list, 8 GPUs, 1 free to take
        price        NVIDIA H100 NVL/securePrice H100_94GB_NVL 2.59 per GPU-hour, on_demand list, 8 GPUs, 1 free to take
        left out     4 rows: no_price
        left out     1 rows: no_stock
        left out     1 rows: not_a_gpu
        left out     1 rows: not_offered
        not used     NVIDIA H100 80GB HBM3/oneMonthPrice H100_80GB_SXM5: not on demand
        not used     NVIDIA H100 80GB HBM3/threeMonthPrice H100_80GB_SXM5: not on demand
        observation  H100_80GB_SXM5 runpod:community 2.73 per GPU-hour (2.760364 per PFLOP-hour), tier D, 1 machines
        observation  H100_80GB_SXM5 runpod:secure 2.69 per GPU-hour (2.719919 per PFLOP-hour), tier D, 1 machines
        observation  H100_94GB_NVL runpod:secure 2.59 per GPU-hour (3.101796 per PFLOP-hour), tier D, 1 machines
    "#]].assert_eq(&text);
}

#[test]
fn as_json_a_price_is_a_number_and_its_body_has_a_hash() {
    let home = tempfile::tempdir().expect("a directory");
    let file = saved(home.path(), "vast.json", VAST);
    let args = FeedArgs { json: true, ..args("vast", Some(file), NOON) };
    let text = said(&args).expect("records");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let price = &json["prices"][3];
    assert_eq!(price["usd_per_gpu_hour"].to_string(), "1.666667");
    assert_eq!(price["raw_hash"].as_str().expect("a hash").len(), 64);
    assert_eq!(json["left_out"]["ended"], 1);
    let observation = &json["observations"][0];
    assert_eq!(observation["tier"], "C");
    assert_eq!(observation["usd_per_pflop_hour"].to_string(), "2.275301");
    assert_eq!((&observation["units"], &observation["leased"]), (&49.into(), &13.into()));
}

/// FEED-011: what is added is what the index reads, tick by tick, and never twice.
#[test]
fn feed_011_rows_are_added_in_the_order_of_time_and_the_index_reads_them() {
    let home = tempfile::tempdir().expect("a directory");
    let out = home.path().join("observations.csv");
    let vast = saved(home.path(), "vast.json", VAST);
    let runpod = saved(home.path(), "runpod.json", RUNPOD);
    let lium = saved(home.path(), "lium.json", LIUM);
    let add = |source: &str, file: &PathBuf, at: &str| {
        let observations = Some(out.clone());
        said(&FeedArgs { observations, ..args(source, Some(file.clone()), at) })
    };
    add("vast", &vast, NOON).expect("added");
    add("runpod", &runpod, NOON).expect("added");
    // Three machines of nobody's: a judgement, which is shown and not written.
    add("lium", &lium, NOON).expect("shown");
    add("vast", &vast, "2026-11-20T12:30:00Z").expect("added");
    let text = fs::read_to_string(&out).expect("rows");
    expect![[r#"
        ts,gpu_class,provider,configs,min,avg,tier,cluster,route,total_units,leased_units
        2026-11-20T12:00:00Z,H100_80GB_SXM5,vast,5,2.250273,2.250273,C,vast,vast,49,13
        2026-11-20T12:00:00Z,H100_80GB_SXM5,runpod:community,1,2.73,2.73,D,runpod,runpod,,
        2026-11-20T12:00:00Z,H100_80GB_SXM5,runpod:secure,1,2.69,2.69,D,runpod,runpod,,
        2026-11-20T12:00:00Z,H100_94GB_NVL,runpod:secure,1,2.59,2.59,D,runpod,runpod,,
        2026-11-20T12:30:00Z,H100_80GB_SXM5,vast,5,2.250273,2.250273,C,vast,vast,49,13
    "#]]
    .assert_eq(&text);
    let ticks = oracle_index::load(&out, Nanos::new(u64::MAX)).expect("observations");
    assert_eq!(ticks.len(), 2);
    assert_eq!(ticks[0].by_grade["H100"].len(), 3);

    let again = add("vast", &vast, NOON).unwrap_err();
    assert!(again.starts_with("line 2 of "), "{again}");
    assert!(again.contains("vast of H100_80GB_SXM5 at 2026-11-20T12:00:00Z"), "{again}");
    assert_eq!(fs::read_to_string(&out).expect("rows"), text, "a refusal adds nothing");
    fs::write(&out, "ts,other\n").expect("written");
    let other = add("vast", &vast, NOON).unwrap_err();
    assert!(other.starts_with("line 1 of ") && other.contains("not the columns ts,"), "{other}");
}

#[test]
fn each_way_not_to_get_records_has_its_message() {
    let home = tempfile::tempdir().expect("a directory");
    let error = |args: &FeedArgs| said(args).unwrap_err();
    let nowhere = args("elsewhere", None, NOON);
    assert!(error(&nowhere).starts_with("no source \"elsewhere\"; there are list, lium, vast"));
    assert_eq!(error(&args("lium", None, NOON)), "give --file BODY or --live");
    let absent = home.path().join("absent");
    let unread = error(&args("lium", Some(absent.clone()), NOON));
    assert_eq!(unread, format!("cannot read {}", absent.display()));
    let early = saved(home.path(), "lium.json", LIUM);
    let early = error(&args("lium", Some(early), "2026-11-20T11:59:00Z"));
    assert!(early.starts_with("source lium: field generated_at: "), "{early}");
    assert!(instant("yesterday").is_err());
    #[cfg(not(feature = "feeds"))]
    {
        let live = FeedArgs { live: true, ..args("lium", None, NOON) };
        let says =
            "this build has no feature feeds: build with --features feeds, or give --file BODY";
        assert_eq!(error(&live), says);
    }
}

#[test]
fn every_source_is_listed_with_what_it_is_asked() {
    let list = said(&args("list", None, NOON)).expect("a list");
    assert_eq!(list.lines().count(), 9);
    let lium = "lium               marketplace    GET  https://lium.io/api/public/v1/nodes";
    assert_eq!(list.lines().next(), Some(lium));
    let json = said(&FeedArgs { json: true, ..args("list", None, NOON) }).expect("a list");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["sources"][1]["method"], "POST");
}
