//! What is written down about a machine: once in the manifest, and what moves again and again while a run goes on.
//!
//! Names are words joined by underscores with the unit last. What a host does not show is left out of the one and `None`
//! in the other, never 0.

use crate::{Root, clock, memory, proc, timing};
use std::collections::BTreeMap;

/// What does not change while a run goes on: kernel, processor, memory, libraries, settings.
pub fn machine_facts() -> BTreeMap<String, String> {
    let mut facts = machine_facts_in(&Root::system());
    let mut add = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("arch", Some(std::env::consts::ARCH.into()));
    add("libc", Some(libc_version()));
    add("clock_read_ns", Some(format!("{cost_ns:.1}", cost_ns = clock::read_cost_ns())));
    add("pu_source", Some(crate::pu::PuReader::new().source().into()));
    add("hypervisor", timing::hypervisor_signature());
    facts
}

/// The part of [`machine_facts`] that is in files, from elsewhere.
pub fn machine_facts_in(root: &Root) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        let value = value.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "));
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    for (name, path) in FILES {
        add(name, root.text(path));
    }
    for (name, path) in CHOICES {
        add(name, root.chosen(path));
    }
    add("os", root.field("etc/os-release", "PRETTY_NAME=").map(|name| name.trim_matches('"').to_owned()));
    add("cpu_model", cpu_model(root));
    add("microcode", cpuinfo(root, "microcode"));
    let total = root.field("proc/meminfo", "MemTotal:").and_then(|text| kib(&text));
    add("memory_bytes", total.map(|kib| (kib * 1024).to_string()));
    for (name, library) in [("libhwloc_so", "libhwloc.so."), ("libnuma_so", "libnuma.so.")] {
        add(name, loaded_version(root, library));
    }
    add("kernel_options", root.text("proc/cmdline").map(|line| relevant_options(&line)));
    let weights = root.names("sys/kernel/mm/mempolicy/weighted_interleave");
    for node in weights.iter().filter(|name| name.starts_with("node")) {
        add(
            &format!("interleave_weight_{node}"),
            root.text(format!("sys/kernel/mm/mempolicy/weighted_interleave/{node}")),
        );
    }
    facts
}

const FILES: [(&str, &str); 24] = [
    ("kernel", "proc/sys/kernel/osrelease"),
    ("kernel_build", "proc/sys/kernel/version"),
    ("boot_id", "proc/sys/kernel/random/boot_id"),
    ("vendor", "sys/class/dmi/id/sys_vendor"),
    ("product", "sys/class/dmi/id/product_name"),
    ("firmware", "sys/class/dmi/id/bios_version"),
    ("pus_online", "sys/devices/system/cpu/online"),
    ("pus_present", "sys/devices/system/cpu/present"),
    ("pus_isolated", "sys/devices/system/cpu/isolated"),
    ("pus_nohz_full", "sys/devices/system/cpu/nohz_full"),
    ("nodes_online", "sys/devices/system/node/online"),
    ("smt", "sys/devices/system/cpu/smt/control"),
    ("governor", "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"),
    ("frequency_driver", "sys/devices/system/cpu/cpufreq/policy0/scaling_driver"),
    ("turbo_off", "sys/devices/system/cpu/intel_pstate/no_turbo"),
    ("boost", "sys/devices/system/cpu/cpufreq/boost"),
    ("clock_source", "sys/devices/system/clocksource/clocksource0/current_clocksource"),
    ("numa_balancing", "proc/sys/kernel/numa_balancing"),
    ("zone_reclaim_mode", "proc/sys/vm/zone_reclaim_mode"),
    ("overcommit_memory", "proc/sys/vm/overcommit_memory"),
    ("swappiness", "proc/sys/vm/swappiness"),
    ("khugepaged_defrag", "sys/kernel/mm/transparent_hugepage/khugepaged/defrag"),
    ("ksm", "sys/kernel/mm/ksm/run"),
    ("numa_demotion", "sys/kernel/mm/numa/demotion_enabled"),
];

const CHOICES: [(&str, &str); 3] = [
    ("thp", "sys/kernel/mm/transparent_hugepage/enabled"),
    ("thp_defrag", "sys/kernel/mm/transparent_hugepage/defrag"),
    ("thp_shmem", "sys/kernel/mm/transparent_hugepage/shmem_enabled"),
];

/// What moves: `(name, value)` in a fixed order for this host; `None` where the host does not tell.
pub fn moving_facts() -> Vec<(String, Option<String>)> {
    moving_facts_in(&Root::system())
}

