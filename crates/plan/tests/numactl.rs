//! numactl's grammar against machines with holes in their numbering, missing memory and narrow cpusets.

mod machines;

use machines::{machine, sparse, with_cxl, within, without_memory};
use plan::numactl::{memory_nodes, pu_nodes, pus};
use plan::set::{CpuSet, NodeSet};
use plan::topology::{NodeKind, Topology};
use proptest::prelude::*;

fn words<T: ToString, E: ToString>(found: Result<T, E>) -> Result<String, String> {
    found.map(|set| set.to_string()).map_err(|error| error.to_string())
}

fn check_memory(topology: &Topology, text: &str, expect: Result<&str, &str>) {
    let found = words(memory_nodes(text, topology, None));
    assert_eq!(found.as_deref().map_err(String::as_str), expect, "memory of nodes {text:?}");
}

#[test]
fn lists_are_read_as_numactl_does() {
    let check = |text: &str, expect: Result<&str, &str>| check_memory(&machine(16, 1, 1), text, expect);
    check("0,2-3", Ok("0,2-3"));
    check("all", Ok("0-15"));
    check("1,all", Ok("0-15"));
    check("010", Ok("8"));
    check("0x8", Ok("8"));
    check("!0-13", Ok("14-15"));
    check("!+0", Ok("1-15"));
    check("+15", Ok("15"));
    check("0", Ok("0"));
    check("", Err("the list is empty; write numbers such as 0,2-3, or all"));
    check("!", Err("the list is empty; write numbers such as 0,2-3, or all"));
    check("all,1", Err("\"all\" must come last in list \"all,1\""));
    check("08", Err("\"08\" in list \"08\" is neither a number, a range such as 0-3, nor all"));
    check("1,+2", Err("\"+2\" in list \"1,+2\" is neither a number, a range such as 0-3, nor all"));
    check("+!1", Err("\"!1\" in list \"+!1\" is neither a number, a range such as 0-3, nor all"));
    check("1,,2", Err("\"\" in list \"1,,2\" is neither a number, a range such as 0-3, nor all"));
    check("0-", Err("\"0-\" in list \"0-\" is neither a number, a range such as 0-3, nor all"));
    check("3-1", Err("range \"3-1\" in list \"3-1\" runs backwards"));
    check(
        "99999999999999999999",
        Err("18446744073709551615 in list \"99999999999999999999\" is above the highest index 32767"),
    );
    check("5-40000", Err("40000 in list \"5-40000\" is above the highest index 32767"));
    check("16", Err("node 16 does not exist; this machine has nodes 0-15"));
    check("+16", Err("+16 in list \"+16\" counts from +0; 16 are allowed here: 0-15"));
    check("!all", Err("list \"!all\" leaves nothing; to choose from: 0-15"));
    check("same", Err("\"same\" stands for the list before, and there is none"));
    check(
        "netdev:eth0",
        Err("\"netdev:eth0\" names a device, not a node; numalab takes numbers only: see \
             /sys/class/net/DEV/device/numa_node and its like"),
    );
}

#[test]
fn same_is_the_list_before() {
    let before = NodeSet::of(1);
    assert_eq!(words(memory_nodes("same", &machine(2, 1, 1), Some(&before))), Ok("1".into()));
}

#[test]
fn only_what_exists_is_inverted_and_counted() {
    // Nodes 1, 9, 17: libnuma would invert to 0-8 and more, none of which exist.
    let topology = sparse(machine(3, 2, 1), 1, 8);
    let check = |text: &str, expect: Result<&str, &str>| check_memory(&topology, text, expect);
    check("!1", Ok("9,17"));
    check("+1", Ok("9"));
    check("!+1", Ok("1,17"));
    check("all", Ok("1,9,17"));
    check("0", Err("node 0 does not exist; this machine has nodes 1,9,17"));
    check("1-9", Err("node 2 does not exist; this machine has nodes 1,9,17"));
}

