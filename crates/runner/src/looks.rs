//! Looks at where some pages of the heaps lie while a sample runs, where the kernel may move them.

use crate::heaps::Heaps;
use crate::sample::Job;
use host::locate::{Glimpse, Pagemap, glance};
use host::thread::cpu_time;
use plan::place::Placement;
use plan::policy::MemoryPolicy;
use plan::set::NodeSet;
use std::time::Duration;

/// Pages that are looked at, half of them of the shared heap, and at least one of each heap.
const WATCHED: usize = 2048;
/// Looks are at least so far apart,
const LEAST: Duration = Duration::from_millis(50);
/// at least this part of the time that has passed, so that a long sample has few of them,
const LEAST_SHARE: u32 = 64;
/// and at least so many times what one takes, divided by the PUs that work: they cost these about 1 % of their time,
const LEAST_TIMES: u32 = 100;
/// and the PU that they run on half of its.
const LEAST_TIMES_OF_MANY: u32 = 2;
/// What one takes is not known from the first ones: code and page tables are cold.
const COLD: usize = 4;

/// Where the watched pages lay at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// Moment, after the release.
    pub(crate) at_ns: u64,
    /// Of each heap, the private ones in order and then the shared one: page, and how it was seen.
    pub(crate) heaps: Vec<Vec<(usize, Glimpse)>>,
}

/// Looks at heaps whose pages the kernel may move from node to node; at others never.
pub(crate) struct Looks<'a> {
    heaps: &'a Heaps,
    pagemap: Option<Pagemap>,
    /// PUs that work.
    pus: usize,
    next_ns: u64,
    /// CPU time of the one that took least.
    took: Duration,
    /// In order of time.
    pub(crate) found: Vec<Look>,
}

impl<'a> Looks<'a> {
    /// One, before the release.
    pub(crate) fn new(job: &Job, heaps: &'a Heaps) -> Looks<'a> {
        let root = host::Root::system();
        let (next_ns, pagemap) = match pages_may_move(&job.point.placement, &job.allowed_nodes, &root) {
            true => (0, Pagemap::open(&root)),
            false => (u64::MAX, None),
        };
        let pus = job.point.placement.workers.len().min(job.allowed_pus.len());
        let mut looks = Looks { heaps, pagemap, pus, next_ns, took: Duration::MAX, found: Vec::new() };
        looks.look(0);
        looks
    }

    /// Looks, if it is time to; `now_ns` is counted from the release.
    pub(crate) fn look(&mut self, now_ns: u64) {
        if now_ns < self.next_ns {
            return;
        }
        let began = cpu_time();
        let workers = self.heaps.all().count() - 1;
        let see = |(heap, region): (usize, Option<&host::Region>)| {
            let is_free = |region: &&host::Region| *region.policy() == MemoryPolicy::FirstTouch;
            let Some(region) = region.filter(is_free) else { return Ok(Vec::new()) };
            let pages =
                || watched(region.page_count(), if heap < workers { WATCHED / 2 / workers } else { WATCHED / 2 });
            Ok(pages().zip(glance(region, pages(), self.pagemap.as_ref(), now_ns == 0)?).collect())
        };
        let seen: Result<Vec<_>, host::HostError> = self.heaps.all().enumerate().map(see).collect();
        match seen {
            Ok(heaps) => {
                self.found.push(Look { at_ns: now_ns, heaps });
                self.took = self.took.min(cpu_time() - began);
                let took = if self.found.len() <= COLD { Duration::ZERO } else { self.took };
                self.next_ns = next_ns(Duration::from_nanos(now_ns), took, self.pus);
            }
            // Forbidden once is forbidden always.
            Err(_) => self.next_ns = u64::MAX,
        }
    }
}

/// When to look next, after a look at this time, of which one takes so long.
fn next_ns(at: Duration, took: Duration, pus: usize) -> u64 {
    let times = LEAST_TIMES.div_ceil(pus.max(1) as u32).max(LEAST_TIMES_OF_MANY);
    let next = at + LEAST.max(at / LEAST_SHARE).max(took * times);
    u64::try_from(next.as_nanos()).unwrap_or(u64::MAX)
}

/// Numbers of pages that are looked at, evenly spread over a heap.
fn watched(page_count: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..page_count).step_by(page_count.div_ceil(most.max(1)).max(1))
}

/// Whether a heap has no policy that holds it on its nodes, and the kernel moves such pages.
fn pages_may_move(placement: &Placement, allowed_nodes: &NodeSet, root: &host::Root) -> bool {
    let mut heaps = placement.workers.iter().map(|place| &place.private).chain([&placement.shared.policy]);
    allowed_nodes.len() > 1
        && heaps.any(|policy| *placement.effective(policy) == MemoryPolicy::FirstTouch)
        && host::moves::is_balancing(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::place::{Place, ProcessPlace, SharedPlace, Toucher};

    #[test]
    fn looks_are_rare() {
        let check = |at_ms: u64, took_us: u64, pus: usize, expect_us: u64| {
            let next_ns = next_ns(Duration::from_millis(at_ms), Duration::from_micros(took_us), pus);
            assert_eq!(next_ns / 1000, expect_us, "{at_ms} {took_us} {pus}");
        };
        check(0, 200, 1, 50_000);
        check(6400, 200, 1, 6_400_000 + 100_000);
        check(100, 3000, 1, 100_000 + 300_000);
        check(100, 3000, 4, 100_000 + 75_000);
        check(100, 30_000, 34, 100_000 + 90_000);
        check(100, 30_000, 128, 100_000 + 60_000);
        assert_eq!(watched(10, 4).collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(watched(3, 4).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((watched(0, 4).count(), watched(9, 0).count()), (0, 1));
    }

    #[test]
    fn pages_are_looked_at_where_the_kernel_may_move_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("proc/sys/kernel")).unwrap();
        let check = |balancing: &str, nodes: &[u32], policies: [MemoryPolicy; 3], expect: bool| {
            std::fs::write(folder.path().join("proc/sys/kernel/numa_balancing"), balancing).unwrap();
            let [process, private, shared] = policies;
            let placement = Placement {
                process: ProcessPlace { cpus: None, memory: Some(process) },
                workers: vec![Place { worker: 0, cpus: None, node: None, private }],
                shared: SharedPlace { policy: shared, toucher: Toucher::All },
            };
            let nodes: NodeSet = nodes.iter().copied().collect();
            let found = pages_may_move(&placement, &nodes, &host::Root::at(folder.path()));
            assert_eq!(found, expect, "{balancing} {nodes} {placement:?}");
        };
        let (free, bound) = (|| MemoryPolicy::FirstTouch, || MemoryPolicy::Bind(NodeSet::of(0)));
        check("1\n", &[0, 1], [free(), free(), free()], true);
        check("2\n", &[0, 1], [free(), bound(), free()], true);
        check("1\n", &[0, 1], [free(), free(), bound()], true);
        check("1\n", &[0, 1], [free(), bound(), bound()], false);
        check("1\n", &[0, 1], [bound(), free(), free()], false);
        check("1\n", &[0], [free(), free(), free()], false);
        check("0\n", &[0, 1], [free(), free(), free()], false);
    }
}
