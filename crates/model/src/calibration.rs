//! Latencies and bandwidths measured on a machine, from a CSV file: what the model takes instead of its constants.
//!
//! The form is that of Intel MLC's matrices, one number a row; README.md of this crate has it in full:
//! ```text
//! host,kind,from_node,to_node,value,bandwidth_MBps
//! breniac,idle_latency_ns,0,1,131.4,
//! breniac,read_bandwidth_MBps,0,1,34369.0,
//! breniac,loaded_latency_ns,,,146.98,221641.0
//! ```
//! It is read whole or refused with the line; nothing that is missing is made up.

use crate::ModelError;
use crate::loaded::Load;
use plan::experiment::{FileError, read_text};
use plan::topology::Topology;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Shape `[nodes][nodes]`, from row to column; `None` where the file has no such pair.
pub type Matrix = Vec<Vec<Option<f64>>>;

/// What was measured between the nodes of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// File and host.
    pub source: String,
    /// OS indexes of rows and columns, ascending.
    pub nodes: Vec<u32>,
    /// Latency without load, from the node of the PU to that of the memory.
    pub latency_ns: Matrix,
    /// Bandwidth of all PUs of a node reading one node's memory; `None` where the file has none at all.
    pub bandwidth_gb_per_s: Option<Matrix>,
    /// Latency under load, all nodes reading their own memory; empty where the file has none.
    pub loaded: Vec<Load>,
}

/// Columns that a file must have, in any order; [`LOADED_COLUMN`] only where it has loaded latencies.
pub const COLUMNS: [&str; 5] = ["host", "kind", "from_node", "to_node", "value"];
/// Traffic at a loaded latency.
pub const LOADED_COLUMN: &str = "bandwidth_MBps";

/// What `value` may be.
const KINDS: [&str; 3] = [LATENCY, BANDWIDTH, LOADED];
const LATENCY: &str = "idle_latency_ns";
const BANDWIDTH: &str = "read_bandwidth_MBps";
const LOADED: &str = "loaded_latency_ns";

/// Latencies outside are in another unit than ns: an L1 hit takes one, a disk more than the other.
const LATENCY_NS: (f64, f64) = (1.0, 100_000.0);
/// Bandwidths outside are in another unit than MB/s: 100 MB/s is an old disk, 100 TB/s no machine.
const BANDWIDTH_MB: (f64, f64) = (100.0, 1e8);

/// Linux has at most 1,024 nodes (CONFIG_NODES_SHIFT 10).
const NODE_MOST: u32 = 1023;

/// Reads a file; of several hosts in it the one that is named.
///
/// # Errors
/// One line: where, what was found, what is known.
pub fn read(path: &Path, host: Option<&str>) -> Result<Calibration, FileError> {
    let text = read_text(path, "calibration", "experiments/machines/breniac.csv")?;
    parse(&path.display().to_string(), &text, host)
}

/// Reads the text of a file, which messages call `path`.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &str, text: &str, host: Option<&str>) -> Result<Calibration, FileError> {
    let whole = |message: String| FileError { path: path.into(), line: None, message };
    let mut table = Table::new(path, text)?;
    let mut hosts: BTreeMap<String, Measured> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let name = table.cell(&row, "host");
        if name.is_empty() {
            return Err(table.wrong("host is empty; name the machine that was measured"));
        }
        let measured = hosts.entry(name.into()).or_default();
        table.add(&row, measured)?;
    }
    let names = || hosts.keys().cloned().collect::<Vec<_>>().join(", ");
    let chosen = match (host, hosts.len()) {
        (_, 0) => return Err(whole("no row below the title line; README.md of crates/model has the format".into())),
        (Some(host), _) => match hosts.get_key_value(host) {
            Some(found) => found,
            None => return Err(whole(format!("no host \"{host}\"; it has {names}", names = names()))),
        },
        (None, 1) => hosts.iter().next().expect("one"),
        (None, n) => {
            return Err(whole(format!("holds {n} hosts ({names}); name one with --calibrate-host", names = names())));
        }
    };
    chosen.1.whole(format!("{path}, host {name}", name = chosen.0)).map_err(|why| whole(format!("{}: {why}", chosen.0)))
}

