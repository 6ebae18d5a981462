//! What the kernel does to pages behind a measurement's back.

use super::{Finding, Verdict, finding, unknown};
use crate::{Root, memory};
use plan::quantity::{print_bytes, show_bytes};

const THP: &str = "sys/kernel/mm/transparent_hugepage";

pub(super) fn examine(root: &Root, nodes: usize) -> Vec<Finding> {
    vec![
        balancing(root, nodes),
        thp(root),
        mthp(root),
        khugepaged(root),
        ksm(root),
        damon(root),
        demotion(root),
        zone_reclaim(root),
        huge_pages(root),
        swap(root),
    ]
}

fn balancing(root: &Root, nodes: usize) -> Finding {
    const NAME: &str = "NUMA balancing";
    match root.text("proc/sys/kernel/numa_balancing") {
        None => unknown(NAME),
        Some(mode) if mode == "0" || nodes < 2 => finding(NAME, mode, Verdict::Good, None),
        Some(mode) => finding(
            NAME,
            mode,
            Verdict::Notice,
            Some(
                "the kernel moves pages of unbound memory after about 2 s; unbound arms run young and settled. \
                  Off: sysctl kernel.numa_balancing=0",
            ),
        ),
    }
}

fn thp(root: &Root) -> Finding {
    match root.chosen(format!("{THP}/enabled")) {
        None => unknown("THP"),
        Some(mode) if mode == "always" => finding(
            "THP",
            mode,
            Verdict::Notice,
            Some("heaps refuse huge pages unless pages = \"thp\"; other programs and runtimes get them"),
        ),
        Some(mode) => finding("THP", mode, Verdict::Good, None),
    }
}

/// Sizes between the base page and the large one, since Linux 6.8.
fn mthp(root: &Root) -> Finding {
    let mode = |name: &String| {
        let size = name.strip_prefix("hugepages-")?;
        Some((size.to_owned(), root.chosen(format!("{THP}/{name}/enabled"))?))
    };
    let sizes: Vec<(String, String)> = root.names(THP).iter().filter_map(mode).collect();
    if sizes.is_empty() {
        return unknown("mTHP");
    }
    let large = format!("{kib}kB", kib = memory::thp_bytes(root) / 1024);
    let all = root.chosen(format!("{THP}/enabled")).is_some_and(|mode| mode == "always");
    let in_force =
        |(size, mode): &&(String, String)| *size != large && (mode == "always" || (mode == "inherit" && all));
    let on: Vec<String> = sizes.iter().filter(in_force).map(|(size, mode)| format!("{size} {mode}")).collect();
    match on.is_empty() {
        true => finding("mTHP", "none", Verdict::Good, None),
        false => finding("mTHP", on.join(", "), Verdict::Notice, Some("heaps refuse them unless pages = \"thp\"")),
    }
}

fn khugepaged(root: &Root) -> Finding {
    let collapsed = root.number(format!("{THP}/khugepaged/pages_collapsed"));
    let enabled = root.chosen(format!("{THP}/enabled"));
    match (enabled, root.text(format!("{THP}/khugepaged/defrag"))) {
        (Some(mode), Some(defrag)) => {
            let runs = mode != "never" && defrag != "0";
            let count = collapsed.map_or(String::new(), |pages| format!(", {pages} collapsed since boot"));
            let value = format!("{state}{count}", state = if runs { "runs" } else { "idle" });
            // It looks only at memory that wants huge pages; heaps of base pages refuse them.
            finding("khugepaged", value, if runs { Verdict::Notice } else { Verdict::Good }, None)
        }
        _ => unknown("khugepaged"),
    }
}

fn ksm(root: &Root) -> Finding {
    match root.text("sys/kernel/mm/ksm/run") {
        None => unknown("KSM"),
        Some(run) if run == "1" => finding(
            "KSM",
            run,
            Verdict::Disturbs,
            Some("echo 2 > /sys/kernel/mm/ksm/run (stops it and takes merged pages apart)"),
        ),
        Some(run) => finding("KSM", run, Verdict::Good, None),
    }
}

fn damon(root: &Root) -> Finding {
    const KDAMONDS: &str = "sys/kernel/mm/damon/admin/kdamonds";
    if !root.has(KDAMONDS) {
        return unknown("DAMON");
    }
    let names = root.names(KDAMONDS);
    let running =
        names.iter().filter(|name| root.text(format!("{KDAMONDS}/{name}/state")).is_some_and(|state| state == "on"));
    match running.count() {
        0 => finding("DAMON", "none running", Verdict::Good, None),
        count => finding(
            "DAMON",
            format!("{count} running"),
            Verdict::Disturbs,
            Some("it samples accesses and may move or reclaim pages; echo off > its state file"),
        ),
    }
}

fn demotion(root: &Root) -> Finding {
    match root.text("sys/kernel/mm/numa/demotion_enabled") {
        None => unknown("demotion"),
        Some(on) if on == "true" || on == "1" => finding(
            "demotion",
            on,
            Verdict::Notice,
            Some("cold pages move to slower nodes under pressure; echo 0 > /sys/kernel/mm/numa/demotion_enabled"),
        ),
        Some(off) => finding("demotion", off, Verdict::Good, None),
    }
}

fn zone_reclaim(root: &Root) -> Finding {
    match root.number("proc/sys/vm/zone_reclaim_mode") {
        None => unknown("zone reclaim"),
        Some(0) => finding("zone reclaim", "0", Verdict::Good, None),
        Some(mode) => finding(
            "zone reclaim",
            mode.to_string(),
            Verdict::Notice,
            Some("a full node is reclaimed before another is used; sysctl vm.zone_reclaim_mode=0"),
        ),
    }
}

fn huge_pages(root: &Root) -> Finding {
    let sizes = memory::huge_page_sizes(root);
    if sizes.is_empty() {
        return unknown("huge pages");
    }
    let count = |bytes: &u64| {
        let free = root.number(format!("sys/kernel/mm/hugepages/hugepages-{kib}kB/free_hugepages", kib = bytes / 1024));
        let free = free.map_or("unknown".to_owned(), |free| free.to_string());
        format!("{free} free of {size}", size = print_bytes(*bytes))
    };
    finding("huge pages", sizes.iter().map(count).collect::<Vec<_>>().join(", "), Verdict::Good, None)
}

fn swap(root: &Root) -> Finding {
    let total = root.field("proc/meminfo", "SwapTotal:");
    let kib = total.and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok());
    match kib {
        None => unknown("swap"),
        Some(0) => finding("swap", "none", Verdict::Good, None),
        Some(kib) => finding(
            "swap",
            show_bytes(kib * 1024),
            Verdict::Notice,
            Some("a bound node that is full swaps instead of spilling; swapoff -a for the time of a run"),
        ),
    }
}
