//! What goes into libhwloc: XML and descriptions. It is C: what it does to a child is what counts here.

use crate::mutate::{Draws, mutate};
use crate::texts::described;
use crate::{Outcome, Parser};
use host::{Input, read_topology};
use plan::experiment::{ExperimentFile, Overrides, parse_experiment};
use plan::topology::{Conditions, Topology};
use std::path::{Path, PathBuf};

/// Plans an experiment on a machine, whose shape nobody vouches for.
pub(crate) fn use_topology(file: &ExperimentFile, topology: &Topology) {
    // A machine that holds nothing of it is refused in words.
    let _ = plan::plan(file, &Overrides::default(), topology, &Conditions::ideal());
}

/// XML as hwloc writes and once wrote it.
pub(crate) struct Xml {
    path: PathBuf,
    seeds: Vec<String>,
    experiment: ExperimentFile,
}

impl Xml {
    pub(crate) fn new(folder: &Path) -> Xml {
        let small = ["pu:1", "pack:2 [numa] l3:1 core:1 pu:2", "pack:1 numa:2 core:1 pu:1", "numa:3 pu:1"];
        let written = |text: &&str| {
            let input: Input = format!("synthetic:{text}").parse().expect("an input");
            read_topology(&input).expect("a machine that hwloc can describe").xml()
        };
        let mut seeds: Vec<String> = small.iter().map(written).collect();
        let named = |text: &str| text.replacen("<info ", "<info name=\"CPUModel\" value=\"x\"/><info ", 1);
        seeds.push(named(&seeds[1]));
        seeds.push(VERSION_1.into());
        seeds.push(WITH_DISTANCES.into());
        let experiment = parse_experiment("small", crate::texts::EXPERIMENT).expect("the experiment is sound");
        let xml = Xml { path: folder.join("box.xml"), seeds, experiment };
        for seed in &xml.seeds {
            std::fs::write(&xml.path, seed).expect("a file");
            read_topology(&Input::Xml(xml.path.clone())).unwrap_or_else(|error| panic!("{error}: {seed}"));
        }
        xml
    }
}

impl Parser for Xml {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(self.seeds[draws.below(self.seeds.len())].as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], _: &mut Draws) -> Outcome {
        std::fs::write(&self.path, text).expect("a file in memory");
        match read_topology(&Input::Xml(self.path.clone())) {
            Ok(read) => {
                use_topology(&self.experiment, &read.topology);
                Outcome::Accepted
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains('\n'), "more than one line: {line:?}");
                Outcome::Refused
            }
        }
    }
}

/// hwloc's synthetic descriptions.
pub(crate) struct Synthetic;

impl Synthetic {
    pub(crate) fn new() -> Synthetic {
        described("pu:2");
        Synthetic
    }
}

impl Parser for Synthetic {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        const SEEDS: &[&str] = &[
            "pack:2 numa:1 core:2 pu:2",
            "pack:2 [numa] l3:1 core:4 pu:2",
            "numa:3(memory=1073741824) l2:1(size=65536) pu:2(indexes=0,2,1,3,4,5)",
            "pack:2 [numa(memory=1GB)] pu:2(indexes=numa:pu)",
        ];
        mutate(draws.one_of(SEEDS).as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], _: &mut Draws) -> Outcome {
        let Ok(text) = std::str::from_utf8(text) else { return Outcome::Refused };
        Outcome::of(read_topology(&Input::Synthetic(text.into())).is_ok())
    }
}

/// As hwloc 1.x wrote it: nodes hold their PUs.
const VERSION_1: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc.dtd">
<topology>
  <object type="Machine" os_index="0" cpuset="0x00000003" complete_cpuset="0x00000003" online_cpuset="0x00000003" allowed_cpuset="0x00000003" nodeset="0x00000003" complete_nodeset="0x00000003" allowed_nodeset="0x00000003">
    <distances nbobjs="2" relative_depth="1" latency_base="10.000000">
      <latency value="1.000000"/><latency value="2.000000"/><latency value="2.000000"/><latency value="1.000000"/>
    </distances>
    <object type="NUMANode" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000001" online_cpuset="0x00000001" allowed_cpuset="0x00000001" nodeset="0x00000001" complete_nodeset="0x00000001" allowed_nodeset="0x00000001" local_memory="1073741824">
      <object type="Socket" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000001" online_cpuset="0x00000001" allowed_cpuset="0x00000001" nodeset="0x00000001" complete_nodeset="0x00000001" allowed_nodeset="0x00000001">
        <object type="PU" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000001" online_cpuset="0x00000001" allowed_cpuset="0x00000001" nodeset="0x00000001" complete_nodeset="0x00000001" allowed_nodeset="0x00000001"/>
      </object>
    </object>
    <object type="NUMANode" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" online_cpuset="0x00000002" allowed_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" allowed_nodeset="0x00000002" local_memory="1073741824">
      <object type="Socket" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" online_cpuset="0x00000002" allowed_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" allowed_nodeset="0x00000002">
        <object type="PU" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" online_cpuset="0x00000002" allowed_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" allowed_nodeset="0x00000002"/>
      </object>
    </object>
  </object>
</topology>
"#;

/// With what real machines have beside objects: distances, memory attributes, kinds of cores, page types, infos.
const WITH_DISTANCES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x00000003" complete_cpuset="0x00000007" allowed_cpuset="0x00000003" nodeset="0x00000003" complete_nodeset="0x00000003" allowed_nodeset="0x00000003" gp_index="1">
    <info name="Backend" value="Linux"/>
    <info name="Architecture" value="x86_64"/>
    <object type="Package" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000005" nodeset="0x00000001" complete_nodeset="0x00000001" gp_index="2">
      <info name="CPUModel" value="A processor"/>
      <object type="NUMANode" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000005" nodeset="0x00000001" complete_nodeset="0x00000001" gp_index="5" local_memory="1073741824">
        <page_type size="4096" count="262144"/>
      </object>
      <object type="L3Cache" cpuset="0x00000001" complete_cpuset="0x00000005" nodeset="0x00000001" complete_nodeset="0x00000001" gp_index="4" cache_size="33554432" depth="3" cache_linesize="64" cache_associativity="16" cache_type="0">
        <object type="PU" os_index="0" cpuset="0x00000001" complete_cpuset="0x00000001" nodeset="0x00000001" complete_nodeset="0x00000001" gp_index="6"/>
      </object>
    </object>
    <object type="Package" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="3">
      <object type="NUMANode" subtype="HBM" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="8" local_memory="1073741824"/>
      <object type="PU" os_index="1" cpuset="0x00000002" complete_cpuset="0x00000002" nodeset="0x00000002" complete_nodeset="0x00000002" gp_index="7"/>
    </object>
  </object>
  <distances2 type="NUMANode" nbobjs="2" kind="5" name="NUMALatency" indexing="os">
    <indexes length="4">0 1 </indexes>
    <u64values length="12">10 21 21 10 </u64values>
  </distances2>
  <support name="discovery.pu"/>
  <memattr name="Bandwidth" flags="5">
    <memattr_value target_obj_gp_index="5" target_obj_type="NUMANode" value="100" initiator_cpuset="0x00000001"/>
  </memattr>
  <cpukind cpuset="0x00000003" forced_efficiency="1"><info name="CoreType" value="IntelCore"/></cpukind>
</topology>
"#;
