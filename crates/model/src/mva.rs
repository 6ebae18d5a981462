//! Exact mean value analysis of a closed network with one class of customers (Reiser and Lavenberg 1980).
//!
//! Stations have one or more servers with exponential service, first come first served; everything that does not queue is
//! in the think time. Exact, so it checks the approximation in [`crate::amva`].

/// A station of a network with one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Visits x service time, in the unit of the think time.
    pub demand: f64,
    /// Servers, at least 1: a customer waits only where all are busy.
    pub servers: u32,
}

/// What a closed network does at one number of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Cycles per unit of time.
    pub throughput: f64,
    /// Time in all stations together, think time excluded.
    pub residence: f64,
    /// Mean customers at each station.
    pub queues: Vec<f64>,
}

/// Solves a network of single servers for `customers`: r_k = D_k (1 + Q_k(n - 1)), X = n / (Z + Σ r), Q_k = X r_k.
///
/// `demands` are visits x service time of each station, in the unit of `think`. With no customer everything is 0.
pub fn solve(think: f64, demands: &[f64], customers: u32) -> Solution {
    let stations: Vec<Station> = demands.iter().map(|&demand| Station { demand, servers: 1 }).collect();
    solve_stations(think, &stations, customers)
}

/// Solves a network whose stations may have several servers, by recursion from 0.
///
/// r_k = D_k / c (1 + Q_k(n - 1) + Σ_{j < c - 1} (c - 1 - j) p_k(j | n - 1)), where p_k(j) is the probability that j
/// customers are there. p_k(0) is a difference and loses digits where a station of several servers saturates: the
/// throughput of a network of 4 servers is right to 1e-12 up to about their saturation, and to 1e-6 far beyond it.
pub fn solve_stations(think: f64, stations: &[Station], customers: u32) -> Solution {
    let mut solution = Solution { throughput: 0.0, residence: 0.0, queues: vec![0.0; stations.len()] };
    // p(j) for j below the number of servers; nobody is anywhere at first.
    let empty = |station: &Station| (0..station.servers.max(1)).map(|j| if j == 0 { 1.0 } else { 0.0 }).collect();
    let mut idle: Vec<Vec<f64>> = stations.iter().map(empty).collect();
    for n in 1..=customers {
        let residence = |((station, queue), p): ((&Station, &f64), &Vec<f64>)| {
            let servers = p.len();
            let spared: f64 = (0..servers - 1).map(|j| (servers - 1 - j) as f64 * p[j]).sum();
            station.demand / servers as f64 * (1.0 + queue + spared)
        };
        let residences: Vec<f64> = stations.iter().zip(&solution.queues).zip(&idle).map(residence).collect();
        solution.residence = residences.iter().sum();
        solution.throughput = f64::from(n) / (think + solution.residence);
        solution.queues = residences.iter().map(|residence| solution.throughput * residence).collect();
        for (station, p) in stations.iter().zip(&mut idle) {
            let (servers, busy) = (p.len(), solution.throughput * station.demand);
            for j in (1..servers).rev() {
                p[j] = busy / j as f64 * p[j - 1];
            }
            let missing: f64 = (1..servers).map(|j| (servers - j) as f64 * p[j]).sum();
            p[0] = (1.0 - (busy + missing) / servers as f64).max(0.0);
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{asymptote, synchronous_throughput};

    fn check(think: f64, demands: &[f64], customers: u32, throughput: f64, residence: Option<f64>) {
        let found = solve(think, demands, customers);
        assert!((found.throughput / throughput - 1.0).abs() < 1e-12, "{found:?} for {throughput}");
        if let Some(residence) = residence {
            assert!((found.residence / residence - 1.0).abs() < 1e-12, "{found:?} for {residence}");
        }
        assert!(found.throughput <= asymptote(think, demands, f64::from(customers)) * (1.0 + 1e-12));
        assert!(found.throughput >= synchronous_throughput(think, demands, f64::from(customers)) * (1.0 - 1e-12));
        // Little's law over the whole network.
        let inside: f64 = found.queues.iter().sum();
        assert!((inside + found.throughput * think - f64::from(customers)).abs() < 1e-9);
    }

    #[test]
    fn published_networks() {
        // Lazowska et al. 1984, "Quantitative System Performance", section 6.4: a CPU and two disks, 15 s think time.
        check(15.0, &[0.605, 2.1, 1.35], 1, 0.05247966413014957, Some(4.055));
        check(15.0, &[0.605, 2.1, 1.35], 3, 0.15151649234709555, Some(4.799_824_781_632_148));
        // Machine repairman: equals Erlang's closed form.
        for (customers, throughput) in [(1, 0.1), (4, 0.38619141173168675), (16, 0.9889475021663484), (64, 1.0)] {
            check(9.0, &[1.0], customers, throughput, None);
        }
        // Four balanced stations: X = n / (D (n + 3)).
        for customers in [1, 2, 5, 10, 20] {
            check(0.0, &[0.5; 4], customers, f64::from(customers) / (0.5 * (f64::from(customers) + 3.0)), None);
        }
    }

    /// One queue of 0.2 and four servers of 1.0, think time 3.
    fn multiserver() -> [Station; 2] {
        [Station { demand: 0.2, servers: 1 }, Station { demand: 1.0, servers: 4 }]
    }

    /// X(n) = G(n - 1) / G(n), by Buzen's convolution over load-dependent stations: sums of positive terms alone.
    fn convolution(think: f64, stations: &[Station], customers: usize) -> f64 {
        let terms = |rate: &dyn Fn(usize) -> f64, demand: f64| -> Vec<f64> {
            let next = |so_far: &mut f64, n: usize| {
                *so_far *= if n == 0 { 1.0 } else { demand / rate(n) };
                Some(*so_far)
            };
            (0..=customers).scan(1.0, next).collect()
        };
        let mut g = terms(&|n| n as f64, think);
        for station in stations {
            let f = terms(&|n| n.min(station.servers as usize) as f64, station.demand);
            g = (0..=customers).map(|n| (0..=n).map(|j| f[j] * g[n - j]).sum()).collect();
        }
        g[customers - 1] / g[customers]
    }

    #[test]
    fn several_servers() {
        // Our reference implementation in Python, which equals the convolution.
        let golden = [
            (1, 0.23809523809523808, 1.2),
            (2, 0.4751131221719457, 1.2095238095238097),
            (3, 0.710915719493888, 1.2199095022624435),
            (4, 0.9453432266958601, 1.2312674244048896),
            (8, 1.8570462365705942, 1.3079164333428728),
            (12, 2.6716147253622378, 1.4916656155849535),
        ];
        for (customers, throughput, residence) in golden {
            let found = solve_stations(3.0, &multiserver(), customers);
            assert!((found.throughput / throughput - 1.0).abs() < 1e-12, "{found:?} for {throughput}");
            assert!((found.residence / residence - 1.0).abs() < 1e-12, "{found:?} for {residence}");
            let exact = convolution(3.0, &multiserver(), customers as usize);
            assert!((found.throughput / exact - 1.0).abs() < 1e-12);
        }
        // Beyond saturation, where p(0) has lost its digits.
        for customers in [20, 40, 100] {
            let (found, exact) = (
                solve_stations(3.0, &multiserver(), customers).throughput,
                convolution(3.0, &multiserver(), customers as usize),
            );
            assert!((found / exact - 1.0).abs() < 1e-6, "{customers}: {found} for {exact}");
        }
    }

    #[test]
    fn nobody_does_nothing() {
        assert_eq!(solve(1.0, &[1.0], 0).throughput, 0.0);
    }
}
