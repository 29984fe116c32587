//! Text in, snapshot out: a day at the exchange in a trader's words.
//!
//! ```text
//! open test|real                          account NAME [verifier]        deposit NAME DOLLARS
//! withdraw NAME DOLLARS                  fund first-loss|insurance|default-fund DOLLARS
//! list NAME [option [call|put] [on SERIES] [strike D]|spread|cash|cap strike D] [month|quarter|year] [guarded] [paced] [impact D] [blocks LOTS] [grade G] [tick D] [hours N] [node N]
//!           [ref D] [intervals N] [perhour|perday|prefund N] [tolerance PPM] [substitute|invoice|dispute SPAN]
//!           [between RECHECK/SOFTS/HARDS/SILENCE]
//!           [trade|nominate|match|assign|acceptfrom|acceptuntil|from|until|close SPAN] [answer|verdict SPAN]       (from the start of the test)
//! NAME buy|sell QTY @ PRICE|market [ioc|fok|day|gtd SPAN|gfa|gfn] [post|slide] [reduce] [stp=MODE] [token=N] [show=N]
//!           [when last|mark|index rises|falls PRICE] [ceiling PRICE] [valid SPAN] [label=TEXT] [in SERIES]
//! NAME amend #N [@ PRICE] [x QTY] [trigger PRICE] [valid SPAN]
//! NAME cancel #N|all [in SERIES] [buys|sells] [resting|waiting] [label=TEXT]
//! NAME batch ORDER ; AMEND ; CANCEL       auction SERIES until SPAN
//! index GRADE DOLLARS|withheld [low] [at SPAN]  +SPAN      tick      run SPAN  (with a tick whenever one is due)
//! NAME nominates KEY                      challenge D-1/0                draw D-1/0
//! NAME accepts|disputes D-1               NAME judges D-1 VERDICT        NAME substitutes D-1 GRADE NODE..
//! NAME stands by N GRADE FEE              NAME misses D-1 INTERVAL until INTERVAL
//! NAME nominates for SERIES [REGION] [node=NAME] [at=ENDPOINT]
//! NAME receipt D-1/0 [key=K] [millis=N] [challenges=N] [prev=K] [terms=K]
//! NAME verdict D-1/0 valid [PPM]|invalid|unverifiable
//! NAME abandons|exercises QTY [in SERIES]
//! default [every SPAN] [auction SPAN] [notice SPAN] [least PPM] [fee PPM] [slippage PPM]
//! NAME contributes|leaves DOLLARS         NAME backstops DOLLARS         NAME asks DOLLARS in AUCTION
//! NAME signs KEY                          block|efp NAME NAME buy|sell QTY @ PRICE [in SERIES] [and buy|sell QTY @ PRICE in SERIES]
//! match NAME NAME LOTS [in SERIES]        release NAME NAME D-1    (all with [number N] [valid SPAN] [keys KEY KEY] [by NAME])
//! what concerns jobs: `job_words`; what concerns quotes: `quote_words`
//! state venue|restart|SERIES STATE       kill|revive NAME
//! show NAME|book|fees|house|SERIES              restart
//! ```
//! A span is `90s`, `5m`, `3h`; a key is a byte in hex. Where no series is named, the first one is meant.

use exchange::{
    AmendOrder, AuctionReason, BatchItem, CancelFilter, CancelKind, Command, CurvePoint, Event,
    IndexPrint, Instruction, Node, Nomination, PlaceOrder, TimeInForce,
};
use expect_test::Expect;
use instruments::{
    AccountId, Between, BlockTerms, CloseOut, GradeId, Guards, Instrument, InstrumentId, MarkTerms,
    Metering, MicroUsd, NanosSpan, ObligationId, OrderId, Period, Ppm, Price, Product, Qty, Region,
    Right, Side, Style,
};
use matching_engine::{OrderKind, PostOnly, PriceSource, StpMode, Trigger, TriggerWhen};
use settlement::{Bucket, DefaultTerms, Verdict};

use crate::agreements;
use crate::control_words;
use crate::job_words;
use crate::quote_words;
use crate::render;
use crate::world::{START, World, day_future, limit, next_receipt, open_venue};

