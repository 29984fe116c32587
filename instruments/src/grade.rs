//! What hardware is deliverable: versioned grades with measured floors, and which grade may stand in for which.
//!
//! A grade is named in every series together with the hash of its terms, so that nobody can change what was sold.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::units::Ppm;

/// The short name of a grade, `H100`. The version is in the terms, the terms' hash is in the series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct GradeId(String);

impl GradeId {
    /// The longest name a grade may have.
    pub const LEN_MAX: usize = 24;

    /// A grade's name: 1 to 24 upper-case letters, digits or underscores, a letter first.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let starts_with_letter = name.starts_with(|c: char| c.is_ascii_uppercase());
        let all_allowed =
            name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        (starts_with_letter && all_allowed && name.len() <= Self::LEN_MAX)
            .then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for GradeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The terms of a grade: what a provider's hardware must measure to deliver it.
///
/// The nominal figures are the makers' published ones. The floors are fractions of a *measured* reference, because a datasheet has never
/// run a workload; until a calibration run on known hardware is recorded, `reference_gflops` is absent and the floor is not enforced.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grade {
    /// The short name.
    pub id: GradeId,
    /// Counts up with every change of the terms.
    pub version: u16,
    /// PCI vendor and device ids that may deliver.
    pub device_ids: Vec<(u16, u16)>,
    /// Memory a workload can really use, in MiB.
    pub vram_usable_mib: u32,
    /// The maker's dense BF16 figure, in GFLOP/s.
    pub nominal_gflops: u64,
    /// The maker's memory bandwidth, in MB/s.
    pub nominal_bandwidth_mbps: u64,
    /// Measured dense BF16 GEMM on known hardware, in GFLOP/s.
    pub reference_gflops: Option<u64>,
    /// Below this share of the reference an interval does not count at all.
    pub floor: Ppm,
    /// GPUs of one node: deliveries are in multiples of it.
    pub node_size: u32,
    /// CPU cores per GPU at least.
    pub cpu_cores_min: u16,
    /// Host memory per GPU at least, in MiB.
    pub host_memory_min_mib: u32,
    /// Nobody else on the GPU.
    pub is_exclusive: bool,
    /// Grades that deliver this one at par, at the seller's own cost.
    pub substitutes: Vec<GradeId>,
}

impl Grade {
    /// The hash of the terms, which stands in every series of the grade.
    #[must_use]
    #[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
    pub fn terms_hash(&self) -> [u8; 32] {
        *blake3::hash(&borsh::to_vec(self).expect("a grade encodes")).as_bytes()
    }
}

/// Whether hardware of grade `offered` delivers what was sold as `asked`: it is the same grade, or one that the table of grades has as better.
#[must_use]
pub fn is_par_or_better(asked: &GradeId, offered: &GradeId) -> bool {
    let asked_terms = LAUNCH.iter().find(|launch| launch.name == asked.as_str());
    let is_better =
        asked_terms.is_some_and(|launch| launch.substitutes.contains(&offered.as_str()));
    asked == offered || is_better
}

struct Launch {
    name: &'static str,
    device_ids: &'static [(u16, u16)],
    vram_usable_mib: u32,
    nominal_gflops: u64,
    nominal_bandwidth_mbps: u64,
    node_size: u32,
    substitutes: &'static [&'static str],
}

const LAUNCH: [Launch; 5] = [
    Launch {
        name: "H100",
        device_ids: &[(0x10de, 0x2330)],
        vram_usable_mib: 79 * 1024,
        nominal_gflops: 989_000,
        nominal_bandwidth_mbps: 3_350_000,
        node_size: 8,
        substitutes: &["H200", "B200"],
    },
    Launch {
        name: "H200",
        device_ids: &[(0x10de, 0x2335)],
        vram_usable_mib: 139 * 1024,
        nominal_gflops: 989_000,
        nominal_bandwidth_mbps: 4_800_000,
        node_size: 8,
        substitutes: &["B200"],
    },
    Launch {
        name: "B200",
        device_ids: &[(0x10de, 0x2901)],
        vram_usable_mib: 178 * 1024,
        nominal_gflops: 2_250_000,
        nominal_bandwidth_mbps: 8_000_000,
        node_size: 8,
        substitutes: &[],
    },
    Launch {
        name: "A100",
        device_ids: &[(0x10de, 0x20b2)],
        vram_usable_mib: 79 * 1024,
        nominal_gflops: 312_000,
        nominal_bandwidth_mbps: 2_039_000,
        node_size: 8,
        substitutes: &["H100", "H200", "B200"],
    },
    Launch {
        name: "RTX4090",
        device_ids: &[(0x10de, 0x2684)],
        vram_usable_mib: 23 * 1024,
        nominal_gflops: 165_000,
        nominal_bandwidth_mbps: 1_008_000,
        node_size: 1,
        substitutes: &[],
    },
];

/// The grades Tenor opens with, version 1.
#[must_use]
pub fn launch_grades() -> Vec<Grade> {
    LAUNCH
        .iter()
        .map(|launch| Grade {
            id: GradeId(launch.name.to_owned()),
            version: 1,
            device_ids: launch.device_ids.to_vec(),
            vram_usable_mib: launch.vram_usable_mib,
            nominal_gflops: launch.nominal_gflops,
            nominal_bandwidth_mbps: launch.nominal_bandwidth_mbps,
            reference_gflops: None,
            floor: Ppm::new(900_000),
            node_size: launch.node_size,
            cpu_cores_min: 12,
            host_memory_min_mib: 128 * 1024,
            is_exclusive: true,
            substitutes: launch
                .substitutes
                .iter()
                .map(|name| GradeId((*name).to_owned()))
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DELIV-029.
    #[test]
    fn better_hardware_stands_in_and_never_the_reverse() {
        let par = |asked: &str, offered: &str| {
            let grade = |name| GradeId::new(name).expect("a name");
            is_par_or_better(&grade(asked), &grade(offered))
        };
        assert!(par("H100", "H100") && par("H100", "H200") && par("A100", "H100"));
        assert!(!par("H200", "H100") && !par("H100", "A100") && !par("B200", "H200"));
        assert!(par("MI300", "MI300") && !par("MI300", "B200") && !par("B200", "MI300"));
        for asked in launch_grades() {
            for better in &asked.substitutes {
                assert!(!par(better.as_str(), asked.id.as_str()), "{better} and {}", asked.id);
            }
        }
    }
}
