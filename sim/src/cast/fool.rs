//! A fool: asks for what cannot be, for what is not his, and now and then for something that is merely odd.

use exchange::{
    AmendOrder, BatchItem, CancelFilter, Command, Exchange, IndexPrint, OpenVenue, PlaceOrder,
    Series, TimeInForce,
};
use instruments::{
    AccountId, GradeId, Instrument, InstrumentId, MicroUsd, Nanos, NanosSpan, ObligationId,
    OrderId, Ppm, Price, Qty, Side,
};
use matching_engine::{OrderKind, PostOnly, PriceSource, StpMode, Trigger, TriggerWhen};
use settlement::{Bucket, DeliveryReceipt, Verdict};

use super::{Participant, Request, minutes, order, trading};
use crate::seed::Stream;

/// No account, series, order or obligation ever has this id.
const NOBODY: u64 = u64::MAX;

pub(crate) struct Fool {
    account: AccountId,
    chance: Stream,
}

impl Fool {
    pub(crate) fn new(account: AccountId, chance: Stream) -> Self {
        Self { account, chance }
    }

    /// Something that is refused whatever state the exchange is in.
    fn nonsense(&mut self, venue: &Exchange, series: &Series) -> Command {
        match self.chance.below(4) {
            0 => self.foolish_order(series),
            1 => self.foolish_change(venue),
            2 => self.foolish_delivery(venue),
            _ => self.foolish_office(venue, series),
        }
    }

    fn foolish_order(&mut self, series: &Series) -> Command {
        let limit = |ticks| OrderKind::Limit(Price::from_ticks(ticks));
        let plain = order(self.account, series.instrument.id, Side::Buy, series.mark, 1);
        Command::PlaceOrder(match self.chance.below(13) {
            0 => PlaceOrder { kind: limit(0), ..plain },
            1 => PlaceOrder { kind: limit(-5), ..plain },
            2 => PlaceOrder { kind: limit(Instrument::PRICE_MAX.ticks() + 1), ..plain },
            3 => PlaceOrder { qty: Qty::ZERO, ..plain },
            4 => PlaceOrder { qty: Qty::from_lots(u64::MAX), ..plain },
            5 => PlaceOrder { qty: Instrument::QTY_MAX, ..plain },
            6 => PlaceOrder { instrument: InstrumentId(NOBODY), ..plain },
            7 => PlaceOrder { account: AccountId(NOBODY), ..plain },
            8 => {
                PlaceOrder { post_only: PostOnly::Reject, time_in_force: TimeInForce::Ioc, ..plain }
            }
            9 => PlaceOrder { label: "x".repeat(65), ..plain },
            10 => PlaceOrder { valid_until: Some(Nanos::new(0)), ..plain },
            11 => PlaceOrder { ceiling: Some(Price::from_ticks(1)), ..plain },
            _ => PlaceOrder { display: Some(Qty::ZERO), ..plain },
        })
    }

    fn foolish_change(&mut self, venue: &Exchange) -> Command {
        let account = self.account;
        let foreign = |venue: &Exchange| {
            let mut others = venue.accounts().map(|(id, _)| id).filter(|id| *id != account);
            others.find_map(|other| Some(venue.open_orders_of(other, None).first()?.order))
        };
        let order = foreign(venue).unwrap_or(OrderId(NOBODY));
        match self.chance.below(6) {
            4 => Command::Batch { account, items: Vec::new() },
            5 => Command::Batch { account, items: vec![BatchItem::Cancel(order); 65] },
            0 => Command::CancelOrder { account, order },
            1 => Command::CancelOrder { account, order: OrderId(NOBODY) },
            2 => {
                let price = Some(Price::from_ticks(1));
                Command::AmendOrder(AmendOrder::new(account, order, price, None))
            }
            _ => Command::CancelAll {
                account,
                filter: CancelFilter::instrument(Some(InstrumentId(NOBODY))),
            },
        }
    }

    fn foolish_delivery(&mut self, venue: &Exchange) -> Command {
        let account = self.account;
        let known = venue.deliveries().last().map(|delivery| delivery.obligation.id);
        let known = known.unwrap_or(ObligationId(NOBODY));
        let receipt = DeliveryReceipt {
            obligation: known,
            challenge: 0,
            gpu_millis: 1,
            challenges: 1,
            work_root: self.chance.bytes(),
            prev: [0; 32],
            terms: [0; 32],
        };
        let (obligation, seed) = (ObligationId(NOBODY), self.chance.bytes());
        match self.chance.below(5) {
            0 => Command::SubmitReceipt {
                account,
                signer: [1; 20],
                digest: [2; 32],
                receipt,
                signature: vec![3; 65],
            },
            1 => Command::IssueChallenge { obligation, seed },
            2 => Command::DrawRows { obligation, challenge: 0, seed },
            3 => Command::SubmitVerdict {
                account,
                obligation: known,
                challenge: 0,
                verdict: Verdict::Valid { quality: Ppm::ONE },
            },
            _ => Command::NominateAgent { account: AccountId(NOBODY), signer: [0; 20] },
        }
    }