/// Runs a script on a new exchange and compares what happened.
#[track_caller]
pub(crate) fn check(script: &str, expected: Expect) {
    let mut desk = Desk::new();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// Runs a script after the usual morning: a test venue, one series `H100D`, and three accounts with 1,000 dollars each.
#[track_caller]
pub(crate) fn check_morning(script: &str, expected: Expect) {
    let mut desk = Desk::morning();
    desk.run(script);
    expected.assert_eq(&desk.out);
}

/// An exchange and what has been printed.
pub(crate) struct Desk {
    pub world: World,
    pub out: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { world: World::unopened(), out: String::new() }
    }

    pub(crate) fn morning() -> Self {
        let mut desk = Self::new();
        desk.run(
            "
            open test
            list H100D
            account alice
            account bob
            account carol
            deposit alice 1000
            deposit bob 1000
            deposit carol 1000
            ",
        );
        desk.out.clear();
        desk
    }

    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            self.line(&words);
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn line(&mut self, words: &[&str]) {
        let command = match words {
            ["open", kind] => open_venue(*kind == "test", NanosSpan::from_seconds(86_400)),
            ["account", name, rest @ ..] => {
                let is_verifier = rest.contains(&"verifier");
                Command::OpenAccount { name: (*name).to_owned(), is_verifier }
            }
            ["deposit", name, amount] => {
                Command::Deposit { account: self.account(name), amount: dollars(amount) }
            }
            ["withdraw", name, amount] => {
                Command::Withdraw { account: self.account(name), amount: dollars(amount) }
            }
            ["fund", fund, amount] => {
                let bucket = match *fund {
                    "first-loss" => Bucket::FirstLoss,
                    "insurance" => Bucket::Insurance,
                    "default-fund" => Bucket::DefaultFund,
                    "fees" => Bucket::Fees,
                    other => panic!("not a fund: {other}"),
                };
                Command::FundHouse { bucket, amount: dollars(amount) }
            }
            ["list", name, terms @ ..] => {
                let near = after(terms, "on").map(|_| self.instrument_after(terms, "on"));
                Command::ListInstrument(Box::new(listed(
                    name,
                    terms,
                    near.unwrap_or(InstrumentId(1)),
                )))
            }
            ["index", grade, value, rest @ ..] => self.print(grade, value, rest),
            ["curve", value, conf, rest @ ..] => {
                let instrument = self.instrument(rest);
                let price = self.price(instrument, value);
                Command::PublishCurve {
                    points: vec![CurvePoint { instrument, price, conf: dollars(conf) }],
                }
            }
            ["rule", partition, verdict, rest @ ..] => Command::RuleOnFixing {
                instrument: self.instrument(rest),
                partition: partition.parse().unwrap(),
                is_upheld: *verdict == "upheld",
            },
            ["default", terms @ ..] => Command::SetDefaultTerms(default_terms(terms)),
            ["tick"] => Command::Tick,
            ["state", scope, state] => {
                let series = || self.instrument(&["in", scope]);
                control_words::state(scope, state, series)
            }
            ["kill", name] => Command::KillAccount { account: self.account(name) },
            ["revive", name] => Command::ReviveAccount { account: self.account(name) },
            ["jobterms", terms @ ..] => job_words::terms(terms),
            ["auction", series, "until", time] => Command::OpenAuction {
                instrument: self.instrument(&["in", series]),
                reason: AuctionReason::Opening,
                until: START + span(time),
            },
            ["challenge", place] => {
                let (obligation, _) = interval_of(place);
                Command::IssueChallenge { obligation, seed: [1; 32] }
            }
            ["draw", place] => {
                let (obligation, challenge) = interval_of(place);
                Command::DrawRows { obligation, challenge, seed: [2; 32] }
            }
            ["run", time] => {
                let events = self.world.run(span(time));
                return self.print_events(&events);
            }
            ["block" | "efp" | "match" | "release", ..] => agreements::command(self, words),
            ["sessions", "end"] => Command::EndSessions,
            ["restart"] => return self.world.restart(),
            ["show", what] => return self.show(what),
            [time] if time.starts_with('+') => return self.world.wait(span(&time[1..])),
            [name, verb, rest @ ..] => self.account_line(self.account(name), verb, rest),
            _ => panic!("cannot read {words:?}"),
        };
        let events = self.world.apply(command);
        self.print_events(&events);
    }

    #[expect(clippy::too_many_lines, reason = "a line for each variant, and no decision")]
    fn account_line(&self, account: AccountId, verb: &str, rest: &[&str]) -> Command {
        match (verb, rest) {
            ("buy" | "sell", [qty, ..]) => {
                Command::PlaceOrder(self.order(account, verb, qty.parse().unwrap(), rest))
            }
            ("amend", [order, ..]) => {
                let order = self.order_of(order);
                let instrument =
                    self.world.exchange.open_order(order).map(|view| view.record.instrument);
                let instrument = instrument.unwrap_or_else(|| self.instrument(rest));
                Command::AmendOrder(AmendOrder {
                    account,
                    order,
                    price: after(rest, "@").map(|price| self.price(instrument, price)),
                    qty: after(rest, "x").map(|qty| Qty::from_lots(qty.parse().unwrap())),
                    trigger: after(rest, "trigger").map(|price| self.price(instrument, price)),
                    valid_until: after(rest, "valid").map(|time| START + span(time)),
                })
            }
            ("batch", parts) => Command::Batch {
                account,
                items: parts
                    .split(|word| *word == ";")
                    .map(|part| self.part(account, part))
                    .collect(),
            },
            ("cancel", ["all", "after", timeout]) => {
                Command::CancelAllAfter { account, timeout: span(timeout) }
            }
            ("session", [session, how]) => Command::EndSession {
                account,
                session: session.parse().unwrap(),
                keeps_orders: *how == "keeps",
            },
            ("sessions", [how]) => {
                Command::SetCancelOnDisconnect { account, is_enabled: *how == "cancel" }
            }
            ("cancel", ["all", filter @ ..]) => {
                Command::CancelAll { account, filter: self.filter(filter) }
            }
            ("cancel", [order]) => Command::CancelOrder { account, order: self.order_of(order) },
            ("accepts", [id]) => Command::AcceptDelivery { account, obligation: obligation_of(id) },
            ("disputes", [id]) => {
                Command::DisputeInvoice { account, obligation: obligation_of(id) }
            }
            ("claims", [partition, value, rest @ ..]) => Command::DisputeFixing {
                account,
                instrument: self.instrument(rest),
                partition: partition.parse().unwrap(),
                value: (*value != "withheld").then(|| dollars(value)),
            },
            ("judges", [id, rest @ ..]) => Command::JudgeBurnIn {
                account,
                obligation: obligation_of(id),
                verdict: verdict_of(rest),
            },
            ("substitutes", [id, grade, names @ ..]) => Command::Substitute {
                account,
                obligation: obligation_of(id),
                grade: GradeId::new(grade).unwrap(),
                nodes: names.iter().map(|name| node(name)).collect(),
            },
            ("stands", ["by", gpus, grade, fee]) => Command::OfferStandby {
                account,
                grade: GradeId::new(grade).unwrap(),
                gpus: Qty::from_lots(gpus.parse().unwrap()),
                fee: dollars(fee),
            },
            ("abandons" | "exercises", [qty, ..]) => {
                let lots = Qty::from_lots(qty.parse().unwrap());
                let none = Instruction::default();
                let instruction = match verb {
                    "abandons" => Instruction { abandon: lots, ..none },
                    _ => Instruction { exercise: lots, ..none },
                };
                let instrument = self.instrument(rest);
                Command::InstructExercise { account, instrument, instruction }
            }
            ("contributes", [amount]) => {
                Command::ContributeDefaultFund { account, amount: dollars(amount) }
            }
            ("leaves", [amount]) => {
                Command::WithdrawDefaultFund { account, amount: dollars(amount) }
            }
            ("backstops", [amount]) => {
                Command::RegisterBackstop { account, capacity: dollars(amount) }
            }
            ("asks", [amount, "in", auction]) => Command::BidBackstop {
                account,
                auction: auction.parse().unwrap(),
                ask: dollars(amount),
            },
            ("signs", [key]) => Command::RegisterTradingKey { account, key: [byte(key); 20] },
            ("nominates", ["for", series, words @ ..]) => self.nominate(account, series, words),
            ("nominates", [key]) => Command::NominateAgent { account, signer: [byte(key); 20] },
            ("receipt", [place, changes @ ..]) => self.receipt(account, place, changes),
            ("misses", [obligation, from, "until", until]) => Command::DeclareOutage {
                account,
                obligation: obligation_of(obligation),
                from: from.parse().unwrap(),
                until: until.parse().unwrap(),
            },
            ("verdict", [place, verdict @ ..]) => {
                let (obligation, challenge) = interval_of(place);
                let verdict = verdict_of(verdict);
                Command::SubmitVerdict { account, obligation, challenge, verdict }
            }
            _ => quote_words::command(self, account, verb, rest)
                .unwrap_or_else(|| job_words::command(account, verb, rest)),
        }
    }

    fn nominate(&self, account: AccountId, series: &str, words: &[&str]) -> Command {
        let region = words.iter().find_map(|word| Region::from_code(word));
        let nodes = words.iter().filter_map(|word| word.strip_prefix("node="));
        let endpoint = words.iter().find_map(|word| word.strip_prefix("at="));
        Command::Nominate {
            account,
            instrument: self.instrument(&["in", series]),
            nomination: Box::new(Nomination {
                region,
                endpoint: endpoint.unwrap_or_default().to_owned(),
                nodes: nodes.map(node).collect(),
            }),
        }
    }

    pub(crate) fn order(
        &self,
        account: AccountId,
        verb: &str,
        qty: u64,
        words: &[&str],
    ) -> PlaceOrder {
        let instrument = self.instrument(words);
        let side = if verb == "buy" { Side::Buy } else { Side::Sell };
        let kind = after(words, "@")
            .map_or(OrderKind::Market, |price| OrderKind::Limit(self.price(instrument, price)));
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        PlaceOrder {
            kind,
            time_in_force: time_in_force(words),
            stp_token: option("token=").map_or(0, |token| token.parse().unwrap()),
            display: option("show=").map(|lots| Qty::from_lots(lots.parse().unwrap())),
            trigger: trigger(words, |text| self.price(instrument, text)),
            ceiling: after(words, "ceiling").map(|price| self.price(instrument, price)),
            valid_until: after(words, "valid").map(|time| START + span(time)),
            post_only: if words.contains(&"post") {
                PostOnly::Reject
            } else if words.contains(&"slide") {
                PostOnly::Slide
            } else {
                PostOnly::No
            },
            reduce_only: words.contains(&"reduce"),
            stp: match option("stp=") {
                None | Some("newest") => StpMode::CancelNewest,
                Some("none") => StpMode::None,
                Some("oldest") => StpMode::CancelOldest,
                Some("both") => StpMode::CancelBoth,
                Some("decrement") => StpMode::Decrement,
                Some(other) => panic!("no self-trade mode `{other}`"),
            },
            label: option("label=").unwrap_or("").to_owned(),
            client_order_id: option("id=").map(str::to_owned),
            session: option("session=").map(|session| session.parse().unwrap()),
            ..limit(account, instrument, side, qty, 1)
        }
    }

    fn part(&self, account: AccountId, words: &[&str]) -> BatchItem {
        match self.account_line(account, words[0], &words[1..]) {
            Command::PlaceOrder(order) => BatchItem::Place(order),
            Command::AmendOrder(amend) => BatchItem::Amend(amend),
            Command::CancelOrder { order, .. } => BatchItem::Cancel(order),
            other => panic!("not part of a batch: {other:?}"),
        }
    }

    fn filter(&self, words: &[&str]) -> CancelFilter {
        let has = |word: &str| words.contains(&word);
        CancelFilter {
            instrument: after(words, "in").map(|_| self.instrument(words)),
            side: if has("buys") { Some(Side::Buy) } else { has("sells").then_some(Side::Sell) },
            label: words.iter().find_map(|word| word.strip_prefix("label=")).map(str::to_owned),
            kind: if has("resting") {
                CancelKind::Resting
            } else if has("waiting") {
                CancelKind::Waiting
            } else {
                CancelKind::All
            },
        }
    }

    fn receipt(&self, account: AccountId, place: &str, changes: &[&str]) -> Command {
        let (obligation, interval) = interval_of(place);
        let change = |name: &str| changes.iter().find_map(|word| word.strip_prefix(name));
        let mut receipt = next_receipt(&self.world.exchange, obligation, interval);
        if let Some(millis) = change("millis=") {
            receipt.gpu_millis = millis.parse().unwrap();
        }
        if let Some(challenges) = change("challenges=") {
            receipt.challenges = challenges.parse().unwrap();
        }
        receipt.prev = change("prev=").map_or(receipt.prev, |key| [byte(key); 32]);
        receipt.terms = change("terms=").map_or(receipt.terms, |key| [byte(key); 32]);
        Command::SubmitReceipt {
            account,
            signer: [byte(change("key=").unwrap_or("aa")); 20],
            digest: [u8::try_from(receipt.challenges).unwrap(); 32],
            receipt,
            signature: vec![4; 65],
        }
    }

    fn print(&self, grade: &str, value: &str, rest: &[&str]) -> Command {
        let value = (value != "withheld").then(|| dollars(value));
        let none = oracle::State::Withheld(oracle::Withheld::NoObservations);
        Command::PublishIndex(IndexPrint {
            grade: GradeId::new(grade).unwrap(),
            observed_at: after(rest, "at").map_or(self.world.now, |time| START + span(time)),
            value,
            conf: Ppm::new(10_000),
            state: match value {
                Some(_) if rest.contains(&"low") => oracle::State::LowConf,
                Some(_) => oracle::State::Ok,
                None => none,
            },
        })
    }

    fn show(&mut self, what: &str) {
        let exchange = &self.world.exchange;
        let shown = if let Some(account) = exchange.account_by_name(what) {
            render::account(exchange, account)
        } else if let Some(series) = exchange.series_by_name(what) {
            format!("{what} {:?}, open interest {}", series.state, {
                exchange.open_interest(series.instrument.id).lots()
            })
        } else if what == "fees" {
            format!("fees {}", render::usd(exchange.ledger().balance(Bucket::Fees)))
        } else if what == "house" {
            render::house(exchange)
        } else {
            render::book(exchange, self.instrument(&[]))
        };
        self.out.push_str(&shown);
        self.out.push('\n');
    }

    fn print_events(&mut self, events: &[Event]) {
        for event in events {
            if let Some(line) = render::event(&self.world, event) {
                self.out.push_str(&line);
                self.out.push('\n');
            }
        }
    }

    /// An account that is not open has an id that nobody has.
    pub(crate) fn account(&self, name: &str) -> AccountId {
        self.world.exchange.account_by_name(name).unwrap_or(AccountId(999))
    }

    /// `#3` is the third order that was accepted.
    fn order_of(&self, word: &str) -> OrderId {
        let number: usize = word.strip_prefix('#').unwrap().parse().unwrap();
        let accepted = self.world.auditor.accepted.get(number - 1);
        accepted.copied().unwrap_or(OrderId(u64::MAX))
    }

    /// The series after `in`, else the first; a series that is not listed has an id that none has.
    pub(crate) fn instrument(&self, words: &[&str]) -> InstrumentId {
        self.instrument_after(words, "in")
    }

    fn instrument_after(&self, words: &[&str], word: &str) -> InstrumentId {
        let exchange = &self.world.exchange;
        match after(words, word) {
            Some(name) => {
                exchange.series_by_name(name).map_or(InstrumentId(999), |s| s.instrument.id)
            }
            None => InstrumentId(1),
        }
    }

    /// In ticks of the series, of a tenth of a cent where there is none.
    pub(crate) fn price(&self, instrument: InstrumentId, text: &str) -> Price {
        let series = self.world.exchange.series_by_id(instrument);
        let tick_size = series.map_or(1_000, |series| series.instrument.tick_size.micros());
        let micros = dollars(text).micros();
        assert_eq!(micros % tick_size, 0, "{text} is between two ticks");
        Price::from_ticks(micros / tick_size)
    }
}

