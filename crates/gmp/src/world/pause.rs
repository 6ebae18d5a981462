//! The record of one pause.

/// One stop of the world, from the request to the last worker running again.
///
/// The parts are gapless: `stopping_ns + stopped_ns + resuming_ns = total_ns`, and `request_ns + total_ns` is when the
/// last worker ran again. Source: the monotonic clock, read by the stopper (request, release), by the last worker to
/// arrive, and by each worker as it runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When the stopper asked, after the world's epoch.
    pub request_ns: u64,
    /// Request to last worker parked, the stopper among them.
    pub stopping_ns: u64,
    /// Last worker parked to release: the world is stopped, and stopped work is done.
    pub stopped_ns: u64,
    /// Release to last worker running again, the stopper among them.
    pub resuming_ns: u64,
    /// Their sum.
    pub total_ns: u64,
    /// How many workers were parked, the stopper among them: workers that left are not.
    pub workers: usize,
    /// Sum over these workers of what their [`AtPause::resumed`](super::AtPause::resumed) counted.
    pub count: u64,
}

/// The four moments of a pause, after the world's epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) request_ns: u64,
    pub(super) parked_ns: u64,
    pub(super) release_ns: u64,
    pub(super) running_ns: u64,
}

impl Pause {
    /// Moments come from different threads; where a PU's clock lags behind, a part is 0 and never wraps.
    pub(super) fn new(at: Moments, workers: usize, count: u64) -> Self {
        let stopping_ns = at.parked_ns.saturating_sub(at.request_ns);
        let stopped_ns = at.release_ns.saturating_sub(at.parked_ns);
        let resuming_ns = at.running_ns.saturating_sub(at.release_ns);
        let total_ns = stopping_ns + stopped_ns + resuming_ns;
        Self { request_ns: at.request_ns, stopping_ns, stopped_ns, resuming_ns, total_ns, workers, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(moments: [u64; 4], expect: [u64; 4]) {
        let [request_ns, parked_ns, release_ns, running_ns] = moments;
        let pause = Pause::new(Moments { request_ns, parked_ns, release_ns, running_ns }, 3, 7);
        assert_eq!([pause.stopping_ns, pause.stopped_ns, pause.resuming_ns, pause.total_ns], expect, "{moments:?}");
        assert_eq!((pause.request_ns, pause.workers, pause.count), (request_ns, 3, 7));
    }

    #[test]
    fn parts_are_gapless_and_never_wrap() {
        check([100, 103, 110, 125], [3, 7, 15, 25]);
        check([100, 100, 100, 100], [0, 0, 0, 0]);
        check([100, 99, 110, 109], [0, 11, 0, 11]);
    }
}
