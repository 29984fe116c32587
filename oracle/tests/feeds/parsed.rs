//! The bodies as they should be read.

use expect_test::{Expect, expect};
use oracle::io::feeds::Source;

use crate::{body_of, lines, parse};

fn check(source: Source, expected: &Expect) {
    let parsed = parse(source, body_of(source).as_bytes()).expect("a body");
    let mut text = lines(&parsed).join("\n");
    text.push('\n');
    expected.assert_eq(&text);
}

/// FEED-004, FEED-005: a node's price is per GPU; a pending price is not today's; what is not said is left out.
#[test]
fn lium() {
    check(
        Source::Lium,
        &expect![[r#"
        node-a H100_80GB_SXM5 OnDemand 2350000 micro-USD, 8 GPUs, 8 offered 8/8 free
        node-b H100_80GB_SXM5 OnDemand 2100000 micro-USD, 3 GPUs, 3 offered 3/8 free
        node-c H100_80GB_SXM5 OnDemand 1900000 micro-USD, 8 GPUs, 0 offered 4/8 free
        node-d H100_80GB_PCIe Spot 1750000 micro-USD, 2 GPUs, 2 offered 2/2 free
        node-e UNKNOWN_H100_80GB OnDemand 1200000 micro-USD, 8 GPUs, 8 offered 8/8 free
        left out nodes[5]: incomplete
        left out nodes[6]: change_overdue
    "#]],
    );
}

/// FEED-004, FEED-006: an offer's price is divided by its GPUs; the largest free slice is what a machine has free.
#[test]
fn vast() {
    check(
        Source::Vast,
        &expect![[r#"
        101 H100_80GB_SXM5 OnDemand 2000000 micro-USD, 8 GPUs, 8 offered 8/8 free
        102 H100_80GB_SXM5 OnDemand 2100000 micro-USD, 4 GPUs, 4 offered 8/8 free
        103 H100_80GB_SXM5 OnDemand 3000000 micro-USD, 8 GPUs, 8 offered 8/8 free
        104 H100_80GB_SXM5 OnDemand 1666667 micro-USD, 3 GPUs, 3 offered 3/8 free
        105 H100_80GB_SXM5 OnDemand 2200000 micro-USD, 8 GPUs, 8 offered 8/8 free
        106 H100_80GB_SXM5 OnDemand 2300000 micro-USD, 8 GPUs, 8 offered 8/8 free
        107 H100_80GB_SXM5 OnDemand 2100000 micro-USD, 8 GPUs, 0 offered 0/8 free
        108 H100_80GB_SXM5 OnDemand 900000 micro-USD, 1 GPUs, 1 offered 1/1 free
        left out offers[8]: ended
    "#]],
    );
}

/// FEED-005: no stock, no price and a price of zero are three reasons.
#[test]
fn runpod() {
    check(
        Source::Runpod,
        &expect![[r#"
            NVIDIA H100 80GB HBM3/securePrice H100_80GB_SXM5 OnDemand 2690000 micro-USD, 8 GPUs, 1 offered
            NVIDIA H100 80GB HBM3/communityPrice H100_80GB_SXM5 OnDemand 2100000 micro-USD, 8 GPUs, 1 offered
            NVIDIA H100 80GB HBM3/oneMonthPrice H100_80GB_SXM5 Reserved 2450000 micro-USD, 8 GPUs, 1 offered
            NVIDIA H100 80GB HBM3/threeMonthPrice H100_80GB_SXM5 Reserved 2350000 micro-USD, 8 GPUs, 1 offered
            NVIDIA H100 NVL/securePrice H100_94GB_NVL OnDemand 2590000 micro-USD, 8 GPUs, 1 offered
            left out data.gpuTypes[0].sixMonthPrice: no_price
            left out data.gpuTypes[1].communityPrice: not_offered
            left out data.gpuTypes[1].oneMonthPrice: no_price
            left out data.gpuTypes[1].threeMonthPrice: no_price
            left out data.gpuTypes[1].sixMonthPrice: no_price
            left out data.gpuTypes[2]: no_stock
            left out data.gpuTypes[3]: not_a_gpu
        "#]],
    );
}

/// FEED-005: no price is left out, the units are not.
#[test]
fn akash() {
    check(
        Source::AkashPrices,
        &expect![[r#"
        H100_80GB_SXM5 24 of 40 busy, 0 pending, 4 owners
        nvidia h100 sxm5 81920 H100_80GB_SXM5 OnDemand 1850000 micro-USD, 1 GPUs, 16 offered 16/40 free
        UNKNOWN_A100 12 of 16 busy, 0 pending, 2 owners
        nvidia a100 0 UNKNOWN_A100 OnDemand 900000 micro-USD, 1 GPUs, 4 offered 4/16 free
        RTX_4090_24GB 3 of 4 busy, 0 pending, 1 owners
        left out models[2].price: no_price
    "#]],
    );
    check(
        Source::AkashCapacity,
        &expect![[r#"
        all 300 of 505 busy, 5 pending, 55 owners
    "#]],
    );
    check(
        Source::AkashBreakdown,
        &expect![[r#"
        H200_141GB 30 of 40 busy, 0 pending, 3 owners
        H200_141GB 31 of 40 busy, 0 pending, 3 owners
        UNKNOWN_H100 0 of 48 busy, 0 pending, 4 owners
    "#]],
    );
}

/// FEED-004: a server's price is for a day and all its GPUs.
#[test]
fn clore() {
    check(
        Source::Clore,
        &expect![[r#"
        501 H100_80GB_SXM5 OnDemand 2000000 micro-USD, 2 GPUs, 2 offered 2/2 free
        502 RTX_4090_24GB OnDemand 300000 micro-USD, 2 GPUs, 0 offered 0/2 free
        504 RTX_4090_24GB OnDemand 300000 micro-USD, 1 GPUs, 1 offered 1/1 free
        left out servers[2]: mixed_node
        left out servers[4]: not_offered
    "#]],
    );
}

#[test]
fn golem() {
    check(
        Source::GolemOnline,
        &expect![[r#"
        RTX_3090_24GB - of 3 busy, 0 pending, - owners
        RTX_4090_24GB - of 9 busy, 0 pending, - owners
        UNKNOWN_RTX_4090_LAPTOP - of 1 busy, 0 pending, - owners
    "#]],
    );
    check(
        Source::GolemUtilisation,
        &expect![[r#"
        all - of - busy, 0 pending, 41 owners
    "#]],
    );
}

/// Every source has a name of its own and is asked over TLS, with JSON if with anything.
#[test]
fn every_source_is_asked_for_something_that_can_be_asked() {
    for source in Source::ALL {
        assert_eq!(Source::named(source.name()), Some(source));
        let request = source.request();
        assert!(request.url.starts_with("https://"), "{}", request.url);
        let query = request.body.map(serde_json::from_str::<serde_json::Value>);
        assert!(query.is_none_or(|query| query.is_ok_and(|query| query.is_object())));
    }
    assert_eq!(Source::named("elsewhere"), None);
}