fn default_terms(words: &[&str]) -> DefaultTerms {
    let standard = DefaultTerms::standard();
    let time = |word: &str| after(words, word).map(span);
    let rate = |word: &str| after(words, word).map(|ppm| Ppm::new(ppm.parse().unwrap()));
    DefaultTerms {
        slice_every: time("every").unwrap_or(standard.slice_every),
        fee: rate("fee").unwrap_or(standard.fee),
        slippage: rate("slippage").unwrap_or(standard.slippage),
        least: rate("least").unwrap_or(standard.least),
        auction_for: time("auction").unwrap_or(standard.auction_for),
        notice: time("notice").unwrap_or(standard.notice),
    }
}

fn node(name: &str) -> Node {
    Node { name: name.to_owned(), digest: [7; 32] }
}

pub(crate) fn verdict_of(words: &[&str]) -> Verdict {
    match words {
        ["valid"] => Verdict::Valid { quality: Ppm::ONE },
        ["valid", ppm] => Verdict::Valid { quality: Ppm::new(ppm.parse().unwrap()) },
        ["invalid"] => Verdict::Invalid,
        ["unverifiable"] => Verdict::Unverifiable,
        _ => panic!("no verdict {words:?}"),
    }
}

/// `D-1`
pub(crate) fn obligation_of(word: &str) -> ObligationId {
    ObligationId(word.strip_prefix("D-").unwrap().parse().unwrap())
}

