//! From bodies to what the index takes.

use expect_test::{Expect, expect};
use instruments::Nanos;
use oracle::io::feeds::{Observed, Source, Terms, View, factors, observations};

use crate::{FETCHED_AT, body_of, parse};

fn observed(source: Source, body: &str, view: View) -> Observed {
    let parsed = parse(source, body.as_bytes()).expect("a body");
    let factors = factors().expect("factors");
    observations(&parsed.records, &Terms { at: FETCHED_AT, factors: &factors, view })
}

fn shown(observed: &Observed) -> String {
    let mut text = String::new();
    for (class, it) in &observed.observations {
        let units = it.units().map_or_else(String::new, |units| {
            format!(" {} of {} leased", units.leased, units.total)
        });
        text += &format!(
            "{class} {} {} micro-USD, {} machines, cluster {}, route {}, {:?}{units}\n",
            it.provider(),
            it.price().micros(),
            it.configs(),
            it.cluster(),
            it.route(),
            it.tier(),
        );
    }
    for it in &observed.unused {
        text += &format!("unused {} {}: {}\n", it.offer, it.class, it.why);
    }
    text
}

#[track_caller]
fn check(source: Source, view: View, expected: &Expect) {
    expected.assert_eq(&shown(&observed(source, body_of(source), view)));
}

