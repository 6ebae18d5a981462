//! The paper's grid on a host of 64 PUs: the plan's arithmetic with what samples cost here.

use crate::children::{Children, experiment};
use crate::pairs::{Failed, Line, Ratio};
use plan::experiment::Overrides;
use plan::schedule::{Costs, block_seconds, blocks_asked, blocks_expected};
use plan::topology::Conditions;

const LIMIT_SECONDS: f64 = 900.0;
const MACHINE: &str = "synthetic:pack:2 [numa(memory=64GB)] l3:1(size=32MB) core:32 pu:1";

/// The arithmetic: sum over the points of extent x (1 + replay ratio) + bytes / touching speed + child, and where an arm
/// waits for NUMA balancing, the time to settle; times the blocks asked. Each cost at its low limit, median, high limit.
pub(crate) fn lines(children: &Children) -> Result<Vec<Line>, Failed> {
    let read = host::read_topology(&MACHINE.parse()?)?;
    let file = plan::experiment::read_experiment(&experiment())?;
    let (child, replay, touch) = (children.child_ms.ratio()?, children.replay.ratio()?, children.touch_ms.ratio()?);
    let cost = |pick: fn(&Ratio) -> f64, settle_seconds: f64| Costs {
        touch_gb_per_s: children.touched_bytes / 1e6 / pick(&touch),
        replay_ratio: pick(&replay),
        child_seconds: pick(&child) * crate::children::LIMIT_MS / 1e3,
        settle_seconds,
        ..Costs::EXPECTED
    };
    let mut lines = Vec::new();
    // Settling is given up after 30 s (design, section 6).
    for (numa_balancing, settle_seconds) in [(false, 0.0), (true, Costs::EXPECTED.settle_seconds), (true, 30.0)] {
        let conditions = Conditions { numa_balancing, ..Conditions::ideal() };
        let plan = plan::plan(&file, &Overrides::default(), &read.topology, &conditions)?;
        let (_, blocks) = blocks_asked(&plan.measure);
        let seconds = |pick| f64::from(blocks) * block_seconds(&plan, &cost(pick, settle_seconds));
        let balancing = match numa_balancing {
            false => "balancing off".into(),
            true => format!("balancing on, {settle_seconds} s to settle"),
        };
        let fits = blocks_expected(&plan, &cost(|ratio| ratio.high, settle_seconds));
        let median = seconds(|ratio| ratio.median);
        let settled = plan.points.iter().filter(|point| point.settle).count();
        lines.push(Line {
            what: format!(
                "grid: {points} points ({settled} settled) x {blocks}, {balancing}",
                points = plan.points.len()
            ),
            ours: format!("{median:.0} s"),
            theirs: format!("{LIMIT_SECONDS:.0} s"),
            pairs: 1,
            ratio: Ratio {
                median: median / LIMIT_SECONDS,
                low: seconds(|ratio| ratio.low) / LIMIT_SECONDS,
                high: seconds(|ratio| ratio.high) / LIMIT_SECONDS,
            },
            // The article's grid has five arms; the sixth exists only where balancing is on, and is told, not promised.
            target: (!numa_balancing).then_some(1.0),
        });
        println!("{balancing}: {fits} of {blocks} whole blocks fit the experiment's budget");
    }
    Ok(lines)
}
