//! The executor that measures: a fresh process for each sample, so that a death is a failed point and not the end.
//!
//! The job goes in as one JSON line on stdin; frames come back on fd 3, so that a death names its phase; the last of
//! stderr is kept for its cause. A child that does not answer in time is killed. Children are started by the thread that
//! calls [`Executor::sample`], which must live as long as the run: they ask to die with it. They inherit the affinity that
//! this process started with, and its memory policy unless the point has one for the whole process. They form process
//! groups of their own, so that Ctrl-C at a terminal reaches only this one and the sample can end in peace.

use crate::child_io::{Ended, converse};
use crate::death::{Evidence, outcome};
use crate::error::Stop;
use crate::executor::Executor;
use crate::sample::{Job, Sample};
use plan::experiment::{Extent, GMP, Measure};
use plan::point::Point;
use plan::record::Seed;
use plan::set::{CpuSet, NodeSet};
use plan::topology::Topology;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Bytes per second that touching and locating memory reaches even on slow machines; for the deadline only.
const TOUCH_BYTES_PER_S: f64 = 100e6;

/// Most time that settling of NUMA balancing is given, with a reserve (design: at most 30 s).
const SETTLE: Duration = Duration::from_secs(40);

/// Time that one operation may take where a sample is as long as its operations take; for the deadline only.
const OPERATION_SECONDS: f64 = 20e-6;

/// How much longer than expected may take what is always run whole; for the deadline only.
const WHOLE_SLOWER: f64 = 20.0;

/// Starts children on this machine.
#[derive(Debug)]
pub struct Live {
    program: Command,
    node_of_pu: Vec<(u32, u32)>,
    package_of_node: Vec<(u32, u32)>,
    allowed_pus: CpuSet,
    allowed_nodes: NodeSet,
    traces: Option<Traces>,
}

/// Where the first sample of each point that has a scheduler leaves what that did.
#[derive(Debug)]
struct Traces {
    dir: PathBuf,
    done: BTreeSet<String>,
}

impl Live {
    /// An executor for the machine that was probed. `child` is the program and its arguments: `/proc/self/exe __sample`.
    pub fn new(machine: &host::Machine, child: Command) -> Live {
        let granted = machine.granted();
        Live::on(machine.topology(), granted.allowed_pus().clone(), granted.allowed_nodes().clone(), child)
    }

    /// Without the proof that the topology is this machine's, for stub children.
    pub(crate) fn on(topology: &Topology, allowed_pus: CpuSet, allowed_nodes: NodeSet, child: Command) -> Live {
        Live {
            program: child,
            node_of_pu: topology.pus.iter().filter_map(|pu| Some((pu.os_index, pu.node?))).collect(),
            package_of_node: topology.nodes.iter().filter_map(|node| Some((node.os_index, node.package?))).collect(),
            allowed_pus,
            allowed_nodes,
            traces: None,
        }
    }

    /// The same; the first sample of each point with subject `gmp` writes `POINT.json` into this folder.
    pub fn tracing(self, dir: PathBuf) -> Live {
        Live { traces: Some(Traces { dir, done: BTreeSet::new() }), ..self }
    }

    fn trace_to(&mut self, point: &Point) -> Option<PathBuf> {
        let traces = self.traces.as_mut().filter(|_| point.subject == GMP)?;
        traces.done.insert(point.id.clone()).then(|| traces.dir.join(format!("{id}.json", id = point.id)))
    }