/// What lies between the last trade and the close.
fn close_out(words: &[&str]) -> CloseOut {
    let number = |word: &str| after(words, word).map(|text| text.parse::<u32>().unwrap());
    let time = |word: &str| after(words, word).map(|text| START + span(text));
    let plain = CloseOut::NONE;
    CloseOut {
        nominate_until: time("nominate").unwrap_or(plain.nominate_until),
        match_until: time("match").unwrap_or(plain.match_until),
        accept_from: time("acceptfrom").unwrap_or(plain.accept_from),
        accept_until: time("acceptuntil").unwrap_or(plain.accept_until),
        intervals_per_hour: number("perhour").unwrap_or(plain.intervals_per_hour),
        intervals_per_day: number("perday").unwrap_or(plain.intervals_per_day),
        prefund_days: number("prefund").unwrap_or(plain.prefund_days),
        tolerance: number("tolerance").map_or(plain.tolerance, |ppm| Ppm::new(ppm.into())),
        substitute_within: after(words, "substitute").map_or(plain.substitute_within, span),
        invoice_after: after(words, "invoice").map_or(plain.invoice_after, span),
        dispute_within: after(words, "dispute").map_or(plain.dispute_within, span),
        metering: after(words, "between").map_or(plain.metering, metering),
    }
}