/// The rows of one host.
#[derive(Default)]
struct Measured {
    latency: BTreeMap<(u32, u32), f64>,
    bandwidth: BTreeMap<(u32, u32), f64>,
    loaded: Vec<Load>,
}

impl Measured {
    fn whole(&self, source: String) -> Result<Calibration, String> {
        if self.latency.is_empty() {
            return Err(format!("no {LATENCY}; each pair of nodes needs one"));
        }
        let nodes: BTreeSet<u32> = self.latency.keys().flat_map(|(from, to)| [*from, *to]).collect();
        let nodes: Vec<u32> = nodes.into_iter().collect();
        let from: BTreeSet<u32> = self.latency.keys().map(|(from, _)| *from).collect();
        let to: BTreeSet<u32> = self.latency.keys().map(|(_, to)| *to).collect();
        let pairs = || from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        let same = |what: &str, known: &BTreeMap<(u32, u32), f64>| {
            if let Some((from, to)) = pairs().find(|pair| !known.contains_key(pair)) {
                return Err(format!("no {what} from node {from} to node {to}; each pair needs one"));
            }
            match known.keys().find(|(f, t)| !(from.contains(f) && to.contains(t))) {
                Some((from, to)) => Err(format!("{what} from node {from} to node {to}, which has no {LATENCY}")),
                None => Ok(()),
            }
        };
        same(LATENCY, &self.latency)?;
        if !self.bandwidth.is_empty() {
            same(BANDWIDTH, &self.bandwidth)?;
        }
        let matrix = |known: &BTreeMap<(u32, u32), f64>| -> Matrix {
            nodes.iter().map(|from| nodes.iter().map(|to| known.get(&(*from, *to)).copied()).collect()).collect()
        };
        let bandwidth_gb_per_s = (!self.bandwidth.is_empty()).then(|| matrix(&self.bandwidth));
        let latency_ns = matrix(&self.latency);
        Ok(Calibration { source, latency_ns, bandwidth_gb_per_s, loaded: self.loaded.clone(), nodes })
    }
}

/// The lines of a file that hold rows.
struct Table<'a> {
    path: &'a str,
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    titles: Vec<String>,
    line: usize,
}

