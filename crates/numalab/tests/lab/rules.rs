//! What must be seen where, from a machine's shape and a few plain rules. Nothing here was taken from numalab's answers.

use plan::set::CpuSet;
use std::collections::BTreeMap;

/// A machine as the lab's own table has it.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    nodes: Vec<ListedNode>,
    distances: Option<Vec<Vec<u32>>>,
    /// Threads of each core.
    threads: u32,
    /// What Linux shows where that is not simply what was built.
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
struct ListedNode {
    pus: u32,
    mib: u64,
}

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
struct Seen {
    pus: String,
    memory: bool,
}

/// A machine as Linux must show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Built {
    pub(crate) name: String,
    /// By number: one may be missing.
    pub(crate) nodes: BTreeMap<usize, Node>,
    pub(crate) packages: usize,
    threads: u32,
    distances: Option<Vec<Vec<u32>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) pus: CpuSet,
    pub(crate) memory: bool,
}

/// Where an arm's workers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    /// Nodes filled one by one.
    Close,
    /// Nodes in turn.
    Spread,
    /// All on this one.
    Node(usize),
}

/// Where a heap's pages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pages {
    /// All on this node.
    On(usize),
    /// On these, so many on each of them in every round.
    Over(Vec<(usize, u64)>),
    /// In turn on the nodes that the point's workers run on.
    OverWorkers,
    /// Each where it was written first.
    AtToucher,
}

/// One arm, as it is written and as it must turn out.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Its lines in the experiment file.
    pub(crate) toml: String,
    pub(crate) workers: Workers,
    pub(crate) private: Pages,
    pub(crate) shared: Pages,
    /// Whether the first worker alone writes the shared heap first.
    pub(crate) first_worker_touches: bool,
}

/// A local hit ratio that must be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    pub(crate) ratio: f64,
    /// Every touch is decided; else the lines that are touched are drawn at random, and so is the count.
    pub(crate) exact: bool,
}

impl Listed {
    /// PUs are numbered through, node after node; the PUs of a built node are one package.
    pub(crate) fn built(self) -> Built {
        let packages = self.nodes.iter().filter(|node| node.pus > 0).count();
        let nodes = match self.seen.is_empty() {
            true => numbered_through(&self.nodes),
            false => self.seen.iter().map(|(node, seen)| (node.parse().expect("a number"), seen.node())).collect(),
        };
        Built { name: self.name, nodes, packages, threads: self.threads, distances: self.distances }
    }
}

impl Seen {
    fn node(&self) -> Node {
        Node { pus: self.pus.parse().expect("a list of PUs"), memory: self.memory }
    }
}

fn numbered_through(listed: &[ListedNode]) -> BTreeMap<usize, Node> {
    let mut first = 0;
    let node = |(index, node): (usize, &ListedNode)| {
        let pus = (first..first + node.pus).collect();
        first += node.pus;
        (index, Node { pus, memory: node.mib > 0 })
    };
    listed.iter().enumerate().map(node).collect()
}

impl Built {
    /// Distance between two nodes: 10 and 20 where the machine has no table.
    pub(crate) fn distance(&self, from: usize, to: usize) -> u32 {
        match &self.distances {
            Some(table) => table[from][to],
            None => {
                if from == to {
                    10
                } else {
                    20
                }
            }
        }
    }

    /// Nodes with PUs and memory.
    pub(crate) fn ordinary(&self) -> Vec<usize> {
        self.those(|node| !node.pus.is_empty() && node.memory)
    }

    /// Nodes for which it holds.
    pub(crate) fn those(&self, holds: impl Fn(&Node) -> bool) -> Vec<usize> {
        self.nodes.iter().filter(|(_, node)| holds(node)).map(|(&index, _)| index).collect()
    }

    /// PUs that an arm may use: those of its node, or one of each core of all nodes that have both PUs and memory.
    pub(crate) fn capacity(&self, workers: Workers) -> u32 {
        match workers {
            Workers::Node(node) => self.pus(node),
            _ => self.ordinary().iter().map(|&node| self.cores(node)).sum(),
        }
    }

