//! Change points, warm-up, quantile ranks.

use stats::changepoint::{Warmup, change_points, change_points_above, warmup_end};
use stats::quantile::quantile_ranks;
use stats::series::{batch_means, worth};

use crate::reference::{assert_close, column, number, section};

/// R's changepoint 2.3, cpt.meanvar(method = "PELT"), on the Nile's flow and on our three-level series.
#[test]
fn change_points_as_r() {
    let nile = column("cp_nile.csv", "flow");
    let golden = section("nile");
    let ln_n = (nile.len() as f64).ln();
    for (factor, expect) in [(15.0, vec![]), (6.0, vec![4, 6, 28]), (3.0, vec![4, 6, 28, 97])] {
        let found = change_points_above(&nile, factor * ln_n, 1e-11).unwrap();
        assert_eq!(found.ends, expect, "penalty {factor} ln n");
        let total = &golden[format!("meanvar pen {factor} log n")]["total"];
        assert_close("total cost", found.total, number(total), 1e-12);
    }
    // Values 5 and 6 are both 1160: with a floor relative to the series, ties are no segment, in any unit.
    for unit in [1.0, 1e-9, 1e9] {
        let flow: Vec<f64> = nile.iter().map(|flow| flow * unit).collect();
        assert_eq!(change_points(&flow, 6.0 * ln_n).unwrap().ends, [28], "unit {unit}");
    }
    let series = column("synthetic_warmup.csv", "ms");
    let found = change_points(&series, 15.0 * 500_f64.ln()).unwrap();
    assert_eq!(found.ends, [40, 100]);
    assert_close("total cost", found.total, number(&section("synthetic_warmup")["total"]), 1e-12);
}

#[test]
fn warm_up_by_its_shape() {
    let rates: Vec<f64> = column("synthetic_warmup.csv", "ms").iter().map(|ms| 1.0 / ms).collect();
    let reversed: Vec<f64> = rates.iter().rev().copied().collect();
    let times: Vec<f64> = rates.iter().map(|rate| 1.0 / rate).collect();
    for (what, series, expect) in [
        ("slow, then fast", &rates[..], Warmup::Warmup { end: 100 }),
        ("the steady part alone", &rates[100..], Warmup::Flat),
        ("the first change only just before the end", &rates[..110], Warmup::NoSteadyState),
        ("fast, then slow at the very end", &reversed, Warmup::NoSteadyState),
        ("rates that fall", &times, Warmup::Slowdown { end: 100 }),
    ] {
        assert_eq!(warmup_end(series, 0.01).unwrap(), expect, "{what}");
    }
    // With a margin of a quarter the step from 1.2 to 1.0 ms counts as none; only the first 40 are warm-up.
    assert_eq!(warmup_end(&rates, 0.25).unwrap(), Warmup::Warmup { end: 40 });
    assert_eq!(warmup_end(&[3.0; 50], 0.01).unwrap(), Warmup::Flat);
    // Windows in which nothing was done are rates like others, unless nothing else is left.
    let stalled: Vec<f64> = rates.iter().enumerate().map(|(i, rate)| if i < 30 { 0.0 } else { *rate }).collect();
    assert_eq!(warmup_end(&stalled, 0.01).unwrap(), Warmup::Warmup { end: 100 });
    assert!(warmup_end(&[0.0; 50], 0.01).is_err() && warmup_end(&[-1.0; 50], 0.01).is_err());
    assert!(warmup_end(&rates[..19], 0.01).is_err() && warmup_end(&rates, 0.0).is_err());
}

/// Exact binomial ranks by scipy, n from 20 to 100000.
#[test]
fn quantile_ranks_as_scipy() {
    let rows = section("quantiles");
    let rows = rows.as_array().expect("an array");
    assert_eq!(rows.len(), 40);
    for row in rows {
        let ranks = quantile_ranks(number(&row["n"]) as usize, number(&row["p"]), 0.95).unwrap();
        let rank = |key: &str| row[key].as_u64().map(|rank| rank as usize);
        assert_eq!((ranks.low, ranks.high), (rank("lower"), rank("upper")), "{row}");
    }
}

/// scipy on the Nile's flow (statistics notes, section 5): 100 years are worth 33 or 10 independent ones.
#[test]
fn the_worth_of_the_nile() {
    let nile = column("cp_nile.csv", "flow");
    let found = worth(&nile).unwrap();
    assert_close("lag 1", found.lag1, 0.4984081841330289, 1e-12);
    assert_close("AR(1)", found.ar1, 33.47497839229899, 1e-12);
    assert_close("Geyer", found.geyer, 9.64483058770133, 1e-12);
    assert_close("von Neumann", found.von_neumann, 0.9776376561895563, 1e-12);
    let (mean, lag1) = batch_means(&nile, 10, 0.95).unwrap();
    assert_close("standard error of batches", mean.std_error, 36.55534388658745, 1e-12);
    assert_close("low", mean.interval.low, 836.6560669884046, 1e-10);
    assert_close("high", mean.interval.high, 1002.0439330115954, 1e-10);
    // The first 30 years flow higher: batches of 10 are not independent, and this says so.
    assert!(lag1 > 0.2, "{lag1}");
    // What does not fill a batch is left out at the start.
    assert_eq!(batch_means(&nile, 33, 0.95).unwrap(), batch_means(&nile[1..], 33, 0.95).unwrap());
    let alternating: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
    assert_eq!(worth(&alternating).unwrap().geyer, 40.0);
    assert!(worth(&nile[..19]).is_err() && worth(&[1.0; 40]).is_err() && batch_means(&nile, 1, 0.95).is_err());
}
