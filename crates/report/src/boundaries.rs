//! Where this machine ends a core, an LLC, a node, a package, counted in workers: what knees are compared with.

use crate::series::Series;
use plan::place::Regime;
use plan::point::Plan;
use plan::set::CpuSet;
use plan::topology::Topology;

/// One boundary of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary {
    /// `core`, `llc`, `node` or `package`.
    pub name: &'static str,
    /// Workers that fill it, one each PU, or one each core where the curve uses no siblings.
    pub procs: u32,
}

/// Boundaries that one curve can meet, ascending from the core; those that the machine does not name are left out.
///
/// Of a curve over anything but procs there are none. They are those of the first node that is used by default, within what this process may use.
pub fn boundaries(topology: &Topology, plan: &Plan, series: &Series) -> Vec<Boundary> {
    if !plan.is_over_procs() {
        return Vec::new();
    }
    let count = |pus: &CpuSet| {
        let allowed = pus.intersection(&topology.allowed_pus);
        if uses_siblings(topology, plan, series) {
            allowed.len() as u32
        } else {
            topology.cores_of(&allowed).len() as u32
        }
    };
    groups(topology)
        .into_iter()
        .map(|(name, pus)| Boundary { name, procs: count(&pus) })
        .filter(|boundary| boundary.procs > 0)
        .collect()
}

/// The core, LLC, node and package of the first PU of the first default node.
fn groups(topology: &Topology) -> Vec<(&'static str, CpuSet)> {
    let node = topology.default_nodes().first().and_then(|node| topology.node(node));
    let allowed = node.map_or(topology.allowed_pus.clone(), |node| node.pus.intersection(&topology.allowed_pus));
    let Some(pu) = allowed.first().and_then(|pu| topology.pu(pu)) else { return Vec::new() };
    let core = topology.cores.get(pu.core as usize).map(|core| &core.pus);
    let llc = pu.llc.and_then(|llc| topology.llcs.get(llc as usize)).map(|llc| &llc.pus);
    let package = pu.package.and_then(|package| topology.packages.get(package as usize)).map(|package| &package.pus);
    let named = [("core", core), ("llc", llc), ("node", node.map(|node| &node.pus)), ("package", package)];
    named.into_iter().filter_map(|(name, pus)| Some((name, pus?.clone()))).collect()
}

/// Whether two workers of a curve share a core while there is at most one for each PU.
fn uses_siblings(topology: &Topology, plan: &Plan, series: &Series) -> bool {
    let shares_a_core = |point: usize| {
        let workers = &plan.points[point].placement.workers;
        let pinned = workers.iter().filter_map(|place| place.cpus.as_ref().filter(|cpus| cpus.len() == 1)?.first());
        let pinned: CpuSet = pinned.collect();
        pinned.len() > topology.cores_of(&pinned).len()
    };
    match series.regime {
        Regime::Smt => true,
        Regime::Core | Regime::Oversubscribed => series.points.iter().any(|&(_, point)| shares_a_core(point)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::series::series;

    fn check(topology: &Topology, plan: &Plan, arm: &str, expect: &[(&str, u32)]) {
        let series = series(plan).into_iter().find(|one| one.arm == arm).unwrap();
        let found: Vec<(&str, u32)> =
            boundaries(topology, plan, &series).iter().map(|boundary| (boundary.name, boundary.procs)).collect();
        assert_eq!(found, expect, "{arm}");
    }

    #[test]
    fn siblings_count_only_where_a_curve_uses_them() {
        let mut results = golden();
        let levels = [("core", 1), ("llc", 4), ("node", 4), ("package", 4)];
        check(&results.topology, &results.plan, "unbound", &levels);
        // PUs 0 and 1, 2 and 3, … become siblings of one core.
        for pu in &mut results.topology.pus {
            (pu.core, pu.smt_rank) = (pu.os_index / 2, pu.os_index % 2);
        }
        let cores = results.topology.cores.clone();
        results.topology.cores = cores
            .chunks(2)
            .map(|pair| plan::topology::Group { os_index: pair[0].os_index, pus: pair[0].pus.union(&pair[1].pus) })
            .collect();
        check(&results.topology, &results.plan, "unbound", &[("core", 1), ("llc", 2), ("node", 2), ("package", 2)]);
        // This arm pins two workers to one core.
        check(&results.topology, &results.plan, "close", &[("core", 2), ("llc", 4), ("node", 4), ("package", 4)]);
        results.topology.allowed_pus = "0-1,4-7".parse().unwrap();
        check(&results.topology, &results.plan, "close", &[("core", 2), ("llc", 2), ("node", 2), ("package", 2)]);
        results.topology.pus.iter_mut().for_each(|pu| pu.llc = None);
        check(&results.topology, &results.plan, "close", &[("core", 2), ("node", 2), ("package", 2)]);
    }
}
