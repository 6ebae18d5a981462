//! How a child ended, in words: what the kernel did to it and why.

use crate::child_io::Ended;
use crate::frame::Says;
use crate::sample::{Failure, Outcome};
use host::Root;
use plan::point::Point;
use plan::quantity::show_bytes;
use plan::workload::{Pages, Workload};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// What the machine showed before a child began, so that its death can be explained after.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    root: Root,
    /// Kills by the OOM killer since boot, in all and in this control group.
    oom_kills: Option<u64>,
    group_kills: Option<u64>,
    /// Bytes that each node could give and that the plan puts there: `(node, free, needed)`.
    nodes: Vec<(u32, u64, u64)>,
}

impl Evidence {
    /// Reads counters and free memory of this machine.
    pub(crate) fn before(point: &Point) -> Evidence {
        Evidence::before_in(Root::system(), point)
    }

    pub(crate) fn before_in(root: Root, point: &Point) -> Evidence {
        let node = |&(node, needed): &(u32, u64)| {
            let memory = host::memory::node_memory(&root, node)?;
            Some((node, memory.available_bytes(), needed))
        };
        let nodes = point.bytes_on_node.iter().filter_map(node).collect();
        Evidence { oom_kills: oom_kills(&root), group_kills: host::proc::group_oom_kills_in(&root), nodes, root }
    }

    fn oom_killed(&self) -> bool {
        oom_kills(&self.root) > self.oom_kills || self.group_killed()
    }

    fn group_killed(&self) -> bool {
        host::proc::group_oom_kills_in(&self.root) > self.group_kills
    }
}

/// What became of a child: its figures, or the phase and cause of its death.
pub(crate) fn outcome(ended: Ended, point: &Point, evidence: &Evidence, limit: Duration) -> Outcome {
    let cause = match cause(&ended, point, evidence, limit) {
        Some(cause) => cause,
        None => match ended.says {
            Some(Says::Sample(measured)) => return Outcome::Measured(measured),
            Some(Says::Failure(failure)) => return Outcome::Failed(one_line(failure)),
            _ => with_stderr("ended without figures and without an error", &ended.stderr),
        },
    };
    Outcome::Failed(one_line(Failure { phase: ended.phase, cause }))
}

/// Why what it said does not count; `None` where it ended as it should.
fn cause(ended: &Ended, point: &Point, evidence: &Evidence, limit: Duration) -> Option<String> {
    if ended.timed_out {
        return Some(format!("no answer within {seconds:.0} s; killed", seconds = limit.as_secs_f64().ceil()));
    }
    if let Some(garbage) = &ended.garbage {
        return Some(format!("wrote what is no frame: \"{garbage}\""));
    }
    if let Some(signal) = ended.status.signal() {
        return Some(signal_words(signal, &ended.stderr, point, evidence));
    }
    match (ended.status.code(), &ended.says) {
        (Some(0), Some(Says::Failure(_)) | None) | (_, Some(Says::Failure(_))) => None,
        (Some(0), _) => None,
        (code, _) => {
            let code = code.unwrap_or_default();
            Some(with_stderr(&format!("ended with exit code {code}"), &ended.stderr))
        }
    }
}

fn signal_words(signal: i32, stderr: &str, point: &Point, evidence: &Evidence) -> String {
    match signal {
        libc::SIGKILL if evidence.oom_killed() => oom_words(point, evidence),
        libc::SIGKILL => "killed by SIGKILL, and not by the OOM killer: another process did it".into(),
        libc::SIGBUS => bus_words(point),
        libc::SIGSYS => {
            "killed by SIGSYS: this container's seccomp profile kills on a system call that placement needs; \
                         run with --security-opt seccomp=unconfined or --cap-add SYS_NICE"
                .into()
        }
        libc::SIGSEGV => with_stderr("killed by SIGSEGV", stderr),
        libc::SIGABRT => with_stderr("killed by SIGABRT", stderr),
        _ => with_stderr(&format!("killed by signal {signal}"), stderr),
    }
}

/// The node that was shortest of memory, or the control group.
fn oom_words(point: &Point, evidence: &Evidence) -> String {
    let needed = show_bytes(point.bytes);
    if evidence.group_killed() {
        let limit = host::proc::memory_limit_in(&evidence.root).map_or("unknown".into(), show_bytes);
        return format!(
            "killed by the OOM killer of its control group: {needed} were needed, its limit is {limit}; \
             raise memory.max (version 1: memory.limit_in_bytes)"
        );
    }
    let shortest = evidence.nodes.iter().max_by(|a, b| {
        let want = |(_, free, needed): &(u32, u64, u64)| *needed as f64 / (*free).max(1) as f64;
        want(a).total_cmp(&want(b))
    });
    match shortest {
        Some((node, free, needed)) => {
            let taken = if needed < free { "; something else filled it meanwhile" } else { "" };
            let (free, needed) = (show_bytes(*free), show_bytes(*needed));
            format!("killed by the OOM killer: node {node} had {free} free, {needed} were needed{taken}")
        }
        None => format!("killed by the OOM killer: {needed} were needed"),
    }
}