/// As [`moving_facts`], from elsewhere.
pub fn moving_facts_in(root: &Root) -> Vec<(String, Option<String>)> {
    let mut facts: Vec<(String, Option<String>)> = Vec::new();
    let load = root.text("proc/loadavg").unwrap_or_default();
    let mut words = load.split_ascii_whitespace().map(str::to_owned);
    facts.push(("load_1m".into(), words.next()));
    facts.push(("tasks_running".into(), words.nth(2).and_then(|word| Some(word.split_once('/')?.0.to_owned()))));
    let (lowest_khz, highest_khz) = frequencies_khz(root).map_or((None, None), |(low, high)| (Some(low), Some(high)));
    facts.push(("frequency_khz_lowest".into(), text(lowest_khz)));
    facts.push(("frequency_khz_highest".into(), text(highest_khz)));
    facts.push(("temperature_mc_highest".into(), text(hottest_millidegrees(root))));
    let counters = proc::vmstat_in(root, &COUNTERS);
    facts.extend(COUNTERS.iter().map(|&name| (name.to_owned(), text(counters.get(name).copied()))));
    for name in ["full_scans", "pages_collapsed"] {
        let value = root.text(format!("sys/kernel/mm/transparent_hugepage/khugepaged/{name}"));
        facts.push((format!("khugepaged_{name}"), value));
    }
    for node in root.nodes("sys/devices/system/node/has_memory").unwrap_or_default().iter() {
        let free_bytes = memory::node_memory(root, node).map(|memory| memory.free_bytes);
        facts.push((format!("free_bytes_node{node}"), text(free_bytes)));
    }
    let swap_free = root.field("proc/meminfo", "SwapFree:").and_then(|text| kib(&text));
    facts.push(("swap_free_bytes".into(), text(swap_free.map(|kib| kib * 1024))));
    let steal = root.cpus("sys/devices/system/cpu/online").and_then(|pus| proc::steal_ticks_in(root, &pus));
    facts.push(("steal_ticks".into(), text(steal.map(|(steal, _)| steal))));
    facts.push(("throttled_periods".into(), text(proc::throttled_periods_in(root))));
    facts
}

const COUNTERS: [&str; 8] = [
    "numa_pte_updates",
    "numa_hint_faults",
    "numa_hint_faults_local",
    "numa_pages_migrated",
    "pgmigrate_success",
    "thp_collapse_alloc",
    "thp_split_page",
    "pswpout",
];

/// The processor's name: "model name" on x86, "cpu" on POWER; others give numbers only.
pub(crate) fn cpu_model(root: &Root) -> Option<String> {
    cpuinfo(root, "model name").or_else(|| cpuinfo(root, "cpu\t"))
}

