//! What is varied: numbers of workers, and levels of the further factors.

use super::PlanError;
use crate::experiment::{ExperimentFile, PAPER_PROCS, PROCS_MOST, Procs, Settings, level_on_axis};
use crate::keys::level_text;
use crate::topology::Topology;
use crate::workload::WorkloadFile;
use std::collections::BTreeMap;

/// On machines of up to this many PUs `paper` takes all integers, since the paper's own grid has too few of them there.
const SMALL_PUS: u32 = 16;

/// One combination of levels of all further factors.
pub(super) struct Level {
    /// Level of each factor as text.
    pub(super) factors: BTreeMap<String, String>,
    /// Level of the axis, where that is not `procs`.
    pub(super) on_axis: Option<u32>,
    /// The workload with these levels.
    pub(super) workload: WorkloadFile,
    /// What single subjects have, with these levels.
    pub(super) settings: Settings,
}

/// Numbers of workers, ascending, each once, none of them 0.
pub(super) fn procs_listed(procs: &Procs, topology: &Topology) -> Vec<u32> {
    let mut listed = match procs {
        Procs::List(list) => list.clone(),
        Procs::Paper(more) => {
            let pus = topology.pu_set().intersection(&topology.allowed_pus).len() as u32;
            let all_integers = if pus <= SMALL_PUS { pus } else { 0 };
            (1..=all_integers).chain(PAPER_PROCS.iter().chain(more).copied()).collect()
        }
    };
    listed.retain(|procs| (1..=PROCS_MOST).contains(procs));
    listed.sort_unstable();
    listed.dedup();
    listed
}

/// All combinations, the last factor fastest; one without factors where there are none.
pub(super) fn levels(file: &ExperimentFile) -> Result<Vec<Level>, PlanError> {
    let (workload, settings) = (file.workload.clone(), file.settings.clone());
    let mut levels = vec![Level { factors: BTreeMap::new(), on_axis: None, workload, settings }];
    for factor in &file.sweep.factors {
        let mut next = Vec::new();
        for level in &levels {
            for value in &factor.levels {
                let refuse = |cause| PlanError::Level { key: factor.key.clone(), cause };
                let (mut workload, mut settings) = (level.workload.clone(), level.settings.clone());
                match Settings::subject_of(&factor.key) {
                    Some(_) => settings = settings.with(&factor.key, value).map_err(refuse)?,
                    None => workload = workload.with(&factor.key, value).map_err(refuse)?,
                }
                let mut factors = level.factors.clone();
                factors.insert(factor.key.clone(), level_text(value));
                let on_axis = if factor.key == file.sweep.axis { level_on_axis(value) } else { level.on_axis };
                next.push(Level { factors, on_axis, workload, settings });
            }
        }
        levels = next;
        if levels.len() > super::POINTS_MOST {
            return Err(PlanError::TooManyPoints { points: levels.len() });
        }
    }
    Ok(levels)
}
