//! The N-th call of a child fails, which in a whole run is mostly hidden behind the parent's own N-th.
//!
//! The child of a sample is started here as the parent starts it: a job on stdin, frames on fd 3.

use crate::after::{is_out_of_memory, says};
use crate::bench::bench_of;
use crate::bounded;
use crate::calls::{Count, FAULTS, Fault, injected, is_before_main, strace, until_none_fails};
use crate::program::{Answer, answer, only_folder};
use crate::runs::SMALL;
use crate::trial::{Needs, ensure, test_with};
use libtest_mimic::{Failed, Trial};
use plan::point::Plan;
use plan::record::Seed;
use plan::topology::Topology;
use runner::frame::{Frame, Says};
use runner::sample::{Job, Measured};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Calls that only the parent makes.
const PARENTS_OWN: &[&str] = &["clone", "fsync", "fdatasync", "mkdir", "rename", "pipe2", "socketpair"];

pub(crate) fn trials() -> Vec<Trial> {
    let one = |&fault: &Fault| {
        let Fault { call, errno } = fault;
        test_with(format!("a child whose N-th {call} answers {errno}"), Needs::Strace, move || {
            let job = job()?;
            until_none_fails(|nth, count| child(&job, fault, nth, count))?.conclude("child", fault)
        })
    };
    FAULTS.iter().filter(|fault| !PARENTS_OWN.contains(&fault.call)).map(one).collect()
}

/// The job of the point of two workers, as one line.
fn job() -> Result<Vec<u8>, Failed> {
    static JOB: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(job) = JOB.get() {
        return Ok(job.clone());
    }
    let bench = bench_of(SMALL)?;
    answer(bench.run().output()?).expect_code(0)?;
    let text = |name: &str| fs::read_to_string(only_folder(&bench.results)?.join(name)).map_err(Failed::from);
    let mut plan: Plan = toml::from_str(&text("plan.toml")?)?;
    let topology: Topology = serde_json::from_str(&text("topology.json")?)?;
    let point = plan.points.pop().ok_or("no point")?;
    let job = Job {
        point,
        seed: Seed(7),
        extent: plan.measure.extent,
        pause_every_ns: plan.measure.pause_every_ns,
        stopped_work: plan.measure.stopped_work,
        windows: plan.measure.windows,
        node_of_pu: topology.pus.iter().filter_map(|pu| Some((pu.os_index, pu.node?))).collect(),
        package_of_node: topology.nodes.iter().filter_map(|node| Some((node.os_index, node.package?))).collect(),
        allowed_pus: topology.allowed_pus.clone(),
        allowed_nodes: topology.allowed_nodes.clone(),
        trace_to: None,
        parent_pid: std::process::id(),
    };
    Ok(JOB.get_or_init(|| serde_json::to_vec(&job).expect("plain data becomes JSON")).clone())
}

/// One child; `false` where nothing was left to fail.
fn child(job: &[u8], fault: Fault, nth: u32, count: &mut Count) -> Result<bool, Failed> {
    let folder = tempfile::tempdir()?;
    let (trace, frames) = (folder.path().join("trace"), folder.path().join("frames"));
    fs::write(folder.path().join("job"), job)?;
    let mut traced = strace(fault, nth, &trace);
    // The tracer stands aside, so that the child's parent is this process, which its job names.
    traced.args(["-D", env!("CARGO_BIN_EXE_numalab"), "__sample"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec <job 3>frames \"$@\"", "sh"]).arg(traced.get_program()).args(traced.get_args());
    let ended = bounded::run(shell.current_dir(folder.path()), folder.path());
    let calls = injected(&trace)?;
    if calls.is_empty() {
        return Ok(false);
    }
    let judged = ended.and_then(|ended| judge(&ended, &frames, fault, &calls, count));
    if let Err(failed) = judged {
        count.wrong.push(format!("N = {nth}: {why}\n  {calls:?}", why = failed.message().unwrap_or_default()));
    }
    Ok(true)
}

fn judge(ended: &Answer, frames: &Path, fault: Fault, calls: &[String], count: &mut Count) -> Result<(), Failed> {
    let last = fs::read_to_string(frames)?.lines().last().map(serde_json::from_str::<Frame>);
    let says_last = last.and_then(Result::ok).map(|frame| frame.says);
    let unsaid = calls.iter().any(|call| call.contains("/frames>"));
    match (ended.code, says_last) {
        (Some(0), Some(Says::Sample(measured))) => {
            count.did_without += 1;
            right(&measured)
        }
        // A frame is the call that failed: the parent that would read it is told by the exit code.
        (Some(1), _) if unsaid => {
            count.refused += 1;
            Ok(())
        }
        (Some(1), Some(Says::Failure(failure))) => {
            count.refused += 1;
            says(&failure.cause, fault)
        }
        // Without the descriptor for frames there is only stderr, whose last line the parent takes for the cause.
        (Some(1), None) => {
            count.refused += 1;
            says(&ended.err, fault)
        }
        (code, _) if is_before_main(code, &ended.err) => {
            count.before_main += 1;
            Ok(())
        }
        (None, _) if is_out_of_memory(&ended.err) => {
            count.refused += 1;
            Ok(())
        }
        (code, says) => Err(format!("code {code:?}, it says {says:?}: {err}", err = ended.err).into()),
    }
}

/// What it counts is what it would count undisturbed: all operations, and no touch that is remote on one node.
fn right(measured: &Measured) -> Result<(), Failed> {
    ensure(measured.operations == 2 * 50, || format!("{} operations", measured.operations))?;
    let Some(hits) = &measured.hits else { return Ok(()) };
    let nodes: std::collections::BTreeSet<_> =
        hits.traffic.iter().flat_map(|cell| [cell.pu_node, cell.memory_node]).flatten().collect();
    ensure(nodes.len() > 1 || (hits.remote == 0 && hits.high == 1.0), || format!("hits: {hits:?}"))
}
