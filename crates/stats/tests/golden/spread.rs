//! Tests of equal spread and contrasts of variances.

use stats::StatsError;
use stats::pooled::pooled_variance_ratio;
use stats::variance::{brown_forsythe, fligner_killeen, run_ratio, spread_contrast, variance_power};

use crate::reference::{assert_close, column, number, section};

fn gear() -> Vec<Vec<f64>> {
    let (diameter, batch) = (column("nist_gear.csv", "diameter"), column("nist_gear.csv", "batch"));
    let of = |wanted: i32| diameter.iter().zip(&batch).filter(move |(_, b)| **b == f64::from(wanted)).map(|(d, _)| *d);
    (1..=10).map(|wanted| of(wanted).collect()).collect()
}

/// NIST's GEAR data and our pause samples, by R's car and scipy.
#[test]
fn equal_spread_as_r() {
    let pauses: Vec<Vec<f64>> =
        ["P32", "P64_shape", "P64_scale"].iter().map(|name| column("synthetic_pauses.csv", name)).collect();
    let ln = |values: &Vec<f64>| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let golden = section("pauses");
    let cases = [
        (gear(), section("gear")),
        (vec![pauses[0].clone(), pauses[1].clone()], golden["P64_shape"].clone()),
        (vec![pauses[0].clone(), pauses[2].clone()], golden["P64_scale"].clone()),
        (vec![ln(&pauses[0]), ln(&pauses[1])], golden["P64_shape"]["log_scale_tests"].clone()),
        (vec![ln(&pauses[0]), ln(&pauses[2])], golden["P64_scale"]["log_scale_tests"].clone()),
    ];
    for (groups, golden) in cases {
        for (found, key) in
            [(brown_forsythe(&groups).unwrap(), "levene_median"), (fligner_killeen(&groups).unwrap(), "fligner_median")]
        {
            assert_close(key, found.statistic, number(&golden[key][0]), 1e-9);
            assert_close(key, found.p, number(&golden[key][1]), 1e-9);
        }
    }
    assert!(matches!(brown_forsythe(&[vec![1.0, 1.0], vec![2.0, 2.0]]), Err(StatsError::NoSpread { .. })));
    assert!(brown_forsythe(&gear()[..1]).is_err());
}

/// Bonett's interval by scipy (statistics notes, section 4, item 4): the formula's own program, no published example.
#[test]
fn the_pooled_ratio_as_scipy() {
    let of = |name: &str| column("synthetic_pauses.csv", name);
    for (name, ratio, std_error, low, high) in [
        ("P64_shape", 4.482006922141036, 0.4008865409186762, 2.0428537711463455, 9.833491918928482),
        ("P64_scale", 3.352453302642302, 0.24313392083513174, 2.081645483308717, 5.399066861535565),
    ] {
        let found = pooled_variance_ratio(&of("P32"), &of(name), 0.95).unwrap();
        assert_close(name, found.value, ratio, 1e-12);
        assert_close(name, found.std_error, std_error, 1e-12);
        assert_close(name, found.interval.low, low, 1e-9);
        assert_close(name, found.interval.high, high, 1e-9);
        // The other way round it is the reciprocal, also for sides of different length.
        let (a, b) = (of("P32"), of(name));
        let ends = |interval: stats::Interval| (interval.low, interval.high);
        let (forth, back) = (pooled_variance_ratio(&a, &b[..100], 0.95), pooled_variance_ratio(&b[..100], &a, 0.95));
        let (forth, back) = (ends(forth.unwrap().interval), ends(back.unwrap().interval));
        assert_close(name, forth.0, 1.0 / back.1, 1e-12);
        assert_close(name, forth.1, 1.0 / back.0, 1e-12);
        // A short side's variance is more often too small: the interval lies further up, by n / (n - z) of both.
        let ratio = pooled_variance_ratio(&a, &b[..100], 0.95).unwrap().value;
        let z = 1.959963984540054;
        assert_close(name, (forth.0 * forth.1).sqrt() / ratio, 100.0 / (100.0 - z) / (240.0 / (240.0 - z)), 1e-9);
    }
    assert!(pooled_variance_ratio(&[1.0; 40], &of("P32"), 0.95).is_err());
    assert!(pooled_variance_ratio(&of("P32")[..29], &of("P32"), 0.95).is_err());
}

