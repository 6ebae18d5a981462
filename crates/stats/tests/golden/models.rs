//! The other curves against scipy: throughput, decay, growth, the broken line.

use stats::StatsError;
use stats::fit::{
    FitSettings, FitStatus, IntervalMethod, Model, Resampling, Response, bootstrap, diagnose, fit, solve_exactly,
};
use stats::kneedle::kneedle;

use crate::reference::{assert_close, column, number, section};

fn set(file: &str) -> (Vec<f64>, Vec<f64>) {
    (column(file, "n"), column(file, "x"))
}

#[test]
fn throughput_as_scipy() {
    let golden = section("usl_fits");
    for (name, file) in [("cisco", "usl_cisco.csv"), ("raytracer", "usl_raytracer.csv")] {
        let (x, y) = set(file);
        for (model, key, names) in [
            (Model::Gustafson, "gustafson", &["lambda", "sigma"][..]),
            (Model::ExponentialSaturation, "expsat", &["Xmax", "tau"]),
            (Model::Quadratic, "quadratic0", &["a", "b"]),
            (Model::Linear, "affine", &["a", "b"]),
            (Model::Power, "power", &["a", "b"]),
            (Model::QuadraticGrowth, "quadratic", &["c0", "c1", "c2"]),
        ] {
            let golden = &golden[name][key];
            let fit = fit(&FitSettings { response: Response::Raw, ..FitSettings::new(model) }, &x, &y).unwrap();
            for (found, expect) in fit.parameters.iter().zip(names) {
                let what = format!("{name} {key} {expect}");
                assert_close(&what, found.estimate, number(&golden["params"][expect]), 1e-8);
                assert_close(&what, found.std_error.unwrap(), number(&golden["se"][expect]), 1e-7);
                // A linear parameter's profile is its t interval.
                if matches!(model, Model::Quadratic | Model::Linear | Model::QuadraticGrowth) {
                    let interval = found.interval.unwrap();
                    assert_close(&what, (interval.low + interval.high) / 2.0, found.estimate, 1e-7);
                }
            }
            assert_close(key, fit.rss, number(&golden["rss"]), 1e-9);
            assert_close(key, fit.aicc.unwrap(), number(&golden["aicc"]), 1e-9);
        }
    }
}

/// Table 1 of the article: time against goroutines, four points, ln response.
#[test]
fn growth_as_scipy() {
    let (x, y) = ([10.0, 100.0, 1000.0, 5000.0], [0.82, 3.15, 28.9, 214.6]);
    let golden = section("t1");
    for (model, key, names) in [
        (Model::Proportional, "proportional", &["b"][..]),
        (Model::Linear, "linear", &["a", "b"]),
        (Model::Power, "power", &["ln_a", "b"]),
        (Model::ExponentialGrowth, "exponential", &["ln_a", "rate"]),
        (Model::NLogN, "n_log_n", &["a", "b"]),
        (Model::QuadraticGrowth, "quadratic", &["a", "b", "c"]),
    ] {
        let found = solve_exactly(model, Response::Ln, &x, &y).unwrap();
        for (found, name) in found.iter().zip(names) {
            let found = if name.starts_with("ln_") { found.ln() } else { *found };
            assert_close(&format!("{key} {name}"), found, number(&golden[key]["params"][name]), 1e-8);
        }
    }
}

/// Section 4.1 of the article: operations a second against goroutines.
#[test]
fn decays_as_scipy() {
    let (x, y) = ([100.0, 1000.0, 5000.0, 20000.0], [98200.0, 42600.0, 8900.0, 1350.0]);
    let golden = section("t41");
    for (model, key, names) in [
        (Model::ExponentialDecay, "exponential", &["ln_A", "tau"][..]),
        (Model::Hyperbolic, "hyperbolic", &["ln_A", "n0"]),
        (Model::Stretched, "stretched_exponential", &["ln_A", "tau", "beta"]),
        (Model::Lomax, "generalised_hyperbolic (Lomax)", &["ln_A", "n0", "p"]),
        (Model::Hill, "hill (log-logistic)", &["ln_A", "n0", "p"]),
    ] {
        let found = solve_exactly(model, Response::Ln, &x, &y).unwrap();
        for (found, name) in found.iter().zip(names) {
            let found = if *name == "ln_A" { found.ln() } else { *found };
            assert_close(&format!("{key} {name}"), found, number(&golden[key]["params"][name]), 1e-8);
        }
    }
    let power = solve_exactly(Model::Power, Response::Ln, &x, &y).unwrap();
    assert_close("power", -power[1], number(&golden["power"]["params"]["p"]), 1e-8);
    // Four parameters go through four points.
    let both = solve_exactly(Model::BiExponential, Response::Ln, &x, &y).unwrap();
    for (x, y) in x.iter().zip(y) {
        assert_close("bi-exponential", Model::BiExponential.value(&both, *x), y, 1e-6);
    }
    assert!(both[1] < both[3]);
}

