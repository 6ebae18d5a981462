//! From an experiment file to a plan: `ExperimentFile` + `Topology` + `Conditions` -> `Plan`.

use crate::experiment::{ExperimentFile, Overrides};
use crate::point::Plan;
use crate::topology::{Conditions, Topology};

/// Why no plan can be made. Points that do not fit are not errors: they are listed as skipped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A value that can never work.
    #[error("{key} in [{section}]: {found} cannot be; it must {must}")]
    Impossible {
        /// Section of the experiment file.
        section: &'static str,
        /// Key in it.
        key: String,
        /// The value.
        found: String,
        /// What it must be.
        must: String,
    },
}

/// Decides everything about an experiment on one machine.
///
/// # Errors
/// [`PlanError`] where no point can be planned at all or a value can never work.
pub fn plan(
    file: &ExperimentFile,
    overrides: &Overrides,
    topology: &Topology,
    conditions: &Conditions,
) -> Result<Plan, PlanError> {
    let _ = (file, overrides, topology, conditions);
    unimplemented!()
}
