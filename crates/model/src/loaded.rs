//! Latency under load: L(B) = L0 + k rho / (1 - rho) with rho = B / Bs, and a wall at the highest bandwidth.
//!
//! What tools as Intel MLC print (`--loaded_latency`) follows it to 2 % below 0.96 of the highest bandwidth. Bs is not that
//! bandwidth but 1.3 to 3 times as much: the curve does not bend up towards its end, it stops there. So a bandwidth is
//! B = min(N 64 / L(B), Bmax), Little's law for N lines in flight.

use crate::{LINE_BYTES, ModelError};
use serde::{Deserialize, Serialize};
use stats::nonlinear::{Task, solve};
use stats::quantile::quantile;

/// One measured load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// All traffic together; bytes per ns are GB/s.
    pub bandwidth_gb_per_s: f64,
    /// What a load then waits.
    pub latency_ns: f64,
}

/// A fitted curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadedLatency {
    /// L0, latency without load.
    pub idle_ns: f64,
    /// k, what waiting adds at rho = 1/2.
    pub waiting_ns: f64,
    /// Bs, where the curve would rise without end.
    pub pole_gb_per_s: f64,
    /// Bmax, the highest bandwidth measured: the wall.
    pub highest_gb_per_s: f64,
    /// Root mean square of the relative misfit.
    pub rms_ratio: f64,
    /// Loads that the curve was fitted to.
    pub n: usize,
    /// Lines in flight at the wall, by Little's law: the median of B L / 64 over the loads within 2 % of Bmax.
    pub lines_at_wall: f64,
}

/// Loads above this share of the highest bandwidth lie at the wall and not on the curve.
const ON_CURVE_BELOW: f64 = 0.96;

/// Loads within this share of the highest bandwidth tell how many lines are in flight at the wall.
const AT_WALL_ABOVE: f64 = 0.98;

/// Bs is sought up to this multiple of the highest bandwidth: beyond it the curve is a straight line and Bs unknown.
const POLE_MOST: f64 = 3.0;

/// Three parameters need some loads more than three.
pub const LOADS_LEAST: usize = 6;

/// Fits the curve by least squares of the relative misfit.
///
/// # Errors
/// `TooFewLoads` where fewer than 6 lie on the curve, `NoCurve` where the solver finds no minimum.
pub fn fit(loads: &[Load]) -> Result<LoadedLatency, ModelError> {
    let highest = loads.iter().map(|load| load.bandwidth_gb_per_s).fold(0.0, f64::max);
    let on_curve = |load: &&Load| load.bandwidth_gb_per_s < ON_CURVE_BELOW * highest;
    let used: Vec<Load> = loads.iter().filter(on_curve).copied().collect();
    if used.len() < LOADS_LEAST {
        return Err(ModelError::TooFewLoads { found: used.len(), needed: LOADS_LEAST });
    }
    let lowest_ns = used.iter().map(|load| load.latency_ns).fold(f64::INFINITY, f64::min);
    let bounds = [(0.0, 1e9), (0.0, 1e9), (highest * 1.0001, POLE_MOST * highest)];
    let task = Curve(&used);
    let from = |pole: f64| solve(&task, &[lowest_ns, 0.3 * lowest_ns, pole * highest], &bounds, &[false; 3]);
    let found = [1.05, 1.5, 2.5].into_iter().filter_map(from).min_by(|a, b| a.rss.total_cmp(&b.rss));
    let found = found.ok_or(ModelError::NoCurve)?;
    let at_wall: Vec<f64> = loads
        .iter()
        .filter(|load| load.bandwidth_gb_per_s >= AT_WALL_ABOVE * highest)
        .map(|load| load.bandwidth_gb_per_s * load.latency_ns / LINE_BYTES)
        .collect();
    let lines_at_wall = quantile(&at_wall, 0.5).map_err(|_| ModelError::NoCurve)?;
    Ok(LoadedLatency {
        idle_ns: found.parameters[0],
        waiting_ns: found.parameters[1],
        pole_gb_per_s: found.parameters[2],
        highest_gb_per_s: highest,
        rms_ratio: (found.rss / used.len() as f64).sqrt(),
        n: used.len(),
        lines_at_wall,
    })
}

impl LoadedLatency {
    /// L(B); below the wall only, beyond it there is no such bandwidth.
    pub fn latency_ns(&self, gb_per_s: f64) -> f64 {
        let rho = gb_per_s / self.pole_gb_per_s;
        self.idle_ns + self.waiting_ns * rho / (1.0 - rho)
    }

    /// Bandwidth of so many lines in flight: min(N 64 / L(B), Bmax).
    pub fn gb_per_s(&self, lines: f64) -> f64 {
        // B L(B) rises with B, so that the bandwidth is where it reaches N 64.
        let (mut low, mut high) = (0.0, self.highest_gb_per_s);
        if high * self.latency_ns(high) <= lines * LINE_BYTES {
            return high;
        }
        while high - low > 1e-12 * high {
            let middle = f64::midpoint(low, high);
            let too_much = middle * self.latency_ns(middle) > lines * LINE_BYTES;
            (low, high) = if too_much { (low, middle) } else { (middle, high) };
        }
        f64::midpoint(low, high)
    }
}

/// Residuals 1 - L(B) / L of the loads; parameters L0, k, Bs.
struct Curve<'a>(&'a [Load]);

impl Task for Curve<'_> {
    fn n_points(&self) -> usize {
        self.0.len()
    }

    fn evaluate(&self, parameters: &[f64], residuals: &mut [f64], mut columns: Option<&mut [Vec<f64>]>) {
        let [idle, waiting, pole] = [parameters[0], parameters[1], parameters[2]];
        for (at, load) in self.0.iter().enumerate() {
            let (b, measured) = (load.bandwidth_gb_per_s, load.latency_ns);
            let odds = b / (pole - b);
            residuals[at] = 1.0 - (idle + waiting * odds) / measured;
            if let Some(columns) = columns.as_deref_mut() {
                columns[0][at] = 1.0 / measured;
                columns[1][at] = odds / measured;
                columns[2][at] = -waiting * b / (pole - b).powi(2) / measured;
            }
        }
    }
}
