//! Frequency, SMT, clock, virtualisation: whether a second is a second.

use super::{Finding, Verdict, finding, unknown};
use crate::{Root, proc, timing};
use plan::record::Timing;
use std::collections::BTreeSet;

pub(super) const VIRTUALISATION: &str = "virtualisation";

pub(super) fn examine(root: &Root) -> Vec<Finding> {
    vec![
        virtualisation(),
        steal(root),
        clock_source(root),
        governor(root),
        turbo(root),
        smt(root),
        pus(
            root,
            "isolated PUs",
            "isolated",
            "nobody runs there who does not ask; to measure on them, start with taskset -c LIST",
        ),
        offline(root),
    ]
}

fn virtualisation() -> Finding {
    let (class, evidence) = timing::timing_class();
    let value = format!("{class}: {evidence}", evidence = evidence.join("; "));
    match class {
        Timing::Hardware => finding(VIRTUALISATION, value, Verdict::Good, None),
        Timing::Virtual => finding(
            VIRTUALISATION,
            value,
            Verdict::Notice,
            Some("times hold for this virtual machine and its neighbours; for claims about hardware run on bare metal"),
        ),
        _ => finding(
            VIRTUALISATION,
            value,
            Verdict::Disturbs,
            Some("no time is true under software emulation; believe placement only, and run on hardware"),
        ),
    }
}

fn steal(root: &Root) -> Finding {
    let pus = root.cpus("sys/devices/system/cpu/online");
    match pus.and_then(|pus| proc::steal_ticks_in(root, &pus)) {
        None => unknown("steal"),
        Some((0, _)) => finding("steal", "none since boot", Verdict::Good, None),
        Some((steal, total)) => {
            let percent = 100.0 * steal as f64 / total.max(1) as f64;
            let value = format!("{percent:.2} % of all time since boot");
            // A share that samples are flagged at.
            match percent > 2.0 {
                true => finding(
                    "steal",
                    value,
                    Verdict::Disturbs,
                    Some("ask for dedicated PUs, or run when neighbours are idle"),
                ),
                false => finding("steal", value, Verdict::Notice, None),
            }
        }
    }
}

/// What others run: the commonest disturbance.
pub(super) fn load(root: &Root) -> Finding {
    const DISTURBS_FROM: f64 = 0.1;
    const NAME: &str = "load";
    let text = root.text("proc/loadavg").unwrap_or_default();
    let mut words = text.split_ascii_whitespace();
    let load: Option<f64> = words.next().and_then(|word| word.parse().ok());
    let running: Option<u64> = words.nth(2).and_then(|word| word.split_once('/')?.0.parse().ok());
    let pus = root.cpus("sys/devices/system/cpu/online").map(|pus| pus.len());
    let (Some(load), Some(running), Some(pus)) = (load, running, pus) else { return unknown(NAME) };
    // Without the one that asks.
    let others = running.saturating_sub(1);
    let value = format!("{load} of {pus} PUs over a minute, {others} other tasks run now");
    if load < DISTURBS_FROM * pus as f64 {
        finding(NAME, value, Verdict::Good, None)
    } else if others == 0 {
        // A build that has just ended, say: it is over.
        finding(NAME, value, Verdict::Notice, Some("somebody worked here a minute ago; see top if it was not you"))
    } else {
        finding(NAME, value, Verdict::Disturbs, Some("others run here now; see top, and wait until they are done"))
    }
}

fn clock_source(root: &Root) -> Finding {
    match timing::clock_source(root) {
        None => unknown("clock source"),
        Some(source) => match source.as_str() {
            "tsc" | "arch_sys_counter" | "timebase" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "tod" => {
                finding("clock source", source, Verdict::Good, None)
            }
            _ => finding(
                "clock source",
                source,
                Verdict::Disturbs,
                Some("reading this clock is a system call; boot with tsc=reliable if the TSC can be trusted"),
            ),
        },
    }
}

fn governor(root: &Root) -> Finding {
    const POLICIES: &str = "sys/devices/system/cpu/cpufreq";
    let policies = root.names(POLICIES);
    let governors: BTreeSet<String> =
        policies.iter().filter_map(|name| root.text(format!("{POLICIES}/{name}/scaling_governor"))).collect();
    if governors.is_empty() {
        return unknown("governor");
    }
    let value = governors.iter().cloned().collect::<Vec<_>>().join(", ");
    match value == "performance" {
        true => finding("governor", value, Verdict::Good, None),
        false => finding("governor", value, Verdict::Disturbs, Some("cpupower frequency-set -g performance")),
    }
}

fn turbo(root: &Root) -> Finding {
    const REMEDY: &str = "one busy PU runs faster than all of them, which looks like contention; turn turbo off, or compare \
                          only at equal procs";
    let off = root.number("sys/devices/system/cpu/intel_pstate/no_turbo").map(|off| off == 1);
    let off = off.or_else(|| root.number("sys/devices/system/cpu/cpufreq/boost").map(|boost| boost == 0));
    match off {
        None => unknown("turbo"),
        Some(true) => finding("turbo", "off", Verdict::Good, None),
        Some(false) => finding("turbo", "on", Verdict::Disturbs, Some(REMEDY)),
    }
}

fn smt(root: &Root) -> Finding {
    let Some(control) = root.text("sys/devices/system/cpu/smt/control") else { return unknown("SMT") };
    match root.number("sys/devices/system/cpu/smt/active") {
        Some(1) => finding(
            "SMT",
            control,
            Verdict::Notice,
            Some("two PUs share a core; smt = \"off\" in an arm uses one of each"),
        ),
        _ => finding("SMT", control, Verdict::Good, None),
    }
}

fn offline(root: &Root) -> Finding {
    let lists = root.cpus("sys/devices/system/cpu/present").zip(root.cpus("sys/devices/system/cpu/online"));
    match lists.map(|(present, online)| present.difference(&online)) {
        None => unknown("offline PUs"),
        Some(pus) if pus.is_empty() => finding("offline PUs", "none", Verdict::Good, None),
        Some(pus) => finding("offline PUs", pus.to_string(), Verdict::Notice, None),
    }
}

fn pus(root: &Root, name: &str, file: &str, remedy: &str) -> Finding {
    match root.cpus(format!("sys/devices/system/cpu/{file}")) {
        None => unknown(name),
        Some(pus) if pus.is_empty() => finding(name, "none", Verdict::Good, None),
        Some(pus) => finding(name, pus.to_string(), Verdict::Notice, Some(remedy)),
    }
}
