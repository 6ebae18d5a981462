//! What all workloads without heaps say alike.

use super::TASK_THREADS_MOST;
use crate::PlanError;
use crate::record::{Column, Kind};
use std::ops::RangeInclusive;

/// Those functions of [`super::Spec`] that say that there are no heaps; `$metrics` are its columns.
macro_rules! no_heaps {
    ($metrics:expr) => {
        fn has_heaps(&self) -> bool {
            false
        }

        fn need(&self) -> $crate::workload::Need {
            $crate::workload::Need { private_bytes: 0, shared_bytes: 0 }
        }

        fn metrics(&self) -> &'static [$crate::record::Column] {
            $metrics
        }

        fn touches_per_operation(&self) -> u64 {
            0
        }

        fn pages(&self) -> $crate::workload::Pages {
            $crate::workload::Pages::Base
        }

        fn hit_ratio_by_construction(&self, _: &$crate::place::Placement) -> Option<f64> {
            None
        }
    };
}
pub(super) use no_heaps;

/// A column of a workload's own; empty where a subject does not tell.
pub(super) const fn metric(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind: Kind::Number, unit, optional: true, doc }
}

/// Refuses whole numbers out of their range.
pub(super) fn check_ranges(keys: &[(&str, i64, RangeInclusive<i64>)]) -> Result<(), PlanError> {
    for (key, found, range) in keys {
        if !range.contains(found) {
            let must = format!("be from {from} to {to}", from = range.start(), to = range.end());
            return Err(PlanError::Impossible {
                section: "workload",
                key: (*key).into(),
                found: found.to_string(),
                must,
            });
        }
    }
    Ok(())
}

/// Why there cannot be a thread for each task.
pub(super) fn too_many_threads(each: bool, tasks: u64) -> Option<String> {
    (each && tasks > TASK_THREADS_MOST).then(|| {
        format!("a thread for each of {tasks} tasks asked; at most {TASK_THREADS_MOST}, set fewer tasks or take another subject")
    })
}