/// `recheck/softs/hards/silence`
fn metering(word: &str) -> Metering {
    let parts: Vec<&str> = word.split('/').collect();
    Metering::Between(Between {
        recheck_within: span(parts[0]),
        soft_fails_per_day: parts[1].parse().unwrap(),
        hard_fails_max: parts[2].parse().unwrap(),
        silence_max: span(parts[3]),
    })
}

fn listed(name: &str, words: &[&str], near: InstrumentId) -> Instrument {
    let mut terms = day_future(name, after(words, "grade").unwrap_or("H100"));
    let number = |word: &str| after(words, word).map(|text| text.parse::<u32>().unwrap());
    let time = |word: &str| after(words, word).map(|text| START + span(text));
    terms.tick_size = after(words, "tick").map_or(terms.tick_size, dollars);
    terms.hours_per_lot = number("hours").unwrap_or(terms.hours_per_lot);
    terms.node_size = number("node").unwrap_or(terms.node_size);
    if let Some(reference) = after(words, "ref") {
        terms.reference = Price::from_ticks(dollars(reference).micros() / terms.tick_size.micros());
    }
    if words.contains(&"guarded") {
        terms.guards = Guards { mark: terms.guards.mark, ..Guards::standard() };
    }
    if words.contains(&"paced") {
        terms.guards.mark.move_max = MarkTerms::standard().move_max;
    }
    if let Some(lots) = number("blocks") {
        let lots_min = Qty::from_lots(lots.into());
        terms.guards.block = Some(BlockTerms { band: Ppm::new(200_000), lots_min });
    }
    let mark = &mut terms.guards.mark;
    mark.impact = after(words, "impact").map_or(mark.impact, dollars);
    let schedule = &mut terms.schedule;
    schedule.last_trade_at = time("trade").unwrap_or(schedule.last_trade_at);
    schedule.close_out = close_out(words);
    schedule.assign_at = time("assign").unwrap_or(schedule.assign_at);
    schedule.deliver_from = time("from").unwrap_or(schedule.deliver_from);
    schedule.deliver_until = time("until").unwrap_or(schedule.deliver_until);
    schedule.close_at = time("close").unwrap_or(schedule.close_at);
    schedule.intervals = number("intervals").unwrap_or(schedule.intervals);
    schedule.answer_within = after(words, "answer").map_or(schedule.answer_within, span);
    schedule.verdict_within = after(words, "verdict").map_or(schedule.verdict_within, span);
    let strike = after(words, "strike").map_or(terms.reference, |strike| {
        Price::from_ticks(dollars(strike).micros() / terms.tick_size.micros())
    });
    let far = InstrumentId(2);
    let named = [("month", Period::Month), ("quarter", Period::Quarter), ("year", Period::Year)];
    let period = named.into_iter().find(|(name, _)| words.contains(name)).map(|(_, it)| it);
    terms.product = match (words.first(), terms.product) {
        (Some(&"option"), _) => {
            let right = if words.contains(&"put") { Right::Put } else { Right::Call };
            Product::Option { underlying: near, strike, right }
        }
        (Some(&"spread"), _) => Product::Spread { near, far },
        (Some(&"cash"), Product::Future { .. }) => {
            Product::Future { style: Style::Cash, period: period.unwrap_or(Period::Day) }
        }
        (Some(&"cap"), _) => Product::Cap { strike },
        (_, Product::Future { style, .. }) if period.is_some() => {
            Product::Future { style, period: period.unwrap_or(Period::Day) }
        }
        (_, product) => product,
    };
    terms
}

