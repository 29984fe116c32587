//! A buyer's side of jobs: asks, watches, runs the job too, and argues where the results part.

use api::client::{Blobs, Client, ClientError, Notifications};
use api::wire::WireJob;
use candle_core::Device;
use serde_json::json;

use super::argument::{Arguer, Next};
use super::documents::{Case, Trouble, fetch_moves, fetch_result, said_to_bytes};
use super::prover::CHANNEL;
use crate::job::bisect::Side;
use crate::job::run::{self, JobFault};
use crate::job::{Digest, JobResult, JobSpec, Mode};

/// Why a buyer's command fails.
#[derive(Debug, thiserror::Error)]
pub enum BuyerError {
    /// The exchange cannot be reached, or refuses.
    #[error(transparent)]
    Exchange(#[from] ClientError),
    /// The job, or what was said of it, cannot be read.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// No such job of this account.
    #[error("no job {job} of this account")]
    Unknown {
        /// Which.
        job: u64,
    },
    /// The connection has ended.
    #[error("the connection has ended")]
    Ended,
    /// The result is what this machine's own run gives.
    #[error("job {job} has nothing to be disputed: the same run gives the same result here")]
    Same {
        /// Which.
        job: u64,
    },
}

/// What a run of one's own says of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same bits.
    Same,
    /// Others, from this checkpoint on; none where only the output is another.
    Differs {
        /// The first that differs, from 0.
        checkpoint: Option<usize>,
    },
}

/// A buyer who is logged in.
pub struct Buyer {
    client: Client,
    heard: Notifications,
    blobs: Blobs,
}

