//! Jobs in a buyer's words, and what happens to them in a reader's.
//!
//! ```text
//! jobterms [start|accept|move|rule SPAN] [fee D]
//! NAME submits D-1 SECONDS [steps N] [stride N] [tolerant|redundant]
//! NAME finishes J-1 [replay D] [roots N] [key=K]                          NAME declines|takes|calls J-1
//! NAME doubts J-1 [replay D]                  NAME says J-1 [last]        NAME rules J-1 VERDICT
//! show jobs
//! ```

use exchange::{Answer, Command, Exchange, JobEvent};
use instruments::{AccountId, GpuSeconds, JobId, MicroUsd};
use settlement::{JobClaim, JobMode, JobTask, JobTerms, Party};

use crate::render::{account_name, usd};
use crate::script::{after, byte, dollars, obligation_of, span, verdict_of};

fn job_of(word: &str) -> JobId {
    JobId(word.strip_prefix("J-").unwrap().parse().unwrap())
}

pub(crate) fn terms(words: &[&str]) -> Command {
    let standard = JobTerms::standard();
    let time = |word: &str| after(words, word).map(span);
    Command::SetJobTerms(JobTerms {
        start_within: time("start").unwrap_or(standard.start_within),
        accept_within: time("accept").unwrap_or(standard.accept_within),
        move_within: time("move").unwrap_or(standard.move_within),
        rule_within: time("rule").unwrap_or(standard.rule_within),
        fee: after(words, "fee").map_or(standard.fee, dollars),
    })
}

pub(crate) fn command(account: AccountId, verb: &str, words: &[&str]) -> Command {
    let [which, rest @ ..] = words else { panic!("cannot read `{verb}`") };
    let replay_cost = after(rest, "replay").map_or(MicroUsd::ZERO, dollars);
    match verb {
        "submits" => {
            Command::SubmitJob { account, obligation: obligation_of(which), task: task(rest) }
        }
        "finishes" => Command::ClaimJob {
            account,
            job: job_of(which),
            claim: JobClaim {
                result: [5; 32],
                checkpoints: after(rest, "roots").map_or(5, |count| count.parse().unwrap()),
                replay_cost,
            },
            signer: [byte(rest.iter().find_map(|it| it.strip_prefix("key=")).unwrap_or("aa")); 20],
            signature: vec![4; 65],
        },
        "declines" => Command::DeclineJob { account, job: job_of(which) },
        "takes" => Command::AcceptJob { account, job: job_of(which) },
        "doubts" => {
            Command::OpenDispute { account, job: job_of(which), claim: [6; 32], replay_cost }
        }
        "says" => {
            let is_last = rest.contains(&"last");
            let answer = Answer::Move { said: [7; 32], is_last };
            Command::AnswerDispute { account, job: job_of(which), answer }
        }
        "calls" => Command::AnswerDispute { account, job: job_of(which), answer: Answer::Referee },
        "rules" => Command::RuleDispute { account, job: job_of(which), verdict: verdict_of(rest) },
        _ => panic!("cannot read `{verb}` {words:?}"),
    }
}

/// A thousand seconds, ten steps, a checkpoint for every second one.
fn task(words: &[&str]) -> JobTask {
    let number = |word: &str| after(words, word).map(|text| text.parse::<u32>().unwrap());
    JobTask {
        spec: [8; 32],
        mode: match words {
            _ if words.contains(&"tolerant") => JobMode::Tolerant,
            _ if words.contains(&"redundant") => JobMode::Redundant,
            _ => JobMode::Exact,
        },
        compute: GpuSeconds::new(words[0].parse().unwrap()),
        steps: number("steps").unwrap_or(10),
        stride: number("stride").unwrap_or(2),
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Prover => "prover",
        Party::Challenger => "challenger",
    }
}

pub(crate) fn line(exchange: &Exchange, event: &JobEvent) -> String {
    let name = |account: &AccountId| account_name(exchange, *account);
    match event {
        JobEvent::TermsSet(_) => "terms of jobs set".to_owned(),
        JobEvent::Submitted { job, obligation, buyer, prover, task, value, .. } => format!(
            "{job} {} asks {} for {} GPU-seconds of {obligation}, worth {}",
            name(buyer),
            name(prover),
            task.compute.seconds(),
            usd(*value)
        ),
        JobEvent::Declined { job } => format!("{job} declined"),
        JobEvent::Claimed { job, claim, .. } => {
            format!("{job} done, {} roots, replay {}", claim.checkpoints, usd(claim.replay_cost))
        }
        JobEvent::Disputed { job, replay_cost, stake, .. } => {
            format!("{job} disputed, replay {}, stake {}", usd(*replay_cost), usd(*stake))
        }
        JobEvent::Moved { job, party: mover, number, .. } => {
            format!("{job} move {number} by the {}", party(*mover))
        }
        JobEvent::RefereeCalled { job, by, .. } => match by {
            Some(by) => format!("{job} referee called by the {}", party(*by)),
            None => format!("{job} referee called"),
        },
        JobEvent::Ruled { job, verifier, verdict } => {
            format!("{job} {} rules {verdict:?}", name(verifier))
        }
        JobEvent::Ended { job, outcome, paid, .. } => {
            let mut line = format!("{job} {}", format!("{outcome:?}").to_lowercase());
            let parts = [
                ("replay", paid.replay),
                ("fee", paid.fee),
                ("from bond", paid.from_bond),
                ("unpaid", paid.unpaid),
            ];
            crate::render::money(&mut line, &parts);
            line
        }
        JobEvent::HoursReturned { job, hours, .. } => {
            let mut line = format!("{job} hours worth {}", usd(hours.owed));
            let parts = [
                ("returned", hours.returned),
                ("fee", hours.fee),
                ("from bond", hours.from_bond),
                ("unpaid", hours.unpaid),
            ];
            crate::render::money(&mut line, &parts);
            line
        }
    }
}
