//! The constants of the model, each with its source.

/// Constants of a modelled machine. Times in ns; bytes per ns are GB/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Unloaded latency of a load from the own node's memory, service included.
    pub local_latency_ns: f64,
    /// Bandwidth of one node's memory controllers.
    pub controller_bytes_per_ns: f64,
    /// Bandwidth of the link from one node to another, each direction and pair.
    pub link_bytes_per_ns: f64,
    /// Lines that one core has under way when touches are independent; with dependent touches it is 1.
    pub lines_in_flight: f64,
    /// Work between two touches of one worker that does not wait for memory.
    pub compute_ns: f64,
    /// Throughput of a core with two busy siblings over that with one.
    pub smt_gain: f64,
    /// Share of its time that a worker free to float spends away from where it first touched, as if drawn among its PUs.
    pub away_ratio: f64,
    /// Added to each written shared line for each further worker; 0 is pure queueing, which never falls by itself.
    pub coherence_ns: f64,
    /// Wake-up of one parked worker.
    pub wake_ns: f64,
    /// Time a worker without a PU waits for one.
    pub slice_ns: f64,
}

impl Parameters {
    /// A two-package Skylake server.
    ///
    /// | parameter | value | source |
    /// |---|---|---|
    /// | local latency | 79 ns | Intel MLC on "breniac" (Skylake-SP, 2 packages), idle latency 78.6 ns |
    /// | controller | 111 GB/s | the same, local bandwidth 111.0 GB/s |
    /// | link | 34.4 GB/s | the same, remote bandwidth 34.4 GB/s |
    /// | lines in flight | 10 | line fill buffers of a core: 10 (Intel optimization manual, Skylake), 16 on later ones |
    /// | compute | 10 ns | assumed; 64 lines make a request of about 1 us on a quiet machine |
    /// | SMT gain | 1.25 | assumed, the usual 1.2-1.3 |
    /// | away | 0.05 | assumed |
    /// | coherence | 0 ns | assumed: heaps far larger than what two workers touch at once |
    /// | wake-up | 5,000 ns | assumed; a futex wake to another core takes 2-10 us |
    /// | slice | 3,000,000 ns | Linux, sched base_slice_ns (CFS and EEVDF: 3 ms on machines of 8 PUs and more) |
    pub const DEFAULT: Parameters = Parameters {
        local_latency_ns: 79.0,
        controller_bytes_per_ns: 111.0,
        link_bytes_per_ns: 34.4,
        lines_in_flight: 10.0,
        compute_ns: 10.0,
        smt_gain: 1.25,
        away_ratio: 0.05,
        coherence_ns: 0.0,
        wake_ns: 5_000.0,
        slice_ns: 3_000_000.0,
    };
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters::DEFAULT
    }
}
