//! The power is cut at every operation of a script, and again at every operation of the recovery.

use exchange::io::{Fault, Journal, JournalError, Record, SimulatedDisk};
use instruments::Seq;
use proptest::prelude::*;

use crate::world::{Commands, append, at, create, open, payload, place, read, settings};

/// The largest command that a frame of the shortest segment takes.
const LARGEST: usize = 16_000;

/// What a process does between two starts.
#[derive(Debug, Clone, Copy)]
enum Step {
    Append { count: u64, bytes: usize },
    StateHash,
    Restart,
}

/// What the script has been told, and what it has asked for.
#[derive(Default)]
struct Memory {
    acknowledged: u64,
    /// The sizes of all commands asked for, and the sequences at which a batch may end.
    asked: Vec<usize>,
    ends: Vec<u64>,
}

/// Runs the script until it is through or the disk fails.
fn run(disk: &SimulatedDisk, steps: &[Step], memory: &mut Memory) -> Result<(), JournalError> {
    let mut journal = Journal::create(place(disk), settings(), at(0))?;
    for step in steps {
        match step {
            Step::Append { count, bytes } => {
                memory.asked.extend(std::iter::repeat_n(*bytes, usize::try_from(*count).unwrap()));
                memory.ends.push(u64::try_from(memory.asked.len()).unwrap());
                append(&mut journal, *count, *bytes)?;
                memory.acknowledged += count;
            }
            Step::StateHash => {
                let seq = memory.acknowledged;
                let hash = [seq.to_le_bytes()[0]; 32];
                journal.append(&[Record::StateHash {
                    seq: Seq(seq),
                    at: journal.position().at,
                    hash,
                }])?;
            }
            Step::Restart => {
                journal.close()?;
                let opened = open(disk)?;
                assert!(opened.1.ended_cleanly);
                journal = opened.0;
            }
        }
    }
    journal.close().map(|_| ())
}

/// Everything acknowledged is there, in order; nothing is there that was not asked for; no batch is there in part.
fn check(memory: &Memory, commands: &Commands) {
    let found = u64::try_from(commands.len()).unwrap();
    assert!(memory.acknowledged <= found, "acknowledged {}, found {found}", memory.acknowledged);
    assert!(found == 0 || memory.ends.contains(&found), "{found} cuts a batch in two");
    let expected = memory.asked.iter().zip(1..).map(|(bytes, seq)| (seq, payload(seq, *bytes)));
    assert!(expected.take(commands.len()).eq(commands.iter().cloned()));
}

/// Recovers what a crash has left, goes on, and leaves a clean journal.
fn check_recovery(disk: &SimulatedDisk, memory: &Memory) {
    if !place(disk).has_journal().unwrap() {
        assert_eq!(memory.acknowledged, 0);
        return create(disk).close().map(|_| ()).unwrap();
    }
    let (read_report, read_commands) = read(disk).unwrap();
    let (mut journal, report, commands) = open(disk).unwrap();
    assert_eq!((&read_report, &read_commands), (&report, &commands));
    check(memory, &commands);

    append(&mut journal, 1, 33).unwrap();
    journal.close().unwrap();
    let (report, after) = read(disk).unwrap();
    assert!(report.ended_cleanly);
    assert_eq!(report.torn_tail_bytes, 0);
    assert_eq!(after.len(), commands.len() + 1);
}

/// Cuts the power at `operation`; `None` when the script is through before.
fn cut_at(operation: u64, steps: &[Step]) -> Option<(SimulatedDisk, Memory)> {
    let (disk, mut memory) = (SimulatedDisk::default(), Memory::default());
    disk.fail_at(operation, Fault::PowerCut);
    run(&disk, steps, &mut memory).is_err().then_some((disk, memory))
}

fn script() -> Vec<Step> {
    let append = |count, bytes| Step::Append { count, bytes };
    vec![
        append(1, 10),
        append(40, 100),
        append(3, 4_000),
        Step::StateHash,
        append(1, 9_000),
        append(2, 0),
        Step::Restart,
        append(7, 700),
        Step::Restart,
        Step::Restart,
        append(1, 16_000),
        Step::StateHash,
        append(1, 1),
    ]
}