/// R package segmented 2.2-0 and scipy.
#[test]
fn breaks_as_segmented() {
    let golden = section("segmented");
    for (name, file) in [("cisco", "usl_cisco.csv"), ("raytracer", "usl_raytracer.csv")] {
        let (x, y) = set(file);
        let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::BrokenLine) };
        let fit = fit(&settings, &x, &y).unwrap();
        let knee = fit.value("knee_breakpoint").unwrap();
        assert_close(name, knee.estimate, number(&golden[name]["psi"]), 1e-9);
        assert_close(name, knee.std_error.unwrap(), number(&golden["r_golden"][name]["se"]), 1e-5);
        assert_close(name, fit.rss, number(&golden[name]["rss"]), 1e-9);
        let coefficients = golden[name]["coef_intercept_slope_dslope"].as_array().unwrap();
        for (found, expect) in fit.parameters.iter().zip(coefficients) {
            assert_close(found.name, found.estimate, number(expect), 1e-8);
        }
        let profile = knee.interval.unwrap();
        assert_close(name, profile.low, number(&golden[name]["psi_ci95_profile"][0]), 1e-6);
        assert_close(name, profile.high, number(&golden[name]["psi_ci95_profile"][1]), 1e-6);
        let davies = diagnose(&fit, &x, &y, None).davies.unwrap();
        // Statistics notes, section 7: 1e-9, and 1e-6 below 1e-12.
        let p = number(&golden["r_golden"][name]["davies_p_k10"]);
        assert_close(name, davies.p, p, if p < 1e-12 { 1e-6 } else { 1e-9 });
        assert_close(name, davies.place, number(&golden["davies_k10_python"][name]["best"]), 1e-12);
        assert_close(name, davies.statistic, number(&golden["davies_k10_python"][name]["max_abs_t"]), 1e-9);
        // Where residuals are of ln y the straight line is still one in y, with constant relative errors.
        let ln = stats::fit::fit(&FitSettings::new(Model::BrokenLine), &x, &y).unwrap();
        let weights: Vec<f64> = y.iter().map(|y| y.powi(-2)).collect();
        assert_eq!(diagnose(&ln, &x, &y, None).davies, stats::fit::davies(&x, &y, Some(&weights)).ok());
    }
}

/// Cisco under the USL, by scipy: the residuals run in long stretches although R² is .997.
#[test]
fn residuals_as_scipy() {
    let (x, y) = set("usl_cisco.csv");
    let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
    let fit = fit(&settings, &x, &y).unwrap();
    let found = diagnose(&fit, &x, &y, None);
    let golden = &section("usl_fits")["cisco"]["usl"]["residual_diagnostics"];
    assert_close("Durbin-Watson", found.durbin_watson.unwrap(), number(&golden["durbin_watson"]), 1e-8);
    let runs = found.runs.unwrap();
    assert_eq!((runs.runs, runs.above, runs.below), (5, 15, 17));
    assert_close("z", runs.z, number(&golden["runs_z"]), 1e-12);
    assert!(runs.p < 2e-5);
    assert_eq!(found.influence.len(), 32);
    // Without one of 32 points the peak stays near, and it is refitted, not copied.
    let peaks: Vec<f64> = found.influence.iter().map(|influence| influence.knee_without.unwrap()).collect();
    assert!(peaks.iter().all(|peak| (33.0..39.0).contains(peak)), "{peaks:?}");
    assert!(peaks.iter().any(|peak| (peak - 35.5738).abs() > 0.1));
    assert!(found.influence.iter().all(|influence| influence.cook.unwrap() > 0.0));
}

/// Bootstraps of the peak by numpy, 4000 resamples: limits within 3 %, the notes' tolerance for Monte Carlo.
#[test]
fn bootstraps_as_numpy() {
    let (x, y) = set("usl_cisco.csv");
    let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
    let fit = fit(&settings, &x, &y).unwrap();
    let golden = &section("usl_fits")["cisco"]["usl"]["bootstrap_n_star"]["residual"];
    let peak = |resampling: Resampling, seed: u64| {
        let fit = bootstrap(&fit, &x, &y, None, resampling, 4000, seed).unwrap();
        *fit.value("knee_peak").unwrap()
    };
    let residual = peak(Resampling::Residual, 1);
    assert_close("low", residual.interval.unwrap().low, number(&golden["q025"]), 0.03);
    assert_close("high", residual.interval.unwrap().high, number(&golden["q975"]), 0.03);
    assert_eq!(
        (residual.method, residual.estimate),
        (IntervalMethod::Residual, fit.value("knee_peak").unwrap().estimate)
    );
    let bca = peak(Resampling::Bca, 1).interval.unwrap();
    assert_close("BCa low", bca.low, number(&golden["bca_ci95"][0]), 0.03);
    assert_close("BCa high", bca.high, number(&golden["bca_ci95"][1]), 0.03);
    // The same numbers for the same seed whatever the number of threads, others for another seed.
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| peak(Resampling::Residual, 1))
    };
    assert_eq!((with(1), with(5)), (residual, residual));
    assert_ne!(peak(Resampling::Residual, 2), residual);
    // One run at each x: there is nothing to draw within.
    let refused = bootstrap(&fit, &x, &y, None, Resampling::Stratified, 4000, 1);
    assert!(matches!(refused, Err(StatsError::TooFew { what: "runs at an x", found: 1, needed: 2 })));
}