/// Six pause samples of 40 as six "runs" a side: a pure change of scale moves the raw variance and nothing else.
#[test]
fn a_change_of_scale_is_seen_in_the_raw_variance_only() {
    let runs = |factor: f64| {
        let values = column("synthetic_pauses.csv", "P32");
        values.chunks(40).map(|run| run.iter().map(|value| value * factor).collect()).collect::<Vec<Vec<f64>>>()
    };
    let contrast = spread_contrast(&runs(1.0), &runs(1.95), 0.95).unwrap();
    assert_close("variance ratio", contrast.variance_ratio.value, 1.95 * 1.95, 1e-12);
    assert_close("CV ratio", contrast.cv_ratio.value, 1.0, 1e-12);
    assert_close("ln variance ratio", contrast.ln_variance_ratio.value, 1.0, 1e-12);
    assert_close("df: equal variances", contrast.variance_ratio.df, 10.0, 1e-12);
    let short = vec![vec![1.0; 29]; 3];
    assert_eq!(
        spread_contrast(&short, &short, 0.95),
        Err(StatsError::TooFew { what: "values of a run", found: 29, needed: 30 })
    );
}

/// R: t.test(log(b), log(a)) on 5 + 5 variances; exp of estimate and limits.
#[test]
fn the_ratio_of_runs_is_welch_on_ln() {
    let (a, b) = ([1.0, 2.0, 4.0, 2.0, 2.0], [8.0, 8.0, 16.0, 4.0, 8.0]);
    // ln2-scale: means 1 and 3, both variances 0.5: standard error sqrt(0.2), df 8, t 2.306004135204166.
    let ratio = run_ratio(&a, &b, 0.95).unwrap();
    let half = 2.306004135204166 * 0.2_f64.sqrt() * std::f64::consts::LN_2;
    assert_close("ratio", ratio.value, 4.0, 1e-12);
    assert_close("low", ratio.interval.low, 4.0 * (-half).exp(), 1e-10);
    assert_close("high", ratio.interval.high, 4.0 * half.exp(), 1e-10);
    assert!(matches!(run_ratio(&[1.0, 0.0], &b, 0.95), Err(StatsError::NotPositive { index: 1, .. })));
}

/// Weighted least squares of ln s² on ln mean, weights 1 2 1 3, by its textbook sums in Python.
#[test]
fn the_power_of_a_variance() {
    // 70 stands alone and 5, 5 do not differ: neither says anything of the spread.
    let x = [1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 4.0, 8.0, 16.0, 16.0, 32.0, 32.0, 32.0, 32.0];
    let y = [9.0, 11.0, 18.0, 20.0, 22.0, 38.0, 44.0, 70.0, 5.0, 5.0, 150.0, 170.0, 160.0, 168.0];
    let found = variance_power(&x, &y, 0.95).unwrap();
    assert_close("power", found.value, 1.379246413780107, 1e-12);
    assert_close("standard error", found.std_error, 0.10513178274111804, 1e-11);
    assert_close("low", found.interval.low, 0.9269008617685965, 1e-9);
    assert_close("high", found.interval.high, 1.8315919657916175, 1e-9);
    assert_eq!((found.df, found.n), (2.0, 4));
    assert!(matches!(variance_power(&x[..5], &y[..5], 0.95), Err(StatsError::TooFew { found: 2, needed: 3, .. })));
    // Three are enough.
    assert_eq!(variance_power(&x[..7], &y[..7], 0.95).unwrap().df, 1.0);
}