fn cpuinfo(root: &Root, key: &str) -> Option<String> {
    let value = root.field("proc/cpuinfo", key)?;
    Some(value.trim_start_matches([':', '\t', ' ']).to_owned())
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn kib(text: &str) -> Option<u64> {
    text.trim_end_matches("kB").trim().parse().ok()
}

/// Lowest and highest of what the PUs run at now.
fn frequencies_khz(root: &Root) -> Option<(u64, u64)> {
    const POLICIES: &str = "sys/devices/system/cpu/cpufreq";
    let names = root.names(POLICIES);
    let now = |name: &String| root.number(format!("{POLICIES}/{name}/scaling_cur_freq"));
    let khz = || names.iter().filter_map(now);
    khz().min().zip(khz().max())
}

fn hottest_millidegrees(root: &Root) -> Option<u64> {
    const ZONES: &str = "sys/class/thermal";
    let names = root.names(ZONES);
    let zones = names.iter().filter(|name| name.starts_with("thermal_zone"));
    zones.filter_map(|name| root.number(format!("{ZONES}/{name}/temp"))).max()
}

/// Version in the file name of a library that is loaded: `libhwloc.so.15.6.2` -> `15.6.2`, the one that runs, not the one
/// that was compiled against.
fn loaded_version(root: &Root, library: &str) -> Option<String> {
    let maps = root.text("proc/self/maps")?;
    let path =
        maps.lines().filter_map(|line| line.split_ascii_whitespace().nth(5)).find(|path| path.contains(library))?;
    Some(path[path.find(library)? + library.len()..].to_owned())
}

/// Options of the kernel's command line that can move a figure; the rest is nobody's business and may hold secrets.
fn relevant_options(line: &str) -> String {
    const NAMES: [&str; 25] = [
        "isolcpus",
        "nohz",
        "nohz_full",
        "rcu_nocbs",
        "mitigations",
        "numa",
        "numa_balancing",
        "transparent_hugepage",
        "hugepages",
        "hugepagesz",
        "default_hugepagesz",
        "tsc",
        "clocksource",
        "intel_pstate",
        "amd_pstate",
        "idle",
        "maxcpus",
        "nr_cpus",
        "nosmt",
        "preempt",
        "mem",
        "memmap",
        "movablecore",
        "kernelcore",
        "irqaffinity",
    ];
    let relevant = |option: &&str| NAMES.contains(&option.split('=').next().unwrap_or_default());
    line.split_ascii_whitespace().filter(relevant).collect::<Vec<_>>().join(" ")
}

#[cfg(target_env = "gnu")]
fn libc_version() -> String {
    // SAFETY:
    // - takes nothing and returns a static string that ends in NUL (gnu_get_libc_version(3)).
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY:
    // - as above: static and NUL-terminated.
    let version = unsafe { core::ffi::CStr::from_ptr(version) };
    format!("glibc {version}", version = version.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn libc_version() -> String {
    "not glibc".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::fixture;

    #[test]
    fn what_a_host_shows_is_written_down() {
        let (_folder, root) = fixture(&[
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Xeon  Gold\nmicrocode\t: 0x1\n"),
            ("proc/cmdline", "root=/dev/sda1 isolcpus=2-3 token=abc mitigations=off quiet\n"),
            ("sys/kernel/mm/mempolicy/weighted_interleave/auto", "true\n"),
            ("sys/kernel/mm/mempolicy/weighted_interleave/node1", "3\n"),
            ("proc/meminfo", "MemTotal:  2048 kB\nSwapFree: 4 kB\n"),
            ("proc/self/maps", "7f00-7f01 r-xp 00000000 fe:00 123   /usr/lib/libhwloc.so.15.6.2\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian 12\"\n"),
        ]);
        let facts = machine_facts_in(&root);
        let expect = [
            ("cpu_model", "Xeon Gold"),
            ("interleave_weight_node1", "3"),
            ("kernel", "6.1.0"),
            ("kernel_options", "isolcpus=2-3 mitigations=off"),
            ("libhwloc_so", "15.6.2"),
            ("memory_bytes", "2097152"),
            ("microcode", "0x1"),
            ("os", "Debian 12"),
            ("thp", "madvise"),
        ];
        let found: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_moves_keeps_its_order_and_says_what_is_unknown() {
        let files = [
            ("proc/loadavg", "0.52 0.58 0.59 3/467 12345\n"),
            ("proc/vmstat", "numa_hint_faults 12\n"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1200000\n"),
            ("sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq", "3500000\n"),
            ("sys/class/thermal/thermal_zone0/temp", "41000\n"),
            ("sys/devices/system/node/has_memory", "0,8\n"),
            ("sys/devices/system/node/node8/meminfo", "Node 8 MemTotal: 8 kB\nNode 8 MemFree: 4 kB\n"),
        ];
        let (_folder, root) = fixture(&files);
        let facts = moving_facts_in(&root);
        let of = |name: &str| facts.iter().find(|(found, _)| found == name).expect(name).1.as_deref();
        let check = |name: &str, expect: Option<&str>| assert_eq!(of(name), expect, "{name}");
        check("load_1m", Some("0.52"));
        check("tasks_running", Some("3"));
        check("frequency_khz_lowest", Some("1200000"));
        check("frequency_khz_highest", Some("3500000"));
        check("temperature_mc_highest", Some("41000"));
        check("numa_hint_faults", Some("12"));
        check("numa_pages_migrated", None);
        check("free_bytes_node0", None);
        check("free_bytes_node8", Some("4096"));
        check("steal_ticks", None);
        let (_empty, nothing) = fixture(&[]);
        assert!(moving_facts_in(&nothing).iter().all(|(_, value)| value.is_none()));
    }

    #[test]
    fn this_machine_has_facts() {
        let facts = machine_facts();
        for name in ["arch", "kernel", "libc", "memory_bytes", "pu_source", "libhwloc_so", "libnuma_so"] {
            assert!(
                facts.get(name).is_some_and(|value| !value.is_empty() && !value.contains('\n')),
                "{name}: {facts:?}"
            );
        }
    }
}