/// Where the estimate sits on a bound, resamples may leave it.
#[test]
fn a_bootstrap_at_the_bound_looks_inside() {
    let (x, y) = set("usl_raytracer.csv");
    let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
    let fit = fit(&settings, &x, &y).unwrap();
    let drawn = bootstrap(&fit, &x, &y, None, Resampling::Residual, 200, 1).unwrap();
    let kappa = drawn.value("kappa").unwrap().interval.unwrap();
    assert!(kappa.low == 0.0 && kappa.high > 1e-6, "{kappa:?}");
    assert_eq!(drawn.value("knee_peak").unwrap().interval.unwrap().high, f64::INFINITY);
    let sigma = drawn.value("sigma").unwrap().interval.unwrap();
    assert!(sigma.contains(0.0577), "{sigma:?}");
}

/// Python's kneed.
#[test]
fn bends_as_kneed() {
    let (x, y) = set("usl_cisco.csv");
    assert_eq!([0.0, 0.5, 1.0, 2.0, 5.0].map(|s| kneedle(&x, &y, s)), [14.0, 14.0, 14.0, 14.0, 22.0].map(Some));
    let (x, y) = set("usl_raytracer.csv");
    let expect = [Some(16.0), Some(32.0), Some(32.0), None];
    assert_eq!([0.5, 1.0, 2.0, 5.0].map(|s| kneedle(&x, &y, s)), expect);
}

/// At kappa = 0 the delta method knows nothing of kappa's side; the ends are those of scipy's profile.
#[test]
fn the_rate_at_the_peak_has_a_profile() {
    let (x, y) = set("usl_raytracer.csv");
    let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
    let rate = fit(&settings, &x, &y).unwrap().value("peak_rate").unwrap().interval.unwrap();
    assert!((rate.low - 296.82).abs() < 0.05 && (rate.high - 413.7).abs() < 0.1, "{rate:?}");
    // Amdahl's law on its own is another curve with fewer parameters: within its threshold kappa stays 0.
    let fit = fit(&FitSettings { model: Model::Amdahl, ..settings }, &x, &y).unwrap();
    let rate = fit.value("peak_rate").unwrap();
    assert_eq!(rate.method, IntervalMethod::Profile);
    let rate = rate.interval.unwrap();
    assert!((rate.low - 347.984).abs() < 0.01 && (rate.high - 413.685).abs() < 0.01, "{rate:?}");
}

/// So steep a fall that the formula has a pole below 1 worker.
#[test]
fn a_fall_too_steep_for_a_peak_has_no_rate_there() {
    let x = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let y = x.map(|x: f64| 1000.0 * x / (1.0 + 5.0 * x * (x - 1.0)) * (1.0 + 0.01 * (x * x).sin()));
    let fit = fit(&FitSettings::new(Model::Usl), &x, &y).unwrap();
    let rate = fit.value("peak_rate").unwrap();
    let interval = rate.interval.unwrap();
    assert_eq!((rate.estimate, interval.low, interval.high), (f64::INFINITY, 0.0, f64::INFINITY));
}

/// Means of equal values differ from them by rounding, which is no spread to test a curve against.
#[test]
fn replicates_that_are_equal_test_nothing() {
    let once = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];
    let x = once.map(|x| [x; 3]).concat();
    let y: Vec<f64> = x.iter().map(|x| 1000.0 * x / (1.0 + 0.03 * (x - 1.0) + 8e-4 * x * (x - 1.0))).collect();
    for response in [Response::Ln, Response::Raw] {
        let fit = fit(&FitSettings { response, ..FitSettings::new(Model::Usl) }, &x, &y).unwrap();
        assert_eq!((fit.lack_of_fit.unwrap().p, fit.status), (1.0, FitStatus::Ok), "{response:?}");
    }
}