impl<'a> Table<'a> {
    fn new(path: &'a str, text: &'a str) -> Result<Table<'a>, FileError> {
        // Spreadsheets write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut table = Table { path, lines: text.lines().enumerate(), titles: Vec::new(), line: 0 };
        let Some(titles) = table.next_cells()? else {
            let message = "empty; a title line and rows are needed".into();
            return Err(FileError { path: path.into(), line: None, message });
        };
        for column in COLUMNS {
            match titles.iter().filter(|title| *title == column).count() {
                1 => {}
                0 => {
                    let (found, needed) = (titles.join(", "), COLUMNS.join(", "));
                    return Err(table.wrong(format!("no column {column}; found: {found}; needed: {needed}")));
                }
                n => return Err(table.wrong(format!("column {column} appears {n} times"))),
            }
        }
        table.titles = titles;
        Ok(table)
    }

    /// Cells of the next line that is neither empty nor a comment.
    fn next_cells(&mut self) -> Result<Option<Vec<String>>, FileError> {
        let blank = |line: &str| line.trim().is_empty() || line.starts_with('#');
        let Some((at, line)) = self.lines.find(|(_, line)| !blank(line)) else { return Ok(None) };
        self.line = at + 1;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(line.as_bytes());
        let record = reader.records().next().transpose().map_err(|error| self.wrong(error))?;
        Ok(Some(record.unwrap_or_default().iter().map(String::from).collect()))
    }

    fn next_row(&mut self) -> Result<Option<Vec<String>>, FileError> {
        let Some(cells) = self.next_cells()? else { return Ok(None) };
        if cells.len() != self.titles.len() {
            let (found, expected) = (cells.len(), self.titles.len());
            return Err(self.wrong(format!("{found} cells, the title line has {expected}")));
        }
        Ok(Some(cells))
    }

    /// A cell; empty where the file has no such column.
    fn cell<'c>(&self, row: &'c [String], column: &str) -> &'c str {
        self.titles.iter().position(|title| title == column).map_or("", |at| row[at].as_str())
    }

    fn wrong(&self, message: impl ToString) -> FileError {
        FileError { path: self.path.into(), line: Some(self.line), message: message.to_string() }
    }

    fn number(&self, row: &[String], column: &str, (low, high): (f64, f64), unit: &str) -> Result<f64, FileError> {
        let text = self.cell(row, column);
        let number = text.parse().ok().filter(|number: &f64| (low..=high).contains(number));
        number.ok_or_else(|| {
            self.wrong(format!(
                "{column}: \"{text}\" is no number of {unit} from {low} to {high}",
                text = text.escape_debug()
            ))
        })
    }

    fn node(&self, row: &[String], column: &str) -> Result<u32, FileError> {
        let text = self.cell(row, column);
        let node = text.parse().ok().filter(|node| *node <= NODE_MOST);
        let refused =
            || self.wrong(format!("{column}: \"{text}\" is no node from 0 to {NODE_MOST}", text = text.escape_debug()));
        node.ok_or_else(refused)
    }

    fn add(&self, row: &[String], measured: &mut Measured) -> Result<(), FileError> {
        let kind = self.cell(row, "kind");
        let (matrix, value) = match kind {
            LATENCY => (&mut measured.latency, self.number(row, "value", LATENCY_NS, "ns")?),
            BANDWIDTH => (&mut measured.bandwidth, self.number(row, "value", BANDWIDTH_MB, "MB/s")? / 1e3),
            LOADED => {
                if !self.cell(row, "from_node").is_empty() || !self.cell(row, "to_node").is_empty() {
                    return Err(self.wrong(format!(
                        "{LOADED} is of all nodes reading their own memory; leave from_node and to_node empty"
                    )));
                }
                let latency_ns = self.number(row, "value", LATENCY_NS, "ns")?;
                let bandwidth_gb_per_s = self.number(row, LOADED_COLUMN, BANDWIDTH_MB, "MB/s")? / 1e3;
                measured.loaded.push(Load { bandwidth_gb_per_s, latency_ns });
                return Ok(());
            }
            _ => {
                let (kind, known) = (kind.escape_debug(), KINDS.join(", "));
                return Err(self.wrong(format!("kind \"{kind}\" is unknown; known: {known}")));
            }
        };
        let pair @ (from, to) = (self.node(row, "from_node")?, self.node(row, "to_node")?);
        match matrix.insert(pair, value) {
            None => Ok(()),
            Some(_) => Err(self.wrong(format!("{kind} from node {from} to node {to} a second time"))),
        }
    }
}

impl Calibration {
    fn at(&self, node: u32) -> Option<usize> {
        self.nodes.iter().position(|&known| known == node)
    }

    /// Latency without load from the node of the PU to that of the memory.
    pub fn latency_ns(&self, from: u32, to: u32) -> Option<f64> {
        self.latency_ns[self.at(from)?][self.at(to)?]
    }

    /// Bandwidth of one node's PUs reading one node's memory.
    pub fn gb_per_s(&self, from: u32, to: u32) -> Option<f64> {
        self.bandwidth_gb_per_s.as_ref()?[self.at(from)?][self.at(to)?]
    }

    /// Bandwidth of a node's memory: the highest that one node's PUs have of it, their own almost always.
    pub fn controller_gb_per_s(&self, node: u32) -> Option<f64> {
        self.nodes.iter().filter_map(|&from| self.gb_per_s(from, node)).reduce(f64::max)
    }

    /// Refuses a machine that it was not measured on: every node that has PUs to every node that has memory, and no other.
    ///
    /// # Errors
    /// `OtherMachine` names the first that differs.
    pub fn check(&self, topology: &Topology) -> Result<(), ModelError> {
        let other = |differs: String| Err(ModelError::OtherMachine { source_name: self.source.clone(), differs });
        let has = topology.node_set();
        if let Some(node) = self.nodes.iter().find(|node| !has.contains(**node)) {
            return other(format!("it has node {node}, this machine has nodes {has}"));
        }
        for from in topology.nodes.iter().filter(|node| !node.pus.is_empty()) {
            for to in topology.nodes.iter().filter(|node| node.has_memory()) {
                let (from, to) = (from.os_index, to.os_index);
                if self.latency_ns(from, to).is_none() {
                    return other(format!(
                        "it has no latency from node {from} to node {to}, this machine has nodes {has}"
                    ));
                }
            }
        }
        Ok(())
    }
}
