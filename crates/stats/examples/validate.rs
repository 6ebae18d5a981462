//! `make validate`: our digits beside certified values, as the table in the README of this crate.
//!
//! Each kind of figure has what is promised of it (statistics notes, section 7); ends with 1 where one has fewer digits, which
//! is marked.

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

/// Digits that are promised of each kind of figure: statistics notes, section 7.
mod promised {
    /// Parameters of NIST's sets, from either start, their standard errors and RSS.
    pub(crate) const NIST: f64 = 6.0;
    /// The same of the USL sets.
    pub(crate) const USL: f64 = 8.0;
    /// Statistics, p values and effective sizes …
    pub(crate) const TEST: f64 = 9.0;
    /// … and p values below 1e-12.
    pub(crate) const SMALL_P: f64 = 6.0;
    /// Quantiles of distributions.
    pub(crate) const QUANTILE: f64 = 10.0;
}

fn main() -> std::process::ExitCode {
    let mut table = Table { below: 0 };
    println!("| set | what | digits, start 1 | start 2 | std. errors | RSS | certified by |");
    println!("|---|---|---|---|---|---|---|");
    for set in sets() {
        let found = [1, 2].map(|start| set.solve(start).map(|minimum| set.digits(&minimum)));
        let [one, two] = found.map(|digits| table.cell(digits.map_or(0.0, |digits| digits.parameters), promised::NIST));
        let second = found[1].unwrap_or(nist::Digits { parameters: 0.0, std_errors: 0.0, rss: 0.0 });
        let exact = set.name == "Lanczos1";
        let (note, least) = if exact { (" (residuals of 1e-13 are rounding)", 0.0) } else { ("", promised::NIST) };
        let (errors, rss) = (table.cell(second.std_errors, least), table.cell(second.rss, least));
        println!("| {} | parameters{note} | {one} | {two} | {errors} | {rss} | NIST |", set.name);
    }
    println!("\n| set | curve of ours, starts from the data | digits | std. errors | RSS | certified by |");
    println!("|---|---|---|---|---|---|");
    let lines = own_curves().into_iter().map(|line| (line, promised::NIST));
    for (line, least) in lines.chain(usl_sets().into_iter().map(|line| (line, promised::USL))) {
        let Line { set, model, by, .. } = line;
        let parameters = table.cell(line.parameters, least);
        let std_errors = line.std_errors.map_or("-".into(), |digits| table.cell(digits, least));
        let rss = table.cell(line.rss, least);
        println!("| {set} | {model} | {parameters} | {std_errors} | {rss} | {by} |");
    }
    println!("\n| figure | ours | reference | digits |");
    println!("|---|---|---|---|");
    for (what, ours, reference, least) in tests_and_quantiles() {
        let right = table.cell(digits(ours, reference), least);
        let shown = |value: f64| if value.abs() < 1e-6 { format!("{value:.11e}") } else { format!("{value:.12}") };
        println!("| {what} | {} | {} | {right} |", shown(ours), shown(reference));
    }
    println!("\n{} figures have fewer digits than are promised.", table.below);
    if table.below == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

/// Counts what breaks its promise.
struct Table {
    below: usize,
}

impl Table {
    /// The digits, marked where they are fewer than promised.
    fn cell(&mut self, digits: f64, promised: f64) -> String {
        if digits >= promised {
            return format!("{digits:.1}");
        }
        self.below += 1;
        format!("{digits:.1} **below {promised:.0}**")
    }
}

struct Line {
    set: String,
    model: Model,
    parameters: f64,
    /// Of those that are certified and that a fit of ours gives; `None` where there is none.
    std_errors: Option<f64>,
    rss: f64,
    by: &'static str,
}

/// NIST's parameters from ours, and the standard errors of those that follow from one of ours alone: (NIST's place, error).
/// The others would need covariances, which a fit does not give.
type Ours = fn(&[f64], &[f64]) -> (Vec<f64>, Vec<(usize, f64)>);

/// NIST sets that are curves of ours, in NIST's parameters.
fn own_curves() -> Vec<Line> {
    let saturation: Ours = |p, se| (vec![p[0], 1.0 / p[1]], vec![(0, se[0]), (1, se[1] / p[1].powi(2))]);
    let curves: [(&str, Model, Ours); 6] = [
        ("Misra1a", Model::ExponentialSaturation, saturation),
        ("BoxBOD", Model::ExponentialSaturation, saturation),
        ("Misra1d", Model::Amdahl, |p, se| {
            (vec![p[0] / p[1], p[1] / (1.0 - p[1])], vec![(1, se[1] / (1.0 - p[1]).powi(2))])
        }),
        ("DanWood", Model::Power, |p, se| (p.to_vec(), vec![(0, se[0]), (1, se[1])])),
        ("Rat42", Model::Logistic, |p, se| {
            (vec![p[0], -p[1] / p[2], -1.0 / p[2]], vec![(0, se[0]), (2, se[2] / p[2].powi(2))])
        }),
        ("Bennett5", Model::Lomax, |p, se| {
            (vec![p[0] * p[1].powf(p[2]), p[1], 1.0 / p[2]], vec![(1, se[1]), (2, se[2] / p[2].powi(2))])
        }),
    ];
    let sets = sets();
    let line = |(name, model, ours): (&str, Model, Ours)| {
        let rows = rows(name);
        let (y, x): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| (row[0], row[1])).unzip();
        let settings = FitSettings { response: Response::Raw, ..FitSettings::new(model) };
        let fit = fit(&settings, &x, &y).expect("six distinct x and more");
        let set = sets.iter().find(|set| set.name == name).expect("one of the sets");
        let estimates: Vec<f64> = fit.parameters.iter().map(|parameter| parameter.estimate).collect();
        let errors: Vec<f64> = fit.parameters.iter().map(|parameter| parameter.std_error.unwrap_or(f64::NAN)).collect();
        let (parameters, errors) = ours(&estimates, &errors);
        let error_digits = errors.iter().map(|(at, error)| digits(*error, set.std_errors[*at]));
        Line {
            set: name.into(),
            model,
            parameters: least_digits(&parameters, &set.parameters),
            std_errors: error_digits.reduce(f64::min),
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
            std_errors: Some(least_digits(&errors, &of("se"))),
            rss: digits(fit.rss, golden["rss"].as_f64().expect("a number")),
            by: "scipy + mpmath, R",
        }
    };
    sets.map(line).into_iter().collect()
}

