//! An experiment file as a text that tests change, and what comes of it.

#![allow(dead_code, reason = "each test uses some of them")]

use plan::experiment::{Extent, Measure, Overrides, parse_experiment};
use plan::point::Plan;
use plan::schedule::{Costs, sample_seconds};
use plan::topology::{Conditions, Topology};

/// The error of a sound file with its line `line` replaced.
pub(crate) fn check(sound: &str, line: usize, with: &str, expect: &str) {
    let mut lines: Vec<&str> = sound.lines().collect();
    lines[line - 1] = with;
    let error = parse_experiment("x.toml", &lines.join("\n")).expect_err(with);
    assert_eq!(error.to_string(), format!("x.toml:{expect}"), "{with:?}");
}

/// Its plan on the golden machine of two nodes of 4 cores, which grants everything.
pub(crate) fn planned(text: &str) -> Plan {
    planned_under(text, &Conditions::ideal())
}

/// The same on what the machine grants.
pub(crate) fn planned_under(text: &str, conditions: &Conditions) -> Plan {
    let topology: Topology =
        serde_json::from_str(include_str!("../../../../results/golden-2n8p/topology.json")).expect("a topology");
    let file = parse_experiment("x.toml", text).expect("it is sound");
    plan::plan(&file, &Overrides::default(), &topology, conditions).expect("it can be planned")
}

/// Expected seconds of a sample of its first point.
pub(crate) fn seconds(text: &str, extent: Extent) -> f64 {
    let plan = planned(text);
    let measure = Measure { extent, ..plan.measure.clone() };
    sample_seconds(&measure, &plan.points[0], &Costs::EXPECTED)
}
