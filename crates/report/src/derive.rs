//! From the samples of a folder to its derived rows.

use crate::claims::claims;
use crate::fits::fits;
use crate::results::{Derived, Results};
use crate::summary::summarise;
use crate::threads::with_threads;

/// Summary, fits and claims. Pure: the same folder gives the same rows, at any number of threads.
pub fn derive(results: &Results) -> Derived {
    with_threads(|| {
        let (summary, (fits, claims)) =
            rayon::join(|| summarise(results), || rayon::join(|| fits(results), || claims(results)));
        Derived { summary, fits, claims }
    })
}
