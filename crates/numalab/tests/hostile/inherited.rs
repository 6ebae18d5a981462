//! 11 placement and scheduling that were inherited: from taskset, numactl, chrt, and a batch system's launcher.

use crate::host;
use crate::program::run;
use crate::ran::{EXPERIMENT, behind, doctor, expect_finding, run_behind};
use crate::trial::{Needs, ensure};
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    let numactl = Some(Needs::Numactl);
    vec![
        host(11, "taskset: unbound is not the kernel's own placement", Some(Needs::Setpriv), taskset),
        host(11, "numactl --membind: first touch is not the kernel's own", numactl, || policy("--membind", "bind")),
        host(11, "numactl --interleave", numactl, || policy("--interleave", "interleave")),
        host(11, "chrt --fifo: nothing would end, so nothing begins", Some(Needs::Chrt), fifo),
        host(11, "chrt --idle is said and kept", Some(Needs::Chrt), idle),
        host(11, "a launcher like srun, whose variables promise more than it gives", numactl, like_srun),
    ]
}

/// The highest PU and the lowest node that may be used.
fn mine() -> Result<(u32, u32), Failed> {
    let topology: plan::topology::Topology = serde_json::from_str(&run(&["topo", "--format", "json"]).out)?;
    Ok(topology.allowed_pus.last().zip(topology.allowed_nodes.first()).ok_or("nothing is allowed")?)
}

fn started_with_pus(pu: u32) -> String {
    format!(
        "this process was started with PUs {pu} only, so unbound is not the kernel's own placement; start it without \
         taskset, numactl or a narrower cpuset"
    )
}

fn started_with_policy(policy: &str) -> String {
    format!(
        "this process was started with memory policy {policy}, so first-touch is not the kernel's own; start it without \
         numactl"
    )
}

fn taskset() -> Result<(), Failed> {
    let (pu, _) = mine()?;
    let pu_in_words = pu.to_string();
    let words = ["taskset", "-c", &pu_in_words];
    let ran = run_behind(&words, EXPERIMENT)?;
    ran.expect(0, &["points skipped: 1"])?;
    ran.expect_skip("unbound", &started_with_pus(pu))?;
    ran.measured("pinned")?;
    ran.measured("bound")?;
    expect_finding(doctor(&words, "inherited affinity")?, "notice", &pu_in_words)
}

fn fifo() -> Result<(), Failed> {
    let words = ["chrt", "--fifo", "1"];
    let refused = "numalab: under the scheduling policy fifo no timer gets a PU that a worker holds, so nothing would end; \
                   start without chrt";
    run_behind(&words, EXPERIMENT)?.expect(77, &[refused])?.left_nothing()?;
    expect_finding(doctor(&words, "scheduling policy")?, "forbidden", "fifo")
}

fn idle() -> Result<(), Failed> {
    run_behind(&["chrt", "--idle", "0"], EXPERIMENT)?.expect(0, &[])?.expect_disturbing("scheduling policy idle")
}

fn policy(flag: &str, name: &str) -> Result<(), Failed> {
    let (_, node) = mine()?;
    let (flag, inherited) = (format!("{flag}={node}"), format!("{name}:{node}"));
    let ran = run_behind(&["numactl", &flag], EXPERIMENT)?;
    ran.expect(0, &["points skipped: 2"])?;
    ran.expect_skip("unbound", &started_with_policy(&inherited))?;
    ran.expect_skip("pinned", &started_with_policy(&inherited))?;
    ran.measured("bound")?;
    expect_finding(doctor(&["numactl", &flag], "inherited policy")?, "notice", &inherited)?;
    // Samples of both would be taken together.
    let ran = run_behind(&["env"], EXPERIMENT)?;
    let dir = ran.dir()?;
    let answer = behind(&["numactl", &flag], &["run", "--resume", &dir.to_string_lossy()])?;
    answer.expect_code(2)?;
    let another = format!("what the host grants is another: inherited_policy was null and is \"{inherited}\"");
    ensure(answer.err.contains(&another), || answer.err.clone())
}

fn like_srun() -> Result<(), Failed> {
    let (pu, node) = mine()?;
    let (cpus, memory) = (format!("--physcpubind={pu}"), format!("--membind={node}"));
    let promised = ["SLURM_CPUS_ON_NODE=64", "SLURM_JOB_CPUS_PER_NODE=64", "OMP_NUM_THREADS=64"];
    let words = [&["env"], &promised[..], &["numactl", &cpus, &memory]].concat();
    let ran = run_behind(&words, &EXPERIMENT.replace("procs = [1]", "procs = [1, 64]"))?;
    ran.expect(0, &["points skipped: 5"])?;
    ran.expect_skip("unbound", &started_with_pus(pu))?;
    ran.expect_skip("pinned", &started_with_policy(&format!("bind:{node}")))?;
    let points = ran.rows("points.csv")?;
    let most =
        format!("placement close: 64 workers asked, cpuset {pu} has 1 PUs; ask for fewer or set oversubscribe = true");
    let told = points.iter().any(|row| row["arm"] == "bound" && row["reason"] == most);
    crate::trial::ensure(told, || format!("{points:?}"))?;
    ran.measured("bound").map(|_| ())
}
