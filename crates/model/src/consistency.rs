//! Whether the parts of a calibration agree with each other, and with the machine that it is used for.

use crate::Calibration;
use crate::loaded;
use crate::parameters::LINE_FILL_BUFFERS;
use plan::topology::Topology;

/// One check, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Consistency {
    /// What was compared, with both figures.
    pub text: String,
    /// Whether they agree.
    pub holds: bool,
}

/// Two figures of one quantity from two tools or modes of one tool may differ by so much: assumed.
const TOLERANCE: f64 = 0.1;

/// A curve that misses the loads by more is none: assumed. The seven that it was tried on miss them by at most 2 %.
const MISFIT_MOST: f64 = 0.05;

/// Lines that one core can have in flight, whichever it is: the most line fill buffers, and 32 that its L2 prefetches: assumed.
const LINES_OF_CORE_MOST: f64 = *LINE_FILL_BUFFERS.end() + 32.0;

/// Checks a calibration; empty where it has no loaded latencies, which are what matrices can be compared with.
pub fn check(calibration: &Calibration, topology: &Topology) -> Vec<Consistency> {
    if calibration.loaded.is_empty() {
        return Vec::new();
    }
    let curve = match loaded::fit(&calibration.loaded) {
        Ok(curve) => curve,
        Err(why) => return vec![Consistency { text: format!("loaded latency: {why}"), holds: false }],
    };
    let cores = topology.nodes.iter().map(|node| topology.cores_of(&node.pus).len()).sum::<usize>().max(1);
    let (lines, lines_of_core) = (curve.lines_at_wall, curve.lines_at_wall / cores as f64);
    let mut found = vec![
        Consistency {
            text: format!(
                "loaded latency: {idle:.1} ns + {k:.1} ns rho / (1 - rho), rho = B / {pole:.0} GB/s, up to {most:.1} GB/s; \
                 rms {rms:.1} % of {n} loads",
                idle = curve.idle_ns,
                k = curve.waiting_ns,
                pole = curve.pole_gb_per_s,
                most = curve.highest_gb_per_s,
                rms = 100.0 * curve.rms_ratio,
                n = curve.n,
            ),
            holds: curve.rms_ratio <= MISFIT_MOST,
        },
        Consistency {
            text: format!(
                "Little's law: {lines:.0} lines in flight at {most:.1} GB/s, {lines_of_core:.1} for each of {cores} cores; \
                 a core holds up to {LINES_OF_CORE_MOST:.0}",
                most = curve.highest_gb_per_s,
            ),
            holds: (1.0..=LINES_OF_CORE_MOST).contains(&lines_of_core),
        },
    ];
    let own = |value: &dyn Fn(u32, u32) -> Option<f64>| -> Vec<f64> {
        calibration.nodes.iter().filter_map(|&node| value(node, node)).collect()
    };
    let latencies = own(&|from, to| calibration.latency_ns(from, to));
    let bandwidths = own(&|from, to| calibration.gb_per_s(from, to));
    if !latencies.is_empty() {
        let mean = latencies.iter().sum::<f64>() / latencies.len() as f64;
        found.push(compare("latency without load", curve.idle_ns, "the loaded curve", mean, "the matrix", "ns"));
    }
    if !bandwidths.is_empty() {
        let sum = bandwidths.iter().sum();
        found.push(compare("bandwidth", curve.highest_gb_per_s, "all loads", sum, "the nodes' own together", "GB/s"));
    }
    found
}

fn compare(what: &str, a: f64, of_a: &str, b: f64, of_b: &str, unit: &str) -> Consistency {
    let text = format!("{what}: {a:.1} {unit} of {of_a}, {b:.1} {unit} of {of_b} ({:+.1} %)", 100.0 * (a / b - 1.0));
    Consistency { text, holds: (a / b - 1.0).abs() <= TOLERANCE }
}
