//! From what everybody saw to the figures of a sample: all of it, from the common release on, every touch replayed.

use crate::child::HostCounts;
use crate::heaps::Maps;
use crate::hits;
use crate::node_traffic::NodeTraffic;
use crate::pages::{Classes, HeapPages};
use crate::pool::Pool;
use crate::replay::{PuAt, Sample, Stretch, Traffic, moves, replay_all, replay_sample, stretches};
use crate::sample::{Hits, Job, Measured, Window, WorkerFigures};
use crate::sampling::{Timed, Worked, worker_key};
use crate::subject::threads::Log;
use crate::when_moved::{Moved, Piece, Shares, Watched, pieces};
use crate::windows::{Counts, Mark, shown_warmup, windows};
use crate::workload::Work;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::random::split;
use plan::record::StopReason;
use std::collections::BTreeMap;
use std::ops::Range;

/// A worker that touched more often than this is replayed by a sample of its requests: beyond it a replay takes seconds.
pub(crate) const REPLAY_MOST: u64 = 2_000_000_000;
/// Touches of a sampled replay, of the worker that did most. With 64 touches a request: 1.6 million requests, an interval
/// of +-0.08 % at worst.
const SAMPLE_TOUCHES: u64 = 100_000_000;
/// Touches replayed to verify the checksum where the hits are sampled.
const CHECK_TOUCHES: u64 = 200_000_000;
/// Label of the stream that chooses sampled requests.
const SAMPLED: u64 = 4;

/// All that was counted while running, and where pages lay before and after.
pub(crate) struct Counted {
    pub(crate) before: Maps,
    pub(crate) after: Maps,
    pub(crate) timed: Timed,
    pub(crate) host: HostCounts,
    pub(crate) huge_ratio: Option<f64>,
    pub(crate) pages_spilled: (u64, u64),
}

/// Figures, and what is wrong with a checksum.
pub(crate) struct Replayed {
    pub(crate) measured: Measured,
    pub(crate) wrong_checksum: Option<String>,
}

/// Replays what was run and sums it up. `overhead_ns` and `notes` are left empty.
pub(crate) fn measured<W: Work>(
    pool: &Pool,
    work: &W,
    job: &Job,
    counted: Counted,
    notes: &mut Vec<String>,
) -> Result<Replayed, String> {
    let Counted { before, after, timed, host, huge_ratio, pages_spilled } = counted;
    let end_ns = timed.workers.iter().map(|worked| worked.stopped_ns).max().unwrap_or(0);
    let windows = slices(&timed, end_ns);
    let node_of_pu: BTreeMap<u32, u32> = job.node_of_pu.iter().copied().collect();
    let node_of = |pu: u32| node_of_pu.get(&pu).copied();
    let worker_moves = timed.workers.iter().flat_map(|worked| moves(&worked.log.pus, node_of));
    let watched = Watched { before: &before, after: &after, looks: &timed.looks };
    let classes = Classes::new(node_of_pu.values().copied().chain(before.nodes()).chain(after.nodes()))
        .with_moves(watched.moves().chain(worker_moves));
    let shared = watched.shared(end_ns);
    let replay =
        Replay { work, job, timed: &timed, watched, shared, classes: &classes, node_of_pu: &node_of_pu, end_ns };
    let (hits, wrong_checksum) = replay.all(pool, notes)?;

    let last_pu = |worked: &Worked| worked.log.pus.last().map(|entry| entry.pu);
    let places = &job.point.placement.workers;
    let owner_node =
        |(worked, place): (&Worked, &plan::place::Place)| place.node.or_else(|| last_pu(worked).and_then(node_of));
    let owner_nodes: Vec<Option<u32>> = timed.workers.iter().zip(places).map(owner_node).collect();
    let counts = timed.process.as_ref().and_then(|process| process.counts.as_ref());
    // Of workers that are no threads the process's own are the only ones known.
    let usages =
        || timed.workers.iter().map(|worked| worked.usage).chain([timed.process.as_ref().map(|all| all.usage)]);
    let sum = |count: fn(&Usage) -> u64| usages().flatten().map(|usage| count(&usage)).sum::<u64>();
    let stopper_ns = timed.workers.first().map_or(0, |worked| worked.stopped_ns);
    // After the stopper has left nobody could have served a due time.
    let missed = timed.raised.missed_ns.iter().filter(|&&due| due <= stopper_ns).count();
    let worker_figures = |(worked, worker): (&Worked, u32)| WorkerFigures {
        worker,
        pu: last_pu(worked),
        operations: worked.log.requests,
        run_delay_ns: worked.usage.and_then(|usage| usage.run_delay_ns),
        wall_ns: worked.stopped_ns,
        switches: worked.usage.map(|usage| (usage.voluntary, usage.involuntary)),
        // The first entry is where it started.
        migrations: Some(worked.log.pus.len().saturating_sub(1) as u64),
    };
    let workers: Vec<WorkerFigures> = timed.workers.iter().zip(0..).map(worker_figures).collect();
    let measured = Measured {
        stop_reason: match job.extent {
            Extent::Seconds(_) => StopReason::Time,
            Extent::Operations(_) => StopReason::Operations,
        },
        // Workers with so many operations end one after the other, which a change point would take for a change.
        warmup_ns: match job.extent {
            Extent::Seconds(_) => shown_warmup(&windows),
            Extent::Operations(_) => 0,
        },
        elapsed_ns: end_ns,
        operations: workers.iter().map(|worker| worker.operations).sum(),
        hits,
        private_pages: after.private_pages(&owner_nodes),
        pages_migrated: after.moved_since(&before),
        pages_spilled: Some(pages_spilled),
        huge_ratio,
        windows,
        pauses_missed: Some(missed as u64),
        workers,
        faults: Some((sum(|usage| usage.minor_faults), sum(|usage| usage.major_faults))),
        process_switches: None,
        process_delay_ns: timed.process.as_ref().and_then(|process| process.usage.run_delay_ns),
        hint_faults: host.hint_faults,
        steal_ticks: host.steal_ticks,
        throttled_periods: host.throttled_periods,
        overhead_ns: Vec::new(),
        notes: Vec::new(),
        facts: Vec::new(),
        metrics: crate::workload::of_serve(counts),
        pauses: timed.pauses,
    };
    Ok(Replayed { measured, wrong_checksum })
}

