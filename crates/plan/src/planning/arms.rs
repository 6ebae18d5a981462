//! Arms on one machine: which of their points run, and which arms come out the same.

use super::PlanError;
use super::reason::Reason;
use crate::experiment::{ArmFile, CpusFile, ExperimentFile, Oversubscribe, PolicyName};
use crate::place::Placement;
use crate::placement::{Placed, Room};
use crate::topology::{Conditions, Topology};

/// A place for all workers, or why there is none.
pub(super) type Outcome = Result<Placed, Reason>;

/// Arms whose places are the same on this machine, and what becomes of each number of workers.
pub(super) struct Group {
    /// Names joined with `+`.
    pub(super) name: String,
    /// Names of placements joined with `+`, each once.
    pub(super) placement_name: String,
    pub(super) settle: bool,
    pub(super) points: Vec<(u32, Outcome)>,
}

impl Group {
    /// Numbers of workers that have a place.
    pub(super) fn runnable(&self) -> impl Iterator<Item = u32> + '_ {
        self.points.iter().filter(|(_, placed)| placed.is_ok()).map(|(procs, _)| *procs)
    }

    /// Whether the other runs at the same points with the same places. Then running it too would measure one thing
    /// twice and call the noise between them an effect.
    fn is_same(&self, other: &Group) -> bool {
        let same = |mine: &Outcome, theirs: &Outcome| match (mine, theirs) {
            (Ok(mine), Ok(theirs)) => mine == theirs,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        let mut pairs = self.points.iter().zip(&other.points);
        self.settle == other.settle
            && self.runnable().next().is_some()
            && pairs.all(|((_, mine), (_, theirs))| same(mine, theirs))
    }

    fn join(&mut self, other: Group) {
        self.name = format!("{mine}+{theirs}", mine = self.name, theirs = other.name);
        if !self.placement_name.split('+').any(|name| name == other.placement_name) {
            self.placement_name = format!("{mine}+{theirs}", mine = self.placement_name, theirs = other.placement_name);
        }
    }
}

/// The arms that are asked for, in file order.
pub(super) fn chosen<'a>(file: &'a ExperimentFile, only: &[String]) -> Result<Vec<&'a ArmFile>, PlanError> {
    if let Some(name) = only.iter().find(|name| !file.arms.iter().any(|arm| arm.name == **name)) {
        let known: Vec<_> = file.arms.iter().map(|arm| arm.name.as_str()).collect();
        return Err(PlanError::UnknownArm { name: name.clone(), known: known.join(", ") });
    }
    Ok(file.arms.iter().filter(|arm| only.is_empty() || only.contains(&arm.name)).collect())
}

/// Places every arm at every number of workers, and joins arms that come out the same.
pub(super) fn groups(
    arms: &[&ArmFile],
    procs: &[u32],
    oversubscribe: Oversubscribe,
    topology: &Topology,
    conditions: &Conditions,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for arm in arms {
        let group = place_arm(arm, procs, oversubscribe, topology, conditions);
        match groups.iter_mut().find(|first| first.is_same(&group)) {
            Some(first) => first.join(group),
            None => groups.push(group),
        }
    }
    groups
}

fn place_arm(
    arm: &ArmFile,
    procs: &[u32],
    oversubscribe: Oversubscribe,
    topology: &Topology,
    conditions: &Conditions,
) -> Group {
    let room = granted(arm, conditions).and_then(|()| Ok(Room::new(arm, topology)?));
    let points = procs.iter().map(|&procs_here| {
        let placed = match &room {
            Err(reason) => Err(reason.clone()),
            Ok(room) => {
                let first_beyond = procs.iter().copied().find(|&procs| procs > room.capacity());
                place_point(room, procs_here, first_beyond, oversubscribe, conditions)
            }
        };
        (procs_here, placed)
    });
    Group {
        name: arm.name.clone(),
        placement_name: room.as_ref().map_or_else(|_| arm.cpus.to_string(), Room::name),
        settle: arm.settle,
        points: points.collect(),
    }
}

fn place_point(
    room: &Room<'_>,
    procs: u32,
    first_beyond: Option<u32>,
    oversubscribe: Oversubscribe,
    conditions: &Conditions,
) -> Result<Placed, Reason> {
    let beyond_next = first_beyond.filter(|&first| procs > first);
    if let (Oversubscribe::Next, Some(first)) = (oversubscribe, beyond_next) {
        return Err(Reason::BeyondNext { placement: room.name(), workers: procs, pus: room.capacity(), first });
    }
    Ok(room.place(procs, oversubscribe != Oversubscribe::No, conditions)?)
}

/// Whether the host grants what the arm takes for granted.
fn granted(arm: &ArmFile, conditions: &Conditions) -> Result<(), Reason> {
    let process = arm.process.as_ref();
    if arm.settle && !conditions.numa_balancing {
        return Err(Reason::NoBalancing);
    }
    let floats_anywhere = arm.cpus == CpusFile::Unbound && process.is_none_or(|process| process.cpus.is_none());
    if let Some(cpus) = conditions.inherited_cpus.as_ref().filter(|_| floats_anywhere) {
        return Err(Reason::InheritedCpus { cpus: cpus.clone() });
    }
    let first_touch = [&arm.private, &arm.shared].iter().any(|policy| policy.name == PolicyName::FirstTouch);
    let inherits = first_touch && process.is_none_or(|process| process.memory.is_none());
    if let Some(policy) = conditions.inherited_policy.as_ref().filter(|_| inherits) {
        return Err(Reason::InheritedPolicy { policy: policy.clone() });
    }
    Ok(())
}

/// `private local, shared interleave:0-1`, with the policy of the process before it where there is one.
pub(super) fn policy_in_words(placement: &Placement) -> String {
    let process = placement.process.memory.as_ref().map_or(String::new(), |memory| format!("process {memory}, "));
    // All workers of an arm have one policy, and there is at least one worker.
    let private = placement.workers.first().map_or(String::new(), |place| format!("private {}, ", place.private));
    format!("{process}{private}shared {shared}", shared = placement.shared.policy)
}
