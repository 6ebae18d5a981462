//! What must be seen where, from a machine's shape and a few plain rules. Nothing here was taken from numalab's answers.

/// A machine as the lab builds it: nodes are numbered through, and so are PUs, node after node.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) nodes: Vec<BuiltNode>,
    pub(crate) distances: Option<Vec<Vec<u32>>>,
}

#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub(crate) struct BuiltNode {
    pub(crate) pus: u32,
    pub(crate) mib: u64,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// All on this node.
    On(usize),
    /// In turn on these.
    Over(&'static [usize]),
    /// In turn on the nodes that the point's workers run on.
    OverWorkers,
    /// Each where it was written first.
    AtToucher,
}

/// One arm, as it is written and as it must turn out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Its lines in the experiment file.
    pub(crate) toml: &'static str,
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

    /// PUs that an arm may use: those of its node, or of all nodes that have both PUs and memory.
    pub(crate) fn capacity(&self, workers: Workers) -> u32 {
        match workers {
            Workers::Node(node) => self.nodes[node].pus,
            _ => self.ordinary().iter().map(|&node| self.nodes[node].pus).sum(),
        }
    }

    /// Nodes with PUs and memory.
    fn ordinary(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&node| self.nodes[node].pus > 0 && self.nodes[node].mib > 0).collect()
    }

    /// The node of each worker.
    pub(crate) fn worker_nodes(&self, workers: Workers, procs: u32) -> Vec<usize> {
        let ordinary = self.ordinary();
        match workers {
            Workers::Node(node) => vec![node; procs as usize],
            Workers::Close => {
                let each = ordinary.iter().flat_map(|&node| (0..self.nodes[node].pus).map(move |_| node));
                each.take(procs as usize).collect()
            }
            // The machines of these tests have the same number of PUs in every node that is used.
            Workers::Spread => ordinary.iter().copied().cycle().take(procs as usize).collect(),
        }
    }

    /// Where a page lands that is written first on `node`: there, or on the nearest node that has memory.
    fn lands(&self, node: usize) -> usize {
        let with_memory = (0..self.nodes.len()).filter(|&other| self.nodes[other].mib > 0);
        with_memory.min_by_key(|&other| self.distance(node, other)).expect("a machine has memory")
    }

    /// Share of a heap's pages on `node`.
    fn share(&self, pages: Pages, node: usize, touchers: &[usize], workers: &[usize]) -> f64 {
        let part_of = |nodes: &[usize]| if nodes.contains(&node) { 1.0 / nodes.len() as f64 } else { 0.0 };
        match pages {
            Pages::On(there) => part_of(&[there]),
            Pages::Over(nodes) => part_of(nodes),
            Pages::OverWorkers => {
                let mut nodes = workers.to_vec();
                nodes.sort_unstable();
                nodes.dedup();
                part_of(&nodes)
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
        workers.iter().map(|&node| self.share(case.private, node, &[node], &workers)).collect()
    }

    /// The local hit ratio of an arm: all workers touch the same number of lines, `shared_ratio` of them in the shared heap.
    pub(crate) fn expected(&self, case: &Case, procs: u32, shared_ratio: f64) -> Expected {
        let workers = self.worker_nodes(case.workers, procs);
        let touchers = if case.first_worker_touches { &workers[..1] } else { &workers[..] };
        let (mut sum, mut exact) = (0.0, true);
        for (&node, private) in workers.iter().zip(self.private_shares(case, procs)) {
            let shared = self.share(case.shared, node, touchers, &workers);
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

const fn case(name: &'static str, toml: &'static str, workers: Workers, private: Pages, shared: Pages) -> Case {
    Case { name, toml, workers, private, shared, first_worker_touches: false }
}

/// The arms of every machine whose nodes 0 and 1 have PUs and memory.
const TWO_NODES: &[Case] = &[
    case(
        "own",
        "cpus = \"node:0\"\nprivate = \"bind:0\"\nshared = \"bind:0\"",
        Workers::Node(0),
        Pages::On(0),
        Pages::On(0),
    ),
    case(
        "other",
        "cpus = \"node:0\"\nprivate = \"bind:1\"\nshared = \"bind:1\"",
        Workers::Node(0),
        Pages::On(1),
        Pages::On(1),
    ),
    case(
        "one-each",
        "cpus = \"close\"\nprivate = \"bind:0\"\nshared = \"bind:1\"",
        Workers::Close,
        Pages::On(0),
        Pages::On(1),
    ),
    case(
        "interleave",
        "cpus = \"close\"\nprivate = \"interleave:all\"\nshared = \"interleave:all\"",
        Workers::Close,
        Pages::Over(&[0, 1]),
        Pages::Over(&[0, 1]),
    ),
    case(
        "first-touch",
        "cpus = \"spread\"\nprivate = \"first-touch\"\nshared = \"first-touch\"",
        Workers::Spread,
        Pages::AtToucher,
        Pages::AtToucher,
    ),
    Case {
        first_worker_touches: true,
        ..case(
            "first-worker",
            "cpus = \"close\"\nprivate = \"local\"\nshared = \"first-touch\"\nshared_toucher = \"first-worker\"",
            Workers::Close,
            Pages::AtToucher,
            Pages::AtToucher,
        )
    },
    case(
        "workers",
        "cpus = \"close\"\nprivate = \"local\"\nshared = \"interleave:workers\"",
        Workers::Close,
        Pages::AtToucher,
        Pages::OverWorkers,
    ),
    case(
        "preferred",
        "cpus = \"node:1\"\nprivate = \"preferred:0\"\nshared = \"preferred-many:1\"",
        Workers::Node(1),
        Pages::On(0),
        Pages::On(1),
    ),
    case(
        "process",
        "process = { cpus = \"node:1\", memory = \"bind:0\" }",
        Workers::Node(1),
        Pages::On(0),
        Pages::On(0),
    ),
];

/// Node 2 has memory and no PU.
const CXL: &[Case] = &[
    case(
        "far",
        "cpus = \"close\"\nprivate = \"bind:2\"\nshared = \"bind:2\"",
        Workers::Close,
        Pages::On(2),
        Pages::On(2),
    ),
    case(
        "near-and-far",
        "cpus = \"node:0\"\nprivate = \"interleave:0,2\"\nshared = \"interleave:0-2\"",
        Workers::Node(0),
        Pages::Over(&[0, 2]),
        Pages::Over(&[0, 1, 2]),
    ),
];

/// Node 1 has PUs and no memory: whatever its workers write lands on node 0.
const MEMLESS: &[Case] = &[
    TWO_NODES[0],
    case("close", "cpus = \"close\"\nprivate = \"local\"", Workers::Close, Pages::AtToucher, Pages::AtToucher),
    case("far-local", "cpus = \"node:1\"\nprivate = \"local\"", Workers::Node(1), Pages::AtToucher, Pages::AtToucher),
    case(
        "far-bind",
        "cpus = \"node:1\"\nprivate = \"bind:0\"\nshared = \"interleave:0\"",
        Workers::Node(1),
        Pages::On(0),
        Pages::On(0),
    ),
];

/// An arm that no machine with a memory-less node 1 may run, and what the plan says of it.
pub(crate) const IMPOSSIBLE: (&str, &str, &str) =
    ("impossible", "cpus = \"node:1\"\nprivate = \"bind:1\"", "node 1 has no memory");

/// The arms that a machine is tried with.
pub(crate) fn cases(built: &Built) -> Vec<Case> {
    match built.name.as_str() {
        "memless" => MEMLESS.to_vec(),
        "cxl" => [TWO_NODES, CXL].concat(),
        _ => TWO_NODES.to_vec(),
    }
}
