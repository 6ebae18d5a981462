//! In the machine `tiny`, whose node 1 has 128 MiB: 2 cpusets, 3 limits of control groups (version 2), 4 a node too small.

use crate::lab::{Boot, Case, Machine, ON_NODE_0, ON_NODE_1, experiment};
use crate::ran::{expect_finding, finding};
use crate::trial::ensure;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    let (near, far) = (("near", ON_NODE_0), ("far", ON_NODE_1));
    let both = experiment("80MiB", "", &[near]).replace("private_bytes = \"80MiB\"\n", "");
    let both = both.replace("procs = [1]", "procs = [1]\nprivate_bytes = [\"256KiB\", \"80MiB\"]");
    let experiments = vec![
        ("large", experiment("200MiB", "", &[near, far])),
        ("fill", experiment("48MiB", "", &[far])),
        ("both", both.replace("repetitions = 1", "repetitions = 3")),
        ("small", experiment("256KiB", "", &[near, far, ("partly", "cpus = \"pus:1-2\"")])),
    ];
    let machine = Machine { name: "tiny", options: |_| Ok(Vec::new()), experiments, script: SCRIPT };
    crate::lab::trials(machine, CASES)
}

const CASES: &[Case] = &[
    (4, "a bind to a node too small is foreseen", foreseen),
    (4, "a node filled meanwhile: which one, and how much was free", filled),
    (3, "memory.max: the killed sample is a row with its cause", memory_max),
    (3, "memory.oom.group: said before, and gone on with after", oom_group),
    (3, "cpu.max: throttled samples are flagged", cpu_max),
    (2, "a cpuset of node 1: named outside is refused, and node 1 stays node 1", cpuset),
];

/// `fill` lets a sample write a part of its heap, stops it, and fills node 1 for good: the rest of the heap has no room.
const SCRIPT: &str = r#"
run large large

mkdir $groups/memory; echo 48M > $groups/memory/memory.max
run_in memory limit both
echo 1 > $groups/memory/memory.oom.group
run_in memory oom both
try oom-doctor in_group memory numalab doctor --format json
echo 0 > $groups/memory/memory.oom.group
try oom-resumed in_group memory numalab run --resume out/oom/*/*/*

mkdir $groups/quota; echo "20000 100000" > $groups/quota/cpu.max
try quota in_group quota numalab run lab/small.toml --results out/quota --arm near --seconds 0.5

mkdir $groups/cpuset; echo 2-3 > $groups/cpuset/cpuset.cpus; echo 1 > $groups/cpuset/cpuset.mems
run_in cpuset cpuset small
try hwloc in_group cpuset hwloc-bind --cpubind node:0 -- grep Cpus_allowed_list /proc/self/status

fill() {
  while true; do
    for pid in $(pidof numalab); do
      grep -q __sample /proc/$pid/cmdline && [ "$(awk '{print $2}' /proc/$pid/statm)" -gt 3000 ] || continue
      kill -STOP $pid
      numactl --membind=1 dd if=/dev/zero of=/dev/shm/fill bs=1M count=70 2> /dev/null
      kill -CONT $pid
      return
    done
  done
}
fill &
run fill fill
wait
dmesg | grep CONSTRAINT_MEMORY_POLICY > out/by-policy
"#;

fn foreseen(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("large")?;
    ran.expect(0, &["points skipped: 1"])?;
    ran.measured("near")?;
    let small =
        "bind to node 1: 200 MiB needed and a tenth to spare, # MiB available there; shrink the heaps or free node 1";
    ran.expect_skip("far", small)
}

fn filled(boot: &Boot) -> Result<(), Failed> {
    // Each line names who was killed.
    let by_policy = boot.text("by-policy")?;
    ensure(by_policy.lines().count() == 1, || format!("one kill by memory policy expected:\n{by_policy}"))?;
    let ran = boot.ran("fill")?;
    ran.expect(1, &["numalab: all 1 samples failed; the causes are in samples.csv"])?;
    ran.expect_error(
        "far",
        "touch: killed by the OOM killer: node 1 had # MiB free, # MiB were needed; something else filled it meanwhile",
    )
}

const KILLED: &str = "touch: killed by the OOM killer of its control group: # MiB were needed, its limit is # MiB; raise \
                      memory.max (version 1: memory.limit_in_bytes)";

/// Three samples that fit were measured, three that do not are rows with the cause.
fn memory_max(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("limit")?;
    ran.expect(0, &[])?;
    expect_three_of_each(&ran)
}

fn expect_three_of_each(ran: &crate::ran::Ran) -> Result<(), Failed> {
    let samples = ran.rows("samples.csv")?;
    ensure(samples.len() == 6, || format!("{} samples, 6 expected", samples.len()))?;
    for row in samples {
        let fits = row["private_bytes"] == "256KiB";
        let ok = if fits { row["error"].is_empty() } else { crate::ran::is_like(&row["error"], KILLED) };
        ensure(ok, || format!("{}: {:?}", row["private_bytes"], row["error"]))?;
    }
    Ok(())
}

/// The kernel takes the whole run with its sample: nothing can be said after, and nothing is lost.
fn oom_group(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("oom")?;
    ensure(ran.answer.code == Some(137), || format!("{:?}", ran.answer))?;
    ran.expect_disturbing("memory.oom.group 1")?;
    let disturbs = finding(&boot.text("oom-doctor.out")?, "memory.oom.group")?;
    expect_finding(disturbs, "disturbs", "1")?;
    boot.ran("oom-resumed")?.answer.expect_code(0)?;
    expect_three_of_each(&ran)
}

fn cpu_max(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("quota")?;
    ran.expect(0, &[])?.expect_disturbing("CPU quota 0.20 PUs")?;
    ran.expect_flag("near", "throttled by the cgroup's quota in # periods (limit 0)")
}

fn cpuset(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("cpuset")?;
    ran.expect(0, &["points skipped: 2"])?;
    ran.expect_skip(
        "near",
        "cpus node:0: node 0 is outside this process's cpuset; allowed nodes: 1; check the container's cpuset",
    )?;
    ran.expect_skip(
        "partly",
        "cpus pus:1-2: PU 1 is outside this process's cpuset 2-3; check the container's cpuset.cpus, taskset and isolcpus",
    )?;
    ran.measured("far")?;
    // hwloc counts what it may use, so its node 0 is Linux's node 1 here; ours must not be.
    let hwloc = boot.text("hwloc.out")?;
    ensure(hwloc.trim_end().ends_with("2-3"), || format!("hwloc's node 0 is PUs {hwloc}"))?;
    let traffic = ran.rows("traffic.csv")?;
    let on_node_1 = |row: &crate::ran::Row| row["pu_node"] == "1" && row["memory_node"] == "1";
    ensure(!traffic.is_empty() && traffic.iter().all(on_node_1), || format!("{traffic:?}"))
}
