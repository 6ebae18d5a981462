//! What this machine is, how far its times can be believed, and what it granted.

use super::markup::{Cell, Page};
use crate::results::Results;
use crate::show::count;
use plan::quantity::show_bytes;
use plan::topology::{Node, Topology};

/// The section on the machine.
pub(super) fn machine(page: &mut Page, results: &Results) {
    page.heading("This machine");
    page.element("p", "", &shape(&results.topology));
    nodes(page, &results.topology);
    distances(page, &results.topology);
    page.element("h3", "", "How far times can be believed");
    let manifest = &results.manifest;
    let words = crate::tables::timing_words(manifest.timing);
    page.element("p", "", &format!("{timing}: {words}. Evidence:", timing = manifest.timing));
    page.list(&manifest.timing_evidence);
    page.element("h3", "", "Conditions");
    page.list(&conditions(results));
    let facts: Vec<(String, String)> =
        manifest.machine.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    page.pairs(&facts);
}

/// Packages, nodes, cores and PUs, one sentence.
pub(super) fn shape(topology: &Topology) -> String {
    let of = |number: usize, thing: &str| count(number as u64, thing);
    let model = topology.cpu_model.as_deref().unwrap_or("processor model unknown");
    format!(
        "{model}: {packages}, {nodes}, {cores}, {pus}; allowed here: PUs {allowed}, nodes {allowed_nodes}.",
        packages = of(topology.packages.len(), "package"),
        nodes = of(topology.nodes.len(), "node"),
        cores = of(topology.cores.len(), "core"),
        pus = of(topology.pus.len(), "PU"),
        allowed = topology.allowed_pus,
        allowed_nodes = topology.allowed_nodes
    )
}

fn nodes(page: &mut Page, topology: &Topology) {
    page.table(&[">node", "PUs", ">memory", ">free at the start", "kind"]);
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), show_bytes);
    for node in &topology.nodes {
        let Node { os_index, kind, pus, memory_bytes, free_bytes, .. } = node;
        let pus = if pus.is_empty() { "none".into() } else { format!("{pus} ({number})", number = pus.len()) };
        page.row(&[
            Cell::Number(os_index.to_string()),
            Cell::Whole(pus),
            Cell::Number(bytes(*memory_bytes)),
            Cell::Number(bytes(*free_bytes)),
            Cell::Whole(format!("{kind:?}").to_lowercase()),
        ]);
    }
    page.end_table();
}

// Beyond this a matrix is no longer read, and topology.json has it.
const MOST_DISTANCES: usize = 16;

fn distances(page: &mut Page, topology: &Topology) {
    let Some(distances) = topology.distances.as_ref().filter(|distances| distances.nodes.len() > 1) else { return };
    if distances.nodes.len() > MOST_DISTANCES {
        let number = distances.nodes.len();
        return page.element("p", "note", &format!("The distances between its {number} nodes are in topology.json."));
    }
    page.element(
        "p",
        "note",
        "Distances as the firmware gives them (SLIT), from row to column; they are not latencies.",
    );
    let names: Vec<String> = distances.nodes.iter().map(|node| format!(">{node}")).collect();
    let titles: Vec<&str> = [">from"].into_iter().chain(names.iter().map(String::as_str)).collect();
    page.table(&titles);
    for (node, row) in distances.nodes.iter().zip(&distances.values) {
        let cells: Vec<Cell> = [node].into_iter().chain(row).map(|value| Cell::Number(value.to_string())).collect();
        page.row(&cells);
    }
    page.end_table();
}

fn conditions(results: &Results) -> Vec<String> {
    let conditions = &results.manifest.conditions;
    let on = |on: bool| if on { "on" } else { "off" };
    let mut lines = vec![
        format!("NUMA balancing: {}", on(conditions.numa_balancing)),
        format!("transparent huge pages: {}", if conditions.thp { "to be had where asked for" } else { "off" }),
        match &conditions.policies_refused {
            Some(why) => format!("memory policies are refused: {why}"),
            None => format!("memory policies accepted: {}", conditions.policies.join(", ")),
        },
    ];
    let inherited = conditions.inherited_cpus.as_ref().map(|cpus| format!("inherited affinity: PUs {cpus}"));
    let policy = conditions.inherited_policy.as_ref().map(|policy| format!("inherited memory policy: {policy}"));
    lines.extend(inherited.into_iter().chain(policy));
    let offline = &results.topology.offline_pus;
    if !offline.is_empty() {
        lines.push(format!("offline PUs: {offline}"));
    }
    lines
}
