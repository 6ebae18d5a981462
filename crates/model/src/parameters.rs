//! The constants of the model, each with its source.

use crate::Calibration;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Line fill buffers of a core: 10 on Skylake and before (Intel optimization manual), up to 16 on later ones (statistics
/// notes, section 6).
pub(crate) const LINE_FILL_BUFFERS: RangeInclusive<f64> = 10.0..=16.0;

/// Constants of a modelled machine. Times in ns; bytes per ns are GB/s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Unloaded latency of a load from the own node's memory, service included; with a calibration its own.
    pub local_latency_ns: f64,
    /// Bandwidth of one node's memory controllers; with a calibration its own.
    pub controller_bytes_per_ns: f64,
    /// Bandwidth of the link from one node to another, each direction and pair; with a calibration its own.
    pub link_bytes_per_ns: f64,
    /// Lines that one core has under way when touches are independent; with dependent touches it is 1.
    pub lines_in_flight: f64,
    /// Work between two touches of one worker that does not wait for memory.
    pub compute_ns: f64,
    /// Throughput of a core with two busy siblings over that with one.
    pub smt_gain: f64,
    /// Share of its time that a worker free to float spends away from where it first touched, as if drawn among its PUs.
    pub away_ratio: f64,
    /// Service that a written shared line needs at the machine's one home of such lines, for each further worker that may
    /// hold it; 0 is pure queueing, which never falls by itself.
    pub coherence_ns: f64,
    /// Wake-up of one parked worker.
    pub wake_ns: f64,
    /// Time a worker without a PU waits for one.
    pub slice_ns: f64,
    /// How customers meet at a station.
    pub queueing: Queueing,
    /// Latencies and bandwidths of each pair of nodes, measured on a machine.
    pub calibration: Option<Calibration>,
}

/// How customers meet at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queueing {
    /// As they come: mean value analysis.
    Mean,
    /// All at once, the worst case, whose curve is a USL: what is fitted to it is known.
    Synchronous,
}

impl Parameters {
    /// A two-package Skylake server; [`Parameters::SOURCES`] says where each value comes from.
    pub const DEFAULT: Parameters = Parameters {
        local_latency_ns: 79.0,
        controller_bytes_per_ns: 111.0,
        link_bytes_per_ns: 34.4,
        lines_in_flight: *LINE_FILL_BUFFERS.start(),
        compute_ns: 10.0,
        smt_gain: 1.25,
        away_ratio: 0.05,
        coherence_ns: 0.0,
        wake_ns: 5_000.0,
        slice_ns: 3_000_000.0,
        queueing: Queueing::Mean,
        calibration: None,
    };

    /// Parameter and source of its default value. README.md of this crate holds the same table.
    pub const SOURCES: &[(&str, &str)] = &[
        ("local_latency_ns", "Intel MLC on \"breniac\" (Skylake-SP, 2 packages): idle latency 78.6 ns"),
        ("controller_bytes_per_ns", "Intel MLC on \"breniac\": local bandwidth 111.0 GB/s"),
        ("link_bytes_per_ns", "Intel MLC on \"breniac\": remote bandwidth 34.4 GB/s"),
        ("lines_in_flight", "line fill buffers of a core: 10 (Intel optimization manual, Skylake)"),
        ("compute_ns", "assumed: 64 lines make a request of about 1 us on a quiet machine"),
        ("smt_gain", "assumed: the usual 1.2 to 1.3"),
        ("away_ratio", "assumed"),
        ("coherence_ns", "assumed: heaps far larger than what two workers touch at once"),
        ("wake_ns", "assumed: a futex wake to another core takes 2 to 10 us"),
        ("slice_ns", "Linux, base_slice_ns of the scheduler on machines of 8 PUs and more"),
        ("queueing", "mean value analysis"),
    ];
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters::DEFAULT
    }
}
