//! A job in, figures out, in this process and on this host. Counts only: no time is judged.

use plan::experiment::{Extent, StoppedWork};
use plan::place::{Place, Placement, ProcessPlace, Regime, SharedPlace, Toucher};
use plan::point::Point;
use plan::policy::MemoryPolicy;
use plan::record::{HitSource, Seed, StopReason};
use plan::set::{CpuSet, NodeSet};
use plan::workload::{Pages, Serve, Touches, Workload};
use runner::frame::{Frame, Says};
use runner::sample::{Failure, Job, Measured};
use std::collections::BTreeMap;

const OPERATIONS: u64 = 20_000;

fn allowed_nodes() -> NodeSet {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let list = status.lines().find_map(|line| line.strip_prefix("Mems_allowed_list:")).expect("a kernel with cpusets");
    let with_memory = std::fs::read_to_string("/sys/devices/system/node/has_memory").unwrap_or("0".into());
    list.parse::<NodeSet>().expect("a list").intersection(&with_memory.parse().expect("a list"))
}

/// `procs` workers, each on a PU where `pin`, else floating.
fn job(procs: u32, pin: bool) -> Job {
    let allowed_pus: CpuSet = host::bind::affinity().expect("affinity");
    let pus: Vec<u32> = allowed_pus.iter().collect();
    let place = |worker: u32| Place {
        worker,
        cpus: pin.then(|| CpuSet::of(pus[worker as usize % pus.len()])),
        node: None,
        private: MemoryPolicy::FirstTouch,
    };
    let placement = Placement {
        process: ProcessPlace::default(),
        workers: (0..procs).map(place).collect(),
        shared: SharedPlace { policy: MemoryPolicy::FirstTouch, toucher: Toucher::All },
    };
    let serve = Serve {
        private_bytes: 1 << 20,
        shared_bytes: 2 << 20,
        shared_ratio: 0.25,
        write_ratio: 0.1,
        lines_per_request: 16,
        touches: Touches::Independent,
        pages: Pages::Base,
    };
    let point = Point {
        id: "p00".into(),
        arm: "test".into(),
        procs,
        subject: "threads".into(),
        factors: BTreeMap::new(),
        axis_level: None,
        regime: Regime::Core,
        placement_name: "unbound".into(),
        memory_policy: "private first-touch, shared first-touch".into(),
        nodes_spanned: 1,
        placement,
        workload: Workload::Serve(serve),
        settle: false,
        hit_ratio_by_construction: None,
        bytes_on_node: Vec::new(),
        bytes: 0,
        go: None,
        scheduler: None,
    };
    // Every PU on node 0 and every node in package 0: where there are more, touches are remote, and the sums still hold.
    Job {
        point,
        seed: Seed(7),
        extent: Extent::Operations(OPERATIONS),
        pause_every_ns: 1_000_000,
        stopped_work: StoppedWork::Scan { bytes: 65_536 },
        windows: 100,
        node_of_pu: pus.iter().map(|&pu| (pu, 0)).collect(),
        package_of_node: vec![(0, 0)],
        allowed_pus,
        allowed_nodes: allowed_nodes(),
        trace_to: None,
        parent_pid: std::os::unix::process::parent_id(),
    }
}

/// Runs a job on a thread of its own, since it binds; phases and the last frame.
fn run(job: Job) -> (Vec<String>, Says, u8) {
    let line = serde_json::to_string(&job).expect("a job is plain data");
    let work = move || {
        let mut frames = Vec::new();
        let code = runner::child::run(line.as_bytes(), &mut frames);
        (frames, code)
    };
    let (frames, code) = std::thread::spawn(work).join().expect("it does not panic");
    let mut phases = Vec::new();
    for line in String::from_utf8(frames).expect("JSON is UTF-8").lines() {
        match serde_json::from_str::<Frame>(line).expect("a frame").says {
            Says::Phase(phase) => phases.push(phase),
            last => return (phases, last, code),
        }
    }
    panic!("no last frame after {phases:?}");
}