    fn pus(&self, node: usize) -> u32 {
        self.nodes[&node].pus.len() as u32
    }

    pub(crate) fn cores(&self, node: usize) -> u32 {
        self.pus(node) / self.threads
    }

    /// The node of each worker.
    pub(crate) fn worker_nodes(&self, workers: Workers, procs: u32) -> Vec<usize> {
        let ordinary = self.ordinary();
        let seats = |node: &usize| (0..self.cores(*node)).map(|seat| (seat, *node)).collect::<Vec<_>>();
        let mut all: Vec<(u32, usize)> = match workers {
            Workers::Node(node) => return vec![node; procs as usize],
            _ => ordinary.iter().flat_map(seats).collect(),
        };
        if workers == Workers::Spread {
            // The first seat of every node, then the second of every node, and so on.
            all.sort_unstable();
        }
        all.into_iter().map(|(_, node)| node).take(procs as usize).collect()
    }

    /// The one node of these that is nearest to `from`; `None` where two are as near.
    pub(crate) fn nearest(&self, from: usize, nodes: &[usize]) -> Option<usize> {
        let least = nodes.iter().map(|&node| self.distance(from, node)).min()?;
        let mut nearest = nodes.iter().filter(|&&node| self.distance(from, node) == least);
        nearest.next().filter(|_| nearest.next().is_none()).copied()
    }

    /// Where a page lands that is written first on `node`: there, or on the nearest node that has memory.
    fn lands(&self, node: usize) -> usize {
        self.nearest(node, &self.those(|node| node.memory)).expect("one node with memory is nearest")
    }

    /// Share of a heap's pages on `node`.
    fn share(&self, pages: &Pages, node: usize, touchers: &[usize], workers: &[usize]) -> f64 {
        match pages {
            Pages::On(there) => f64::from(u8::from(*there == node)),
            Pages::Over(weights) => {
                let here: u64 = weights.iter().filter(|(there, _)| *there == node).map(|(_, weight)| weight).sum();
                here as f64 / weights.iter().map(|(_, weight)| weight).sum::<u64>() as f64
            }
            Pages::OverWorkers => {
                let mut nodes = workers.to_vec();
                nodes.sort_unstable();
                nodes.dedup();
                if nodes.contains(&node) { 1.0 / nodes.len() as f64 } else { 0.0 }
            }
            Pages::AtToucher => {
                let here = touchers.iter().filter(|&&toucher| self.lands(toucher) == node).count();
                here as f64 / touchers.len() as f64
            }
        }
    }

    /// The share of each worker's private pages that lies on its own node.
    pub(crate) fn private_shares(&self, case: &Case, procs: u32) -> Vec<f64> {
        let workers = self.worker_nodes(case.workers, procs);
        workers.iter().map(|&node| self.share(&case.private, node, &[node], &workers)).collect()
    }

    /// The local hit ratio of an arm: all workers touch the same number of lines, `shared_ratio` of them in the shared heap.
    pub(crate) fn expected(&self, case: &Case, procs: u32, shared_ratio: f64) -> Expected {
        let workers = self.worker_nodes(case.workers, procs);
        let touchers = if case.first_worker_touches { &workers[..1] } else { &workers[..] };
        let (mut sum, mut exact) = (0.0, true);
        for (&node, private) in workers.iter().zip(self.private_shares(case, procs)) {
            let shared = self.share(&case.shared, node, touchers, &workers);
            sum += (1.0 - shared_ratio) * private + shared_ratio * shared;
            let decided = |share: f64| share == 0.0 || share == 1.0;
            exact &= match shared_ratio {
                0.0 => decided(private),
                1.0 => decided(shared),
                _ => decided(private) && private == shared,
            };
        }
        Expected { ratio: sum / f64::from(procs), exact }
    }
}
