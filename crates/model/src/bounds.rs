//! What a closed network cannot exceed and cannot fall short of, without solving it.
//!
//! Above: nobody ever waits, and no station does more than it can (Denning and Buzen 1978). Below: all customers queue at
//! once, wherever they go (Gunther, arXiv:0808.1431); with one class that is Amdahl's law, and with a service time that
//! grows with the customers the universal scalability law. A measured curve between the two is explained by queueing.

use crate::amva::{Class, Flow};

/// Upper bound of the throughput: min(n / (Z + D), 1 / D_max).
pub fn asymptote(think: f64, demands: &[f64], customers: f64) -> f64 {
    (customers / (think + demands.iter().sum::<f64>())).min(1.0 / largest(demands))
}

/// How often there may be as many customers until somebody waits at a station for certain: one over what would be asked of
/// it if nobody waited. Of one class times its customers it is N_sat = (Z + D) / D_k, where the two asymptotes cross.
pub fn saturation(classes: &[Class], station: usize) -> f64 {
    let unhindered = |of: &Class| of.customers / (of.think + of.demands.iter().sum::<f64>());
    1.0 / classes.iter().map(|of| unhindered(of) * of.demands[station]).sum::<f64>()
}

/// Lower bound of the throughput: N / (Z + N D), everybody queueing behind everybody.
///
/// It is a USL with lambda = 1 / (Z + D), sigma = D / (Z + D) and kappa = 0.
pub fn synchronous_throughput(think: f64, demands: &[f64], customers: f64) -> f64 {
    customers / (think + customers * demands.iter().sum::<f64>())
}

fn largest(demands: &[f64]) -> f64 {
    demands.iter().copied().fold(0.0, f64::max)
}

/// [`synchronous_throughput`] of several classes: at each station a class finds all customers of all classes that use it.
pub fn synchronous(classes: &[Class]) -> Vec<Flow> {
    let stations = classes.first().map_or(0, |class| class.demands.len());
    let users = |at: usize| classes.iter().filter(|class| class.demands[at] > 0.0).map(|class| class.customers).sum();
    let present: Vec<f64> = (0..stations).map(users).collect();
    let flow = |class: &Class| {
        let residence = class.demands.iter().zip(&present).map(|(demand, present)| demand * present).sum();
        Flow { throughput: class.customers / (class.think + residence), residence }
    };
    classes.iter().map(flow).collect()
}

/// Upper bound of the throughput of several classes together, in cycles per unit of time.
///
/// Each class alone has its asymptotes; and where every cycle visits one station of `every_cycle` once, all classes
/// together make no more cycles than these stations have service for. `every_cycle` is `(station, service time)`.
pub fn fastest(classes: &[Class], every_cycle: &[(usize, f64)]) -> f64 {
    let alone: f64 = classes.iter().map(|class| asymptote(class.think, &class.demands, class.customers)).sum();
    let visited = |&&(at, _): &&(usize, f64)| classes.iter().any(|class| class.demands[at] > 0.0);
    let together: f64 = every_cycle.iter().filter(visited).map(|(_, service)| 1.0 / service).sum();
    if together > 0.0 { alone.min(together) } else { alone }
}

/// The three ceilings of a NUMA machine's bandwidth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roofline {
    /// Threads, and lines that each has under way.
    pub threads: f64,
    /// Lines under way per thread.
    pub lines_in_flight: f64,
    /// Mean latency without load.
    pub latency_ns: f64,
    /// All memory controllers together.
    pub controllers_bytes_per_ns: f64,
    /// All directed links together.
    pub links_bytes_per_ns: f64,
    /// Share of touches whose line lies on the toucher's node.
    pub local_hit_ratio: f64,
}

