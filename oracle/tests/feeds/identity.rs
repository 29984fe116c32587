//! Which class a name means, and what it does not.

use instruments::MicroUsd;
use oracle::io::feeds::catalogue;
use oracle::{Catalogue, CatalogueError, ClassKey, Identity};

fn key_of(name: &str, gib: Option<u64>) -> String {
    let identity = catalogue().expect("a catalogue").identify(name, gib.map(|gib| gib * 1_024));
    match identity {
        Identity::Known(key) => key.to_string(),
        Identity::Unknown { key, why } => format!("{key}: {why}"),
    }
}

/// FEED-002: every way in which venues write a class that is known.
#[test]
fn feed_002_a_known_class_has_one_key_however_it_is_written() {
    for (name, gib, key) in [
        ("H100 SXM", Some(80), "H100_80GB_SXM5"),
        ("NVIDIA H100 80GB HBM3", Some(80), "H100_80GB_SXM5"),
        ("nvidia h100 sxm5", Some(80), "H100_80GB_SXM5"),
        ("H100 SXM5", None, "H100_80GB_SXM5"),
        ("H100 PCIE", Some(80), "H100_80GB_PCIe"),
        ("NVIDIA H100 PCIe", None, "H100_80GB_PCIe"),
        ("H100 NVL", Some(94), "H100_94GB_NVL"),
        ("NVIDIA H200", Some(141), "H200_141GB"),
        ("H200", Some(140), "H200_141GB"),
        ("H200 NVL", Some(141), "H200_141GB_NVL"),
        ("B200", Some(192), "B200_180GB"),
        ("GH200", Some(96), "GH200_96GB"),
        ("NVIDIA A100-SXM4-80GB", None, "A100_80GB_SXM4"),
        ("A100 SXM4", Some(40), "A100_40GB_SXM4"),
        ("A100 PCIE 80GB", Some(80), "A100_80GB_PCIe"),
        ("NVIDIA GeForce RTX 4090", Some(24), "RTX_4090_24GB"),
        ("rtx4090 PCIe", Some(24), "RTX_4090_24GB"),
        ("RTX 6000 Ada Generation", Some(48), "RTX_6000_Ada_48GB"),
        ("RTX A6000", Some(48), "RTX_A6000_48GB"),
        ("NVIDIA L40S", Some(45), "L40S_48GB"),
        ("AMD Instinct MI300X OAM", Some(192), "MI300X_192GB"),
    ] {
        assert_eq!(key_of(name, gib), key, "{name}");
    }
}

/// FEED-002: what is nearly a known class has a key of its own, and a reason.
#[test]
fn feed_002_what_is_not_certain_has_a_key_of_its_own() {
    for (name, gib, key) in [
        ("H100", Some(80), "UNKNOWN_H100_80GB: the form is not said"),
        ("H100 80GB", None, "UNKNOWN_H100_80GB: the form is not said"),
        ("A100 SXM4", None, "UNKNOWN_A100_SXM4: the memory is not said"),
        (
            "H100 SXM MIG 1g.10gb",
            Some(80),
            "UNKNOWN_H100_SXM_MIG_10GB_80GB: MIG is not a whole GPU",
        ),
        ("H100 SXM CC", Some(80), "UNKNOWN_H100_SXM_CC_80GB: CC is not a whole GPU"),
        (
            "H100 SXM5 96GB",
            Some(80),
            "UNKNOWN_H100_SXM5_80GB: memory of 81920 MiB is not what it is made with",
        ),
        (
            "H100 SXM",
            Some(640),
            "UNKNOWN_H100_SXM_655360MIB: memory of 655360 MiB is not what it is made with",
        ),
        (
            "H100 PCIE",
            Some(94),
            "UNKNOWN_H100_PCIE_94GB: memory of 96256 MiB is not what it is made with",
        ),
        ("H100 SXM NVL", Some(80), "UNKNOWN_H100_SXM_NVL_80GB: its forms exclude each other"),
        ("H100 DGX", Some(80), "UNKNOWN_H100_DGX_80GB: DGX is not a form of it"),
        ("XH100 SXM", Some(80), "UNKNOWN_XH100_SXM_80GB: no known model"),
        ("GB200", Some(192), "UNKNOWN_GB200_192GB: no known model"),
        ("B300 PC", Some(288), "UNKNOWN_B300_PC_288GB: no known model"),
        ("RTX 4090D", Some(24), "UNKNOWN_RTX_4090D_24GB: no known model"),
        (
            "RTX 4090 Laptop GPU",
            Some(16),
            "UNKNOWN_RTX_4090_LAPTOP_16GB: LAPTOP is not a whole GPU",
        ),
        (
            "RTX 4090 48GB",
            Some(48),
            "UNKNOWN_RTX_4090_48GB: memory of 49152 MiB is not what it is made with",
        ),
        ("L40", Some(24), "UNKNOWN_L40_24GB: memory of 24576 MiB is not what it is made with"),
        ("2x H100 SXM", Some(80), "UNKNOWN_2X_H100_SXM_80GB: 2X is not a form of it"),
        ("", None, "UNKNOWN: no known model"),
    ] {
        assert_eq!(key_of(name, gib), key, "{name}");
    }
}

