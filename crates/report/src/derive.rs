//! From the samples of a folder to its derived rows.

use crate::audit::audit;
use crate::claims::claims;
use crate::fits::fits;
use crate::knee::knee;
use crate::printed::printed;
use crate::results::{Derived, Results};
use crate::summary::summarise;
use crate::threads::with_threads;

/// All rows that follow from the samples. Pure: the same folder gives the same rows, at any number of threads.
pub fn derive(results: &Results) -> Derived {
    with_threads(|| {
        let (summary, (fits, claims)) =
            rayon::join(|| summarise(results), || rayon::join(|| fits(results), || claims(results)));
        let audit = results.plan.audit.as_ref().map_or_else(Vec::new, audit);
        let derived = Derived { summary, fits, claims, audit, knee: knee(results), printed: Vec::new() };
        Derived { printed: printed(results, &derived), ..derived }
    })
}
