//! Transcripts: an honest one holds, and whatever is changed in it is found, with its line and its field.

use api::io::sign::{CHAIN_ID, receipt_digest};
use api::io::sign_transcript::{
    DeliveryStatement, ReceiptAcceptance, acceptance_digest, statement_digest,
};
use api::wire::{
    WireCountersignature, WireDeliveryStatement, WireMetering, WireTranscriptClaim,
    WireTranscriptEntry, WireTranscriptHeader, WireTranscriptLine, transcript_line_hash,
};
use candle_core::Device;
use delivery_agent::challenge::{Challenge, draw};
use delivery_agent::fault::Fault;
use delivery_agent::io::sign::AgentKey;
use delivery_agent::profile::ClassProfile;
use delivery_agent::program::SegmentProgram;
use delivery_agent::rate::{self, Timing};
use delivery_agent::salt::KnownSalts;
use delivery_agent::transcript::{Summary, TranscriptError, check};
use delivery_agent::wire::openings_to_json;
use expect_test::expect;
use instruments::ObligationId;
use settlement::DeliveryReceipt;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_795_000_000 * SECOND;
const INTERVAL: u64 = 10 * SECOND;
const REFERENCE: u64 = 2;
const LOTS: u64 = 2;

/// The seed of challenge 0.
fn session_seed() -> [u8; 32] {
    *blake3::hash(&0_u32.to_le_bytes()).as_bytes()
}

