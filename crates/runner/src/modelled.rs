//! The executor without a machine: figures of `model`, with seeded noise for statistics to see through.
//!
//! Deterministic: the same point, measure, assumptions and seed give the same sample, on every host. Everything it makes is
//! marked `modelled`, and manifest.json holds what was assumed.

use crate::error::Stop;
use crate::executor::Executor;
use crate::sample::{Hits, Measured, Outcome, PauseTimes, Sample, TrafficCell, Window, WorkerFigures};
use model::{Parameters, PausePrediction, Prediction, predict};
use plan::experiment::{Extent, Measure};
use plan::point::Point;
use plan::random::{draw, split};
use plan::record::{HitSource, Seed, StopReason};
use plan::topology::Topology;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The source that its rows name.
pub(crate) const MODELLED: &str = "modelled";

/// What a modelled run assumed, as manifest.json keeps it: enough to go on with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// Constants of the machine, and the calibration where there is one.
    pub parameters: Parameters,
    /// Where each constant comes from, by name.
    pub sources: BTreeMap<String, String>,
    /// Spread put on what is predicted.
    pub noise: Noise,
}

impl Assumed {
    /// Parameters with their sources; a calibration is that of what it replaces.
    pub fn new(parameters: Parameters, noise: Noise) -> Assumed {
        let text = |(name, source): &(&str, &str)| (name.to_string(), source.to_string());
        let mut sources: BTreeMap<String, String> = Parameters::SOURCES.iter().map(text).collect();
        if let Some(calibration) = &parameters.calibration {
            let mut replaced = vec!["local_latency_ns"];
            if calibration.bandwidth_gb_per_s.is_some() {
                replaced.extend(["controller_bytes_per_ns", "link_bytes_per_ns"]);
            }
            let unused = format!("not used: as measured, {source}", source = calibration.source);
            sources.extend(replaced.into_iter().map(|name| (name.to_string(), unused.clone())));
        }
        Assumed { parameters, sources, noise }
    }
}

/// Spread that is put on what the model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation of ln throughput between samples: what differs from process to process.
    pub throughput_sd: f64,
    /// Standard deviation of ln of each part of a pause, within a sample.
    pub pause_sd: f64,
    /// Standard deviation of a local hit ratio of one half between samples; of a ratio r it is 4 r (1 - r) of that, and
    /// none where the ratio follows from the plan alone.
    pub hit_sd: f64,
}

impl Noise {
    /// 2 % between samples, which quiet servers show; pauses skewed as a log-normal of 0.5; hits by half a percent.
    pub const DEFAULT: Noise = Noise { throughput_sd: 0.02, pause_sd: 0.5, hit_sd: 0.005 };
    /// None: what is measured is what is predicted.
    pub const NONE: Noise = Noise { throughput_sd: 0.0, pause_sd: 0.0, hit_sd: 0.0 };
}

impl Default for Noise {
    fn default() -> Noise {
        Noise::DEFAULT
    }
}

/// Computes samples of a topology.
#[derive(Debug, Clone)]
pub struct Modelled {
    topology: Topology,
    assumed: Assumed,
}

impl Modelled {
    /// An executor for a machine of this shape.
    pub fn new(topology: Topology, parameters: Parameters, noise: Noise) -> Modelled {
        Modelled::assuming(topology, Assumed::new(parameters, noise))
    }

    /// The same from what a manifest holds.
    pub fn assuming(topology: Topology, assumed: Assumed) -> Modelled {
        Modelled { topology, assumed }
    }
}

impl Executor for Modelled {
    fn source(&self) -> &'static str {
        MODELLED
    }

    fn assumes(&self) -> Option<serde_json::Value> {
        Some(serde_json::to_value(&self.assumed).expect("plain data becomes JSON"))
    }

    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop> {
        let (every, work) = (measure.pause_every_ns, measure.stopped_work);
        let prediction = predict(point, &self.topology, every, work, &self.assumed.parameters)
            .map_err(|source| Stop::Model { point: point.id.clone(), source })?;
        let measured = measured(point, measure, seed, &prediction, self.assumed.noise, &self.topology);
        let outcome = Outcome::Measured(Box::new(measured));
        Ok(Sample { started_utc: host::clock::utc_now(), outcome })
    }

    fn facts(&mut self) -> Vec<(String, Option<String>)> {
        Vec::new()
    }
}

