//! Exact mean value analysis of a closed network with one class of customers (Reiser and Lavenberg 1980).
//!
//! Stations are single servers with exponential service, first come first served; everything that does not queue is in
//! the think time. Exact, so it checks the approximation in [`crate::amva`].

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

/// Solves for `customers` by recursion from 0: r_k = D_k (1 + Q_k(n - 1)), X = n / (Z + Σ r), Q_k = X r_k.
///
/// `demands` are visits x service time of each station, in the unit of `think`. With no customer everything is 0.
pub fn solve(think: f64, demands: &[f64], customers: u32) -> Solution {
    let mut solution = Solution { throughput: 0.0, residence: 0.0, queues: vec![0.0; demands.len()] };
    for n in 1..=customers {
        let residences: Vec<f64> = demands.iter().zip(&solution.queues).map(|(demand, q)| demand * (1.0 + q)).collect();
        solution.residence = residences.iter().sum();
        solution.throughput = f64::from(n) / (think + solution.residence);
        solution.queues = residences.iter().map(|residence| solution.throughput * residence).collect();
    }
    solution
}

/// Upper bound of the throughput: min(n / (Z + D), 1 / D_max), Denning and Buzen's asymptotes.
pub fn bound(think: f64, demands: &[f64], customers: u32) -> f64 {
    let total: f64 = demands.iter().sum();
    let largest = demands.iter().copied().fold(0.0, f64::max);
    (f64::from(customers) / (think + total)).min(1.0 / largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(think: f64, demands: &[f64], customers: u32, throughput: f64, residence: Option<f64>) {
        let found = solve(think, demands, customers);
        assert!((found.throughput / throughput - 1.0).abs() < 1e-12, "{found:?} for {throughput}");
        if let Some(residence) = residence {
            assert!((found.residence / residence - 1.0).abs() < 1e-12, "{found:?} for {residence}");
        }
        assert!(found.throughput <= bound(think, demands, customers) * (1.0 + 1e-12));
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

    #[test]
    fn nobody_does_nothing() {
        assert_eq!(solve(1.0, &[1.0], 0).throughput, 0.0);
    }
}
