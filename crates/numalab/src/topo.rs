//! `numalab topo`: a machine as a table, as JSON, as hwloc's XML.

use crate::args::{Topo, TopoFormat};
use crate::exit::{Exit, USAGE, print, say};
use plan::quantity::show_bytes;
use plan::topology::{Node, Topology, TopologySource};
use std::fmt::Write;

pub(crate) fn topo(args: &Topo) -> Result<(), Exit> {
    let machine = crate::machine::read(&args.input)?;
    for disagreement in machine.disagreements() {
        say(&format!("numalab: {disagreement}"));
    }
    match args.format {
        TopoFormat::Table => print(&table(machine.topology())),
        TopoFormat::Json => {
            let json = serde_json::to_string_pretty(machine.topology()).expect("a topology has text keys only");
            print(&format!("{json}\n"))
        }
        TopoFormat::Xml => match machine.xml() {
            xml if xml.is_empty() => {
                Err(Exit::new(USAGE, "this machine comes without hwloc's XML; gather writes it too"))
            }
            xml => print(&xml),
        },
    }
}

/// One line that says what a machine is: `2 packages, 2 nodes, 64 cores, 64 PUs`.
pub(crate) fn shape(topology: &Topology) -> String {
    let count = |n: usize, noun: &str| format!("{n} {noun}{s}", s = if n == 1 { "" } else { "s" });
    [
        count(topology.packages.len(), "package"),
        count(topology.nodes.len(), "node"),
        count(topology.cores.len(), "core"),
        count(topology.pus.len(), "PU"),
    ]
    .join(", ")
}

/// The table for people; at most 100 columns.
pub(crate) fn table(topology: &Topology) -> String {
    let mut out = String::new();
    let source = match &topology.source {
        TopologySource::Host => "this host".to_string(),
        TopologySource::Xml(path) => path.clone(),
        TopologySource::Synthetic(text) => format!("synthetic \"{text}\""),
    };
    let model = topology.cpu_model.as_deref().unwrap_or("processor not named");
    let mut line = |name: &str, value: String| writeln!(out, "{name:<10}{value}").expect("a string takes every line");
    line("machine", format!("{model} ({source})"));
    line("shape", shape(topology));
    if !topology.dies.is_empty() && topology.dies.len() != topology.packages.len() {
        line("dies", topology.dies.len().to_string());
    }
    if let Some(llc) = topology.llcs.first() {
        let size = llc.bytes.map_or("size unknown".to_string(), show_bytes);
        line("LLC", format!("{count} x L{level}, {size}", count = topology.llcs.len(), level = llc.level));
    }
    line("allowed", format!("PUs {pus}, nodes {nodes}", pus = topology.allowed_pus, nodes = topology.allowed_nodes));
    if !topology.offline_pus.is_empty() {
        line("offline", format!("PUs {pus}", pus = topology.offline_pus));
    }
    out.push('\n');
    nodes(topology, &mut out);
    distances(topology, &mut out);
    out
}

fn nodes(topology: &Topology, out: &mut String) {
    let title = ["node", "kind", "memory", "free", "package", "PUs"].map(String::from);
    let bytes = |value: Option<u64>| value.map_or("-".to_string(), show_bytes);
    let row = |node: &Node| {
        let package = node.package.and_then(|at| topology.packages.get(at as usize));
        let pus = if node.pus.is_empty() { "none".to_string() } else { node.pus.to_string() };
        [
            node.os_index.to_string(),
            serde_json::to_value(node.kind).ok().and_then(|kind| kind.as_str().map(String::from)).unwrap_or_default(),
            if node.has_memory() { bytes(node.memory_bytes) } else { "none".to_string() },
            bytes(node.free_bytes),
            package.map_or("-".to_string(), |package| package.os_index.to_string()),
            shorten(&pus, 50),
        ]
    };
    let rows: Vec<[String; 6]> = std::iter::once(title).chain(topology.nodes.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    for row in &rows {
        let [node, kind, memory, free, package, pus] = row;
        writeln!(
            out,
            "{node:>w0$}  {kind:<w1$}  {memory:>w2$}  {free:>w3$}  {package:>w4$}  {pus}",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
            w4 = widths[4],
        )
        .expect("a string takes every line");
    }
}

/// Nodes printed in the distance table; a larger machine's is in `--format json`.
const DISTANCE_NODES_MOST: usize = 16;

fn distances(topology: &Topology, out: &mut String) {
    let Some(distances) = &topology.distances else {
        out.push_str("\ndistances  the firmware gives none\n");
        return;
    };
    let n = distances.nodes.len();
    if n > DISTANCE_NODES_MOST {
        writeln!(out, "\ndistances  {n} x {n}, see --format json").expect("a string takes every line");
        return;
    }
    out.push_str("\ndistances (from the firmware, 10 is local)\n     ");
    let cells = |values: &[u32]| values.iter().map(|value| format!("{value:>5}")).collect::<String>();
    writeln!(out, "{titles}", titles = cells(&distances.nodes)).expect("a string takes every line");
    for (node, values) in distances.nodes.iter().zip(&distances.values) {
        writeln!(out, "{node:>5}{cells}", cells = cells(values)).expect("a string takes every line");
    }
}

fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{start}…", start = &text[..end]),
        None => text.to_string(),
    }
}
