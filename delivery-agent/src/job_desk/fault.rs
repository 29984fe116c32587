//! Deliverers that lie about jobs, for tests and the demo.

use std::num::NonZeroU32;
use std::str::FromStr;

use crate::job::run::JobFault;

/// In which jobs a deliverer lies, by their numbers as they come, counted from one.
///
/// As text `job-lie:2`: from the second on; or `job-lie-once:2`: in the second only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobFaultPlan {
    first: u32,
    last: u32,
}

/// Not the name of a fault and the number of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault `{text}` is not job-lie or job-lie-once, a colon, and a number from 1")]
pub struct UnknownJobFault {
    text: String,
}

impl JobFaultPlan {
    /// The honest deliverer.
    pub const HONEST: Self = Self { first: 0, last: 0 };

    /// What happens in the job of that number.
    #[must_use]
    pub fn of_job(self, number: u32) -> JobFault {
        let is_lie = 0 < self.first && (self.first..=self.last).contains(&number);
        if is_lie { JobFault::Lie } else { JobFault::None }
    }
}

impl FromStr for JobFaultPlan {
    type Err = UnknownJobFault;

    fn from_str(text: &str) -> Result<Self, UnknownJobFault> {
        let plan = || {
            let (kind, number) = text.split_once(':')?;
            let first = number.parse::<NonZeroU32>().ok()?.get();
            let last = match kind {
                "job-lie" => u32::MAX,
                "job-lie-once" => first,
                _ => return None,
            };
            Some(Self { first, last })
        };
        plan().ok_or_else(|| UnknownJobFault { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_the_jobs_that_are_lied_about() {
        let lies = |text: &str| {
            let plan: JobFaultPlan = text.parse().unwrap();
            [1, 2, 3].map(|number| plan.of_job(number) == JobFault::Lie)
        };
        assert_eq!(lies("job-lie:2"), [false, true, true]);
        assert_eq!(lies("job-lie-once:2"), [false, true, false]);
        assert_eq!([0, 1].map(|it| JobFaultPlan::HONEST.of_job(it)), [JobFault::None; 2]);
        for text in ["", "lie:1", "job-lie", "job-lie:0", "job-lie-twice:1"] {
            assert!(text.parse::<JobFaultPlan>().is_err(), "{text}");
        }
    }
}
