//! What may look at a worker between two requests. The loop of a workload is generic over it, so that a bench can compile
//! the same loop without any looking, and tell what looking costs.

use std::ops::ControlFlow;

/// Looks at a worker at its request boundaries. It reads no clock while nothing happens.
pub trait Observe {
    /// `requests` of this worker are done, and their loads added up to `checksum`. `Break` ends the loop.
    fn after(&mut self, requests: u64, checksum: u64) -> ControlFlow<()>;
}

/// Looks at nothing, and ends after a number of requests.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved {
    /// How many requests.
    pub requests: u64,
    /// Checksum at the last boundary.
    pub checksum: u64,
}

impl Observe for Unobserved {
    #[inline(always)]
    fn after(&mut self, requests: u64, checksum: u64) -> ControlFlow<()> {
        self.checksum = checksum;
        if requests >= self.requests { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
