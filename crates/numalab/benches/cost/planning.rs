//! Reading an experiment and planning it on the largest machine that is promised.

use crate::children::experiment;
use crate::pairs::{Failed, Line, Pairs, Unit};
use plan::experiment::{Overrides, Oversubscribe, Procs};
use std::time::Instant;

const RUNS: usize = 31;
const LIMIT_MS: f64 = 50.0;
const MACHINE: &str = "synthetic:pack:16 [numa(memory=64GB)] l3:2(size=32MB) core:32 pu:2";

pub(crate) fn lines() -> Result<Vec<Line>, Failed> {
    let read = host::read_topology(&MACHINE.parse()?)?;
    let file = plan::experiment::read_experiment(&experiment())?;
    let sweeps =
        [("1 to 64", Procs::List((1..=64).collect())), ("32 to 2048", Procs::List((1..=64).map(|n| n * 32).collect()))];
    let mut lines = Vec::new();
    for (name, procs) in sweeps {
        let overrides =
            Overrides { procs: Some(procs), oversubscribe: Some(Oversubscribe::All), ..Overrides::default() };
        let mut times = Vec::new();
        let mut counted = 0;
        for _ in 0..RUNS {
            let start = Instant::now();
            let plan = plan::plan(&file, &overrides, &read.topology, &plan::topology::Conditions::ideal())?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            counted = plan.points.len() + plan.skipped.len();
        }
        let what = format!("plan: {pus} PUs, 64 procs of {name}, {counted} points", pus = read.topology.pus.len());
        lines.push(Pairs::against(LIMIT_MS, times).line(&what, Unit::Ms, Some(1.0))?);
    }
    Ok(lines)
}