/// FEED-006, FEED-009: slices of a machine count once; five machines of three owners are evidence of a market.
#[test]
fn feed_006_a_machine_counts_once_and_a_book_is_one_voice() {
    check(
        Source::Vast,
        View::Venue,
        &expect![[r#"
        H100_80GB_SXM5 vast 2250273 micro-USD, 5 machines, cluster vast, route vast, Offered 13 of 49 leased
        unused 107 H100_80GB_SXM5: nothing free
        unused 108 H100_80GB_SXM5: differs by 688000000 billionths of log price, limit 559615788
        unused 102 H100_80GB_SXM5: another slice of its machine counts
    "#]],
    );
}

/// FEED-009: each owner alone, under its own cluster, by the venue's route.
#[test]
fn feed_009_owners_are_clusters_of_their_own() {
    check(
        Source::Vast,
        View::Owners,
        &expect![[r#"
        H100_80GB_SXM5 vast:1 2000000 micro-USD, 2 machines, cluster vast:1, route vast, Offered 0 of 16 leased
        H100_80GB_SXM5 vast:2 2250273 micro-USD, 1 machines, cluster vast:2, route vast, Offered 5 of 8 leased
        H100_80GB_SXM5 vast:3 2200000 micro-USD, 2 machines, cluster vast:3, route vast, Offered 0 of 16 leased
        unused 107 H100_80GB_SXM5: nothing free
        unused 108 H100_80GB_SXM5: differs by 688000000 billionths of log price, limit 559615788
        unused 102 H100_80GB_SXM5: another slice of its machine counts
    "#]],
    );
}

/// FEED-009: without owners, or with few machines, a book is weaker evidence.
#[test]
fn feed_009_what_cannot_be_counted_is_weaker_evidence() {
    check(
        Source::Lium,
        View::Venue,
        &expect![[r#"
        H100_80GB_SXM5 lium 2350000 micro-USD, 2 machines, cluster lium, route lium, Judgement 9 of 24 leased
        unused node-c H100_80GB_SXM5: nothing free
        unused node-d H100_80GB_PCIe: not on demand
        unused node-e UNKNOWN_H100_80GB: the form is not said
    "#]],
    );
    check(
        Source::Runpod,
        View::Venue,
        &expect![[r#"
        H100_80GB_SXM5 runpod:community 2730000 micro-USD, 1 machines, cluster runpod, route runpod, RateCard
        H100_80GB_SXM5 runpod:secure 2690000 micro-USD, 1 machines, cluster runpod, route runpod, RateCard
        H100_94GB_NVL runpod:secure 2590000 micro-USD, 1 machines, cluster runpod, route runpod, RateCard
        unused NVIDIA H100 80GB HBM3/oneMonthPrice H100_80GB_SXM5: not on demand
        unused NVIDIA H100 80GB HBM3/threeMonthPrice H100_80GB_SXM5: not on demand
    "#]],
    );
    check(
        Source::AkashPrices,
        View::Venue,
        &expect![[r#"
        H100_80GB_SXM5 akash 1935152 micro-USD, 1 machines, cluster akash, route akash, RateCard 24 of 40 leased
        unused nvidia a100 0 UNKNOWN_A100: the form is not said
    "#]],
    );
    check(
        Source::Clore,
        View::Venue,
        &expect![[r#"
        H100_80GB_SXM5 clore 2060909 micro-USD, 1 machines, cluster clore, route clore, Judgement 0 of 2 leased
        RTX_4090_24GB clore 313808 micro-USD, 1 machines, cluster clore, route clore, Judgement 2 of 3 leased
        unused 502 RTX_4090_24GB: nothing free
    "#]],
    );
}

/// FEED-009: fewer machines or owners than make a market, and the same prices are judgement.
#[test]
fn feed_009_a_population_is_proven_by_machines_and_owners() {
    let tier = |body: &str| {
        let observed = observed(Source::Vast, body, View::Venue);
        format!("{:?}", observed.observations[0].1.tier())
    };
    let whole = body_of(Source::Vast);
    assert_eq!(tier(whole), "Offered");
    let two_owners = whole.replace("\"host_id\": 2,", "\"host_id\": 3,");
    assert_eq!(tier(&two_owners), "Judgement");
    let four_machines = whole.replacen(
        "\"rentable\": true, \"rented\": false",
        "\"rentable\": false, \"rented\": true",
        1,
    );
    let four_machines = four_machines.replacen(
        "\"id\": 102, \"machine_id\": 11",
        "\"id\": 102, \"machine_id\": 11, \"x\": 1",
        1,
    );
    let four_machines = four_machines.replacen("\"num_gpus\": 4, \"gpu_ram\": 81559, \"gpu_frac\": 0.5, \"dph_base\": 8.4, \"dph_total\": 8.6, \"min_bid\": 4.0, \"verification\": \"verified\", \"hosting_type\": 1, \"geolocation\": \"Anytown, XA\", \"rentable\": true", "\"num_gpus\": 4, \"gpu_ram\": 81559, \"gpu_frac\": 0.5, \"dph_base\": 8.4, \"dph_total\": 8.6, \"min_bid\": 4.0, \"verification\": \"verified\", \"hosting_type\": 1, \"geolocation\": \"Anytown, XA\", \"rentable\": false", 1);
    assert_eq!(tier(&four_machines), "Judgement");
}

/// FEED-006: what a venue sums up of its units is what all its machines say, rented ones too; a book that shows no rented offer says nothing.
#[test]
fn feed_006_units_are_told_only_by_a_book_that_shows_what_is_rented() {
    let unrented = body_of(Source::Vast).replace("\"rented\": true", "\"rented\": false");
    let observed = observed(Source::Vast, &unrented, View::Venue);
    assert_eq!(observed.observations[0].1.units(), None);
}

/// FEED-006: the order of a body changes nothing.
#[test]
fn feed_006_the_order_of_rows_does_not_matter() {
    let mut body: serde_json::Value = serde_json::from_str(body_of(Source::Vast)).expect("JSON");
    let forwards = observed(Source::Vast, &body.to_string(), View::Venue).observations;
    body["offers"].as_array_mut().expect("rows").reverse();
    let backwards = observed(Source::Vast, &body.to_string(), View::Venue).observations;
    assert_eq!(forwards, backwards);
    assert_eq!(forwards[0].1.at(), FETCHED_AT);
    assert_ne!(FETCHED_AT, Nanos::new(0));
}