#[test]
fn memory_that_is_missing_or_forbidden_is_named() {
    let memoryless = without_memory(machine(2, 2, 1), 1);
    check_memory(&memoryless, "1", Err("node 1 has no memory; nodes with memory: 0"));
    check_memory(&memoryless, "all", Ok("0"));
    check_memory(&memoryless, "!1", Ok("0"));
    check_memory(&memoryless, "!0", Err("list \"!0\" leaves nothing; to choose from: 0"));
    let narrow = within(machine(2, 2, 1), "2-3", "1");
    let outside = "node 0 is outside this process's cpuset; allowed nodes: 1; check the container's cpuset";
    check_memory(&narrow, "0", Err(outside));
    check_memory(&narrow, "+0", Ok("1"));
    let cxl = with_cxl(machine(2, 2, 1));
    check_memory(&cxl, "all", Ok("0-1"));
    check_memory(&cxl, "!0", Ok("1"));
    check_memory(&cxl, "2", Ok("2"));
    // Firmware that does not tell CXL from DRAM: far memory without PUs all the same.
    let mut untold = cxl;
    untold.nodes[2].kind = NodeKind::Dram;
    check_memory(&untold, "all", Ok("0-1"));
    check_memory(&untold, "!0", Ok("1"));
    check_memory(&untold, "2", Ok("2"));
}

#[test]
fn nodes_are_taken_for_their_pus() {
    let check = |topology: &Topology, text: &str, expect: Result<&str, &str>| {
        let found = words(pu_nodes(text, topology, None));
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "PUs of nodes {text:?}");
    };
    check(&without_memory(machine(2, 2, 1), 1), "all", Ok("0-1"));
    check(&with_cxl(machine(2, 2, 1)), "2", Err("node 2 has no PUs; nodes with PUs: 0-1"));
    let narrow = within(machine(2, 2, 1), "2-3", "0-1");
    check(&narrow, "0", Err("node 0 is outside this process's cpuset; allowed nodes: 1; check the container's cpuset"));
    check(&narrow, "!1", Err("list \"!1\" leaves nothing; to choose from: 1"));
}

#[test]
fn pus_are_online_and_allowed() {
    let mut topology = within(machine(2, 4, 1), "2-5", "0-1");
    topology.offline_pus = CpuSet::of(8);
    let check = |text: &str, expect: Result<&str, &str>| {
        let found = words(pus(text, &topology, None));
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "PUs {text:?}");
    };
    check("all", Ok("2-5"));
    check("+0-1", Ok("2-3"));
    check("!2", Ok("3-5"));
    check("!0", Ok("2-5"));
    check(
        "0",
        Err("PU 0 is outside this process's cpuset 2-5; check the container's cpuset.cpus, taskset and isolcpus"),
    );
    check("8", Err("PU 8 is offline; this machine has PUs 0-7"));
    check("9", Err("PU 9 does not exist; this machine has PUs 0-7"));
}

proptest! {
    #[test]
    fn a_printed_set_is_read_as_itself(members in prop::collection::btree_set(0u32..64, 1..20)) {
        let topology = machine(64, 1, 1);
        let nodes: NodeSet = members.iter().copied().collect();
        prop_assert_eq!(memory_nodes(&nodes.to_string(), &topology, None), Ok(nodes.clone()));
        let cpus: CpuSet = members.iter().copied().collect();
        prop_assert_eq!(pus(&cpus.to_string(), &topology, None), Ok(cpus));
    }

    #[test]
    fn inverting_twice_is_the_list(members in prop::collection::btree_set(0u32..64, 1..40)) {
        let topology = machine(64, 1, 1);
        let nodes: NodeSet = members.into_iter().collect();
        let others = memory_nodes(&format!("!{nodes}"), &topology, None).expect("some are left");
        prop_assert!(!others.intersects(&nodes));
        prop_assert_eq!(memory_nodes(&format!("!{others}"), &topology, None), Ok(nodes));
    }

    #[test]
    fn no_text_is_too_odd(text in "[!+,0-9a-z:x-]{0,12}") {
        let _ = memory_nodes(&text, &machine(2, 2, 1), None);
        let _ = pus(&text, &machine(2, 2, 1), None);
    }
}
