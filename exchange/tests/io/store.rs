//! One suite for every store, and sled's guard rails.

use std::fs;
use std::path::Path;

use exchange::io::{
    Applied, Batch, Direction, Entry, MemoryStore, Scan, SledStore, Store, StoreError, Verdict,
};
use instruments::Seq;
use proptest::prelude::*;

fn applied(seq: u64) -> Applied {
    Applied { seq: Seq(seq), state_hash: [seq.to_le_bytes()[0]; 32] }
}

fn fresh(dir: &Path) -> SledStore {
    let opened = SledStore::open(dir).unwrap();
    assert_eq!(opened.applied(), None);
    opened.accept(Verdict::Unknown).unwrap()
}

/// A store with one batch, flushed and closed.
fn filled(dir: &Path, seq: u64) {
    let store = fresh(dir);
    let mut batch = Batch::new(applied(seq));
    for key in 0..200_u8 {
        batch.put("fills", &[key], vec![key; 500]).unwrap();
    }
    store.apply(batch).unwrap();
    store.flush().unwrap();
}

fn on_every_store(test: impl Fn(&dyn Store)) {
    test(&MemoryStore::default());
    let dir = tempfile::tempdir().unwrap();
    test(&fresh(&dir.path().join("store")));
}

fn page(
    tree: &str,
    prefix: &[u8],
    after: Option<&[u8]>,
    direction: Direction,
    store: &dyn Store,
) -> Vec<Vec<u8>> {
    let found = store.scan(&Scan { tree, prefix, after, direction, limit: 2 }).unwrap();
    found.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn journal_020_a_store_keeps_trees_apart_and_pages_both_ways() {
    on_every_store(|store| {
        let mut batch = Batch::new(applied(1));
        for key in [&b"a1"[..], b"a2", b"a3", b"b1", b"\xff\xff"] {
            batch.put("orders", key, key.to_vec()).unwrap();
        }
        batch.put("order", b"sa1", b"another tree".to_vec()).unwrap();
        store.apply(batch).unwrap();

        use Direction::{Ascending, Descending};
        assert_eq!(store.get("orders", b"a2").unwrap(), Some(b"a2".to_vec()));
        assert_eq!(store.get("orders", b"zz").unwrap(), None);
        assert_eq!(page("orders", b"a", None, Ascending, store), [b"a1", b"a2"]);
        assert_eq!(page("orders", b"a", Some(b"a2"), Ascending, store), [b"a3"]);
        assert_eq!(page("orders", b"a", None, Descending, store), [b"a3", b"a2"]);
        assert_eq!(page("orders", b"a", Some(b"a2"), Descending, store), [b"a1"]);
        assert_eq!(page("orders", b"", None, Descending, store), [b"\xff\xff", b"b1"]);
        assert_eq!(page("orders", b"\xff", None, Ascending, store), [b"\xff\xff"]);
        assert_eq!(page("order", b"", None, Ascending, store), [b"sa1"]);
        assert!(page("nothing", b"", None, Ascending, store).is_empty());
    });
}

#[test]
fn journal_020_a_batch_happens_with_its_sequence_and_the_last_change_of_a_key_holds() {
    on_every_store(|store| {
        assert_eq!(store.applied().unwrap(), None);
        let mut batch = Batch::new(applied(3));
        batch.put("t", b"k", b"one".to_vec()).unwrap();
        batch.put("t", b"k", b"two".to_vec()).unwrap();
        batch.put("t", b"gone", b"x".to_vec()).unwrap();
        batch.delete("t", b"gone").unwrap();
        store.apply(batch).unwrap();
        assert_eq!(store.applied().unwrap(), Some(applied(3)));
        assert_eq!(store.get("t", b"k").unwrap(), Some(b"two".to_vec()));
        assert_eq!(store.get("t", b"gone").unwrap(), None);
        store.flush().unwrap();
    });
}

#[test]
fn journal_020_keys_and_values_have_limits() {
    let mut batch = Batch::new(applied(1));
    batch.put("t", &[1; 254], vec![0; 65_536]).unwrap();
    let large = batch.put("t", b"k", vec![0; 65_537]).unwrap_err();
    assert_eq!(large.to_string(), "value of 65537 bytes is over the limit of 65536");
    assert!(matches!(batch.put("t", &[1; 255], vec![]), Err(StoreError::BadKey { bytes: 257 })));
    assert!(matches!(batch.delete("", b"k"), Err(StoreError::BadKey { .. })));
    on_every_store(|store| store.apply(batch.clone()).unwrap());
}

#[test]
fn journal_016_a_flushed_store_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path, 5);
    let opened = SledStore::open(&path).unwrap();
    assert_eq!((opened.applied(), opened.set_aside()), (Some(applied(5)), None));
    let store = opened.accept(Verdict::Matches).unwrap();
    assert_eq!(store.get("fills", &[9]).unwrap(), Some(vec![9; 500]));
}

#[test]
fn journal_017_a_store_that_the_journal_does_not_know_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path, 5);
    let opened = SledStore::open(&path).unwrap();
    let verdict = Verdict::of(&applied(5), Seq(9), Some([0; 32]));
    assert_eq!(verdict, Verdict::Unknown);
    let store = opened.accept(verdict).unwrap();
    assert_eq!(store.applied().unwrap(), None);
    assert_eq!(store.get("fills", &[9]).unwrap(), None);

    assert_eq!(Verdict::of(&applied(5), Seq(9), Some([5; 32])), Verdict::Matches);
    assert_eq!(Verdict::of(&applied(5), Seq(9), None), Verdict::Unknown);
}

