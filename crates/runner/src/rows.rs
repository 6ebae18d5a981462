//! From a sample to its rows: pure, so that every figure of samples.csv has one place where it is made.

use crate::disturbance::disturbances;
use crate::sample::{Measured, Outcome, PauseTimes, Sample, TrafficCell};
use plan::point::{Plan, Point, Slot};
use plan::record::{Cell, PauseRow, SampleRow, Seed, StopReason, Timing, TrafficRow, WindowRow, WorkerRow};
use plan::topology::Topology;
use plan::workload::LINE_BYTES;
use stats::quantile::{MIN_VALUES_FOR_P99, quantile};
use stats::variance::MIN_VALUES_FOR_VARIANCE;

/// What every row of a run shares.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The plan.
    pub plan: &'a Plan,
    /// The machine, for nodes of PUs and distances.
    pub topology: &'a Topology,
    /// Name of the host.
    pub host: &'a str,
    /// `live` or `modelled`.
    pub source: &'a str,
    /// How far times can be believed.
    pub timing: Timing,
}

/// Which sample it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    /// From 0 in the order they ran.
    pub sample_id: u64,
    /// Its place in the schedule.
    pub slot: Slot,
    /// Its seed.
    pub seed: Seed,
}

/// All rows of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRows {
    /// Its row of samples.csv.
    pub sample: SampleRow,
    /// The cells after the fixed ones: further factors, then the workload's metrics.
    pub extra: Vec<String>,
    /// Its rows of pauses.csv.
    pub pauses: Vec<PauseRow>,
    /// Its rows of windows.csv.
    pub windows: Vec<WindowRow>,
    /// Its rows of workers.csv.
    pub workers: Vec<WorkerRow>,
    /// Its rows of traffic.csv.
    pub traffic: Vec<TrafficRow>,
}

/// The rows of a sample, measured or failed. A failed one has a row in samples.csv alone.
pub fn rows(context: &Context<'_>, id: Id, sample: &Sample) -> SampleRows {
    let point = &context.plan.points[id.slot.point];
    let mut row = empty_row(context, id, point, sample);
    let mut metrics = Vec::new();
    let mut parts = SampleRows {
        sample: row.clone(),
        extra: context.plan.factors.iter().map(|name| point.factors.get(name).cloned().unwrap_or_default()).collect(),
        pauses: Vec::new(),
        windows: Vec::new(),
        workers: Vec::new(),
        traffic: Vec::new(),
    };
    match &sample.outcome {
        Outcome::Failed(failure) => row.error = Some(format!("{}: {}", failure.phase, failure.cause)),
        Outcome::Measured(measured) => {
            fill(&mut row, context, point, measured);
            metrics.clone_from(&measured.metrics);
            parts.pauses = pause_rows(context.run_id, id.sample_id, measured);
            parts.windows = window_rows(context.run_id, id.sample_id, measured);
            parts.workers = worker_rows(context, id.sample_id, measured);
            parts.traffic = traffic_rows(context, id.sample_id, measured);
        }
    }
    metrics.resize(context.plan.metrics.len(), None);
    parts.extra.extend(metrics.iter().map(Cell::write));
    parts.sample = row;
    parts
}

