//! The numbers of the methodology. `docs/oracle.md` gives the reason of each; a change is a new version of the index.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{NanosSpan, Ppm};

use crate::log::NanoLog;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The parameters of one index. [`Params::default`] is what Tenor publishes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Params {
    /// Fewer providers than this in a tick, and nothing is published.
    pub providers_min: u32,
    /// Fewer providers than this, and what is published is `LOW_CONF`.
    pub providers_full: u32,
    /// Fewer equal voices than this (the inverse Herfindahl of the weights, in millionths), and what is published is `LOW_CONF`.
    pub voices_min: Ppm,
    /// The dispersion of the votes above which the index becomes `LOW_CONF`.
    pub dispersion_enter: NanoLog,
    /// The dispersion below which it stops being so, after [`Params::confirm_ticks`] ticks.
    pub dispersion_leave: NanoLog,
    /// The confidence half-width above which the index is `LOW_CONF`.
    pub conf_max: Ppm,
    /// The narrowest confidence half-width ever claimed.
    pub conf_min: Ppm,

    /// Listings beyond the first that still add weight.
    pub listings_counted: u32,
    /// What each of them adds, where the first listing weighs one.
    pub listing_weight: Ppm,
    /// The largest share of one cluster, unless two voices' worth is more.
    pub cluster_cap: Ppm,

    /// A vote is spread this far to both sides of its residual.
    pub vote_halfwidth: NanoLog,
    /// Half of the central share of the votes that is averaged.
    pub central_half: Ppm,
    /// The narrowest winsor band.
    pub band_min: NanoLog,
    /// The widest winsor band.
    pub band_max: NanoLog,
    /// How fast the band follows the dispersion.
    pub band_half_life: NanosSpan,
    /// Levels further than this from their median count as if they were this far.
    pub level_band: NanoLog,

    /// How fast the index follows the level.
    pub anchor_half_life: NanosSpan,
    /// The longest time a single tick may count for in the anchor and the spreads.
    pub elapsed_max: NanosSpan,
    /// An absent provider's weight reaches zero after this time.
    pub fade_out: NanosSpan,
    /// A returning or new provider's weight is full after this time.
    pub fade_in: NanosSpan,
    /// A provider seen within this time may help fallback rung 2.
    pub recent: NanosSpan,
    /// The age at which a vote's uncertainty has grown by the square root of two.
    pub cadence: NanosSpan,

    /// How long a new provider is watched before it votes.
    pub probation: NanosSpan,
    /// The least share of the ticks of its probation in which it must quote.
    pub probation_attendance: Ppm,
    /// A provider further than this from the level is not selling the same thing and does not vote.
    pub spread_max: NanoLog,
    /// How long the spreads of the founding tick are used.
    pub epoch_first: NanosSpan,
    /// How long every later set of spreads is used.
    pub epoch: NanosSpan,
    /// How long before an epoch its spreads are fixed.
    pub calibration_lead: NanosSpan,
    /// How far a spread may move in a day towards its new value.
    pub spread_per_day: NanoLog,
    /// Providers remembered per index; more are not taken.
    pub members_max: u32,

    /// The least move that must be confirmed.
    pub jump_min: NanoLog,
    /// In multiples of the move's own standard deviation.
    pub jump_deviations: u32,
    /// How fast that standard deviation forgets.
    pub variance_half_life: NanosSpan,
    /// Ticks after which a move stands by itself.
    pub confirm_ticks: u32,
    /// Providers that must have moved along, the one that moved most not counted.
    pub confirm_others: u32,
    /// How far along, as a share of the index's move.
    pub confirm_share: Ppm,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            providers_min: 4,
            providers_full: 5,
            voices_min: Ppm::new(4_000_000),
            dispersion_enter: NanoLog::new(200_000_000),
            dispersion_leave: NanoLog::new(150_000_000),
            conf_max: Ppm::new(50_000),
            conf_min: Ppm::new(5_000),
            listings_counted: 4,
            listing_weight: Ppm::new(250_000),
            cluster_cap: Ppm::new(200_000),
            vote_halfwidth: NanoLog::new(10_000_000),
            central_half: Ppm::new(100_000),
            band_min: NanoLog::new(50_000_000),
            band_max: NanoLog::new(150_000_000),
            band_half_life: NanosSpan::from_seconds(DAY),
            // ln 2
            level_band: NanoLog::new(693_147_181),
            anchor_half_life: NanosSpan::from_seconds(7 * DAY),
            elapsed_max: NanosSpan::from_seconds(6 * HOUR),
            fade_out: NanosSpan::from_seconds(DAY),
            fade_in: NanosSpan::from_seconds(6 * HOUR),
            recent: NanosSpan::from_seconds(6 * HOUR),
            cadence: NanosSpan::from_seconds(HOUR / 2),
            probation: NanosSpan::from_seconds(7 * DAY),
            probation_attendance: Ppm::new(500_000),
            // ln 4
            spread_max: NanoLog::new(1_386_294_361),
            epoch_first: NanosSpan::from_seconds(7 * DAY),
            epoch: NanosSpan::from_seconds(28 * DAY),
            calibration_lead: NanosSpan::from_seconds(DAY),
            spread_per_day: NanoLog::new(2_500_000),
            members_max: 256,
            // ln 1.05
            jump_min: NanoLog::new(48_790_164),
            jump_deviations: 6,
            variance_half_life: NanosSpan::from_seconds(7 * DAY),
            confirm_ticks: 3,
            confirm_others: 2,
            confirm_share: Ppm::new(400_000),
        }
    }
}
