//! Topologies of machines that are not this one: files, descriptions, and what is refused in words.

use host::{Input, read_topology};
use plan::topology::{NodeKind, Topology};
use std::path::Path;

fn synthetic(text: &str) -> Topology {
    let input: Input = format!("synthetic:{text}").parse().expect("an input");
    read_topology(&input).expect("a topology").topology
}

/// Packages whose PUs are all offline or outside the cpuset have no place among ours; the index counts them.
const PACKAGES_WITHOUT_PUS: [(&str, usize); 3] = [
    ("sysfs-16amd64-4n4c-cgroup-distance-merge.xml", 2),
    ("sysfs-16amd64-8n2c-cpusets.xml", 1),
    ("sysfs-32amd64-4s2n4c-cgroup2.xml", 2),
];

pub(crate) fn stored_machines_load_or_are_refused_in_words(folder: &Path) {
    let mut rows = csv::Reader::from_path(folder.join("index.csv")).expect("an index");
    let title = rows.headers().expect("a title line").clone();
    let column = |name: &str| title.iter().position(|found| found == name).expect(name);
    let (file, loads) = (column("file"), column("loads"));
    let counts = ["packages", "nodes", "cores", "PUs", "nodes_without_cpus"].map(column);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in rows.records().map(|row| row.expect("a row")) {
        let name = row[file].to_owned();
        seen += 1;
        match (read_topology(&Input::Xml(folder.join(&name))), &row[loads]) {
            (Ok(read), "yes") => {
                let topology = &read.topology;
                check_shape(&name, topology);
                let number = |at: usize| row[counts[at]].parse::<usize>().expect("a number");
                let found = [topology.packages.len(), topology.nodes.len(), topology.pus.len()];
                let without_pus =
                    PACKAGES_WITHOUT_PUS.iter().find(|(file, _)| *file == name).map_or(0, |(_, count)| *count);
                let expect = [number(0) - without_pus, number(1), number(3)];
                // Where hwloc names no core, each PU is one.
                let cores = if number(2) == 0 { number(3) } else { number(2) };
                if found != expect || topology.cores.len() != cores {
                    wrong.push(format!("{name}: {found:?} {} cores, index {expect:?} {cores}", topology.cores.len()));
                }
                let without = topology.nodes.iter().filter(|node| node.pus.is_empty()).count();
                if without < number(4) {
                    wrong.push(format!("{name}: {without} nodes without PUs, index {}", number(4)));
                }
            }
            (Err(error), "no") => {
                assert!(!error.to_string().contains('\n') && error.to_string().contains(&name), "{error}")
            }
            (Ok(_), _) => wrong.push(format!("{name}: loads, index says it does not")),
            (Err(error), _) => wrong.push(error.to_string()),
        }
    }
    assert!(seen >= 60, "{seen} machines");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What holds on every machine.
fn check_shape(name: &str, topology: &Topology) {
    let mut in_cores = 0;
    for core in &topology.cores {
        assert!(!core.pus.is_empty(), "{name}: a core without PUs");
        in_cores += core.pus.len();
    }
    assert_eq!(in_cores, topology.pus.len(), "{name}: every PU in exactly one core");
    assert!(topology.nodes.is_sorted_by_key(|node| node.os_index), "{name}: nodes ascend");
    for pu in &topology.pus {
        assert!(topology.cores[pu.core as usize].pus.contains(pu.os_index), "{name}: PU {}", pu.os_index);
        if let Some(node) = pu.node {
            assert!(
                topology.node(node).is_some_and(|node| node.pus.contains(pu.os_index)),
                "{name}: PU {}",
                pu.os_index
            );
        }
    }
    let in_nodes: usize = topology.nodes.iter().map(|node| node.pus.len()).sum();
    assert!(in_nodes <= topology.pus.len(), "{name}: no PU in two nodes");
    assert!(topology.allowed_pus.is_subset(&topology.pu_set()), "{name}: allowed PUs are online");
    assert!(!topology.offline_pus.intersects(&topology.pu_set()), "{name}: offline PUs are not online");
    if let Some(distances) = &topology.distances {
        assert_eq!(distances.values.len(), distances.nodes.len(), "{name}");
        assert!(distances.values.iter().all(|row| row.len() == distances.nodes.len()), "{name}");
    }
}

pub(crate) fn special_nodes_are_told_apart(folder: &Path) {
    let check = |name: &str, node: u32, kind: NodeKind, has_pus: bool| {
        let topology = read_topology(&Input::Xml(folder.join(name))).expect(name).topology;
        let node = topology.node(node).expect("the node");
        assert_eq!((node.kind, !node.pus.is_empty()), (kind, has_pus), "{name} node {}", node.os_index);
    };
    check("mpibind-knl-quad-flat-hwloc1.xml", 0, NodeKind::Dram, true);
    check("mpibind-knl-quad-flat-hwloc1.xml", 1, NodeKind::Hbm, false);
    check("mpibind-knl-snc4-flat-hwloc1.xml", 4, NodeKind::Hbm, false);
    check("sysfs-nvidiagpunumanodes.xml", 8, NodeKind::Dram, true);
}

pub(crate) fn descriptions_become_machines() {
    let check = |text: &str, packages: usize, nodes: usize, cores: usize, pus: usize| {
        let topology = synthetic(text);
        let found = (topology.packages.len(), topology.nodes.len(), topology.cores.len(), topology.pus.len());
        assert_eq!(found, (packages, nodes, cores, pus), "{text}");
        check_shape(text, &topology);
        assert_eq!(topology.allowed_pus, topology.pu_set(), "{text}");
        assert_eq!(topology.default_nodes().len(), nodes, "{text}");
    };
    check("pack:2 numa:1 core:32 pu:1", 2, 2, 64, 64);
    check("\"pack:2 [numa] l3:1 core:4 pu:2\"", 2, 2, 8, 16);
    check("pack:1 numa:4 core:2 pu:2", 1, 4, 8, 16);
    check("numa:65 pu:1", 0, 65, 65, 65);
    check("pack:4 numa:2 core:128 pu:2", 4, 8, 1024, 2048);
    let smt = synthetic("pack:1 numa:1 core:2 pu:2");
    assert_eq!(smt.pus.iter().map(|pu| (pu.core, pu.smt_rank)).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0), (1, 1)]);
}

