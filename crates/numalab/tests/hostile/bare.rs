//! 6 a limit of locked memory, 7 users without rights, 8 roots without /sys or /proc.

use crate::host;
use crate::ran::{EXPERIMENT, behind, doctor, expect_finding, run_behind};
use crate::trial::{Needs, ensure};
use libtest_mimic::{Failed, Trial};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const NO_CPUS: &str =
    "numalab: /sys/devices/system/cpu cannot be read: PUs and caches are what the processor tells of itself";
const NO_NODES: &str = "numalab: /sys/devices/system/node cannot be read: one node, as /proc/zoneinfo shows it";
const NO_PROC: &str = "numalab: cannot read /proc/self/exe: No such file or directory (os error 2); samples are started \
                       from it: mount /proc";

pub(crate) fn trials() -> Vec<Trial> {
    let (mount, setpriv) = (Some(Needs::Mount), Some(Needs::Setpriv));
    vec![
        host(6, "no memory may be locked: nothing here locks any", setpriv, || as_nobody("ulimit -l 0; ")),
        host(7, "another user, without CAP_SYS_NICE", setpriv, || as_nobody("")),
        host(8, "no /sys: how many nodes there are is asked elsewhere, said and kept", mount, no_sys),
        host(8, "a folder of nodes without nodes", mount, no_nodes),
        host(8, "no /proc: refused before anything is measured", mount, || no_proc("/proc")),
        host(8, "neither /sys nor /proc", mount, || no_proc("/proc /sys")),
        host(8, "no /proc: the doctor does not guess", mount, doctor_without_proc),
    ]
}

/// Everything is measured, by a user without a name and without any capability, after this shell command.
fn as_nobody(first: &str) -> Result<(), Failed> {
    // The build may lie where only its owner can reach it.
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("numalab");
    fs::copy(env!("CARGO_BIN_EXE_numalab"), &program)?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let user = "setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all";
    let script = format!("shift; {first}exec {user} {program} \"$@\"", program = program.display());
    let words = ["sh", "-c", &script, "sh"];
    let ran = run_behind(&words, EXPERIMENT)?;
    ran.expect(0, &[])?;
    for arm in ["unbound", "pinned", "bound"] {
        ran.measured(arm)?;
    }
    let (verdict, policies) = doctor(&words, "memory policies")?;
    ensure(verdict == "good" && policies.contains("bind"), || format!("{verdict}: {policies}"))
}

/// Words that start a program where nothing is in these folders.
fn emptied(folders: &str) -> String {
    format!("for at in {folders}; do mount -t tmpfs none $at || exit 9; done; exec \"$@\"")
}

fn no_sys() -> Result<(), Failed> {
    let script = emptied("/sys");
    let ran = run_behind(&["unshare", "-m", "sh", "-c", &script, "sh"], EXPERIMENT)?;
    ran.expect(0, &[NO_CPUS, NO_NODES])?;
    for arm in ["unbound", "pinned", "bound"] {
        ran.measured(arm)?;
    }
    let topology: plan::topology::Topology =
        serde_json::from_str(&fs::read_to_string(ran.dir()?.join("topology.json"))?)?;
    ensure(topology.nodes.len() == 1 && topology.distances.is_none(), || format!("{topology:?}"))?;
    let report = fs::read_to_string(ran.dir()?.join("report.html"))?;
    ensure(report.contains("cannot be read: one node, as"), || "the report does not say it".into())
}

/// hwloc would abort.
fn no_nodes() -> Result<(), Failed> {
    let script = emptied("/sys/devices/system/node");
    let ran = run_behind(&["unshare", "-m", "sh", "-c", &script, "sh"], EXPERIMENT)?;
    ran.expect(1, &["numalab: /sys/devices/system/node is there and lists no node; mount /sys as the kernel has it"])?;
    ran.left_nothing()
}

fn no_proc(folders: &str) -> Result<(), Failed> {
    let script = emptied(folders);
    let ran = run_behind(&["unshare", "-m", "sh", "-c", &script, "sh"], EXPERIMENT)?;
    ran.expect(1, &[NO_PROC])?;
    ran.left_nothing()
}

fn doctor_without_proc() -> Result<(), Failed> {
    let script = emptied("/proc");
    let words = ["unshare", "-m", "sh", "-c", &script, "sh"];
    for name in ["steal", "swap", "CPU quota", "memory limit", "seccomp", "NUMA balancing"] {
        expect_finding(doctor(&words, name)?, "unknown", "not available")?;
    }
    behind(&words, &["topo"])?.expect_code(0).map(|_| ())
}