/// A store of thirty batches of a hundred fills, each batch durable before the next.
fn grown(dir: &Path) {
    let store = fresh(dir);
    for seq in 1..=30_u64 {
        let mut batch = Batch::new(applied(seq));
        for fill in (seq - 1) * 100..seq * 100 {
            batch.put("fills", &fill.to_be_bytes(), vec![fill.to_le_bytes()[0]; 500]).unwrap();
        }
        store.apply(batch).unwrap();
        store.flush().unwrap();
    }
}

/// How many fills there are, if they are the first ones and right.
fn fills(store: &dyn Store) -> usize {
    let scan = Scan {
        tree: "fills",
        prefix: b"",
        after: None,
        direction: Direction::Ascending,
        limit: usize::MAX,
    };
    let found = store.scan(&scan).unwrap();
    for ((key, value), fill) in found.iter().zip(0_u64..) {
        assert_eq!(
            (&key[..], &value[..]),
            (&fill.to_be_bytes()[..], &[fill.to_le_bytes()[0]; 500][..])
        );
    }
    found.len()
}

/// JOURNAL-021 as well: sled itself opens some of these without a word and lacks a few keys.
#[test]
fn journal_018_a_wrong_byte_in_the_log_sets_the_store_aside_or_costs_its_newest_batches() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    grown(&whole);
    let log = fs::read(whole.join("db")).unwrap();
    let mut set_aside = 0;
    for copy in 0..16_usize {
        let path = dir.path().join(format!("copy-{copy}")).join("store");
        fs::create_dir_all(path.join("blobs")).unwrap();
        fs::copy(whole.join("conf"), path.join("conf")).unwrap();
        let mut rotten = log.clone();
        rotten[log.len() / 16 * copy + 77 * copy] ^= 1;
        fs::write(path.join("db"), rotten).unwrap();

        let opened = SledStore::open(&path).unwrap();
        set_aside += usize::from(opened.set_aside().is_some());
        let store = opened.accept(Verdict::Matches).unwrap();
        let seq = store.applied().unwrap().map_or(0, |applied| applied.seq.0);
        assert_eq!(fills(&store), usize::try_from(seq).unwrap() * 100);
        store.apply(Batch::new(applied(31))).unwrap();
    }
    assert!(4 < set_aside, "{set_aside} stores set aside");
}

#[test]
fn journal_021_what_a_store_holds_is_counted_through_changes_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(fresh(&path));
    for round in 1..=6_u64 {
        let store = SledStore::open(&path).unwrap();
        assert_eq!(store.set_aside(), None);
        let store = store.accept(Verdict::Matches).unwrap();
        let mut batch = Batch::new(applied(round));
        for key in 0..40_u8 {
            batch.put("orders", &[key], vec![key; usize::try_from(round).unwrap()]).unwrap();
            batch.put("orders", &[key, 1], vec![1]).unwrap();
            batch.delete("orders", &[key.wrapping_mul(7), 1]).unwrap();
        }
        store.apply(batch).unwrap();
        store.flush().unwrap();
    }
}

#[test]
fn journal_018_a_start_that_died_in_the_store_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path, 5);
    fs::write(dir.path().join("store.doubted"), b"").unwrap();
    let opened = SledStore::open(&path).unwrap();
    assert_eq!(opened.applied(), None);
    assert_eq!(opened.set_aside(), Some(dir.path().join("store.bad-1").as_path()));
    drop(opened);
    assert_eq!(SledStore::open(&path).unwrap().set_aside(), None);
}

#[test]
fn journal_019_a_store_ahead_of_the_journal_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path, 5);
    let verdict = Verdict::of(&applied(5), Seq(4), None);
    assert_eq!(verdict, Verdict::Ahead);
    let refused = SledStore::open(&path).unwrap().accept(verdict).map(|_| ()).unwrap_err();
    let expected = format!(
        "store in {} is at sequence 5, ahead of the journal: the journal has lost commands; refusing to start",
        path.display()
    );
    assert_eq!(refused.to_string(), expected);
    assert_eq!(SledStore::open(&path).unwrap().applied(), Some(applied(5)));
}

fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![0..3_u8, Just(254), Just(255)], 0..4)
}

type Question = (Vec<u8>, Option<Vec<u8>>, bool, usize);

/// What a scan must answer, by looking at every key.
fn naive(keys: &[Vec<u8>], (prefix, after, is_up, limit): &Question) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = keys.to_vec();
    found.sort();
    found.dedup();
    if !is_up {
        found.reverse();
    }
    let is_behind = |key: &Vec<u8>| match after {
        None => true,
        Some(after) if *is_up => after < key,
        Some(after) => key < after,
    };
    found.retain(|key| key.starts_with(prefix) && is_behind(key));
    found.truncate(*limit);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// JOURNAL-020: every store answers every scan as a look at every key does.
    #[test]
    fn a_scan_answers_as_a_look_at_every_key(
        keys in prop::collection::vec(any_key(), 0..40),
        questions in prop::collection::vec((any_key(), prop::option::of(any_key()), any::<bool>(), 0..6_usize), 1..40),
    ) {
        on_every_store(|store| {
            let mut batch = Batch::new(applied(1));
            for key in &keys {
                batch.put("keys", key, key.clone()).unwrap();
                batch.put("kez", key, key.clone()).unwrap();
            }
            store.apply(batch).unwrap();
            for question in &questions {
                let (prefix, after, is_up, limit) = question;
                let direction = if *is_up { Direction::Ascending } else { Direction::Descending };
                let scan = Scan { tree: "keys", prefix, after: after.as_deref(), direction, limit: *limit };
                let expected: Vec<Entry> =
                    naive(&keys, question).into_iter().map(|key| (key.clone(), key)).collect();
                assert_eq!(store.scan(&scan).unwrap(), expected);
            }
        });
    }
}