/// With alpha at its bound 0 there is no peak, but a limit lambda / beta, which the profile bounds.
#[test]
fn the_rate_of_a_knee_model_has_a_profile() {
    let once: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];
    let wobble = [0.99, 1.01, 0.995, 1.005];
    let x: Vec<f64> = once.iter().flat_map(|x| [*x; 4]).collect();
    let of = |alpha: f64| -> Vec<f64> {
        let rate = |x: f64| 1000.0 * x / (1.0 + (alpha * x * x + 0.05 * x) * -(-0.1 * x).exp_m1());
        once.iter().flat_map(|x| wobble.map(|wobble| wobble * rate(*x))).collect()
    };
    let rate_of = |alpha: f64| {
        let fit = fit(&FitSettings::new(Model::Knee), &x, &of(alpha)).unwrap();
        let rate = *fit.value("peak_rate").unwrap();
        assert_eq!(rate.method, IntervalMethod::Profile);
        (rate.estimate, rate.interval.unwrap())
    };
    // scipy: least_squares from 18 starts, the highest rate on a grid of 4601 x.
    for (alpha, estimate, low, high) in [(0.0, 19_999.375, 16_652.85, 20_155.04), (0.002, 7852.757, 7816.507, 7889.447)]
    {
        let found = rate_of(alpha);
        let close = |ours: f64, scipy: f64| (ours / scipy - 1.0).abs() < 1e-4;
        assert!(close(found.0, estimate) && close(found.1.low, low) && close(found.1.high, high), "{alpha}: {found:?}");
    }
}

/// A known truth of each curve, exact but for rounding, comes back.
#[test]
fn every_curve_finds_itself() {
    let x: Vec<f64> = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64].map(f64::from).to_vec();
    for (model, truth) in [
        (Model::Usl, vec![1000.0, 0.03, 8e-4]),
        (Model::Amdahl, vec![1000.0, 0.03]),
        (Model::Gustafson, vec![1000.0, 0.3]),
        (Model::ExponentialSaturation, vec![12000.0, 10.0]),
        (Model::Quadratic, vec![1000.0, -9.0]),
        (Model::ExponentialDecay, vec![1000.0, 30.0]),
        (Model::BiExponential, vec![800.0, 5.0, 200.0, 60.0]),
        (Model::Stretched, vec![1000.0, 30.0, 0.5]),
        (Model::Hyperbolic, vec![1000.0, 30.0]),
        (Model::Lomax, vec![1000.0, 30.0, 1.5]),
        (Model::Hill, vec![1000.0, 30.0, 1.4]),
        (Model::Logistic, vec![1000.0, 30.0, 8.0]),
        (Model::Logistic, vec![1000.0, 30.0, -8.0]),
        (Model::Power, vec![1000.0, -0.8]),
        (Model::BrokenLine, vec![1000.0, 50.0, -40.0, 21.0]),
        (Model::Proportional, vec![3.0]),
        (Model::Linear, vec![7.0, 3.0]),
        (Model::NLogN, vec![7.0, 3.0]),
        (Model::QuadraticGrowth, vec![7.0, 3.0, 0.2]),
        (Model::ExponentialGrowth, vec![7.0, 0.05]),
        (Model::Knee, vec![1000.0, 0.02, 0.3, 0.1]),
        (Model::KneeAdditive, vec![1000.0, 0.002, 0.03, 0.5, 3.0]),
        (Model::KneeUseful, vec![1000.0, 0.002, 0.03, 0.02]),
        (Model::KneeKappa, vec![0.02, 0.3, 0.1]),
    ] {
        let y: Vec<f64> = x.iter().map(|x| model.value(&truth, *x)).collect();
        for response in [Response::Raw, Response::Ln] {
            let fit = fit(&FitSettings { response, ..FitSettings::new(model) }, &x, &y).unwrap();
            for (found, expect) in fit.parameters.iter().zip(&truth) {
                assert_close(&format!("{model} {response:?} {}", found.name), found.estimate, *expect, 1e-5);
            }
        }
    }
}

/// Means of a coupled knee. In the additive form phi F is a constant where g is large, as the 1 beside it is: lambda,
/// alpha and phi then grow together and fit the same, so alpha has no upper end, and no largest number for one.
#[test]
fn a_cost_that_nothing_bounds_ends_at_infinity() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0];
    let y = [96.9, 177.4, 237.4, 267.1, 280.6, 281.0, 263.6, 239.2, 215.6, 178.5, 152.9, 131.9];
    let fit = fit(&FitSettings::new(Model::KneeAdditive), &x, &y).unwrap();
    let alpha = fit.value("alpha").unwrap().interval.unwrap();
    assert!((0.029..0.0308).contains(&alpha.low) && alpha.high == f64::INFINITY, "{alpha:?}");
}
