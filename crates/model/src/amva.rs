//! Approximate mean value analysis of a closed network with several classes (Schweitzer 1979, Bard 1979).
//!
//! A class is the workers of one node. An arriving customer sees the mean queues less its own class's share of itself:
//! Σ_d Q_kd − Q_kc / N_c. Its error is below about 5 % near saturation; numbers of customers may be fractions.

use crate::ModelError;

/// One class of customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Customers, above 0.
    pub customers: f64,
    /// Time of a cycle that never queues.
    pub think: f64,
    /// Visits x service time at each station; all classes name the same stations in the same order.
    pub demands: Vec<f64>,
}

/// What one class does.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Cycles per unit of time, all customers of the class.
    pub throughput: f64,
    /// Time of a cycle at all stations, waiting included, think time excluded.
    pub residence: f64,
}

/// Rounds after which a network that does not settle is given up.
const ROUNDS_MOST: usize = 100_000;

/// Relative change of the largest queue below which it has settled.
const SETTLED: f64 = 1e-13;

/// Solves for all classes by fixed-point iteration.
///
/// # Errors
/// `Unsettled` after 100,000 rounds.
pub fn solve(classes: &[Class]) -> Result<Vec<Flow>, ModelError> {
    let stations = classes.first().map_or(0, |class| class.demands.len());
    let spread = |class: &Class| vec![class.customers / stations.max(1) as f64; stations];
    let mut queues: Vec<Vec<f64>> = classes.iter().map(spread).collect();
    let mut change = f64::INFINITY;
    for _ in 0..ROUNDS_MOST {
        let totals: Vec<f64> = (0..stations).map(|at| queues.iter().map(|queue| queue[at]).sum()).collect();
        change = 0.0;
        let mut flows = Vec::with_capacity(classes.len());
        for (class, queue) in classes.iter().zip(&mut queues) {
            let seen = |at: usize| (totals[at] - queue[at] / class.customers).max(0.0);
            let residences: Vec<f64> = (0..stations).map(|at| class.demands[at] * (1.0 + seen(at))).collect();
            let residence: f64 = residences.iter().sum();
            let throughput = class.customers / (class.think + residence);
            for (length, residence) in queue.iter_mut().zip(&residences) {
                let new = throughput * residence;
                change = f64::max(change, (new - *length).abs() / class.customers);
                *length = new;
            }
            flows.push(Flow { throughput, residence });
        }
        if change < SETTLED {
            return Ok(flows);
        }
    }
    Err(ModelError::Unsettled { rounds: ROUNDS_MOST, change })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_is_near_the_exact_answer_and_one_customer_is_exact() {
        let demands = vec![0.605, 2.1, 1.35];
        let find = |customers: f64| {
            solve(&[Class { customers, think: 15.0, demands: demands.clone() }]).expect("settles")[0].throughput
        };
        assert!((find(1.0) / crate::mva::solve(15.0, &demands, 1).throughput - 1.0).abs() < 1e-12);
        for customers in [2, 5, 20, 100] {
            let exact = crate::mva::solve(15.0, &demands, customers).throughput;
            assert!((find(f64::from(customers)) / exact - 1.0).abs() < 0.05, "{customers}");
        }
    }

    #[test]
    fn equal_classes_are_one_class_in_all() {
        let class = |customers| Class { customers, think: 3.0, demands: vec![1.0, 0.2] };
        let two = solve(&[class(8.0), class(8.0)]).expect("settles");
        let one = solve(&[class(16.0)]).expect("settles");
        assert!((two[0].throughput - two[1].throughput).abs() < 1e-9);
        // An approximation: who sees itself less matters a little.
        assert!(((two[0].throughput + two[1].throughput) / one[0].throughput - 1.0).abs() < 0.02);
    }
}
