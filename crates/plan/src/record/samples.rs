//! samples.csv: one row for each sample; its row is the commit record, written last.

use super::cell::Seed;
use super::raw::{HitSource, StopReason, Timing};
use super::row;
use crate::place::Regime;

row! {
    /// The fixed columns of samples.csv. After them comes one column for each further factor (as text), then one for each
    /// metric of the workload (a number).
    SampleRow in "samples.csv" {
        /// Run.
        run_id: String [""],
        /// Sample, from 0 in the order they ran.
        sample_id: u64 [""],
        /// Point.
        point_id: String [""],
        /// Experiment.
        experiment: String [""],
        /// Host name.
        host: String [""],
        /// live or modelled.
        source: String [""],
        /// How far times can be believed: hardware, virtual, emulated, modelled.
        timing: Timing [""],
        /// Arm.
        arm: String [""],
        /// Workload.
        workload: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// core, smt or oversubscribed.
        regime: Regime [""],
        /// Placement of workers.
        placement: String [""],
        /// Policies of the heaps.
        memory_policy: String [""],
        /// Nodes on which the workers may run.
        nodes_spanned: u32 ["nodes"],
        /// Block, from 0.
        block: u32 [""],
        /// Repetition of the point, from 0.
        repetition: u32 [""],
        /// Place in the whole run, from 0; block x number of points + place in the block.
        order: u32 [""],
        /// Seed of this sample's addresses and pauses, hex.
        seed: Seed [""],
        /// Start, UTC.
        started_utc: String [""],
        /// Length of what this sample alone shows as warm-up, by change point; nothing is cut by it.
        warmup_ns: Option<u64> ["ns"],
        /// From the common release to the last worker's stop, stopped time included.
        elapsed_ns: Option<u64> ["ns"],
        /// Time the world was stopped in it, total of all pauses.
        stopped_ns_sum: Option<u64> ["ns"],
        /// Operations of all workers.
        operations: Option<u64> ["operations"],
        /// operations / elapsed.
        throughput_per_s: Option<f64> ["1/s"],
        /// Lines touched x 64 bytes / elapsed, 1e9 bytes.
        bandwidth_gb_per_s: Option<f64> ["GB/s"],
        /// Touches whose page lies on the toucher's node / all touches, caches ignored; of what moved, the expected number.
        local_hit_ratio: Option<f64> ["ratio"],
        /// Lower bound of it, where pages or PUs changed or are unknown.
        local_hit_low: Option<f64> ["ratio"],
        /// Upper bound of it.
        local_hit_high: Option<f64> ["ratio"],
        /// Where it comes from: replay, sampled, pages, modelled.
        hit_source: Option<HitSource> [""],
        /// Touches that are local, of PUs and pages that did not move.
        local_touches: Option<u64> ["touches"],
        /// Touches that are remote, of PUs and pages that did not move.
        remote_touches: Option<u64> ["touches"],
        /// Touches whose page lies in the toucher's package / all of known nodes; of what moved, the expected number.
        local_package_ratio: Option<f64> ["ratio"],
        /// Retired loads that missed the last-level cache and came from local memory / those from any; another quantity.
        dram_local_ratio: Option<f64> ["ratio"],
        /// Counter it comes from, or why there is none.
        dram_source: Option<String> [""],
        /// Pages of private heaps on their owner's node, at the end.
        pages_local: Option<u64> ["pages"],
        /// Pages of private heaps elsewhere, at the end.
        pages_remote: Option<u64> ["pages"],
        /// Share of the heaps' bytes in huge pages.
        huge_ratio: Option<f64> ["ratio"],
        /// Pauses.
        pause_count: Option<u64> ["pauses"],
        /// Due times that passed during a pause; empty where there are none.
        pauses_missed: Option<u64> ["pauses"],
        /// Mean total pause.
        pause_mean_ns: Option<f64> ["ns"],
        /// Variance of total pauses; from 30 pauses on.
        pause_variance_ns2: Option<f64> ["ns2"],
        /// Median total pause.
        pause_p50_ns: Option<f64> ["ns"],
        /// 99th percentile; from 368 pauses on.
        pause_p99_ns: Option<f64> ["ns"],
        /// Longest.
        pause_max_ns: Option<u64> ["ns"],
        /// Mean time from request to last worker parked; empty where a runtime does not tell it.
        stopping_mean_ns: Option<f64> ["ns"],
        /// Minor page faults while running, all workers.
        minor_faults: Option<u64> ["faults"],
        /// Major page faults while running, all workers.
        major_faults: Option<u64> ["faults"],
        /// Voluntary context switches of the workers.
        voluntary_switches: Option<u64> ["switches"],
        /// Involuntary context switches of the workers.
        involuntary_switches: Option<u64> ["switches"],
        /// Time runnable without a PU / wall time, over all workers.
        run_delay_ratio: Option<f64> ["ratio"],
        /// Times a worker's PU changed.
        worker_migrations: Option<u64> ["migrations"],
        /// Heap pages that changed node between the maps before and after.
        pages_migrated: Option<u64> ["pages"],
        /// NUMA hinting faults of the host meanwhile.
        hint_faults: Option<u64> ["faults"],
        /// Steal / wall time of the host meanwhile.
        steal_ratio: Option<f64> ["ratio"],
        /// Why it ended: time, operations, failed.
        stop_reason: StopReason [""],
        /// Whether causes outside the experiment disturbed it; it is used all the same.
        contaminated: bool [""],
        /// Which causes.
        contaminated_reason: Option<String> [""],
        /// What went wrong, where it failed: phase and cause.
        error: Option<String> [""],
    }
}