    fn foolish_office(&mut self, venue: &Exchange, series: &Series) -> Command {
        let account = self.account;
        let print = IndexPrint {
            grade: series.instrument.grade.clone(),
            observed_at: venue.now(),
            value: Some(MicroUsd::new(-1)),
            conf: Ppm::ZERO,
            state: oracle::State::Ok,
        };
        match self.chance.below(12) {
            0 => Command::Deposit { account, amount: MicroUsd::ZERO },
            1 => Command::Deposit { account, amount: MicroUsd::new(-1_000_000) },
            2 => Command::Deposit { account, amount: MicroUsd::new(i64::MAX) },
            3 => Command::OpenAccount { name: String::new(), is_verifier: true },
            4 => Command::OpenVenue(OpenVenue {
                testnet: true,
                rules: exchange::RULES_VERSION,
                variation_from: Nanos::new(0),
                variation_every: NanosSpan::from_seconds(1),
            }),
            5 => Command::ListInstrument(Box::new(series.instrument.clone())),
            6 => Command::PublishIndex(print),
            7 => Command::PublishIndex(IndexPrint { value: None, ..print }),
            8 => Command::Withdraw { account, amount: MicroUsd::ZERO },
            9 => Command::Withdraw { account, amount: MicroUsd::new(i64::MAX) },
            10 => Command::FundHouse { bucket: Bucket::Fees, amount: MicroUsd::new(1) },
            _ => {
                let grade = GradeId::new("ABACUS").unwrap_or(print.grade);
                let value = Some(MicroUsd::new(1_000_000));
                let state = oracle::State::Ok;
                Command::PublishIndex(IndexPrint { grade, value, state, ..print })
            }
        }
    }

    /// A small order of any kind near the mark. What comes of it is the exchange's business.
    fn odd_trigger(&mut self, price: Price) -> Trigger {
        Trigger {
            source: self.chance.pick(&[PriceSource::Last, PriceSource::Mark, PriceSource::Index]),
            when: self.chance.pick(&[TriggerWhen::Rises, TriggerWhen::Falls]),
            price,
        }
    }

    fn odd_order(&mut self, series: &Series, now: Nanos) -> Request {
        let side = self.chance.pick(&[Side::Buy, Side::Sell]);
        let reach = series.mark.ticks().unsigned_abs() / 25;
        let ticks = (series.mark.ticks() + self.chance.around_zero(reach)).max(1);
        let price = Price::from_ticks(ticks);
        let kind = OrderKind::Limit(price);
        let lots = self.chance.between(1, 12);
        PlaceOrder {
            kind: self.chance.pick(&[kind, kind, kind, OrderKind::Market]),
            time_in_force: self.chance.pick(&[
                TimeInForce::Gtc,
                TimeInForce::Gtc,
                TimeInForce::Ioc,
                TimeInForce::Fok,
                TimeInForce::Day,
                TimeInForce::Gtd(now + minutes(30)),
                TimeInForce::Gfn,
            ]),
            post_only: self.chance.pick(&[
                PostOnly::No,
                PostOnly::No,
                PostOnly::No,
                PostOnly::Reject,
                PostOnly::Slide,
            ]),
            reduce_only: self.chance.chance(150_000),
            stp_token: self.chance.below(2),
            display: self.chance.chance(120_000).then(|| Qty::from_lots(self.chance.between(1, 4))),
            trigger: self.chance.chance(150_000).then(|| self.odd_trigger(price)),
            ceiling: self.chance.chance(80_000).then_some(price),
            stp: self.chance.pick(&[
                StpMode::None,
                StpMode::CancelNewest,
                StpMode::CancelOldest,
                StpMode::CancelBoth,
                StpMode::Decrement,
            ]),
            ..order(self.account, series.instrument.id, side, price, lots)
        }
        .into()
    }

    fn odd_change(&mut self, venue: &Exchange) -> Option<Request> {
        let account = self.account;
        let open = venue.open_orders_of(account, None);
        if open.is_empty() {
            return None;
        }
        let at = usize::try_from(self.chance.below(u64::try_from(open.len()).unwrap_or(1)));
        let view = &open[at.unwrap_or(0)];
        let ticks = view.record.limit.ticks();
        let near = ticks + self.chance.around_zero(ticks.unsigned_abs() / 25);
        let price = self.chance.chance(700_000).then(|| Price::from_ticks(near));
        let qty = Qty::from_lots(self.chance.below(2 * view.record.qty.lots() + 1));
        let qty = self.chance.chance(700_000).then_some(qty);
        let order = view.order;
        Some(match self.chance.below(4) {
            0 => Command::CancelOrder { account, order }.into(),
            _ => Command::AmendOrder(AmendOrder::new(account, order, price, qty)).into(),
        })
    }
}

impl Participant for Fool {
    fn wake(&mut self, venue: &Exchange, now: Nanos, wants: &mut Vec<Request>) -> NanosSpan {
        let series: Vec<_> = trading(venue, now).collect();
        if !series.is_empty() {
            for _ in 0..2 {
                let chosen = self.chance.pick(&series);
                let command = self.nonsense(venue, chosen);
                wants.push(Request { command, is_nonsense: true });
                let chosen = self.chance.pick(&series);
                wants.push(self.odd_order(chosen, now));
            }
            wants.extend(self.odd_change(venue));
        }
        minutes(self.chance.between(10, 40))
    }
}