/// The word after `word`.
fn time_in_force(words: &[&str]) -> TimeInForce {
    if let Some(time) = after(words, "gtd") {
        return TimeInForce::Gtd(START + span(time));
    }
    let named = [
        ("ioc", TimeInForce::Ioc),
        ("fok", TimeInForce::Fok),
        ("day", TimeInForce::Day),
        ("gfa", TimeInForce::Gfa),
        ("gfn", TimeInForce::Gfn),
    ];
    let found = named.into_iter().find(|(name, _)| words.contains(name));
    found.map_or(TimeInForce::Gtc, |(_, force)| force)
}

/// `when mark falls 2.4`
fn trigger(words: &[&str], price: impl Fn(&str) -> Price) -> Option<Trigger> {
    let at = words.iter().position(|it| *it == "when")?;
    let source = match words[at + 1] {
        "last" => PriceSource::Last,
        "mark" => PriceSource::Mark,
        "index" => PriceSource::Index,
        other => panic!("no price `{other}`"),
    };
    let when = if words[at + 2] == "rises" { TriggerWhen::Rises } else { TriggerWhen::Falls };
    Some(Trigger { source, when, price: price(words[at + 3]) })
}

pub(crate) fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    let at = words.iter().position(|it| *it == word)?;
    words.get(at + 1).copied()
}

pub(crate) fn span(text: &str) -> NanosSpan {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap());
    let number: u64 = number.parse().unwrap();
    match unit {
        "ns" => NanosSpan::new(number),
        "ms" => NanosSpan::from_millis(number),
        "s" => NanosSpan::from_seconds(number),
        "m" => NanosSpan::from_seconds(number * 60),
        "h" => NanosSpan::from_seconds(number * 3_600),
        "d" => NanosSpan::from_seconds(number * 86_400),
        _ => panic!("no unit `{unit}`"),
    }
}

/// Dollars with up to six decimals.
pub(crate) fn dollars(text: &str) -> MicroUsd {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.len() <= 6, "{text} has more than six decimals");
    MicroUsd::new(format!("{whole}{decimals:0<6}").parse().unwrap())
}

pub(crate) fn byte(text: &str) -> u8 {
    u8::from_str_radix(text, 16).unwrap()
}

/// `D-1/0`: the first interval of the first obligation.
fn interval_of(word: &str) -> (ObligationId, u32) {
    let (obligation, interval) = word.strip_prefix("D-").unwrap().split_once('/').unwrap();
    (ObligationId(obligation.parse().unwrap()), interval.parse().unwrap())
}
