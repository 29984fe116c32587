//! The venues that are read: where, how, and by which parser.

use super::record::{Family, Parsed};
use super::{Context, FeedError};
use super::{akash, clore, golem, lium, runpod, vast};

/// One endpoint of one venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Every rentable node of Lium.
    Lium,
    /// The book of Vast.ai.
    Vast,
    /// RunPod's price list.
    Runpod,
    /// Prices of Akash, from bids.
    AkashPrices,
    /// All units of Akash.
    AkashCapacity,
    /// Units of Akash by model and day.
    AkashBreakdown,
    /// The book of Clore.
    Clore,
    /// What is online at Golem.
    GolemOnline,
    /// How many providers compute at Golem.
    GolemUtilisation,
}

/// What is asked of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub url: &'static str,
    /// What is posted as JSON; without it the request is a GET.
    pub body: Option<&'static str>,
}

/// The whole book: without the venue's default filters on what is rentable, so that what is rented is in it.
const VAST_QUERY: &str = r#"{"external":{"eq":false},"type":"on-demand","order":[["score","desc"]],"limit":10000,"disable_bundling":true,"allocated_storage":5}"#;
const RUNPOD_QUERY: &str = r#"{"query":"query { gpuTypes { id displayName memoryInGb securePrice communityPrice oneMonthPrice threeMonthPrice sixMonthPrice lowestPrice(input: {gpuCount: 1}) { stockStatus uninterruptablePrice minimumBidPrice } } }"}"#;

impl Source {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Lium,
        Self::Vast,
        Self::Runpod,
        Self::AkashPrices,
        Self::AkashCapacity,
        Self::AkashBreakdown,
        Self::Clore,
        Self::GolemOnline,
        Self::GolemUtilisation,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lium => "lium",
            Self::Vast => "vast",
            Self::Runpod => "runpod",
            Self::AkashPrices => "akash-prices",
            Self::AkashCapacity => "akash-capacity",
            Self::AkashBreakdown => "akash-breakdown",
            Self::Clore => "clore",
            Self::GolemOnline => "golem-online",
            Self::GolemUtilisation => "golem-utilisation",
        }
    }

    /// The venue that it belongs to: the route by which its observations come.
    #[must_use]
    pub const fn venue(self) -> &'static str {
        match self {
            Self::Lium => "lium",
            Self::Vast => "vast",
            Self::Runpod => "runpod",
            Self::AkashPrices | Self::AkashCapacity | Self::AkashBreakdown => "akash",
            Self::Clore => "clore",
            Self::GolemOnline | Self::GolemUtilisation => "golem",
        }
    }

    /// What kind of venue it is.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Lium | Self::Vast | Self::Clore => Family::Marketplace,
            Self::Runpod => Family::Neocloud,
            Self::AkashPrices
            | Self::AkashCapacity
            | Self::AkashBreakdown
            | Self::GolemOnline
            | Self::GolemUtilisation => Family::Decentralised,
        }
    }

    /// The source with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }

    /// What is asked, without any key.
    #[must_use]
    pub const fn request(self) -> Request {
        match self {
            Self::Lium => get("https://lium.io/api/public/v1/nodes"),
            Self::Vast => {
                Request { url: "https://console.vast.ai/api/v0/bundles/", body: Some(VAST_QUERY) }
            }
            Self::Runpod => {
                Request { url: "https://api.runpod.io/graphql", body: Some(RUNPOD_QUERY) }
            }
            Self::AkashPrices => get("https://console-api.akash.network/v1/gpu-prices"),
            Self::AkashCapacity => get("https://console-api.akash.network/v1/network-capacity"),
            Self::AkashBreakdown => get("https://console-api.akash.network/v1/gpu-breakdown"),
            Self::Clore => get("https://api.clore.ai/v1/marketplace"),
            Self::GolemOnline => {
                get("https://api.stats.golem.network/v2/network/online/runtime/stats")
            }
            Self::GolemUtilisation => get("https://api.stats.golem.network/v1/network/utilization"),
        }
    }

    /// Reads a body of this source. Pure: the same body and context give the same records.
    ///
    /// # Errors
    /// [`FeedError`], naming the field, for anything that the venue does not document.
    pub fn parse(self, body: &[u8], context: &Context<'_>) -> Result<Parsed, FeedError> {
        match self {
            Self::Lium => lium::parse(body, context),
            Self::Vast => vast::parse(body, context),
            Self::Runpod => runpod::parse(body, context),
            Self::AkashPrices => akash::prices(body, context),
            Self::AkashCapacity => akash::capacity(body, context),
            Self::AkashBreakdown => akash::breakdown(body, context),
            Self::Clore => clore::parse(body, context),
            Self::GolemOnline => golem::online(body, context),
            Self::GolemUtilisation => golem::utilisation(body, context),
        }
    }
}

const fn get(url: &'static str) -> Request {
    Request { url, body: None }
}
