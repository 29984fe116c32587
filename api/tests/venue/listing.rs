//! What a venue lists by itself, at the start and every day.

use api::venue::{Listing, ReferencePrice, Venue, VenueClock, VenueOptions};
use exchange::Event;
use instruments::{GradeId, MicroUsd, NanosSpan};
use tempfile::TempDir;

use crate::world::{START, options, wait_for};

#[test]
fn the_standard_listing_is_there_at_the_start_and_is_not_repeated() {
    let directory = TempDir::new().unwrap();
    let open = || {
        let clock = VenueClock::manual(START);
        let listing = Listing::standard();
        Venue::open(VenueOptions { listing, ..options(directory.path(), &clock) }).unwrap()
    };
    let venue = open();
    let listed = venue.exchange().series().count();
    // Five grades: 38 futures, five caps, one spread; two months with 11 strikes of calls and puts, nine for the cheapest grade.
    assert_eq!(listed, 5 * (38 + 5 + 1) + 4 * 2 * 2 * 11 + 2 * 2 * 9);
    assert!(venue.exchange().series_by_name("H100_USDC-25NOV26-2d50-C").is_some());
    assert!(venue.exchange().series_by_name("H100CAP_USDC-31DEC26-2d50-C").is_some());
    assert!(venue.exchange().series_by_name("H100Y_USDC-25DEC26").is_some());
    assert!(venue.exchange().series_by_name("RTX4090_USDC-FS-27NOV26_28DEC26").is_some());
    venue.close().unwrap();
    assert_eq!(open().exchange().series().count(), listed);
}

#[test]
fn a_new_day_lists_a_new_day() {
    let directory = TempDir::new().unwrap();
    let clock = VenueClock::manual(START);
    let per_hour = MicroUsd::new(2_500_000);
    let grade = GradeId::new("H100").unwrap();
    let listing = Listing::Standard(vec![ReferencePrice { grade, per_hour }]);
    let venue = Venue::open(VenueOptions { listing, ..options(directory.path(), &clock) }).unwrap();
    let mut feed = venue.subscribe();
    clock.set(START + NanosSpan::from_seconds(86_400));
    let name = wait_for(&mut feed, |event| {
        if let Event::InstrumentListed(terms) = event { Some(terms.name.clone()) } else { None }
    });
    assert_eq!(name, "H100D_USDC-29NOV26");
}

#[tokio::test]
async fn a_venue_may_be_opened_from_async_code() {
    let directory = TempDir::new().unwrap();
    let clock = VenueClock::manual(START);
    let venue = Venue::open(options(directory.path(), &clock)).unwrap();
    venue.submit(exchange::Command::Tick).await.unwrap();
    venue.close().unwrap();
}