fn measure(job: Job) -> Measured {
    match run(job) {
        (phases, Says::Sample(measured), 0) => {
            let expect = [
                "start", "bind", "allocate", "touch", "locate", "run", "check", "locate", "replay", "release", "check",
            ];
            assert_eq!(phases, expect);
            *measured
        }
        other => panic!("{other:?}"),
    }
}

fn check(job: Job) {
    let procs = u64::from(job.point.procs);
    let all = procs * OPERATIONS;
    let (paused, threads) = (job.pause_every_ns > 0, job.point.subject == "threads");
    let measured = measure(job);
    assert_eq!(measured.stop_reason, StopReason::Operations);
    assert_eq!(measured.workers.len() as u64, procs);
    assert_eq!(measured.workers.iter().map(|worker| worker.operations).sum::<u64>(), measured.operations);
    assert_eq!(measured.windows.iter().map(|window| window.operations).sum::<u64>(), all);
    assert_eq!((measured.operations, measured.warmup_ns), (all, 0));
    let ends: Vec<u64> = measured.windows.iter().map(|window| window.start_ns + window.length_ns).collect();
    let starts: Vec<u64> = measured.windows.iter().map(|window| window.start_ns).collect();
    assert_eq!((starts[0], &starts[1..]), (0, &ends[..ends.len() - 1]));
    assert_eq!(measured.elapsed_ns, ends[ends.len() - 1]);
    let age: BTreeMap<String, String> = measured.facts.iter().cloned().collect();
    assert!(age["process_age_ns"].parse::<u64>().is_ok_and(|ns| ns > 0), "{age:?}");

    let hits = measured.hits.as_ref().expect("pages of this process can be located");
    assert_eq!((hits.source, hits.touches), (HitSource::Replay, measured.operations * 16));
    assert_eq!(hits.traffic.iter().map(|cell| cell.expected()).sum::<f64>(), hits.touches as f64);
    assert!(hits.local + hits.remote <= hits.touches && hits.low <= hits.high);
    assert!(paused || measured.pauses.is_empty());
    for pause in &measured.pauses {
        assert!(pause.due_ns > Some(0) && pause.involuntary_switches.is_some() == threads);
    }
}

fn of_gmp(mut job: Job) -> Job {
    job.point.subject = "gmp".into();
    job.stopped_work = StoppedWork::None;
    job
}

#[test]
fn tasks_of_our_scheduler_do_the_same_requests() {
    for (procs, pin) in [(1, false), (2, true), (7, false)] {
        check(of_gmp(job(procs, pin)));
    }
    let measured = measure(of_gmp(job(3, false)));
    // Its checksums were replayed; what the kernel counts is known of all threads together.
    assert!(measured.workers.iter().all(|worker| worker.switches.is_none() && worker.run_delay_ns.is_none()));
    assert!(measured.faults.is_some());
    let counts = &measured.facts.iter().find(|(fact, _)| fact == "subject_counts").expect("a scheduler counts").1;
    let yields: u64 = counts.split(", ").find_map(|word| word.strip_prefix("yields=")?.parse().ok()).expect("yields");
    assert_eq!(yields, measured.operations, "{counts}");
}

#[test]
fn tasks_of_libraries_do_the_same_requests() {
    let of = |subject: &str, procs, pin| {
        let job = of_gmp(job(procs, pin));
        Job { point: Point { subject: subject.into(), ..job.point }, pause_every_ns: 0, ..job }
    };
    for (procs, pin) in [(1, false), (2, true), (7, false)] {
        check(of("tokio", procs, pin));
    }
    // A process has one pool of rayon's.
    check(of("rayon", 3, false));
    let (_, again, _) = run(of("rayon", 3, false));
    assert!(matches!(again, Says::Failure(Failure { ref cause, .. }) if cause.starts_with("rayon: ")), "{again:?}");
}