fn slices(timed: &Timed, end_ns: u64) -> Vec<Window> {
    let counts: Vec<Counts<'_>> =
        timed.workers.iter().map(|worked| Counts { marks: &worked.log.marks, requests: worked.log.requests }).collect();
    windows(&timed.raised.boundaries, timed.raised.step.max(1), end_ns, &counts)
}

struct Replay<'a, W> {
    work: &'a W,
    job: &'a Job,
    timed: &'a Timed,
    watched: Watched<'a>,
    /// When pages of the shared heap moved.
    shared: Shares,
    classes: &'a Classes,
    node_of_pu: &'a BTreeMap<u32, u32>,
    end_ns: u64,
}

/// What one worker's replay found.
struct Found {
    traffic: NodeTraffic,
    requests: u64,
    wrong: Option<String>,
}

impl<W: Work> Replay<'_, W> {
    /// Each worker replays what it did itself. Hits, and what is wrong with a checksum.
    fn all(&self, pool: &Pool, notes: &mut Vec<String>) -> Result<(Option<Hits>, Option<String>), String> {
        let Watched { before, after, .. } = self.watched;
        let touches = self.job.point.workload.touches_per_operation().max(1);
        let most = self.timed.workers.iter().map(|worked| worked.log.requests * touches).max().unwrap_or(0);
        let sampled = most > REPLAY_MOST;
        let uniform = self.job.point.workload.touches_uniformly();
        let found = pool.each(|worker| {
            let pages = self.watched.pages(worker, self.classes, uniform);
            Ok(if sampled { self.sampled(worker, &pages, touches, most) } else { self.every(worker, &pages) })
        })?;
        let mut traffic = NodeTraffic::default();
        let mut requests = 0;
        let mut wrong = None;
        for part in found {
            traffic.add(&part.traffic);
            requests += part.requests;
            wrong = wrong.or(part.wrong);
        }
        let only_counts = before.has_only_counts() || after.has_only_counts();
        let counted = match sampled {
            _ if only_counts && uniform => hits::Counted::ByPages { requests },
            true => hits::Counted::Sampled { requests },
            false => hits::Counted::All,
        };
        let hits = hits::summarize(traffic, counted, &self.job.package_of_node);
        if hits.is_none() && requests > 0 {
            notes.push("local hit ratio: not measured, no touch has both a known PU and a known page".into());
        }
        Ok((hits, wrong))
    }

    fn log(&self, worker: usize) -> &Log {
        &self.timed.workers[worker].log
    }

    /// A worker's run in pieces, and when pages moved in it.
    fn pieces(&self, worker: usize) -> (Vec<Piece>, Moved<'_>) {
        let (worked, boundaries) = (&self.timed.workers[worker], &self.timed.raised.boundaries);
        let did = pieces(worked, boundaries, &self.stretches(worker, 0..worked.log.requests));
        let moved = Moved::new((worker, &did), self.classes, &self.watched, &self.shared, self.end_ns);
        (did, moved)
    }

    fn stretches(&self, worker: usize, requests: Range<u64>) -> Vec<Stretch> {
        let pus: &[PuAt] = &self.log(worker).pus;
        stretches(pus, requests, self.classes, |pu| self.node_of_pu.get(&pu).copied())
    }

    fn every(&self, worker: usize, pages: &[HeapPages; 2]) -> Found {
        let log = self.log(worker);
        let key = worker_key(self.job.seed.0, worker);
        let (mut traffic, mut checksum) = (NodeTraffic::default(), 0u64);
        let (did, moved) = self.pieces(worker);
        for Piece { stretch, during_ns } in did {
            let mut touches = Traffic::new(self.classes);
            checksum = checksum.wrapping_add(replay_all(self.work, key, &[stretch], pages, &mut touches));
            traffic.take(&touches, self.classes, |page| moved.during(&during_ns, page));
        }
        let wrong = compare(worker, 0..log.requests, log.checksum, checksum);
        Found { traffic, requests: log.requests, wrong }
    }

    /// Hits by a share of each worker's requests, and the checksum of its last slices, as many as fit.
    fn sampled(&self, worker: usize, pages: &[HeapPages; 2], touches: u64, most: u64) -> Found {
        let log = self.log(worker);
        let key = worker_key(self.job.seed.0, worker);
        let sample_key = split(split(self.job.seed.0, SAMPLED), worker as u64);
        // The same share of every worker's requests, so that each request is as likely as any other.
        let share = SAMPLE_TOUCHES as f64 / most as f64;
        let (mut traffic, mut drawn, mut due) = (NodeTraffic::default(), 0, 0.0);
        let (did, moved) = self.pieces(worker);
        for Piece { stretch, during_ns } in did {
            // As many as are due by its end: each piece rounded by itself would miss the share of short ones.
            due += (stretch.requests.end - stretch.requests.start) as f64 * share;
            let requests = (due.round() as u64).saturating_sub(drawn);
            let sample = Sample { key: split(sample_key, stretch.requests.start), requests };
            let mut touches = Traffic::new(self.classes);
            replay_sample(self.work, key, sample, &[stretch], pages, &mut touches);
            traffic.take(&touches, self.classes, |page| moved.during(&during_ns, page));
            drawn += requests;
        }
        let (start, sum_before) = check_from(log, CHECK_TOUCHES / touches);
        let mut thrown_away = Traffic::new(self.classes);
        let checked = self.stretches(worker, start..log.requests);
        let checksum = replay_all(self.work, key, &checked, pages, &mut thrown_away);
        let wrong = compare(worker, start..log.requests, log.checksum.wrapping_sub(sum_before), checksum);
        Found { traffic, requests: drawn, wrong }
    }
}

