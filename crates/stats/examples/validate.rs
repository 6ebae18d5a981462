//! `make validate`: our digits beside certified values, as the table in the README of this crate.
//!
//! Ends with 1 where a set has fewer than 6 digits.

#[path = "../tests/nist/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod nist;

use nist::{digits, least_digits, rows, sets};
use serde_json::Value;
use statrs::distribution::{ContinuousCDF, FisherSnedecor, Normal};
use stats::fit::{FitSettings, Model, Response, davies, fit};
use stats::interval::{chi2_quantile, t_quantile};
use stats::series::worth;
use stats::variance::{brown_forsythe, fligner_killeen};

/// What an acceptable table has at least.
const LEAST: f64 = 6.0;

fn main() -> std::process::ExitCode {
    let mut least = f64::INFINITY;
    println!("| set | what | digits, start 1 | start 2 | std. errors | RSS | certified by |");
    println!("|---|---|---|---|---|---|---|");
    for set in sets() {
        let found = [1, 2].map(|start| set.solve(start).map(|minimum| set.digits(&minimum)));
        let parameters = found.map(|digits| digits.map_or(0.0, |digits| digits.parameters));
        let second = found[1].unwrap_or(nist::Digits { parameters: 0.0, std_errors: 0.0, rss: 0.0 });
        let exact = set.name == "Lanczos1";
        let note = if exact { " (residuals of 1e-13 are rounding)" } else { "" };
        least = parameters.iter().copied().fold(least, f64::min);
        least = if exact { least } else { least.min(second.std_errors).min(second.rss) };
        let [one, two] = parameters;
        let (errors, rss) = (second.std_errors, second.rss);
        println!("| {} | parameters{note} | {one:.1} | {two:.1} | {errors:.1} | {rss:.1} | NIST |", set.name);
    }
    println!("\n| set | curve of ours, starts from the data | digits | std. errors | RSS | certified by |");
    println!("|---|---|---|---|---|---|");
    for line in own_curves().into_iter().chain(usl_sets()) {
        let Line { set, model, parameters, std_errors, rss, by } = line;
        least = least.min(parameters).min(std_errors).min(rss);
        println!("| {set} | {model} | {parameters:.1} | {std_errors:.1} | {rss:.1} | {by} |");
    }
    println!("\n| figure | ours | reference | digits |");
    println!("|---|---|---|---|");
    for (what, ours, reference) in tests_and_quantiles() {
        let right = digits(ours, reference);
        least = least.min(right);
        let shown = |value: f64| if value.abs() < 1e-6 { format!("{value:.11e}") } else { format!("{value:.12}") };
        println!("| {what} | {} | {} | {right:.1} |", shown(ours), shown(reference));
    }
    println!("\nfewest digits of any figure: {least:.1}");
    if least >= LEAST { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

struct Line {
    set: String,
    model: Model,
    parameters: f64,
    std_errors: f64,
    rss: f64,
    by: &'static str,
}

/// NIST sets that are curves of ours, in NIST's parameters; the standard errors of those that are the same.
fn own_curves() -> Vec<Line> {
    let saturation = |p: &[f64]| vec![p[0], 1.0 / p[1]];
    type Ours = fn(&[f64]) -> Vec<f64>;
    let curves: [(&str, Model, Ours); 6] = [
        ("Misra1a", Model::ExponentialSaturation, saturation),
        ("BoxBOD", Model::ExponentialSaturation, saturation),
        ("Misra1d", Model::Amdahl, |p| vec![p[0] / p[1], p[1] / (1.0 - p[1])]),
        ("DanWood", Model::Power, |p| p.to_vec()),
        ("Rat42", Model::Logistic, |p| vec![p[0], -p[1] / p[2], -1.0 / p[2]]),
        ("Bennett5", Model::Lomax, |p| vec![p[0] * p[1].powf(p[2]), p[1], 1.0 / p[2]]),
    ];
    let sets = sets();
    let line = |(name, model, ours): (&str, Model, Ours)| {
        let rows = rows(name);
        let (y, x): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| (row[0], row[1])).unzip();
        let settings = FitSettings { response: Response::Raw, ..FitSettings::new(model) };
        let fit = fit(&settings, &x, &y).expect("six distinct x and more");
        let set = sets.iter().find(|set| set.name == name).expect("one of the sets");
        let parameters: Vec<f64> = fit.parameters.iter().map(|parameter| parameter.estimate).collect();
        // The same parameter in both: the amplitude, but for Amdahl (none) and Lomax (n0 is NIST's b2).
        let same = match model {
            Model::Amdahl => None,
            Model::Lomax => Some(1),
            _ => Some(0),
        };
        let error = |j: usize| digits(fit.parameters[j].std_error.unwrap_or(f64::NAN), set.std_errors[j]);
        Line {
            set: name.into(),
            model,
            parameters: least_digits(&ours(&parameters), &set.parameters),
            std_errors: same.map_or(nist::CERTIFIED_DIGITS, error),
            rss: digits(fit.rss, set.rss),
            by: "NIST",
        }
    };
    curves.map(line).into_iter().collect()
}

fn data(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn columns(name: &str) -> Vec<Vec<f64>> {
    let mut reader = csv::Reader::from_path(data(name)).expect("the set has its file");
    let number = |cell: &str| cell.parse().expect("every cell is a number");
    reader.records().map(|row| row.expect("every row reads").iter().map(number).collect()).collect()
}

fn reference() -> Value {
    let text = std::fs::read_to_string(data("reference.json")).expect("the reference is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// USL sets against scipy polished at 40 digits, which equals R's nls and usl.
fn usl_sets() -> Vec<Line> {
    let golden = &reference()["usl_fits"];
    let sets = [
        ("cisco", "usl_cisco.csv", Model::Usl, Response::Raw, "usl", usize::MAX),
        ("cisco, ln", "usl_cisco.csv", Model::Usl, Response::Ln, "usl_log_response", usize::MAX),
        ("cisco_first10", "usl_cisco.csv", Model::Usl, Response::Raw, "usl", 10),
        ("raytracer_first6", "usl_raytracer.csv", Model::Usl, Response::Raw, "usl", 6),
        ("raytracer", "usl_raytracer.csv", Model::Amdahl, Response::Raw, "amdahl", usize::MAX),
        ("exact_s02_k02", "usl_exact_s02_k02.csv", Model::Usl, Response::Raw, "usl", usize::MAX),
    ];
    let line = |(set, file, model, response, key, first): (&str, &str, Model, Response, &str, usize)| {
        let rows = columns(file);
        let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().take(first).map(|row| (row[0], row[1])).unzip();
        let fit = fit(&FitSettings { response, ..FitSettings::new(model) }, &x, &y).expect("six distinct x");
        let golden = &golden[set.split(',').next().unwrap_or_default()][key];
        let of = |what: &str| -> Vec<f64> {
            fit.parameters.iter().map(|parameter| golden[what][parameter.name].as_f64().expect("a number")).collect()
        };
        let ours: Vec<f64> = fit.parameters.iter().map(|parameter| parameter.estimate).collect();
        let errors: Vec<f64> = fit.parameters.iter().map(|parameter| parameter.std_error.unwrap_or(f64::NAN)).collect();
        Line {
            set: set.into(),
            model,
            parameters: least_digits(&ours, &of("params")),
            std_errors: least_digits(&errors, &of("se")),
            rss: digits(fit.rss, golden["rss"].as_f64().expect("a number")),
            by: "scipy + mpmath, R",
        }
    };
    sets.map(line).into_iter().collect()
}

/// p values and quantiles, `(what, ours, reference)`.
fn tests_and_quantiles() -> Vec<(String, f64, f64)> {
    let golden = reference();
    let number = |value: &Value| value.as_f64().expect("a number");
    let mut lines = Vec::new();
    let mut batches: Vec<Vec<f64>> = vec![Vec::new(); 10];
    columns("nist_gear.csv").iter().for_each(|row| batches[row[1] as usize - 1].push(row[0]));
    let levene = brown_forsythe(&batches).expect("ten batches");
    let fligner = fligner_killeen(&batches).expect("ten batches");
    for (what, found, key) in
        [("Brown-Forsythe", levene, "levene_median"), ("Fligner-Killeen", fligner, "fligner_median")]
    {
        let golden = &golden["gear"][key];
        let golden = golden.as_array().map_or([&golden["stat"], &golden["p"]], |pair| [&pair[0], &pair[1]]);
        lines.push((format!("{what} of GEAR, statistic"), found.statistic, number(golden[0])));
        lines.push((format!("{what} of GEAR, p"), found.p, number(golden[1])));
    }
    for (set, file) in [("cisco", "usl_cisco.csv"), ("raytracer", "usl_raytracer.csv")] {
        let (x, y): (Vec<f64>, Vec<f64>) = columns(file).iter().map(|row| (row[0], row[1])).unzip();
        let p = davies(&x, &y, None).expect("eleven points and more").p;
        lines.push((
            format!("Davies' test of {set}, p"),
            p,
            number(&golden["segmented"]["r_golden"][set]["davies_p_k10"]),
        ));
    }
    let flow: Vec<f64> = columns("cp_nile.csv").iter().map(|row| row[1]).collect();
    let nile = worth(&flow).expect("a hundred years");
    // scipy, statistics notes, section 5.
    lines.push(("effective size of the Nile's 100 years, AR(1)".into(), nile.ar1, 33.474_978_392_298_99));
    lines.push(("the same, Geyer".into(), nile.geyer, 9.644_830_587_701_33));
    let quantiles = &golden["distributions"];
    for (df, expect) in quantiles["t_0.975"].as_object().expect("by df") {
        lines.push((format!("t(.975; {df})"), t_quantile(0.975, df.parse().expect("a df")), number(expect)));
    }
    for (df, expect) in quantiles["F_0.95_1_v"].as_object().expect("by df") {
        let f = FisherSnedecor::new(1.0, df.parse().expect("a df")).expect("df above 0");
        lines.push((format!("F(.95; 1, {df})"), f.inverse_cdf(0.95), number(expect)));
    }
    for (df, expect) in quantiles["chi2_0.95"].as_object().expect("by df") {
        lines.push((format!("chi2(.95; {df})"), chi2_quantile(0.95, df.parse().expect("a df")), number(expect)));
    }
    for (p, expect) in quantiles["norm"].as_object().expect("by p") {
        let p: f64 = p.parse().expect("a probability");
        lines.push((format!("normal({p})"), Normal::standard().inverse_cdf(p), number(expect)));
    }
    lines
}
