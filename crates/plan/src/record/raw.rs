//! Rows that `runner` writes beside samples.csv: points, pauses, windows, workers, traffic, facts.

use super::cell::word_cells;
use super::row;
use crate::place::Regime;
use crate::text::words;

words! {
    /// How far times can be believed, decided by evidence. Ordered: later is lower.
    Timing {
        /// A machine of its own.
        Hardware = "hardware",
        /// A virtual machine on hardware of the same kind: real, with neighbours.
        Virtual = "virtual",
        /// Software emulation: placement is true, no time is.
        Emulated = "emulated",
        /// Computed by `model`, not measured.
        Modelled = "modelled",
    }
}

words! {
    /// Where a local hit ratio comes from.
    HitSource {
        /// Every touch replayed against the page-to-node map: exact.
        Replay = "replay",
        /// A uniform sample of the requests replayed: binomial interval.
        Sampled = "sampled",
        /// From the share of pages alone: assumes uniform touches.
        Pages = "pages",
        /// Computed by `model`.
        Modelled = "modelled",
    }
}

words! {
    /// Why a sample ended.
    StopReason {
        /// Its time was over.
        Time = "time",
        /// Its number of operations was reached.
        Operations = "operations",
        /// It failed; `error` says how.
        Failed = "failed",
    }
}

words! {
    /// What became of a point of the sweep.
    PointState {
        /// It runs on this machine.
        Planned = "planned",
        /// It does not; `reason` says why.
        Skipped = "skipped",
    }
}

word_cells!(Timing, HitSource, StopReason, PointState);

row! {
    /// points.csv: every point of the sweep with its factors, the skipped ones with the reason. One more column for each
    /// further factor.
    PointRow in "points.csv" {
        /// Point, p00 …; empty where skipped.
        point_id: Option<String> [""],
        /// planned or skipped.
        state: PointState [""],
        /// Arm, or arms that are one on this machine, joined with +.
        arm: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// core, smt or oversubscribed.
        regime: Option<Regime> [""],
        /// Placement of workers.
        placement: Option<String> [""],
        /// Policies of the heaps.
        memory_policy: Option<String> [""],
        /// Nodes on which the workers may run.
        nodes_spanned: Option<u32> ["nodes"],
        /// Local hit ratio where it follows from the plan alone.
        hit_ratio_by_construction: Option<f64> ["ratio"],
        /// Bytes of all heaps.
        bytes: Option<u64> ["bytes"],
        /// Why it is skipped.
        reason: Option<String> [""],
    }
}

row! {
    /// pauses.csv: every stop of the world.
    PauseRow in "pauses.csv" {
        /// Run.
        run_id: String [""],
        /// Sample, a number from 0 in the order they ran.
        sample_id: u64 [""],
        /// Pause within the sample, from 0.
        pause: u64 [""],
        /// Due time after the common release; empty where a runtime stops when it must.
        due_ns: Option<u64> ["ns"],
        /// Due time to request: how late the stopper came to its boundary.
        late_ns: Option<u64> ["ns"],
        /// Request to last worker parked; this and the next two are empty where a runtime tells only their sum.
        stopping_ns: Option<u64> ["ns"],
        /// The world is stopped.
        stopped_ns: Option<u64> ["ns"],
        /// Release to last worker running.
        resuming_ns: Option<u64> ["ns"],
        /// Their sum.
        total_ns: u64 ["ns"],
        /// Steal of the host between the notices before and after, in clock ticks (10 ms).
        steal_ticks: Option<u64> ["ticks"],
        /// Involuntary switches of all workers since the pause before.
        involuntary_switches: Option<u64> ["switches"],
        /// Whether it was requested, or without a due time ended, in what its sample alone shows as warm-up.
        warmup: bool [""],
    }
}

row! {
    /// windows.csv: throughput in slices of each sample, warm-up included.
    WindowRow in "windows.csv" {
        /// Run.
        run_id: String [""],
        /// Sample.
        sample_id: u64 [""],
        /// Slice within the sample, from 0.
        window: u64 [""],
        /// Start after the common release.
        start_ns: u64 ["ns"],
        /// Length.
        length_ns: u64 ["ns"],
        /// Operations of all workers in it.
        operations: u64 ["operations"],
        /// Whether it belongs to what its sample alone shows as warm-up.
        warmup: bool [""],
    }
}

row! {
    /// workers.csv: one row for each worker of each sample.
    WorkerRow in "workers.csv" {
        /// Run.
        run_id: String [""],
        /// Sample.
        sample_id: u64 [""],
        /// Worker, from 0; 0 is the stopper.
        worker: u32 [""],
        /// PU it was on at the end.
        pu: Option<u32> [""],
        /// Node of that PU.
        node: Option<u32> [""],
        /// Its operations.
        operations: u64 ["operations"],
        /// Time it was runnable and had no PU (schedstat).
        run_delay_ns: Option<u64> ["ns"],
        /// Voluntary context switches.
        voluntary_switches: Option<u64> ["switches"],
        /// Involuntary context switches.
        involuntary_switches: Option<u64> ["switches"],
        /// Times its PU changed.
        migrations: Option<u64> ["migrations"],
    }
}

row! {
    /// traffic.csv: touches by node of the toucher and node of the page.
    TrafficRow in "traffic.csv" {
        /// Run.
        run_id: String [""],
        /// Sample.
        sample_id: u64 [""],
        /// Node of the PU that touched; empty where unknown.
        pu_node: Option<u32> [""],
        /// Node of the page; empty where unknown.
        memory_node: Option<u32> [""],
        /// Touches, of PUs and pages that did not move.
        touches: u64 ["touches"],
        /// Firmware distance between the two (SLIT).
        distance: Option<u32> [""],
        /// Expected number of the touches to pages, or by workers, that moved and were on these nodes then.
        moved_touches: f64 ["touches"],
    }
}

row! {
    /// facts.csv: what could change during a run, at every block boundary; and what is to be said of single samples.
    FactRow in "facts.csv" {
        /// Run.
        run_id: String [""],
        /// Block about to start, or that of the sample.
        block: u32 [""],
        /// Moment, UTC.
        at_utc: String [""],
        /// Name of the fact: load_1min, free_bytes_node0, frequency_khz_mean and the like; of a sample: sample_17_note.
        fact: String [""],
        /// Its value; empty where the host does not tell.
        value: Option<String> [""],
    }
}