fn bus_words(point: &Point) -> String {
    let nodes = point.bytes_on_node.iter().map(|(node, _)| node.to_string()).collect::<Vec<_>>().join(",");
    let nodes = if nodes.is_empty() { "its nodes".into() } else { format!("node {nodes}") };
    match pages(&point.workload) {
        Some(Pages::Hugetlb(bytes)) => {
            let size = plan::quantity::print_bytes(bytes);
            let needed = point.bytes.div_ceil(bytes);
            format!(
                "killed by SIGBUS: {needed} huge pages of {size} were needed and {nodes} had too few, or the control group's \
                 hugetlb limit is lower; reserve them there"
            )
        }
        _ => "killed by SIGBUS: a page could not be had, though it was mapped".into(),
    }
}

fn pages(workload: &Workload) -> Option<Pages> {
    if let Workload::Serve(serve) = workload { Some(serve.pages) } else { None }
}

/// A cause with the telling line of stderr behind it: what a panic said, which stands above its backtrace, or the last.
fn with_stderr(cause: &str, stderr: &str) -> String {
    let mut panic = stderr.lines().skip_while(|line| !line.contains(" panicked at "));
    let last = || stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    match panic.nth(1).or_else(last) {
        Some(line) => format!("{cause}: {line}"),
        None => cause.into(),
    }
}

fn one_line(failure: Failure) -> Failure {
    let line = |text: String| text.replace(['\n', '\r', '\0'], " ");
    Failure { phase: line(failure.phase), cause: line(failure.cause) }
}

/// Kills by the OOM killer since boot, on the whole machine.
pub(crate) fn oom_kills(root: &Root) -> Option<u64> {
    host::proc::vmstat_in(root, &["oom_kill"]).remove("oom_kill")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::point::Plan;
    use std::fs;
    use std::path::Path;
    use std::process::ExitStatus;

    fn point() -> Point {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p/plan.toml");
        let mut plan: Plan = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut point = plan.points.swap_remove(0);
        point.bytes = 400 << 20;
        point.bytes_on_node = vec![(0, 100 << 20), (1, 400 << 20)];
        point
    }

    /// The cause of a death by `signal`, on a machine whose counters rise by these from before to after.
    fn death(signal: i32, point: &Point, machine_kills: u64, group_kills: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: String| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let count = |machine: u64, group: u64| {
            write("proc/vmstat", format!("pgfault 7\noom_kill {machine}\n"));
            write("sys/fs/cgroup/job/memory.events", format!("low 0\noom 9\noom_kill {group}\noom_group_kill 0\n"));
        };
        count(3, 1);
        write("proc/self/cgroup", "0::/job\n".into());
        write("sys/fs/cgroup/job/memory.max", format!("{}\n", 64 << 20));
        for (node, free_kib) in [(0, 8 << 20), (1, 201 << 10)] {
            let meminfo = format!("Node {node} MemTotal: 9999999 kB\nNode {node} MemFree: {free_kib} kB\n");
            write(&format!("sys/devices/system/node/node{node}/meminfo"), meminfo);
        }
        let evidence = Evidence::before_in(Root::at(folder.path()), point);
        count(3 + machine_kills, 1 + group_kills);
        let ended = Ended {
            phase: "touch".into(),
            says: None,
            garbage: None,
            stderr: String::new(),
            timed_out: false,
            status: ExitStatus::from_raw(signal),
        };
        match outcome(ended, point, &evidence, Duration::from_secs(1)) {
            Outcome::Failed(failure) => failure.cause,
            Outcome::Measured(_) => panic!("measured"),
        }
    }

    #[test]
    fn kills_are_explained() {
        let check =
            |kills: (u64, u64), expect: &str| assert_eq!(death(libc::SIGKILL, &point(), kills.0, kills.1), expect);
        check((1, 0), "killed by the OOM killer: node 1 had 201 MiB free, 400 MiB were needed");
        check(
            (1, 1),
            "killed by the OOM killer of its control group: 400 MiB were needed, its limit is 64.0 MiB; raise memory.max (version 1: memory.limit_in_bytes)",
        );
        check((0, 0), "killed by SIGKILL, and not by the OOM killer: another process did it");
        let mut small = point();
        small.bytes_on_node = vec![(1, 100 << 20)];
        let expect = "killed by the OOM killer: node 1 had 201 MiB free, 100 MiB were needed; something else filled it meanwhile";
        assert_eq!(death(libc::SIGKILL, &small, 1, 0), expect);
        let mut huge = point();
        if let Workload::Serve(serve) = &mut huge.workload {
            serve.pages = Pages::Hugetlb(2 << 20);
        }
        let expect = "killed by SIGBUS: 200 huge pages of 2MiB were needed and node 0,1 had too few, or the control group's hugetlb limit is lower; reserve them there";
        assert_eq!(death(libc::SIGBUS, &huge, 0, 0), expect);
    }
}
