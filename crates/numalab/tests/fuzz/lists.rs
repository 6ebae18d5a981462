//! Node and PU lists: numactl's grammar on several machines, and the kernel's lists.

use crate::mutate::{Draws, mutate};
use crate::texts::described;
use crate::{Outcome, Parser};
use plan::set::{CpuSet, NodeSet};
use plan::topology::Topology;

const SEEDS: &[&str] = &[
    "0,2-3",
    "all",
    "same",
    "!0",
    "+0-1",
    "!+1",
    "0-1,all",
    "0x8,010",
    "0-63",
    "1-2047,0-2047",
    "netdev:eth0",
    "",
    "0-3,8\n",
];

/// Every reader of lists.
pub(crate) struct Lists {
    machines: Vec<Topology>,
}

impl Lists {
    pub(crate) fn new() -> Lists {
        let machines = ["pack:1 core:1 pu:1", "pack:2 numa:1 core:4 pu:2", "numa:65 pu:2"].map(described);
        Lists { machines: machines.into() }
    }
}

impl Parser for Lists {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(draws.one_of(SEEDS).as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], draws: &mut Draws) -> Outcome {
        let Ok(text) = std::str::from_utf8(text) else { return Outcome::Refused };
        let topology = &self.machines[draws.below(self.machines.len())];
        let before = NodeSet::of(0);
        let memory = plan::numactl::memory_nodes(text, topology, Some(&before));
        let nodes = plan::numactl::pu_nodes(text, topology, None);
        let pus = plan::numactl::pus(text, topology, Some(&CpuSet::of(0)));
        // What is accepted names only what there is.
        assert!(memory.as_ref().map_or(true, |nodes| nodes.is_subset(&topology.node_set())), "{text:?}: {memory:?}");
        assert!(pus.as_ref().map_or(true, |pus| pus.is_subset(&topology.allowed_pus)), "{text:?}: {pus:?}");
        if let Ok(nodes) = &nodes {
            assert!(!plan::numactl::pus_of_nodes(nodes, topology).is_empty(), "{text:?}: {nodes}");
        }
        // The grammar alone accepts whatever any machine does.
        let fine = plan::numactl::check(text).is_ok();
        assert!(fine || (memory.is_err() && nodes.is_err() && pus.is_err()), "{text:?}");
        let kernel = text.parse::<CpuSet>();
        if let Ok(set) = &kernel {
            assert_eq!(set.to_string().parse::<CpuSet>().as_ref(), Ok(set), "{text:?}");
        }
        Outcome::of(kernel.is_ok() || pus.is_ok() || memory.is_ok())
    }
}