/// FEED-002: a second name completes the first, and takes away what it contradicts.
#[test]
fn feed_002_two_names_of_one_listing_have_to_agree() {
    let catalogue = catalogue().expect("a catalogue");
    for (name, other, key) in [
        ("H100 SXM", "NVIDIA H100 80GB HBM3", Some("H100_80GB_SXM5")),
        ("H100", "NVIDIA H100 80GB HBM3", Some("H100_80GB_SXM5")),
        ("H100 SXM", "H100", Some("H100_80GB_SXM5")),
        ("H100 SXM", "NVIDIA H100 PCIe", None),
        ("H100 SXM MIG", "NVIDIA H100 80GB HBM3", None),
        ("H100 SXM", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", None),
        ("H100 SXM", "NVIDIA H800", None),
        ("H100", "H100", None),
    ] {
        let both = catalogue.identify_both(name, other, Some(81_920));
        assert_eq!(both.known().map(ClassKey::as_str), key, "{name}, {other}");
    }
}

/// FEED-002: memory within 7 % of a size is that size.
#[test]
fn feed_002_memory_snaps_to_the_nearest_size_within_seven_percent() {
    let catalogue = catalogue().expect("a catalogue");
    for (mib, gib) in [
        (81_559, Some(80)),
        (76_186, Some(80)),
        (76_185, None),
        (95_830, Some(94)),
        (97_871, Some(96)),
        (143_771, Some(141)),
        (183_359, Some(180)),
        (24_564, Some(24)),
        (0, None),
        (u64::MAX, None),
    ] {
        assert_eq!(catalogue.snap(mib), gib, "{mib}");
    }
}

/// FEED-002: a catalogue in which one name could mean two classes is none.
#[test]
fn feed_002_an_ambiguous_catalogue_is_refused() {
    let whole = catalogue().expect("a catalogue");
    let class = whole.classes()[0].clone();
    let sizes = class.vram_gib.iter().copied().collect();
    let mut twin = class.clone();
    twin.key = ClassKey::new("A100_twin").expect("a key");
    let refused = Catalogue::new(vec![class.clone(), twin.clone()], [].into(), [].into(), sizes);
    let (first, second) = (class.key.clone(), twin.key);
    assert_eq!(refused, Err(CatalogueError::Ambiguous { first, second }));
    let refused = Catalogue::new(vec![class.clone()], [].into(), [].into(), [].into());
    assert_eq!(refused, Err(CatalogueError::Incomplete { key: class.key }));
    for key in ["", "UNKNOWN_H100", "8GB", "a b", "é"] {
        assert_eq!(ClassKey::new(key), None, "{key}");
    }
}

/// FEED-010: the second quotation divides by the maker's dense peak.
#[test]
fn feed_010_a_pflop_hour_costs_the_gpu_hour_over_its_dense_peak() {
    let catalogue = catalogue().expect("a catalogue");
    let per = |key: &str, micros| {
        let class = catalogue.class(&ClassKey::new(key)?)?;
        class.per_pflop_hour(MicroUsd::new(micros)).map(MicroUsd::micros)
    };
    assert_eq!(per("H100_80GB_SXM5", 2_000_000), Some(2_022_245));
    assert_eq!(per("A100_80GB_SXM4", 1_560_000), Some(5_000_000));
    assert_eq!(per("H200_141GB_NVL", 2_000_000), None, "no peak is used for it");
}