impl Roofline {
    /// GB/s: min(threads x lines x 64 / latency, Σ controllers, Σ links / (1 - local hit ratio)).
    pub fn gb_per_s(self) -> f64 {
        let latency_bound = self.threads * self.lines_in_flight * crate::LINE_BYTES / self.latency_ns;
        let remote = 1.0 - self.local_hit_ratio;
        let link_bound = if remote > 0.0 { self.links_bytes_per_ns / remote } else { f64::INFINITY };
        latency_bound.min(self.controllers_bytes_per_ns).min(link_bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_is_amdahls_law_at_worst() {
        // The machine repairman, Z = 9 and D = 1, in our reference: .64 of 16 customers, where the mean is .989.
        let golden = [(2.0, 0.18181818181818182), (16.0, 0.64), (32.0, 0.7804878048780488), (64.0, 0.8767123287671232)];
        for (customers, expect) in golden {
            assert!((synchronous_throughput(9.0, &[1.0], customers) - expect).abs() < 1e-12);
            let (lambda, sigma) = (0.1, 0.1);
            let usl = lambda * customers / (1.0 + sigma * (customers - 1.0));
            assert!((usl - expect).abs() < 1e-12);
            let class = Class { customers, think: 9.0, demands: vec![1.0] };
            assert!((synchronous(&[class])[0].throughput - expect).abs() < 1e-12);
        }
        let n_sat = |customers: f64, think, demands: &[f64], station| {
            customers * saturation(&[Class { customers, think, demands: demands.to_vec() }], station)
        };
        assert_eq!(n_sat(1.0, 9.0, &[1.0], 0), 10.0);
        assert!((n_sat(7.0, 9.0, &[1.0], 0) - 10.0).abs() < 1e-12);
        assert_eq!(asymptote(9.0, &[1.0], 5.0), 0.5);
        assert_eq!(asymptote(9.0, &[1.0], 50.0), 1.0);
        // A CPU and two disks: (15 + 4.055) / 2.1.
        assert!((n_sat(1.0, 15.0, &[0.605, 2.1, 1.35], 1) - 19.055 / 2.1).abs() < 1e-12);
    }

    #[test]
    fn a_service_time_that_grows_with_the_customers_is_a_usl_with_its_peak() {
        // N / (Z + N (D + c (N - 1))): kappa = c / (Z + D), n* = sqrt((1 - sigma) / kappa).
        let (think, service, coherence) = (90.0, 2.0, 0.05);
        let rate = |n: f64| synchronous_throughput(think, &[service + coherence * (n - 1.0)], n);
        let (lambda, sigma, kappa) = (1.0 / 92.0, 2.0 / 92.0, 0.05 / 92.0);
        for n in [1.0, 2.0, 7.5, 32.0, 64.0_f64] {
            let usl = lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
            assert!((rate(n) / usl - 1.0).abs() < 1e-12);
        }
        let peak = ((1.0 - sigma) / kappa).sqrt();
        assert!(rate(peak) > rate(peak * 0.99) && rate(peak) > rate(peak * 1.01));
    }

    #[test]
    fn the_mean_lies_between_the_bounds() {
        let class = |customers, demands| Class { customers, think: 20.0, demands };
        for n in [1.0, 4.0, 16.0, 64.0] {
            // Two nodes with a controller each, a tenth of the touches remote.
            let classes = [class(n, vec![0.9, 0.1]), class(2.0 * n, vec![0.1, 0.9])];
            let sum = |flows: Vec<Flow>| flows.iter().map(|flow| flow.throughput).sum::<f64>();
            let mean = sum(crate::amva::solve(&classes).expect("settles"));
            let (low, high) = (sum(synchronous(&classes)), fastest(&classes, &[(0, 1.0), (1, 1.0)]));
            assert!(low <= mean && mean <= high, "{low} {mean} {high}");
            assert!(high <= 2.0);
        }
    }

    #[test]
    fn each_ceiling_of_the_roofline_holds_where_it_is_lowest() {
        let skylake = Roofline {
            threads: 1.0,
            lines_in_flight: 10.0,
            latency_ns: 80.0,
            controllers_bytes_per_ns: 222.0,
            links_bytes_per_ns: 68.8,
            local_hit_ratio: 0.5,
        };
        assert_eq!(skylake.gb_per_s(), 8.0);
        assert_eq!(Roofline { threads: 64.0, ..skylake }.gb_per_s(), 137.6);
        assert_eq!(Roofline { threads: 64.0, local_hit_ratio: 1.0, ..skylake }.gb_per_s(), 222.0);
    }
}
