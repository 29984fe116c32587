//! A player of either side: who runs the job himself and says what his own run shows.

use candle_core::{Device, Tensor};

use super::evidence::{About, Gathering};
use super::{At, Before, Dispute, Move, PART, PART_LEVELS, Roots, Stage, Trial};
use crate::job::check::Program;
use crate::job::commit;
use crate::job::leaves::Leaves;
use crate::job::run::{self, Chain, Finished, JobFault, Machine, RunError};
use crate::job::spec::Digest;
use crate::merkle;

/// A prover or a challenger. With a fault he believes a wrong run, and says what that shows.
pub struct Player<'a> {
    program: &'a Program,
    leaves: &'a Leaves,
    /// As it was before the first step.
    begin: Machine<'a>,
    /// As it was at every checkpoint, with the output there: a move has time for one stretch.
    checkpoints: Vec<(Machine<'a>, Tensor)>,
    /// The chain after every step.
    chain: Vec<Digest>,
    finished: Finished,
    /// The values of the step that was asked for last.
    step: Option<Step>,
}

struct Step {
    number: u32,
    /// Tensors as the step found them, then nodes.
    values: Vec<Vec<i32>>,
    roots: Vec<Digest>,
    before: Option<Before>,
}

impl<'a> Player<'a> {
    /// Runs the job.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(
        program: &'a Program,
        leaves: &'a Leaves,
        device: &'a Device,
        fault: JobFault,
    ) -> Result<Self, RunError> {
        let begin = Machine::new(program, leaves, device, fault)?;
        let mut checkpoints = Vec::new();
        let keep = |machine: &Machine<'a>, output: &Tensor| {
            checkpoints.push((machine.clone(), output.clone()));
        };
        let (finished, chain) = run::run_with_chain(begin.clone(), leaves, keep)?;
        Ok(Self { program, leaves, begin, checkpoints, chain, finished, step: None })
    }

    /// What his run came to.
    #[must_use]
    pub const fn finished(&self) -> &Finished {
        &self.finished
    }

    /// The move that is due, of either side: `None` when nothing differs from his own run, or nothing
    /// is due.
    ///
    /// # Errors
    /// [`RunError::Device`].
    pub fn next_move(&mut self, dispute: &Dispute<'_>) -> Result<Option<Move>, RunError> {
        let number = match &dispute.stage {
            Stage::Checkpoint => self.first_checkpoint(dispute),
            Stage::Step { first, roots, .. } => {
                // Where only the output is another than the chain says, the last step will show it.
                let last = u32::try_from(roots.len()).ok().and_then(|count| count.checked_sub(1));
                first_difference(&self.chain[*first as usize - 1..], roots).or(last)
            }
            Stage::Node { step, nodes, .. } => {
                let own = self.at(*step)?;
                first_difference(&own.roots, nodes)
            }
            Stage::Part { trial, hashes } => {
                let own = self.part(trial)?;
                first_difference(&own, hashes)
            }
            Stage::Steps { checkpoint } => {
                let (first, last) = dispute.stretch(*checkpoint);
                let roots = self.chain[first as usize - 1..last as usize].to_vec();
                return Ok(Some(Move::Steps { roots }));
            }
            Stage::Nodes(At { step, .. }) => {
                let own = self.at(*step)?;
                let (before, roots) = (own.before.clone(), own.roots.clone());
                return Ok(Some(Move::Nodes { before, roots }));
            }
            Stage::Leaves(trial) => {
                return Ok(Some(Move::Leaves { hashes: self.part(trial)? }));
            }
            Stage::Evidence { trial, row, .. } => return self.evidence(trial, *row).map(Some),
            Stage::Over(_) => None,
        };
        Ok(number.map(|number| Move::Pick { number }))
    }

    /// The first checkpoint that differs; the last, when only the output does.
    fn first_checkpoint(&self, dispute: &Dispute<'_>) -> Option<u32> {
        let (own, theirs) = (&self.finished.result, dispute.result);
        let is_other = own.output_root != theirs.output_root;
        let last = u32::try_from(own.roots.len()).ok().and_then(|count| count.checked_sub(1));
        first_difference(&own.roots, &theirs.roots).or(last.filter(|_| is_other))
    }

    /// His own hashes of what an answer about rows shows.
    fn part(&mut self, trial: &Trial) -> Result<Vec<Digest>, RunError> {
        let value = self.program.tensors() + trial.node;
        let shape = self.program.values()[value].shape;
        let own = self.at(trial.step)?;
        let leaves = commit::leaves(shape, &own.values[value]);
        let part = &leaves[trial.first as usize..][..trial.count as usize];
        if trial.count <= PART {
            return Ok(part.to_vec());
        }
        let mut level: Vec<_> = part.iter().map(|digest| digest.0).collect();
        for _ in 0..PART_LEVELS {
            level = merkle::parents(&level);
        }
        Ok(level.into_iter().map(Digest).collect())
    }

    fn evidence(&mut self, trial: &Trial, row: u32) -> Result<Move, RunError> {
        let (program, leaves, step) = (self.program, self.leaves, trial.step);
        let roots = Roots { program, states: &trial.states, nodes: &trial.nodes };
        let about = About { leaves, step, node: trial.node, roots };
        let own = self.at(step)?;
        let gathering = Gathering::new(&about, |value| &own.values[value]);
        Ok(Move::Evidence(gathering.evidence(row)))
    }

    /// His own values of a step; run again from the checkpoint before it, unless it was asked for last.
    fn at(&mut self, step: u32) -> Result<&Step, RunError> {
        let kept = match self.step.take() {
            Some(kept) if kept.number == step => kept,
            Some(_) | None => self.again(step)?,
        };
        Ok(self.step.insert(kept))
    }

    fn again(&self, number: u32) -> Result<Step, RunError> {
        let is_before = |kept: &&(Machine<'_>, Tensor)| kept.0.done() < number;
        let (mut machine, mut last) = match self.checkpoints.iter().rfind(is_before) {
            Some((machine, output)) => (machine.clone(), Some(output.clone())),
            None => (self.begin.clone(), None),
        };
        while machine.done() < number - 1 {
            last = machine.step()?.swap_remove(self.program.output());
        }
        let values = machine.step_in_full()?;
        let values = values.iter().map(run::integers).collect::<Result<Vec<_>, _>>()?;
        let root = |value: usize, numbers: &[i32]| {
            commit::tensor_root(self.program.values()[value].shape, numbers)
        };
        let nodes = (self.program.tensors()..).zip(&values[self.program.tensors()..]);
        let roots = nodes.map(|(value, numbers)| root(value, numbers)).collect();
        let states = self.program.next().iter();
        let states = states.map(|(tensor, _)| root(*tensor, &values[*tensor])).collect();
        let mut before = None;
        if let Some(output) = last {
            let begin = Chain::begin(self.program, self.leaves).root;
            let earlier = (number as usize).checked_sub(3).map_or(begin, |at| self.chain[at]);
            let output = root(self.program.output(), &run::integers(&output)?);
            before = Some(Before { root: earlier, output, states });
        }
        Ok(Step { number, values, roots, before })
    }
}

fn first_difference(own: &[Digest], theirs: &[Digest]) -> Option<u32> {
    let at = own.iter().zip(theirs).position(|(own, theirs)| own != theirs)?;
    u32::try_from(at).ok()
}