fn measured(
    point: &Point,
    measure: &Measure,
    seed: Seed,
    prediction: &Prediction,
    noise: Noise,
    topology: &Topology,
) -> Measured {
    let per_s = prediction.throughput_per_s * (noise.throughput_sd * normal(split(seed.0, 0), 0)).exp();
    let (elapsed_ns, operations, stop_reason) = match measure.extent {
        Extent::Seconds(seconds) => ((seconds * 1e9) as u64, (per_s * seconds) as u64, StopReason::Time),
        Extent::Operations(each) => {
            let operations = each * u64::from(point.procs);
            ((operations as f64 / per_s * 1e9) as u64, operations, StopReason::Operations)
        }
    };
    let (pauses, pauses_missed) = match prediction.pause {
        Some(mean) => pauses(measure.pause_every_ns, elapsed_ns, mean, noise.pause_sd, split(seed.0, 1)),
        None => (Vec::new(), 0),
    };
    let pus = |home: u32| topology.node(home).map(|node| node.pus.iter().collect::<Vec<u32>>()).unwrap_or_default();
    let worker = |(worker, operations): (u32, u64)| {
        let place = &point.placement.workers[worker as usize];
        let own = place.cpus.as_ref().filter(|cpus| cpus.len() == 1).and_then(|cpus| cpus.first());
        let pus = pus(prediction.homes[worker as usize]);
        let floating = pus.get(worker as usize % pus.len().max(1)).copied();
        WorkerFigures {
            worker,
            pu: own.or(floating),
            operations,
            run_delay_ns: None,
            wall_ns: elapsed_ns,
            switches: None,
            migrations: None,
        }
    };
    let hit_sd = if point.hit_ratio_by_construction.is_some() { 0.0 } else { noise.hit_sd };
    let shares = with_noise(prediction, hit_sd * normal(split(seed.0, 2), 0));
    let windows = u64::from(measure.windows.max(1));
    let window = |(at, operations): (u64, u64)| {
        let start_ns = elapsed_ns * at / windows;
        Window { start_ns, length_ns: elapsed_ns * (at + 1) / windows - start_ns, operations }
    };
    Measured {
        stop_reason,
        warmup_ns: 0,
        elapsed_ns,
        operations,
        hits: Some(hits(&shares, operations * point.workload.touches_per_operation())),
        private_pages: None,
        pages_spilled: None,
        pages_migrated: None,
        huge_ratio: None,
        windows: (0..).zip(parts(operations, windows)).map(window).collect(),
        pauses,
        pauses_missed: Some(pauses_missed),
        workers: (0..).zip(parts(operations, u64::from(point.procs))).map(worker).collect(),
        faults: None,
        process_delay_ns: None,
        process_switches: None,
        hint_faults: None,
        steal_ticks: None,
        throttled_periods: None,
        overhead_ns: Vec::new(),
        notes: Vec::new(),
        facts: Vec::new(),
        metrics: Vec::new(),
    }
}

/// Share of all touches by `(node of the PU, node of the page)`.
type Shares = BTreeMap<(u32, u32), f64>;

/// The traffic with a local hit ratio that is off by `deviation` where it is one half.
fn with_noise(prediction: &Prediction, deviation: f64) -> Shares {
    let ratio = prediction.local_hit_ratio;
    // Nothing is left to vary at 0 and 1, where rounding may leave a ratio a little beside them.
    let room = 4.0 * ratio * (1.0 - ratio);
    if room < 1e-9 {
        return prediction.traffic.clone();
    }
    let noisy = (ratio + deviation * room).clamp(0.0, 1.0);
    let factor = |local: bool| if local { noisy / ratio } else { (1.0 - noisy) / (1.0 - ratio) };
    prediction.traffic.iter().map(|(&(from, to), share)| ((from, to), share * factor(from == to))).collect()
}

/// Shares of the traffic as whole touches that add up to all.
fn hits(shares: &Shares, touches: u64) -> Hits {
    let mut traffic = Vec::with_capacity(shares.len());
    let (mut given, mut share_so_far) = (0, 0.0);
    for (at, ((from, to), share)) in shares.iter().enumerate() {
        share_so_far += share;
        let last = at + 1 == shares.len();
        let upto = if last { touches } else { ((share_so_far * touches as f64).round() as u64).clamp(given, touches) };
        let (pu_node, memory_node) = (Some(*from), Some(*to));
        traffic.push(TrafficCell { pu_node, memory_node, touches: upto - given, moved: 0.0 });
        given = upto;
    }
    let local = traffic.iter().filter(|cell| cell.pu_node == cell.memory_node).map(|cell| cell.touches).sum();
    let expected = || shares.iter().filter(|((from, to), _)| from == to).map(|(_, share)| share).sum();
    let ratio = if touches > 0 { local as f64 / touches as f64 } else { expected() };
    Hits {
        source: HitSource::Modelled,
        touches,
        local,
        remote: touches - local,
        ratio,
        low: ratio,
        high: ratio,
        package_ratio: None,
        traffic,
    }
}

/// Pauses at jittered due times; those due during a pause are missed.
fn pauses(every_ns: u64, elapsed_ns: u64, mean: PausePrediction, sd: f64, key: u64) -> (Vec<PauseTimes>, u64) {
    let (mut pauses, mut missed, mut free_ns) = (Vec::new(), 0, 0);
    let mut due_ns = every_ns / 2 + plan::random::below(draw(key, 0), every_ns);
    for at in 1.. {
        if due_ns >= elapsed_ns {
            break;
        }
        let part = |which: u64, mean: f64| {
            // The mean of exp(sd z) is exp(sd² / 2), which is taken out again.
            (mean * (sd * normal(split(key, which), at) - sd * sd / 2.0).exp()).round() as u64
        };
        if due_ns < free_ns {
            missed += 1;
        } else {
            let pause = PauseTimes {
                due_ns: Some(due_ns),
                late_ns: Some(0),
                stopping_ns: Some(part(1, mean.stopping_ns)),
                stopped_ns: Some(part(2, mean.stopped_ns)),
                resuming_ns: Some(part(3, mean.resuming_ns)),
                whole: None,
                steal_ticks: None,
                involuntary_switches: None,
            };
            free_ns = due_ns + pause.total_ns();
            pauses.push(pause);
        }
        // Jittered by half, as the live timer does.
        due_ns += (every_ns / 2 + plan::random::below(draw(key, at), every_ns)).max(1);
    }
    (pauses, missed)
}

/// A whole split into n parts that differ by one at most and add up to it.
fn parts(whole: u64, n: u64) -> impl Iterator<Item = u64> {
    (0..n).map(move |at| {
        let upto = |at: u64| (u128::from(whole) * u128::from(at) / u128::from(n)) as u64;
        upto(at + 1) - upto(at)
    })
}

/// A standard normal number: draw `counter` of the stream `key`, by Box and Muller.
fn normal(key: u64, counter: u64) -> f64 {
    // Above 0, so that the logarithm is finite.
    let unit = |draw: u64| ((draw >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (radius, angle) = (unit(draw(key, 2 * counter)), unit(draw(key, 2 * counter + 1)));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