impl Buyer {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`BuyerError::Exchange`].
    pub async fn connect(url: &str, client_id: &str, secret: &str) -> Result<Self, BuyerError> {
        let blobs = Blobs::beside(url, client_id, secret)?;
        let (client, heard) = Client::connect(url).await?;
        client.auth(client_id, secret).await?;
        client.subscribe(&[CHANNEL]).await?;
        Ok(Self { client, heard, blobs })
    }

    /// Puts a job's blobs, and asks for it on the hardware of an obligation.
    ///
    /// # Errors
    /// [`BuyerError`]; a job that is not within its limits is not sent.
    pub async fn submit(
        &self,
        spec: &JobSpec,
        (weights, inputs): (&[u8], &[u8]),
        (obligation, gpu_seconds): (u64, u64),
    ) -> Result<WireJob, BuyerError> {
        spec.clone().check().map_err(Trouble::from)?;
        let mut blobs = Vec::new();
        for (name, bytes, said) in
            [("weights", weights, spec.weights), ("inputs", inputs, spec.inputs)]
        {
            if Digest::of(bytes) != said {
                let wrong = Trouble::Spec(format!("names other {name} than these"));
                return Err(wrong.into());
            }
            blobs.push(hex::encode(self.blobs.put(bytes).await?));
        }
        let id = self.blobs.put(spec.to_json().as_bytes()).await?;
        let mode = match spec.mode {
            Mode::Exact => "exact",
            Mode::Tolerant => "tolerant",
            Mode::Redundant => "redundant",
        };
        let params = json!({
            "obligation_id": obligation, "spec": hex::encode(id), "blobs": blobs, "mode": mode,
            "gpu_seconds": gpu_seconds, "steps": spec.steps, "stride": spec.stride,
        });
        self.ask("private/submit_job", &params).await
    }

    /// How a job stands.
    ///
    /// # Errors
    /// [`BuyerError`].
    pub async fn job(&self, job: u64) -> Result<WireJob, BuyerError> {
        let params = json!({ "job_id": job }).to_string();
        let found: Vec<WireJob> = self.client.call_as("private/get_jobs", &params).await?;
        found.into_iter().next().ok_or(BuyerError::Unknown { job })
    }

    /// The next that is heard of a job.
    ///
    /// # Errors
    /// [`BuyerError::Ended`].
    pub async fn next(&mut self, job: u64) -> Result<WireJob, BuyerError> {
        loop {
            let heard = self.heard.next_of(CHANNEL).await.ok_or(BuyerError::Ended)?;
            let heard: WireJob = heard.read()?;
            if heard.job_id == job {
                return Ok(heard);
            }
        }
    }

    /// Waits until the result of a job is there, or it has ended.
    ///
    /// # Errors
    /// [`BuyerError`].
    pub async fn claimed(&mut self, job: u64) -> Result<WireJob, BuyerError> {
        let mut told = self.job(job).await?;
        while told.state == "submitted" {
            told = self.next(job).await?;
        }
        Ok(told)
    }

    /// Takes the result.
    ///
    /// # Errors
    /// [`BuyerError`].
    pub async fn accept(&self, job: u64) -> Result<WireJob, BuyerError> {
        self.ask("private/accept_job", &json!({ "job_id": job })).await
    }

    /// Fetches what was computed, once it is claimed.
    ///
    /// # Errors
    /// [`BuyerError`].
    pub async fn output(&self, job: &WireJob) -> Result<Vec<u8>, BuyerError> {
        let result = fetch_result(&self.blobs, job).await?;
        Ok(self.blobs.get(&result.output_blob.0, super::documents::BLOB_LEN_MAX).await?)
    }

    /// Runs a job here, and compares.
    ///
    /// # Errors
    /// [`BuyerError`].
    pub async fn check(&self, job: &WireJob, device: &Device) -> Result<Verdict, BuyerError> {
        let case = Case::fetch(&self.blobs, job).await?;
        let claimed = fetch_result(&self.blobs, job).await?;
        let device = device.clone();
        let run = tokio::task::spawn_blocking(move || {
            run::run(&case.program, &case.leaves, &device, JobFault::None)
        });
        let own = run.await.map_err(|_panic| Trouble::Stopped)?;
        let own = own.map_err(|error| Trouble::Device(error.to_string()))?.result;
        Ok(compare(&own, &claimed))
    }

    /// Argues about a claimed result until the dispute is over; tells `watch` how the job stands.
    ///
    /// # Errors
    /// [`BuyerError::Same`] where there is nothing to argue about, and the others.
    pub async fn dispute(
        &mut self,
        job: &WireJob,
        (device, replay_cost): (Device, &str),
        mut watch: impl FnMut(&WireJob),
    ) -> Result<WireJob, BuyerError> {
        let id = job.job_id;
        let case = Case::fetch(&self.blobs, job).await?;
        let result = fetch_result(&self.blobs, job).await?;
        let side = Side::Challenger;
        let arguer = Arguer::start(case, result, side, (device, JobFault::None));
        let mut told = job.clone();
        loop {
            let turn = told.dispute.as_ref().and_then(|dispute| dispute.turn.as_deref());
            let opens = told.state == "claimed";
            if told.until.is_none() {
                return Ok(told);
            }
            if !opens && turn != Some("challenger") {
                told = self.next(id).await?;
                watch(&told);
                continue;
            }
            let words = match &told.dispute {
                Some(dispute) => fetch_moves(&self.blobs, dispute).await?,
                None => Vec::new(),
            };
            let (said, is_last) = match arguer.next(words).await? {
                Next::Say { said, is_last } => {
                    let said = self.blobs.put(&said_to_bytes(&said)).await?;
                    (Some(hex::encode(said)), is_last)
                }
                Next::Call(_) => (None, true),
                Next::Nothing => return Err(BuyerError::Same { job: id }),
            };
            told = if opens {
                let cost: serde_json::Value = serde_json::from_str(replay_cost)
                    .map_err(|error| Trouble::Spec(format!("replay cost: {error}")))?;
                let params = json!({ "job_id": id, "claim": said, "replay_cost": cost });
                self.ask("private/dispute_job", &params).await?
            } else {
                let mut params = json!({ "job_id": id, "referee": is_last });
                if let Some(said) = said {
                    params["said"] = json!(said);
                }
                self.ask("private/answer_dispute", &params).await?
            };
            watch(&told);
        }
    }

    async fn ask(&self, method: &str, params: &serde_json::Value) -> Result<WireJob, BuyerError> {
        Ok(self.client.call_as(method, &params.to_string()).await?)
    }
}

fn compare(own: &JobResult, claimed: &JobResult) -> Verdict {
    let is_same = own.roots == claimed.roots && own.output_root == claimed.output_root;
    if is_same {
        return Verdict::Same;
    }
    let differs = |(at, root)| claimed.roots.get(at) != Some(root);
    let checkpoint = own.roots.iter().enumerate().find(|pair| differs(*pair)).map(|(at, _)| at);
    Verdict::Differs { checkpoint }
}