/// Factors and identity, everything measured empty.
fn empty_row(context: &Context<'_>, id: Id, point: &Point, sample: &Sample) -> SampleRow {
    SampleRow {
        run_id: context.run_id.into(),
        sample_id: id.sample_id,
        point_id: point.id.clone(),
        experiment: context.plan.experiment.clone(),
        host: context.host.into(),
        source: context.source.into(),
        timing: context.timing,
        arm: point.arm.clone(),
        workload: point.workload.kind().into(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: point.regime,
        placement: point.placement_name.clone(),
        memory_policy: point.memory_policy.clone(),
        nodes_spanned: point.nodes_spanned,
        block: id.slot.block,
        repetition: id.slot.block,
        order: id.slot.order,
        seed: id.seed,
        started_utc: sample.started_utc.clone(),
        warmup_ns: None,
        elapsed_ns: None,
        stopped_ns_sum: None,
        operations: None,
        throughput_per_s: None,
        bandwidth_gb_per_s: None,
        local_hit_ratio: None,
        local_hit_low: None,
        local_hit_high: None,
        hit_source: None,
        local_touches: None,
        remote_touches: None,
        local_package_ratio: None,
        dram_local_ratio: None,
        dram_source: Some("not measured: this version reads no counters".into()),
        pages_local: None,
        pages_remote: None,
        huge_ratio: None,
        pause_count: None,
        pauses_missed: None,
        pause_mean_ns: None,
        pause_variance_ns2: None,
        pause_p50_ns: None,
        pause_p99_ns: None,
        pause_max_ns: None,
        stopping_mean_ns: None,
        minor_faults: None,
        major_faults: None,
        voluntary_switches: None,
        involuntary_switches: None,
        run_delay_ratio: None,
        worker_migrations: None,
        pages_migrated: None,
        hint_faults: None,
        steal_ratio: None,
        stop_reason: StopReason::Failed,
        contaminated: false,
        contaminated_reason: None,
        error: None,
    }
}

fn fill(row: &mut SampleRow, context: &Context<'_>, point: &Point, measured: &Measured) {
    let per_ns = |amount: f64| (measured.elapsed_ns > 0).then(|| amount / measured.elapsed_ns as f64);
    row.stop_reason = measured.stop_reason;
    row.warmup_ns = Some(measured.warmup_ns);
    row.elapsed_ns = Some(measured.elapsed_ns);
    row.operations = Some(measured.operations);
    row.throughput_per_s = per_ns(measured.operations as f64 * 1e9);
    // Bytes per ns are GB per s.
    let bytes = measured.operations as f64 * (point.workload.touches_per_operation() * LINE_BYTES) as f64;
    row.bandwidth_gb_per_s = per_ns(bytes).filter(|_| point.workload.has_heaps());
    fill_hits(row, measured);
    (row.pages_local, row.pages_remote) = measured.private_pages.unzip();
    row.huge_ratio = measured.huge_ratio;
    if point.has_pauses(&context.plan.measure) {
        fill_pauses(row, measured);
    }
    (row.minor_faults, row.major_faults) = measured.faults.unzip();
    let workers = &measured.workers;
    if workers.is_empty() {
        (row.voluntary_switches, row.involuntary_switches) = measured.process_switches.unzip();
    } else {
        row.voluntary_switches = workers.iter().map(|worker| Some(worker.switches?.0)).sum();
        row.involuntary_switches = workers.iter().map(|worker| Some(worker.switches?.1)).sum();
        row.worker_migrations = workers.iter().map(|worker| worker.migrations).sum();
    }
    row.run_delay_ratio = run_delay_ratio(measured, point.procs);
    row.pages_migrated = measured.pages_migrated;
    row.hint_faults = measured.hint_faults;
    row.steal_ratio = measured.steal_ticks.and_then(|(steal, all)| ratio(steal, all));
    let reasons = disturbances(row, point, measured, &context.plan.measure.thresholds);
    row.contaminated = !reasons.is_empty();
    row.contaminated_reason = row.contaminated.then(|| reasons.join("; "));
}

/// Local over known touches; unknown ones and those that moved are in the bounds, which hold the ratio between them.
fn fill_hits(row: &mut SampleRow, measured: &Measured) {
    let Some(hits) = &measured.hits else { return };
    row.local_hit_ratio = Some(hits.ratio);
    row.local_hit_low = Some(hits.low);
    row.local_hit_high = Some(hits.high);
    row.hit_source = Some(hits.source);
    row.local_touches = Some(hits.local);
    row.remote_touches = Some(hits.remote);
    row.local_package_ratio = hits.package_ratio;
}

fn fill_pauses(row: &mut SampleRow, measured: &Measured) {
    let pauses = &measured.pauses;
    let totals: Vec<f64> = pauses.iter().map(|pause| pause.total_ns() as f64).collect();
    row.stopped_ns_sum = Some(pauses.iter().map(PauseTimes::total_ns).sum());
    row.pause_count = Some(pauses.len() as u64);
    row.pauses_missed = measured.pauses_missed;
    let Ok(summary) = stats::summary::summarize(&totals) else { return };
    row.pause_mean_ns = Some(summary.mean);
    row.pause_variance_ns2 = summary.variance.filter(|_| totals.len() >= MIN_VALUES_FOR_VARIANCE);
    row.pause_p50_ns = Some(summary.median);
    row.pause_p99_ns = quantile(&totals, 0.99).ok().filter(|_| totals.len() >= MIN_VALUES_FOR_P99);
    row.pause_max_ns = pauses.iter().map(PauseTimes::total_ns).max();
    let stopping: Option<f64> = pauses.iter().map(|pause| Some(pause.stopping_ns? as f64)).sum();
    row.stopping_mean_ns = stopping.map(|sum| sum / totals.len() as f64);
}

/// Σ run_delay / Σ wall over the workers whose run delay is known.
fn run_delay_ratio(measured: &Measured, procs: u32) -> Option<f64> {
    let known = || measured.workers.iter().filter_map(|worker| Some((worker.run_delay_ns?, worker.wall_ns)));
    let wall: u64 = known().map(|(_, wall)| wall).sum();
    let delay: u64 = known().map(|(delay, _)| delay).sum();
    // Of workers that are no threads only the delay of all threads together is known.
    let of_all = || {
        let walls = measured.workers.iter().map(|worker| worker.wall_ns);
        let wall = if measured.workers.is_empty() { measured.elapsed_ns * u64::from(procs) } else { walls.sum() };
        ratio(measured.process_delay_ns?, wall)
    };
    ratio(delay, wall).or_else(of_all)
}

/// `None` of nothing.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A pause belongs to the part in which it was requested, or else ended.
fn in_warmup(pause: &PauseTimes, measured: &Measured) -> bool {
    pause.moment_ns().is_some_and(|moment_ns| moment_ns < measured.warmup_ns)
}

fn pause_rows(run_id: &str, sample_id: u64, measured: &Measured) -> Vec<PauseRow> {
    let rows = (0..).zip(&measured.pauses).map(|(pause, times)| PauseRow {
        run_id: run_id.into(),
        sample_id,
        pause,
        due_ns: times.due_ns,
        late_ns: times.late_ns,
        stopping_ns: times.stopping_ns,
        stopped_ns: times.stopped_ns,
        resuming_ns: times.resuming_ns,
        total_ns: times.total_ns(),
        steal_ticks: times.steal_ticks,
        involuntary_switches: times.involuntary_switches,
        warmup: in_warmup(times, measured),
    });
    rows.collect()
}

fn window_rows(run_id: &str, sample_id: u64, measured: &Measured) -> Vec<WindowRow> {
    let rows = (0..).zip(&measured.windows).map(|(window, slice)| WindowRow {
        run_id: run_id.into(),
        sample_id,
        window,
        start_ns: slice.start_ns,
        length_ns: slice.length_ns,
        operations: slice.operations,
        warmup: slice.start_ns < measured.warmup_ns,
    });
    rows.collect()
}

fn worker_rows(context: &Context<'_>, sample_id: u64, measured: &Measured) -> Vec<WorkerRow> {
    let node_of = |pu: u32| context.topology.pu(pu).and_then(|pu| pu.node);
    let rows = measured.workers.iter().map(|worker| {
        let (voluntary_switches, involuntary_switches) = worker.switches.unzip();
        WorkerRow {
            run_id: context.run_id.into(),
            sample_id,
            worker: worker.worker,
            pu: worker.pu,
            node: worker.pu.and_then(node_of),
            operations: worker.operations,
            run_delay_ns: worker.run_delay_ns,
            voluntary_switches,
            involuntary_switches,
            migrations: worker.migrations,
        }
    });
    rows.collect()
}

fn traffic_rows(context: &Context<'_>, sample_id: u64, measured: &Measured) -> Vec<TrafficRow> {
    let cells = measured.hits.iter().flat_map(|hits| &hits.traffic);
    let rows = cells.map(|&TrafficCell { pu_node, memory_node, touches, moved }| TrafficRow {
        run_id: context.run_id.into(),
        sample_id,
        pu_node,
        memory_node,
        touches,
        distance: pu_node.zip(memory_node).and_then(|(from, to)| context.topology.distance(from, to)),
        moved_touches: moved,
    });
    rows.collect()
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