pub(crate) fn what_is_not_a_topology_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = read_topology(&"synthetic:pack:2 pu:2".parse().expect("an input")).expect("a topology").xml();
    assert!(whole.contains("</topology>"));
    let check = |content: &[u8], expect: &str| {
        let path = folder.path().join("box.xml");
        std::fs::write(&path, content).expect("a file");
        let text = read_topology(&Input::Xml(path.clone())).expect_err(expect).to_string();
        assert_eq!(text, format!("{path}: {expect}", path = path.display()));
    };
    check(b"", "not an hwloc topology; write one with lstopo --of xml FILE.xml");
    check(b"<html></html>", "not an hwloc topology; write one with lstopo --of xml FILE.xml");
    check(b"\xff\xfe", "not UTF-8 text; name an XML file that hwloc wrote");
    check(&whole.as_bytes()[..whole.len() / 2], "cut short: it has no </topology>; copy it again");
    check(
        b"<topology version=\"3.0\"></topology>",
        "written by hwloc 3, this program has hwloc 2; write it again with lstopo --of xml of hwloc 2",
    );
    check(
        whole.replacen("type=\"PU\" os_index=\"1\"", "type=\"PU\" os_index=\"4294967295\"", 1).as_bytes(),
        "a PU or node has an index above 32767; that is no machine",
    );
    check(b"<topology version=\"2.0\"></topology>", "hwloc refuses this topology; check it with lstopo -i FILE.xml");
    let refused = |input: Input| read_topology(&input).expect_err("refused").to_string();
    let missing = folder.path().join("none.xml");
    assert_eq!(refused(Input::Xml(missing.clone())), format!("{}: ENOENT: cannot be read", missing.display()));
    assert_eq!(
        refused(Input::Xml(folder.path().into())),
        format!("{}: a folder, not a file; name an XML file that hwloc wrote", folder.path().display())
    );
    assert_eq!(
        refused(Input::Synthetic("pack:2 pu:99999999999".into())),
        "synthetic:\"pack:2 pu:99999999999\" describes 199999999998 PUs; at most 32768 can be handled"
    );
    for large in
        ["pack:2 pu:99999(indexes=0,1)", "99999999", "numa:0x7fffffff pu:1", "pack:2 l3:32768(size=1 memory=2) pu:1"]
    {
        let text = refused(Input::Synthetic(large.into()));
        assert!(text.ends_with("PUs; at most 32768 can be handled"), "{text}");
    }
    for wrong in ["", "pack:0", "pack:2 pu", "pack:2 nonsense:3"] {
        let text = refused(Input::Synthetic(wrong.into()));
        assert!(text.contains(wrong) && text.ends_with("synthetic:\"pack:2 numa:1 core:4 pu:2\""), "{text}");
    }
}