fn salt_key(number: u32) -> [u8; 32] {
    *blake3::hash(&[b"salt key", number.to_le_bytes().as_slice()].concat()).as_bytes()
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// A venue, an agent and a buyer that write a transcript as they go.
struct Writer {
    venue: AgentKey,
    agent: AgentKey,
    buyer: AgentKey,
    lines: Vec<String>,
    receipts: u32,
    claimed: u64,
    prev: [u8; 32],
    credited: Vec<u64>,
    soft_fails: u32,
    hard_fails: u32,
}

impl Writer {
    fn begin(intervals: u32) -> Self {
        Self::metered(intervals, WireMetering::Each)
    }

    fn metered(intervals: u32, metering: WireMetering) -> Self {
        let key = |byte| AgentKey::from_bytes(&[byte; 32]).unwrap();
        let mut writer = Self {
            venue: key(1),
            agent: key(2),
            buyer: key(3),
            lines: Vec::new(),
            receipts: 0,
            claimed: 0,
            prev: [0; 32],
            credited: Vec::new(),
            soft_fails: 0,
            hard_fails: 0,
        };
        let header = WireTranscriptHeader {
            version: 1,
            chain_id: CHAIN_ID,
            venue: hex(&writer.venue.address()),
            obligation_id: 7,
            instrument_name: "H100-TEST".to_owned(),
            lots: LOTS,
            grade: "H100".to_owned(),
            terms: hex(&[9; 32]),
            reference_gflops: Some(REFERENCE),
            settlement_price: 2_500_000,
            deliver_from: START,
            interval: INTERVAL,
            intervals,
            interval_millis: INTERVAL / 1_000_000 * LOTS,
            metering,
        };
        writer.push(&WireTranscriptLine::Header(header));
        writer
    }

    fn push(&mut self, line: &WireTranscriptLine) {
        self.lines.push(serde_json::to_string(line).unwrap());
    }

    fn after(&self) -> String {
        transcript_line_hash(self.lines.last().unwrap())
    }

    /// One challenge of two slots and two segments; all roots in after `micros`.
    fn challenge(&mut self, number: u32, fault: Fault, micros: u64) {
        self.challenge_at(number, u64::from(number) * INTERVAL / SECOND + 1, fault, micros);
    }

    /// The same so many seconds after the beginning.
    fn challenge_at(&mut self, number: u32, second: u64, fault: Fault, micros: u64) {
        let seed = *blake3::hash(&number.to_le_bytes()).as_bytes();
        let issued_at = START + second * SECOND;
        let mut entry = WireTranscriptEntry {
            after: self.after(),
            number,
            session: 0,
            profile: "ci".to_owned(),
            pool: None,
            slots: 2,
            segments: 2,
            session_seed: Some(hex(&session_seed())),
            seed: hex(&seed),
            salt_key: Some(hex(&salt_key(number))),
            issued_at,
            sent_at: issued_at + 1_000,
            answer_by: issued_at + 5 * SECOND,
            judged_at: issued_at + 6 * SECOND,
            roots: Vec::new(),
            root_times: Vec::new(),
            claim: None,
            draw_seed: None,
            openings: None,
            verdict: "silent".to_owned(),
            quality: 0,
            reason: String::new(),
        };
        if fault.answers() {
            self.answer(&mut entry, &seed, fault, micros);
        }
        let counted = match entry.quality {
            970_000.. => 1_000_000,
            900_000.. => u64::from(entry.quality),
            _ => 0,
        };
        self.hard_fails += u32::from(counted == 0);
        self.credited.push(INTERVAL / 1_000_000 * LOTS * counted / 1_000_000);
        self.push(&WireTranscriptLine::Challenge(entry));
    }

    fn answer(
        &mut self,
        entry: &mut WireTranscriptEntry,
        seed: &[u8; 32],
        fault: Fault,
        micros: u64,
    ) {
        let challenge = Challenge::new(*seed, ClassProfile::CI, 2, 2).unwrap();
        let challenge = challenge.in_session(&session_seed());
        let program =
            SegmentProgram::load(challenge.pool_seed(), &ClassProfile::CI, &Device::Cpu).unwrap();
        let mut salts = KnownSalts(salt_key(entry.number));
        let work = program.run(&challenge, &mut salts, fault).unwrap();
        let draw_seed = *blake3::hash(seed).as_bytes();
        let openings = work.open(&draw(&draw_seed, &challenge, &work.root()));
        self.receipts += 1;
        self.claimed += INTERVAL / 1_000_000 * LOTS;
        let receipt = DeliveryReceipt {
            obligation: ObligationId(7),
            challenge: entry.number,
            gpu_millis: self.claimed,
            challenges: self.receipts,
            work_root: work.root(),
            prev: self.prev,
            terms: [9; 32],
        };
        self.prev = receipt_digest(&receipt);
        let is_honest = fault == Fault::None;
        let venue_signature = is_honest.then(|| hex(&self.venue.sign_digest(self.prev).unwrap()));
        entry.claim = Some(WireTranscriptClaim {
            gpu_millis: self.claimed,
            challenges: self.receipts,
            work_root: hex(&receipt.work_root),
            prev: hex(&receipt.prev),
            terms: hex(&receipt.terms),
            received_at: entry.sent_at + (micros + 10) * 1_000,
            signer: hex(&self.agent.address()),
            signature: hex(&self.agent.sign(&receipt, CHAIN_ID).unwrap()),
            venue_signature,
        });
        entry.roots = work.roots().iter().map(|chain| hex(chain.as_flattened())).collect();
        entry.root_times = vec![vec![micros / 4, micros / 2], vec![micros / 2, micros]];
        entry.draw_seed = Some(hex(&draw_seed));
        entry.openings = Some(openings_to_json(&openings).unwrap());
        if is_honest {
            entry.verdict = "valid".to_owned();
            let timing = Timing { roots: &entry.root_times, claimed_at: micros };
            entry.quality = rate::quality(&ClassProfile::CI, 2, timing, Some(REFERENCE));
        } else {
            entry.verdict = "invalid".to_owned();
            let Err(TranscriptError::Wrong(wrong)) = judged(&self.lines, entry) else {
                panic!("a lie was not found")
            };
            entry.reason = wrong.why.split('`').nth(3).unwrap().to_owned();
        }
    }

    fn countersign(&mut self, number: u32, receipt: [u8; 32]) {
        let acceptance =
            ReceiptAcceptance { obligation: ObligationId(7), challenge: number, receipt };
        let signature = self.buyer.sign_digest(acceptance_digest(&acceptance)).unwrap();
        let line = WireCountersignature {
            after: self.after(),
            number,
            signer: hex(&self.buyer.address()),
            signature: hex(&signature),
        };
        self.push(&WireTranscriptLine::Countersignature(line));
    }

    fn state(&mut self, challenges: u32) {
        let after = self.after();
        let mut transcript = [0; 32];
        hex::decode_to_slice(&after[2..], &mut transcript).unwrap();
        let statement = DeliveryStatement {
            obligation: ObligationId(7),
            challenges,
            credited: self.credited.clone(),
            gpu_millis: self.credited.iter().sum(),
            soft_fails: self.soft_fails,
            hard_fails: self.hard_fails,
            last_receipt: self.prev,
            transcript,
        };
        let signature = self.venue.sign_digest(statement_digest(&statement)).unwrap();
        let line = WireDeliveryStatement {
            after,
            challenges,
            credited: statement.credited,
            gpu_millis: statement.gpu_millis,
            soft_fails: self.soft_fails,
            hard_fails: self.hard_fails,
            last_receipt: hex(&self.prev),
            venue_signature: hex(&signature),
        };
        self.push(&WireTranscriptLine::Statement(line));
    }
}

/// What the checker says of an entry with the right verdict and no reason yet.
fn judged(lines: &[String], entry: &WireTranscriptEntry) -> Result<Summary, TranscriptError> {
    let line = serde_json::to_string(&WireTranscriptLine::Challenge(entry.clone())).unwrap();
    checked(&text(&[lines, &[line]].concat()))
}

fn text(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

fn checked(text: &str) -> Result<Summary, TranscriptError> {
    check(text.as_bytes(), false, |_| {})
}

/// Five intervals: right, slow, too slow, silent, a lie; one receipt countersigned.
fn honest() -> Vec<String> {
    let mut writer = Writer::begin(5);
    // 134 MFLOP a slot: 2 GFLOP/s are 67 ms of work, and 50 ms for the network.
    writer.challenge(0, Fault::None, 90_000);
    writer.countersign(0, writer.prev);
    writer.challenge(1, Fault::None, 117_000);
    writer.challenge(2, Fault::None, 182_000);
    writer.challenge(3, Fault::Silent, 0);
    writer.challenge(4, Fault::Lie, 10_000);
    writer.state(5);
    writer.lines
}

/// TRANS-001.
/// TRANS-006 as well.
#[test]
fn trans_001_an_honest_transcript_holds() {
    let lines = honest();
    let mut said = Vec::new();
    let summary = check(text(&lines).as_bytes(), false, |challenge| {
        said.push((challenge.number, challenge.verdict.clone(), challenge.quality));
    })
    .unwrap();
    let said: Vec<_> = said
        .iter()
        .map(|(number, verdict, quality)| (*number, verdict.as_str(), *quality))
        .collect();
    assert_eq!(
        said,
        [
            (0, "valid", 1_000_000),
            (1, "valid", 1_000_000),
            (2, "valid", 508_400),
            (3, "silent", 0),
            (4, "invalid", 0)
        ]
    );
    assert_eq!(summary.credited.gpu_millis, [20_000, 20_000, 0, 0, 0]);
    assert_eq!((summary.credited.soft_fails, summary.credited.hard_fails), (0, 3));
    assert_eq!((summary.challenges, summary.valid, summary.receipts), (5, 3, 4));
    assert_eq!((summary.countersigned, summary.accepted_by_silence), (1, 0));
    assert!(summary.is_stated);
}

/// The text with the value of a field changed in its first place that can be: another digit, another letter.
fn change(line: &str, name: &str) -> String {
    let key = format!("\"{name}\":");
    let from = line.find(&key).unwrap_or_else(|| panic!("{name} in {line:.200}")) + key.len();
    let (head, value) = line.split_at(from);
    let at = value.find("0x").filter(|at| *at < 4).map_or_else(
        || value.find(|c: char| c.is_ascii_alphanumeric()).unwrap(),
        |prefix| prefix + 12,
    );
    let new = match value.as_bytes()[at] {
        b'9' => b'8',
        b'0'..=b'8' => value.as_bytes()[at] + 1,
        b'e' => b'f',
        _ => b'e',
    };
    let mut value = value.as_bytes().to_vec();
    value[at] = new;
    format!("{head}{}", String::from_utf8(value).unwrap())
}

/// The lines with their chain mended after one was changed, as somebody without the venue's key can.
fn mend(lines: &mut [String]) {
    for at in 1..lines.len() {
        let after = transcript_line_hash(&lines[at - 1]);
        let from = lines[at].find("\"after\":\"").unwrap() + "\"after\":\"".len();
        lines[at].replace_range(from..from + after.len(), &after);
    }
}

/// Changes every field of one line and mends the chain: what is found first, field by field.
fn found(line: usize, names: &str) -> String {
    let honest = honest();
    let mut found = String::new();
    for name in names.split_whitespace() {
        let mut lines = honest.clone();
        lines[line] = change(&lines[line], name);
        mend(&mut lines);
        let error = checked(&text(&lines)).expect_err(name).to_string();
        let error: String = error.chars().take(96).collect();
        found += &format!("{name}: {error}\n");
    }
    found
}

/// TRANS-003: the chain of lines is mended by the forger, who lacks only the keys.
#[test]
fn trans_003_every_changed_field_of_the_header_is_found() {
    let names = "version chain_id venue obligation_id instrument_name lots grade terms reference_gflops \
                 settlement_price deliver_from interval intervals interval_millis rule";
    expect![[r#"
        version: line 1: version: 2, not 1
        chain_id: line 1: chain_id: 41337, not 31337
        venue: line 2: claim.venue_signature: signed by 0x1a642f0e3c3af545e7acbd38b07251b3990914f1, not by 0x1a
        obligation_id: line 2: claim.signature: signed by 0xf0d49fac160c53939cdf3af8229a7508b6e76cbd, not by 0x5050a4f4
        instrument_name: line 8: venue_signature: signed by 0x2bacf75f274749ace170c3bd4aa2c689e94ca050, not by 0x1a642f0e
        lots: line 8: venue_signature: signed by 0xc08b6f2d134f135352e8aea1aa442c3ea4423e22, not by 0x1a642f0e
        grade: line 8: venue_signature: signed by 0xef852d520e4de31082465d19eec87d1f9b10c77b, not by 0x1a642f0e
        terms: line 2: claim.terms: not those of the header
        reference_gflops: line 2: quality: 1000000, the times and the reference give 994205
        settlement_price: line 8: venue_signature: signed by 0x559d1cddde04fd6ff65328de243b8e2c3dfba38f, not by 0x1a642f0e
        deliver_from: line 2: issued_at: outside the time of delivery that its number has
        interval: line 4: issued_at: outside the time of delivery that its number has
        intervals: line 8: venue_signature: signed by 0x53d8d9628a675c7e1a165eaf17c66b5547cb4cea, not by 0x1a642f0e
        interval_millis: line 8: venue_signature: signed by 0x5cc742c7331f9fe3e21031f1c14e0751a03d55ca, not by 0x1a642f0e
        rule: line 1: unknown variant `fach`, expected `each` or `between` at line 1 column 415
    "#]].assert_eq(&found(0, names));
}

/// TRANS-003.
#[test]
fn trans_003_every_changed_field_of_a_challenge_is_found() {
    let names = "number session profile slots segments session_seed seed salt_key issued_at sent_at answer_by judged_at \
                 roots root_times \
                 gpu_millis challenges work_root prev terms received_at signer signature venue_signature \
                 draw_seed openings verdict quality";
    expect![[r#"
        number: line 4: issued_at: outside the time of delivery that its number has
        session: line 8: venue_signature: signed by 0xcc73b8451bcdd7804798f33f3764b42d9ffa8a1b, not by 0x1a642f0e
        profile: line 4: profile: `ei`
        slots: line 4: slots: 3 of 2 GPUs
        segments: line 4: verdict: valid, this cpu finds invalid 4 roots shown, 6 drawn
        session_seed: line 4: session_seed: not that of the challenges before
        seed: line 4: verdict: valid, this cpu finds invalid drawn rows of segment 0 in slot 0 as the seed giv
        salt_key: line 4: verdict: valid, this cpu finds invalid drawn rows of segment 0 in slot 0 as the seed giv
        issued_at: line 4: issued_at: outside the time of delivery that its number has
        sent_at: line 4: root_times: a root came after the receipt
        answer_by: line 8: venue_signature: signed by 0x6d0e3a8c7caeb4356672963fb9f1fdc21b4c7e59, not by 0x1a642f0e
        judged_at: line 8: venue_signature: signed by 0xc9803a2e29a2395db71accf290376b44cc665b48, not by 0x1a642f0e
        roots: line 4: roots: do not hash to the work root of the receipt
        root_times: line 8: venue_signature: signed by 0x3583611d0ad878d368b9be17a1c1144342278569, not by 0x1a642f0e
        gpu_millis: line 4: claim.signature: signed by 0xee89771f6b3fcb78d836daf48478ad830080d41b, not by 0x5050a4f4
        challenges: line 4: claim.signature: signed by 0x6f0ea9ca145e26a5632f747f93b29df2bf944342, not by 0x5050a4f4
        work_root: line 4: roots: do not hash to the work root of the receipt
        prev: line 4: claim.signature: signed by 0x8e507691ecd93b96f393d62a4d8d8d112fd21cf2, not by 0x5050a4f4
        terms: line 4: claim.signature: signed by 0xd458c840d62368d8fb388a1d8edfbf6ada88866f, not by 0x5050a4f4
        received_at: line 4: judged_at: before there was a receipt, or its deadline
        signer: line 4: claim.signature: signed by 0x5050a4f4b3f9338c3472dcc01a87c76a144b3c9c, not by 0x5050a4f4
        signature: line 4: claim.signature: signed by 0x09d534c94e875a8d6cf8b96f74276d1a4af01cb5, not by 0x5050a4f4
        venue_signature: line 4: claim.venue_signature: signature recovers to no key
        draw_seed: line 4: verdict: valid, this cpu finds invalid drawn rows of segment 0 in slot 0 as the seed giv
        openings: line 4: verdict: valid, this cpu finds invalid openings are not the expected json: unknown field
        verdict: line 4: claim.venue_signature: on a receipt not found valid
        quality: line 4: quality: 2000000, the times and the reference give 1000000
    "#]].assert_eq(&found(3, names));
    expect![[r#"
        verdict: line 7: verdict: `envalid` is no verdict
        reason: line 7: reason: `erawn rows of segment 0 in slot 0 as the seed gives them were not committed`, t
        openings: line 7: reason: `drawn rows of segment 0 in slot 0 as the seed gives them were not committed`, t
    "#]].assert_eq(&found(6, "verdict reason openings"));
}

/// TRANS-003.
#[test]
fn trans_003_every_changed_field_of_the_last_lines_is_found() {
    expect![[r#"
        number: line 3: number: challenge 1 has no receipt here
        signer: line 3: signature: signed by 0x3325a78425f17a7e487eb5666b2bfd93abb06c70, not by 0x3325a78425e17a
        signature: line 3: signature: signature recovers to no key
    "#]].assert_eq(&found(2, "number signer signature"));
    let names = "challenges credited gpu_millis soft_fails hard_fails last_receipt venue_signature";
    expect![[r#"
        challenges: line 8: venue_signature: signed by 0x8762bc36ec602bbd5aba1289e1ef7e75a1dc7e20, not by 0x1a642f0e
        credited: line 8: venue_signature: signed by 0x434ecdaadb7efdf1d5894308b2550ec23f62c02d, not by 0x1a642f0e
        gpu_millis: line 8: venue_signature: signed by 0x241e3c8db3fd512c5b6124b30faf080af920082f, not by 0x1a642f0e
        soft_fails: line 8: venue_signature: signed by 0x79d1229c093ac1b949c1a4681d33d54ba396d5f3, not by 0x1a642f0e
        hard_fails: line 8: venue_signature: signed by 0x465e88870b88eeec9f18b434f274a128204d8628, not by 0x1a642f0e
        last_receipt: line 8: venue_signature: signed by 0xb11f24410e1374ece7af6cbc483e77721da4322f, not by 0x1a642f0e
        venue_signature: line 8: venue_signature: signature recovers to no key
    "#]].assert_eq(&found(7, names));
}

/// TRANS-003: every byte of a transcript of silence, and bytes all over one with rows.
#[test]
fn trans_003_no_byte_can_be_changed() {
    let mut writer = Writer::begin(2);
    writer.challenge(0, Fault::Silent, 0);
    writer.challenge(1, Fault::Silent, 0);
    writer.state(2);
    let silence = text(&writer.lines);
    assert!(checked(&silence).is_ok());
    let rows = text(&honest());
    let changed = |whole: &str, at: usize| {
        let mut bytes = whole.as_bytes().to_vec();
        bytes[at] ^= 1;
        check(bytes.as_slice(), false, |_| {})
    };
    for at in 0..silence.len() {
        assert!(changed(&silence, at).is_err(), "byte {at}");
    }
    for at in (0..rows.len()).step_by(2_999) {
        assert!(changed(&rows, at).is_err(), "byte {at}");
    }
}

/// TRANS-003: lines that are left out, doubled, swapped or cut off.
#[test]
fn trans_003_no_line_can_be_left_out_doubled_or_moved() {
    let honest = honest();
    for at in 0..honest.len() {
        let mut without = honest.clone();
        without.remove(at);
        assert!(checked(&text(&without)).is_err(), "without line {at}");
        // Mended, it is the statement or the chain of receipts that says so.
        if 0 < at {
            mend(&mut without);
            assert!(checked(&text(&without)).is_err(), "without line {at}, mended");
            let mut doubled = honest.clone();
            doubled.insert(at, honest[at].clone());
            mend(&mut doubled);
            assert!(checked(&text(&doubled)).is_err(), "line {at} twice");
        }
    }
    let mut swapped = honest.clone();
    swapped.swap(3, 4);
    mend(&mut swapped);
    assert!(checked(&text(&swapped)).is_err());
    let cut = text(&honest);
    let error = checked(cut.trim_end()).unwrap_err().to_string();
    assert_eq!(error, "line 8: ends without a newline");
    let open = text(&honest[..7]);
    let error = checked(&open).unwrap_err().to_string();
    assert_eq!(error, "line 7: statement: the transcript ends without the venue's statement");
    assert!(!check(open.as_bytes(), true, |_| {}).unwrap().is_stated);
}

/// TRANS-004: a venue that signs whatever it likes is found out by the rows, the times and the meter.
/// GRADE-001 as well.
#[test]
fn trans_004_a_venue_that_credits_otherwise_is_found_out() {
    let restated = |change: &dyn Fn(&mut Vec<String>), credited: &[u64]| {
        let mut writer = Writer::begin(5);
        let mut lines = honest();
        let statement: WireTranscriptLine = serde_json::from_str(&lines.pop().unwrap()).unwrap();
        let WireTranscriptLine::Statement(statement) = statement else { panic!("the last line") };
        change(&mut lines);
        mend(&mut lines);
        writer.lines = lines;
        writer.credited = credited.to_vec();
        writer.hard_fails = statement.hard_fails;
        hex::decode_to_slice(&statement.last_receipt[2..], &mut writer.prev).unwrap();
        writer.state(5);
        checked(&text(&writer.lines)).map(drop).map_err(|error| error.to_string())
    };
    let kept = |_: &mut Vec<String>| {};
    assert_eq!(restated(&kept, &[20_000, 20_000, 0, 0, 0]), Ok(()));
    assert_eq!(
        restated(&kept, &[20_000, 20_000, 20_000, 0, 0]).unwrap_err(),
        "line 8: credited[2]: 20000, the transcript gives 0"
    );
    let fast = |lines: &mut Vec<String>| {
        lines[4] = lines[4].replace("\"quality\":508400", "\"quality\":990000");
    };
    assert_eq!(
        restated(&fast, &[20_000, 20_000, 20_000, 0, 0]).unwrap_err(),
        "line 5: quality: 990000, the times and the reference give 508400"
    );
    let forgiven = |lines: &mut Vec<String>| {
        lines[6] = lines[6].replace("\"verdict\":\"invalid\"", "\"verdict\":\"valid\"");
    };
    let error = restated(&forgiven, &[20_000, 20_000, 0, 0, 20_000]).unwrap_err();
    let begins = "line 7: verdict: valid, this cpu finds invalid drawn rows of segment";
    assert!(error.starts_with(begins), "{error}");
}

/// TRANS-007: by hand. Of five intervals of ten seconds the first counts whole; a silence at 12 s that an answer followed at 20 s costs the
/// time between; a lie at 31 s costs both sides, from 20 s to 41 s; the closing challenge speaks for the last nine seconds.
#[test]
fn trans_007_hours_between_challenges_are_credited_by_the_meters_own_rule() {
    let metering = WireMetering::Between {
        recheck_within: 5 * SECOND,
        soft_fails_per_day: 1,
        intervals_per_day: 5,
        hard_fails_max: 3,
        silence_max: 900 * SECOND,
    };
    let written = |credited: &[u64], soft_fails: u32| {
        let mut writer = Writer::metered(5, metering.clone());
        let (honest, silent) = (Fault::None, Fault::Silent);
        let challenges = [(1, honest), (12, silent), (20, honest), (31, Fault::Lie), (41, honest)];
        for (number, (second, fault)) in (0..).zip(challenges) {
            writer.challenge_at(number, second, fault, 90_000);
        }
        writer.challenge_at(5, 51, honest, 90_000);
        (writer.credited, writer.soft_fails) = (credited.to_vec(), soft_fails);
        writer.hard_fails = 2 - soft_fails;
        writer.state(6);
        checked(&text(&writer.lines)).map_err(|error| error.to_string())
    };
    let summary = written(&[20_000, 4_000, 0, 0, 18_000], 1).unwrap();
    assert_eq!((summary.credited.soft_fails, summary.credited.hard_fails), (1, 1));
    let forged = written(&[20_000, 20_000, 0, 0, 18_000], 1).unwrap_err();
    assert_eq!(forged, "line 8: credited[1]: 20000, the transcript gives 4000");
    let harder = written(&[20_000, 4_000, 0, 0, 18_000], 0).unwrap_err();
    assert_eq!(harder, "line 8: soft_fails: 0, the transcript gives 1");
}