#[test]
fn journal_001_what_is_acknowledged_survives_a_power_cut_at_every_operation() {
    let mut cuts = 0;
    for operation in 0.. {
        let Some((disk, memory)) = cut_at(operation, &script()) else { break };
        for seed in 0..5 {
            check_recovery(&disk.after_power_cut(seed), &memory);
        }
        check_recovery(&disk.after_kill(), &memory);
        cuts += 1;
    }
    assert!(50 < cuts, "{cuts} operations");
}

#[test]
fn journal_001_a_second_power_cut_during_recovery_loses_nothing_either() {
    for operation in 0.. {
        let Some((disk, memory)) = cut_at(operation, &script()) else { break };
        for seed in 0..2 {
            for recovery_operation in 0.. {
                let disk = disk.after_power_cut(seed);
                if !place(&disk).has_journal().unwrap() {
                    break;
                }
                disk.fail_at(recovery_operation, Fault::PowerCut);
                if open(&disk).is_ok() {
                    break;
                }
                check_recovery(&disk.after_power_cut(seed ^ 0xff), &memory);
            }
        }
    }
}

#[test]
fn journal_002_a_torn_tail_is_dropped_and_its_bytes_are_counted() {
    let mut torn = 0;
    for operation in 0.. {
        let Some((disk, memory)) = cut_at(operation, &script()) else { break };
        for seed in 0..5 {
            let disk = disk.after_power_cut(seed);
            let Ok((report, commands)) = read(&disk) else { continue };
            check(&memory, &commands);
            torn += u64::from(report.torn_tail_bytes != 0);
            if report.torn_tail_bytes != 0 {
                drop(open(&disk).unwrap());
                assert_eq!(read(&disk).unwrap().0.torn_tail_bytes, 0);
            }
        }
    }
    assert!(10 < torn, "only {torn} torn tails: the disk is too kind");
}

/// A segment that holds marks alone: a journal that is begun and closed, opened, hashed and closed again. Then the largest command comes.
#[test]
fn journal_001_after_every_mark_there_is_room_for_the_largest_frame() {
    let largest = Step::Append { count: 1, bytes: LARGEST };
    for marks in [
        vec![],
        vec![Step::Restart],
        vec![Step::StateHash, Step::Restart],
        vec![Step::Restart, Step::StateHash, Step::Restart],
        vec![Step::Restart, Step::StateHash, Step::Restart, Step::StateHash, Step::Restart],
    ] {
        let begun = [marks.clone(), vec![largest]].concat();
        let rolled = [vec![largest, largest], marks, vec![largest]].concat();
        for steps in [begun, rolled] {
            let (disk, mut memory) = (SimulatedDisk::default(), Memory::default());
            run(&disk, &steps, &mut memory).unwrap();
            check(&memory, &read(&disk).unwrap().1);
            for operation in 0.. {
                let Some((disk, memory)) = cut_at(operation, &steps) else { break };
                check_recovery(&disk.after_power_cut(operation), &memory);
            }
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..30_u64, 0..500_usize).prop_map(|(count, bytes)| Step::Append { count, bytes }),
        1 => (1..3_u64, 0..8_000_usize).prop_map(|(count, bytes)| Step::Append { count, bytes }),
        1 => Just(Step::StateHash),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// JOURNAL-001, JOURNAL-002: whatever is written, wherever it is cut.
    #[test]
    fn any_script_cut_anywhere_keeps_what_was_acknowledged(
        steps in prop::collection::vec(any_step(), 1..30),
        share in 0..1_000_u64,
        seed in any::<u64>(),
    ) {
        let (whole, mut memory) = (SimulatedDisk::default(), Memory::default());
        run(&whole, &steps, &mut memory).unwrap();
        check(&memory, &read(&whole).unwrap().1);
        let operation = whole.operations() * share / 1_000;
        let (disk, memory) = cut_at(operation, &steps).unwrap();
        check_recovery(&disk.after_power_cut(seed), &memory);
    }
}
