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
    /// What an executable ask weighs, where a price that money changed hands for weighs one.
    pub offered_share: Ppm,
    /// What a rate card weighs, and every administered price.
    pub rate_card_share: Ppm,
    /// So many leased GPU-hours weigh as much as one listing; as many move the price half-way from the ask to the lease.
    pub lease_hours: u32,
    /// How fast a lease ceases to be the price of now.
    pub lease_half_life: NanosSpan,
    /// How fast the usual distance of a lease from the ask is learnt.
    pub discount_half_life: NanosSpan,
    /// The largest usual distance.
    pub discount_max: NanoLog,
    /// Days whose leases add weight.
    pub volume_days: u32,
    /// How fast a weight follows what stands behind it.
    pub weight_half_life: NanosSpan,
    /// The largest share of one cluster, unless two voices' worth is more.
    pub cluster_cap: Ppm,
    /// The largest share of one cluster whatever the voices are.
    pub cluster_cap_max: Ppm,
    /// A larger cluster than this among the transactions, or among all where there are none, makes what is published `LOW_CONF`.
    pub top_share_max: Ppm,
    /// A larger share of the weight that came by one route makes it so too.
    pub route_share_max: Ppm,
    /// Fewer clusters with transactions than this, where there are any.
    pub transacted_min: u32,
    /// Fewer units than this, where units are known.
    pub units_min: u32,

    /// Changes of a price that are compared for being all of one size.
    pub administered_steps: u32,
    /// The least size of such a change: smaller ones are the smallest step there is.
    pub administered_step_min: NanoLog,
    /// Leases that are compared for being all at one discount.
    pub administered_leases: u32,
    /// How far sizes or discounts that are one may be apart.
    pub administered_variation: Ppm,

    /// A vote is spread this far to both sides of its residual.
    pub vote_halfwidth: NanoLog,
    /// Half of the central share of the votes that is averaged.
    pub central_half: Ppm,
    /// The same for the level.
    pub level_half: Ppm,
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
    /// How far the anchor may move in a day.
    pub anchor_per_day: NanoLog,
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
    /// A provider unseen for so long is forgotten.
    pub forgotten: NanosSpan,
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
    /// Clusters that must have moved along, the one that moved most not counted.
    pub confirm_others: u32,
    /// How far along, as a share of the index's move.
    pub confirm_share: Ppm,

    /// What utilisation may weigh in the index when nothing else is known.
    pub blend_share: Ppm,
    /// At so many equal voices with transactions it weighs half of that.
    pub blend_voices: Ppm,
    /// The furthest that utilisation moves the index.
    pub blend_band: NanoLog,
    /// Days with known units after which utilisation has its full weight.
    pub blend_days: u32,
    /// What a GPU-hour that could not be had is worth, in reference prices.
    pub scarcity_multiple: Ppm,
    /// The share of free units at which every further demand is lost.
    pub scarcity_reserve: Ppm,
    /// The standard deviation of the free share within an hour, until it has been measured.
    pub scarcity_deviation: Ppm,
    /// How the price answers to the logarithmic odds of being leased, before anything was learnt.
    pub answer_prior: NanoLog,
    /// The standard deviation of that belief.
    pub answer_deviation: NanoLog,
    /// The largest answer.
    pub answer_max: NanoLog,
    /// Days over which usual utilisation is a mean, and from which the answer is learnt.
    pub usual_days: u32,
    /// Days over which the reference price is a mean.
    pub reference_days: u32,

    /// How long a futures mark may stand in for quotes.
    pub mark_span: NanosSpan,
    /// How old a mark may be.
    pub mark_age: NanosSpan,
    /// How long utilisation may.
    pub utilisation_span: NanosSpan,
    /// The furthest that either moves the last value.
    pub fallback_move_max: NanoLog,
}

impl Default for Params {
    #[expect(clippy::too_many_lines, reason = "a line for each parameter, and no decision")]
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
            listing_weight: Ppm::new(31_250),
            offered_share: Ppm::new(500_000),
            rate_card_share: Ppm::new(250_000),
            lease_hours: 200,
            lease_half_life: NanosSpan::from_seconds(DAY),
            discount_half_life: NanosSpan::from_seconds(14 * DAY),
            discount_max: NanoLog::new(350_000_000),
            volume_days: 28,
            weight_half_life: NanosSpan::from_seconds(6 * HOUR),
            cluster_cap: Ppm::new(200_000),
            cluster_cap_max: Ppm::new(400_000),
            top_share_max: Ppm::new(350_000),
            route_share_max: Ppm::new(500_000),
            transacted_min: 2,
            units_min: 64,
            administered_steps: 6,
            administered_step_min: NanoLog::new(20_000_000),
            administered_leases: 20,
            administered_variation: Ppm::new(10_000),
            vote_halfwidth: NanoLog::new(10_000_000),
            central_half: Ppm::new(100_000),
            level_half: Ppm::new(250_000),
            band_min: NanoLog::new(50_000_000),
            band_max: NanoLog::new(150_000_000),
            band_half_life: NanosSpan::from_seconds(DAY),
            // ln 2
            level_band: NanoLog::new(693_147_181),
            anchor_half_life: NanosSpan::from_seconds(84 * HOUR),
            anchor_per_day: NanoLog::new(10_000_000),
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
            epoch: NanosSpan::from_seconds(7 * DAY),
            calibration_lead: NanosSpan::from_seconds(DAY),
            spread_per_day: NanoLog::new(10_000_000),
            forgotten: NanosSpan::from_seconds(28 * DAY),
            members_max: 1_024,
            // ln 1.05
            jump_min: NanoLog::new(48_790_164),
            jump_deviations: 6,
            variance_half_life: NanosSpan::from_seconds(7 * DAY),
            confirm_ticks: 3,
            confirm_others: 2,
            confirm_share: Ppm::new(400_000),
            blend_share: Ppm::new(350_000),
            blend_voices: Ppm::new(4_000_000),
            blend_band: NanoLog::new(50_000_000),
            blend_days: 7,
            scarcity_multiple: Ppm::new(3_000_000),
            scarcity_reserve: Ppm::new(20_000),
            scarcity_deviation: Ppm::new(40_000),
            answer_prior: NanoLog::new(150_000_000),
            answer_deviation: NanoLog::new(100_000_000),
            answer_max: NanoLog::new(500_000_000),
            usual_days: 90,
            reference_days: 28,
            mark_span: NanosSpan::from_seconds(DAY),
            mark_age: NanosSpan::from_seconds(HOUR),
            utilisation_span: NanosSpan::from_seconds(3 * DAY),
            fallback_move_max: NanoLog::new(100_000_000),
        }
    }
}