    fn job(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Job {
        Job {
            point: point.clone(),
            seed,
            extent: measure.extent,
            pause_every_ns: if point.has_pauses(measure) { measure.pause_every_ns } else { 0 },
            stopped_work: measure.stopped_work,
            windows: measure.windows,
            node_of_pu: self.node_of_pu.clone(),
            package_of_node: self.package_of_node.clone(),
            allowed_pus: self.allowed_pus.clone(),
            allowed_nodes: self.allowed_nodes.clone(),
            trace_to: self.trace_to(point),
            parent_pid: std::process::id(),
        }
    }

    /// The same program once more; a `Command` itself cannot be copied.
    fn command(&self) -> Command {
        let mut command = Command::new(self.program.get_program());
        command.args(self.program.get_args());
        for (name, value) in self.program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

impl Executor for Live {
    fn source(&self) -> &'static str {
        "live"
    }

    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop> {
        let mut job = serde_json::to_vec(&self.job(point, measure, seed)).expect("plain data becomes JSON");
        job.push(b'\n');
        let started_utc = host::clock::utc_now();
        let evidence = Evidence::before(point);
        let limit = deadline(point, measure);
        let start = |command: &mut Command| {
            let _lent = point.placement.process.memory.as_ref().and_then(host::policy::lend);
            command.spawn()
        };
        let ended: Ended = converse(self.command(), start, &job, limit)?;
        Ok(Sample { started_utc, outcome: outcome(ended, point, &evidence, limit) })
    }

    fn facts(&mut self) -> Vec<(String, Option<String>)> {
        host::facts::moving_facts()
    }
}

/// Time after which a child is taken for hung: its extent, as long again for replay, touching, settling, and the grace.
fn deadline(point: &Point, measure: &Measure) -> Duration {
    // As if all of it shared one PU, and slow in everything.
    let whole = WHOLE_SLOWER * point.workload.whole_seconds(1);
    let extent = match measure.extent {
        Extent::Seconds(seconds) => seconds + whole,
        Extent::Operations(each) if !point.workload.has_heaps() => each as f64 * whole,
        // As if all workers shared one PU.
        Extent::Operations(each) => each as f64 * f64::from(point.procs) * OPERATION_SECONDS,
    };
    let touching = point.bytes as f64 / TOUCH_BYTES_PER_S;
    let seconds = 2.0 * extent + touching + measure.grace_seconds;
    // A plan cannot ask for more than fits: a year is as good as for ever.
    let bounded = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(Duration::from_secs(31_536_000));
    bounded + if point.settle { SETTLE } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modelled::{Modelled, Noise};
    use crate::sample::Outcome;
    use plan::point::Plan;
    use std::path::Path;

    fn golden(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    fn plan() -> Plan {
        let mut plan: Plan = toml::from_str(&golden("plan.toml")).unwrap();
        plan.measure.extent = Extent::Seconds(0.0);
        plan.points[0].bytes = 0;
        plan
    }

    fn topology() -> Topology {
        serde_json::from_str(&golden("topology.json")).unwrap()
    }

    /// What a shell script makes of the first point, with this many seconds to answer.
    fn play(script: &str, plan: &Plan) -> Outcome {
        let mut child = Command::new("/bin/sh");
        child.args(["-c", script]);
        let topology = topology();
        let (pus, nodes) = (topology.allowed_pus.clone(), topology.allowed_nodes.clone());
        let mut live = Live::on(&topology, pus, nodes, child);
        live.sample(&plan.points[0], &plan.measure, Seed(7)).unwrap().outcome
    }

    fn check(script: &str, seconds: f64, phase: &str, cause: &str) {
        let mut plan = plan();
        plan.measure.grace_seconds = seconds;
        match play(script, &plan) {
            Outcome::Failed(failure) => {
                assert_eq!((failure.phase.as_str(), failure.cause.as_str()), (phase, cause), "{script}");
            }
            Outcome::Measured(_) => panic!("{script} measured something"),
        }
    }

    #[test]
    fn every_death_has_a_phase_and_a_cause() {
        let check = |script: &str, phase: &str, cause: &str| check(script, 60.0, phase, cause);
        check("exit 3", "start", "ended with exit code 3");
        check("echo first >&2; echo last >&2; exit 3", "start", "ended with exit code 3: last");
        check("kill -9 $$", "start", "killed by SIGKILL, and not by the OOM killer: another process did it");
        check("kill -BUS $$", "start", "killed by SIGBUS: a page could not be had, though it was mapped");
        check("echo 'out of luck' >&2; kill -SEGV $$", "start", "killed by SIGSEGV: out of luck");
        check("exit 0", "start", "ended without figures and without an error");
        check("echo nonsense >&3", "start", "wrote what is no frame: \"nonsense\"");
        check("printf '{\"v\":1' >&3", "start", "wrote what is no frame: \"{\"v\":1\"");
        check(
            "echo '{\"v\":9,\"phase\":\"run\"}' >&3",
            "start",
            "wrote what is no frame: \"a frame of version 9, 1 expected\"",
        );
        check("echo '{\"v\":1,\"phase\":\"touch\"}' >&3; exit 9", "touch", "ended with exit code 9");
        let failure = r#"echo '{"v":1,"failure":{"phase":"bind","cause":"mbind: EPERM"}}' >&3; exit 1"#;
        check(failure, "bind", "mbind: EPERM");
        // What is garbage is not waited for, nor is a grandchild that holds the pipes.
        check("echo nonsense >&3; tail -f /dev/null", "start", "wrote what is no frame: \"nonsense\"");
    }

    #[test]
    fn a_process_policy_is_in_force_before_the_program_starts() {
        let mut plan = plan();
        plan.measure.grace_seconds = 60.0;
        plan.points[0].placement.process.memory = Some("bind:0".parse().unwrap());
        let Outcome::Failed(failure) = play("grep -vc bind:0 /proc/self/numa_maps >&2; exit 3", &plan) else {
            panic!("measured")
        };
        assert_eq!(failure.cause, "ended with exit code 3: 0");
    }

    #[test]
    fn seccomp_is_named() {
        let mut plan = plan();
        plan.measure.grace_seconds = 60.0;
        let Outcome::Failed(failure) = play("kill -SYS $$", &plan) else { panic!("measured") };
        assert!(failure.cause.contains("seccomp"), "{}", failure.cause);
    }

    #[test]
    fn a_child_that_hangs_is_killed() {
        check("echo '{\"v\":1,\"phase\":\"run\"}' >&3; tail -f /dev/null", 0.1, "run", "no answer within 1 s; killed");
        check("sleep 5 & exit 4", 2.0, "start", "ended with exit code 4");
    }

    #[test]
    fn the_job_arrives_whole_and_may_be_left_unread() {
        let mut plan = plan();
        plan.measure.grace_seconds = 60.0;
        // Far more than a pipe holds.
        let place = plan.points[0].placement.workers[0].clone();
        plan.points[0].placement.workers = vec![place; 4096];
        let Outcome::Failed(failure) = play("wc -lc >&2; exit 1", &plan) else { panic!("measured") };
        let topology = topology();
        let mut live =
            Live::on(&topology, topology.allowed_pus.clone(), topology.allowed_nodes.clone(), Command::new("sh"));
        let job = serde_json::to_vec(&live.job(&plan.points[0], &plan.measure, Seed(7))).unwrap();
        let words: Vec<String> = failure.cause.split_ascii_whitespace().map(String::from).collect();
        assert!(job.len() > 100_000);
        assert_eq!(words[words.len() - 2..], ["1".to_string(), (job.len() + 1).to_string()]);
        let Outcome::Failed(failure) = play("exec <&-; exit 6", &plan) else { panic!("measured") };
        assert_eq!(failure.cause, "ended with exit code 6");
    }

    #[test]
    fn figures_come_through_and_count_only_after_a_good_end() {
        let mut plan = plan();
        plan.measure.grace_seconds = 60.0;
        let mut model = Modelled::new(topology(), model::Parameters::DEFAULT, Noise::DEFAULT);
        let mut measure = plan.measure.clone();
        measure.extent = Extent::Seconds(0.1);
        let sample = model.sample(&plan.points[0], &measure, Seed(7)).unwrap();
        let Outcome::Measured(measured) = sample.outcome else { panic!("modelled") };
        let mut frames = tempfile::NamedTempFile::new().unwrap();
        crate::frame::write(&mut frames, crate::frame::Says::Phase("run".into())).unwrap();
        crate::frame::write(&mut frames, crate::frame::Says::Sample(measured.clone())).unwrap();
        let path = frames.path().display();
        assert_eq!(play(&format!("cat {path} >&3"), &plan), Outcome::Measured(measured));
        let Outcome::Failed(failure) = play(&format!("cat {path} >&3; exit 7"), &plan) else { panic!("counted") };
        assert_eq!((failure.phase.as_str(), failure.cause.as_str()), ("run", "ended with exit code 7"));
    }

    #[test]
    fn a_program_that_is_not_there_stops_the_run() {
        let topology = topology();
        let (pus, nodes) = (topology.allowed_pus.clone(), topology.allowed_nodes.clone());
        let mut live = Live::on(&topology, pus, nodes, Command::new("/no/such/program"));
        let error = live.sample(&plan().points[0], &plan().measure, Seed(7)).unwrap_err().to_string();
        assert!(error.starts_with("cannot start /no/such/program: No such file"), "{error}");
    }
}
