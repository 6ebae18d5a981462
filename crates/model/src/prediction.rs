//! From a point and a topology to figures: traffic by rules, throughput by queues, pauses by request boundaries.

use crate::amva::{self, Class, Flow};
use crate::stations::{Station, Stations, access, groups, oversubscription};
use crate::traffic::traffic;
use crate::{LINE_BYTES, ModelError, Parameters, Queueing, bounds};
use plan::experiment::StoppedWork;
use plan::point::Point;
use plan::topology::Topology;
use std::collections::BTreeMap;

/// What the model says about one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Operations per second, stopped time included.
    pub throughput_per_s: f64,
    /// The same if all queue at once, wherever they go: what explains more loss than this is no queueing.
    pub slowest_per_s: f64,
    /// The same if nobody ever waits and no controller does more than it can.
    pub fastest_per_s: f64,
    /// Touches whose page lies on the toucher's node / all touches.
    pub local_hit_ratio: f64,
    /// Share of all touches by `(node of the PU, node of the page)`; sums to 1.
    pub traffic: BTreeMap<(u32, u32), f64>,
    /// Node on which each worker starts, in worker order.
    pub homes: Vec<u32>,
    /// Mean latency of a touch, waiting included, over all touches.
    pub latency_ns: f64,
    /// The queue that is nearest to its limit.
    pub busiest: Busiest,
    /// Mean parts of one pause; `None` where the world is never stopped.
    pub pause: Option<PausePrediction>,
}

/// The queue that is nearest to its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busiest {
    /// Which.
    pub station: Station,
    /// Share of the time that it serves somebody.
    pub utilization_ratio: f64,
    /// Workers, in proportion, from which on somebody waits for it for certain: N_sat of the asymptotes.
    pub saturation_procs: f64,
}

/// Mean parts of one pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PausePrediction {
    /// Request to last worker parked.
    pub stopping_ns: f64,
    /// World stopped.
    pub stopped_ns: f64,
    /// Release to last worker running.
    pub resuming_ns: f64,
}

impl PausePrediction {
    /// Sum of the parts.
    pub fn total_ns(self) -> f64 {
        self.stopping_ns + self.stopped_ns + self.resuming_ns
    }
}

/// Predicts one point. `pause_every_ns` 0: the world is never stopped.
///
/// # Errors
/// `Nowhere` for a worker without a PU on a known node, `Unsettled` where the queues do not settle.
pub fn predict(
    point: &Point,
    topology: &Topology,
    pause_every_ns: u64,
    stopped_work: StoppedWork,
    parameters: &Parameters,
) -> Result<Prediction, ModelError> {
    if !point.workload.has_heaps() {
        return Err(ModelError::NoHeaps { kind: point.workload.kind() });
    }
    let access = access(&point.workload);
    let workers = traffic(&point.placement, access.shared_ratio, topology, parameters)?;
    let groups = groups(point, &workers, topology);
    let stations = Stations::new(topology, parameters);
    let classes: Vec<Class> = groups.iter().map(|group| stations.class(group, &access, point.procs)).collect();
    let worst = bounds::synchronous(&classes);
    let flows = match parameters.queueing {
        Queueing::Mean => amva::solve(&classes)?,
        Queueing::Synchronous => worst.clone(),
    };

    let lines_per_ns = sum(&flows);
    let mut shares = BTreeMap::new();
    let mut latency_ns = 0.0;
    for ((group, class), flow) in groups.iter().zip(&classes).zip(&flows) {
        let weight = flow.throughput / lines_per_ns;
        group.joint.iter().for_each(|(pair, share)| *shares.entry(*pair).or_insert(0.0) += weight * share);
        latency_ns += weight * (class.think - parameters.compute_ns + flow.residence);
    }
    let rest_ns = oversubscription(&groups) * parameters.slice_ns;
    // Throughput with the pauses of a world that touches so many lines in a ns, and one such pause.
    let paused = |lines_per_ns: f64| {
        let running_per_s = lines_per_ns * 1e9 / point.workload.touches_per_operation() as f64;
        if pause_every_ns == 0 {
            return (running_per_s, None);
        }
        let pause = pause(point.procs, running_per_s, lines_per_ns, rest_ns, stopped_work, parameters);
        // Due times that pass during a pause are dropped, so a pause takes a share of whole periods.
        let every = pause_every_ns as f64;
        let stopped_share = pause.total_ns() / (((pause.total_ns() / every).floor() + 1.0) * every);
        (running_per_s * (1.0 - stopped_share), Some(pause))
    };
    let (throughput_per_s, pause) = paused(lines_per_ns);
    Ok(Prediction {
        throughput_per_s,
        slowest_per_s: paused(sum(&worst)).0,
        fastest_per_s: paused(bounds::fastest(&classes, &stations.controllers())).0,
        // From the other side, so that all local is 1 and not 1 less a rounding.
        local_hit_ratio: 1.0 - shares.iter().filter(|((from, to), _)| from != to).map(|(_, share)| share).sum::<f64>(),
        traffic: shares,
        homes: workers.iter().map(|worker| worker.home).collect(),
        latency_ns,
        busiest: busiest(&stations, &classes, &flows, point.procs),
        pause,
    })
}

fn sum(flows: &[Flow]) -> f64 {
    flows.iter().map(|flow| flow.throughput).sum()
}

fn busiest(stations: &Stations<'_>, classes: &[Class], flows: &[Flow], procs: u32) -> Busiest {
    let utilization =
        |at: usize| classes.iter().zip(flows).map(|(of, flow)| flow.throughput * of.demands[at]).sum::<f64>();
    let places = 0..classes.first().map_or(0, |class| class.demands.len());
    let at = places.max_by(|&a, &b| utilization(a).total_cmp(&utilization(b))).expect("a machine has a controller");
    Busiest {
        station: stations.station(at),
        utilization_ratio: utilization(at),
        saturation_procs: f64::from(procs) * bounds::saturation(classes, at),
    }
}

fn pause(
    procs: u32,
    running_per_s: f64,
    lines_per_ns: f64,
    rest_ns: f64,
    stopped_work: StoppedWork,
    parameters: &Parameters,
) -> PausePrediction {
    let procs = f64::from(procs);
    let request_ns = 1e9 * procs / running_per_s;
    // Residual requests are uniform: the mean of the largest of the n - 1 others is (n - 1) / n of a request.
    let stopping_ns = request_ns * (procs - 1.0) / procs + rest_ns;
    let stopped_ns = match stopped_work {
        StoppedWork::None => 0.0,
        StoppedWork::Scan { bytes } => bytes as f64 / (lines_per_ns * LINE_BYTES),
    };
    // One broadcast wakes all others; wake-ups overlap in part, so the last waits for log2 of them, and none is 0.
    PausePrediction { stopping_ns, stopped_ns, resuming_ns: parameters.wake_ns * procs.log2() }
}