/// The earliest mark from which at most `most` requests are left to the end (else the last mark), and its checksum.
fn check_from(log: &Log, most: u64) -> (u64, u64) {
    let fits = |mark: &&Mark| log.requests - mark.requests <= most;
    log.marks.iter().find(fits).or(log.marks.last()).map_or((0, 0), |mark| (mark.requests, mark.checksum))
}

fn compare(worker: usize, requests: Range<u64>, run: u64, replay: u64) -> Option<String> {
    let Range { start, end } = requests;
    let wrong = || {
        format!(
            "worker {worker}: loads of requests {start}..{end} added up to {run:016x}, replayed {replay:016x}; \
             memory was not what it was written to"
        )
    };
    (run != replay).then(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{PRIVATE, SHARED, test_serve};
    use host::locate::{MapSource, PageMap};
    use plan::experiment::StoppedWork;
    use plan::point::Plan;
    use plan::record::Seed;
    use plan::set::{CpuSet, NodeSet};
    use plan::workload::Serve;

    const NODE_OF_PU: [(u32, u32); 2] = [(0, 0), (1, 1)];
    /// Done evenly: one in each ns.
    const REQUESTS: u64 = 999;
    const TOUCHES: u64 = 16;

    fn job() -> Job {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p/plan.toml");
        let mut plan: Plan = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Job {
            point: plan.points.swap_remove(0),
            seed: Seed(7),
            extent: Extent::Operations(REQUESTS),
            pause_every_ns: 0,
            stopped_work: StoppedWork::None,
            windows: 1,
            node_of_pu: NODE_OF_PU.into(),
            package_of_node: vec![(0, 0), (1, 1)],
            allowed_pus: CpuSet::default(),
            allowed_nodes: NodeSet::default(),
            trace_to: None,
            parent_pid: 0,
        }
    }

    /// All pages of both heaps on one node.
    fn on(node: i16) -> Maps {
        let heap = |pages| {
            Some(PageMap {
                page_bytes: 4096,
                nodes: vec![node; pages],
                source: MapSource::MovePages,
                counts: BTreeMap::new(),
            })
        };
        Maps::of(vec![heap(4)], heap(8))
    }

    /// Replays a worker that was on node 0, on node 1 from request 333 on and on node 0 from 666 on, while all pages moved
    /// from node 0 to node 1.
    fn replay(run: impl Fn(&Replay<'_, Serve>, &[HeapPages; 2]) -> Found) -> Found {
        let (work, job) = (test_serve(), job());
        let pus = [(0, 0), (333, 1), (666, 0)].map(|(request, pu)| PuAt { at: 2 * request, pu });
        let log = Log { pus: pus.into(), requests: REQUESTS, ..Log::default() };
        let timed = Timed {
            workers: vec![Worked { log, stopped_ns: REQUESTS, usage: None }],
            raised: Default::default(),
            looks: Vec::new(),
            pauses: Vec::new(),
            process: None,
            notes: Vec::new(),
        };
        let (before, after) = (on(0), on(1));
        let watched = Watched { before: &before, after: &after, looks: &timed.looks };
        let classes = Classes::new([0, 1]).with_moves(watched.moves());
        let replay = Replay {
            work: &work,
            job: &job,
            timed: &timed,
            watched,
            shared: watched.shared(REQUESTS),
            classes: &classes,
            node_of_pu: &NODE_OF_PU.into(),
            end_ns: REQUESTS,
        };
        run(&replay, &watched.pages(0, &classes, false))
    }

    /// Touches of requests, of the worker's own heap and of the shared one.
    fn touches(requests: Range<u64>) -> [f64; 2] {
        let classes = Classes::new([PRIVATE as u32, SHARED as u32]);
        let heap =
            |node| HeapPages::new(&classes, crate::pages::Moving::SharedPage, 4096, [(Some(node), Some(node)); 8]);
        let mut touches = vec![0; classes.count()];
        test_serve().replay(worker_key(7, 0), requests, &[heap(PRIVATE as u32), heap(SHARED as u32)], &mut touches);
        [touches[PRIVATE] as f64, touches[SHARED] as f64]
    }

    fn moved(found: Found) -> Vec<f64> {
        let cells = found.traffic.into_cells();
        assert!(cells.iter().all(|cell| cell.touches == 0), "{cells:?}");
        cells.iter().map(|cell| cell.moved).collect()
    }

    #[test]
    fn own_pages_come_while_their_worker_is_there_and_shared_ones_evenly() {
        let found = replay(|replay, pages| replay.every(0, pages));
        assert_eq!(found.requests, REQUESTS);
        let [[own_first, first], [own_second, second], [own_third, third]] = [0..333, 333..666, 666..999].map(touches);
        let expect = [
            own_first + first * 5.0 / 6.0 + third / 6.0,
            own_third + first / 6.0 + third * 5.0 / 6.0,
            (own_second + second) / 2.0,
            (own_second + second) / 2.0,
        ];
        let found = moved(found);
        assert_eq!(found.len(), expect.len());
        assert!(found.iter().zip(expect).all(|(found, expect)| (found - expect).abs() < 1e-6), "{found:?} {expect:?}");
    }

    #[test]
    fn a_quarter_of_the_requests_is_a_quarter_of_each_stretch() {
        let found = replay(|replay, pages| replay.sampled(0, pages, TOUCHES, 4 * SAMPLE_TOUCHES));
        // 83.25, 166.5 and 249.75 are due by the ends of the stretches.
        assert_eq!(found.requests, 250);
        let moved = moved(found);
        assert_eq!(moved[0] + moved[1], (TOUCHES * (83 + 83)) as f64);
        assert_eq!(moved[2..], [(TOUCHES * 84 / 2) as f64; 2]);
        assert!(moved[0] > moved[1] && moved[1] > 0.0, "{moved:?}");
    }
}