#[test]
fn a_sample_of_our_scheduler_ends_by_time_and_pauses() {
    let mut job = of_gmp(job(2, false));
    job.extent = Extent::Seconds(0.1);
    let measured = measure(job);
    assert_eq!(measured.stop_reason, StopReason::Time);
    assert!(measured.pauses.len() >= 3, "{n} pauses", n = measured.pauses.len());
    assert!(measured.pauses.windows(2).all(|pair| pair[0].due_ns < pair[1].due_ns));
}

#[test]
fn one_worker() {
    check(job(1, true));
}

#[test]
fn two_workers_pinned_and_floating() {
    check(job(2, true));
    check(job(2, false));
}

#[test]
fn more_workers_than_pus() {
    let pus = host::bind::affinity().expect("affinity").len() as u32;
    check(job(2 * pus, true));
    check(Job { pause_every_ns: 0, ..job(2 * pus, false) });
}

#[test]
fn dependent_touches_and_no_shared_heap() {
    let mut dependent = job(2, false);
    let Workload::Serve(serve) = &mut dependent.point.workload else { panic!("it serves") };
    (serve.touches, serve.shared_ratio, serve.shared_bytes) = (Touches::Dependent, 0.0, 0);
    check(dependent);
}

#[test]
fn a_sample_that_ends_by_time_has_slices_and_pauses() {
    let measured = measure(Job { extent: Extent::Seconds(0.3), ..job(2, false) });
    assert_eq!(measured.stop_reason, StopReason::Time);
    assert!(!measured.pauses.is_empty() && measured.windows.len() > 1);
    let due: Vec<u64> = measured.pauses.iter().filter_map(|pause| pause.due_ns).collect();
    assert!(due.is_sorted_by(|a, b| a < b), "{due:?}");
    // The world is stopped one pause after the other.
    let spans: Vec<(u64, u64)> =
        measured.pauses.iter().map(|pause| (pause.moment_ns().expect("it was due"), pause.total_ns())).collect();
    assert!(spans.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{spans:?}");
    assert!(spans.iter().all(|span| span.0 <= measured.elapsed_ns));
}

#[test]
fn what_cannot_be_done_names_its_phase() {
    let fails = |job: Job, phase: &str, part: &str| match run(job) {
        (phases, Says::Failure(failure), 1) => {
            assert_eq!((phases.last().map(String::as_str), failure.phase.as_str()), (Some(phase), phase));
            assert!(failure.cause.contains(part), "{}", failure.cause);
        }
        other => panic!("{other:?}"),
    };
    fails(Job { parent_pid: 1_000_000_000, ..job(1, true) }, "start", "parent");
    let mut absent = job(2, true);
    absent.point.placement.workers[1].cpus = Some(CpuSet::of(8000));
    fails(absent, "bind", "worker 1: cannot bind to PU 8000");
    let mut unknown = job(1, true);
    unknown.point.subject = "fibers".into();
    fails(unknown, "start", "subject \"fibers\" is not built in; known: threads, gmp, go, tokio, rayon");
    let mut nowhere = job(1, true);
    nowhere.point.placement.shared.policy = MemoryPolicy::Bind(NodeSet::of(700));
    fails(nowhere, "allocate", "node 700");
    // All nodes together, by the heap's own policy and by the process's: the kernel would kill.
    let full = format!("bind to node {nodes}: 16384", nodes = allowed_nodes());
    let mut heap = too_large();
    heap.point.placement.shared.policy = MemoryPolicy::Bind(allowed_nodes());
    fails(heap, "allocate", &full);
    let mut process = too_large();
    process.point.placement.process.memory = Some(MemoryPolicy::Bind(allowed_nodes()));
    fails(process, "allocate", &full);
}

/// A job whose shared heap no machine holds.
fn too_large() -> Job {
    let mut job = job(1, true);
    let Workload::Serve(serve) = &mut job.point.workload else { panic!("it serves") };
    serve.shared_bytes = 16_384 << 30;
    job
}