/// p values and quantiles, `(what, ours, reference, digits promised)`.
fn tests_and_quantiles() -> Vec<(String, f64, f64, f64)> {
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
        lines.push((format!("{what} of GEAR, statistic"), found.statistic, number(golden[0]), promised::TEST));
        lines.push((format!("{what} of GEAR, p"), found.p, number(golden[1]), promised::TEST));
    }
    for (set, file) in [("cisco", "usl_cisco.csv"), ("raytracer", "usl_raytracer.csv")] {
        let (x, y): (Vec<f64>, Vec<f64>) = columns(file).iter().map(|row| (row[0], row[1])).unzip();
        let p = davies(&x, &y, None).expect("eleven points and more").p;
        let expect = number(&golden["segmented"]["r_golden"][set]["davies_p_k10"]);
        let least = if expect < 1e-12 { promised::SMALL_P } else { promised::TEST };
        lines.push((format!("Davies' test of {set}, p"), p, expect, least));
    }
    let flow: Vec<f64> = columns("cp_nile.csv").iter().map(|row| row[1]).collect();
    let nile = worth(&flow).expect("a hundred years");
    // scipy, statistics notes, section 5.
    lines.push((
        "effective size of the Nile's 100 years, AR(1)".into(),
        nile.ar1,
        33.474_978_392_298_99,
        promised::TEST,
    ));
    lines.push(("the same, Geyer".into(), nile.geyer, 9.644_830_587_701_33, promised::TEST));
    let quantiles = &golden["distributions"];
    let mut quantile =
        |what: String, ours: f64, expect: &Value| lines.push((what, ours, number(expect), promised::QUANTILE));
    for (df, expect) in quantiles["t_0.975"].as_object().expect("by df") {
        quantile(format!("t(.975; {df})"), t_quantile(0.975, df.parse().expect("a df")), expect);
    }
    for (df, expect) in quantiles["F_0.95_1_v"].as_object().expect("by df") {
        let f = FisherSnedecor::new(1.0, df.parse().expect("a df")).expect("df above 0");
        quantile(format!("F(.95; 1, {df})"), f.inverse_cdf(0.95), expect);
    }
    for (df, expect) in quantiles["chi2_0.95"].as_object().expect("by df") {
        quantile(format!("chi2(.95; {df})"), chi2_quantile(0.95, df.parse().expect("a df")), expect);
    }
    for (p, expect) in quantiles["norm"].as_object().expect("by p") {
        let p: f64 = p.parse().expect("a probability");
        quantile(format!("normal({p})"), Normal::standard().inverse_cdf(p), expect);
    }
    lines
}
