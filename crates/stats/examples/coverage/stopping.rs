//! Stopping rules: ten runs, and Stein's two stages; beside them what stopping at the first narrow interval would do.

use crate::{COVERS_95, Line, share, shares};
use stats::interval::{geometric_mean_interval, mean_interval};
use stats::random::Stream;
use stats::stopping::{stein_interval, stein_plan};

pub(crate) const ERRORS: &str = "Errors: normal y = 100 (1 + cv z); lognormal y = 100 exp(cv z - cv²/2); slow: normal, \
                                 and one run in ten takes 10 % off.";

const SETS: usize = 20_000;
const CV: f64 = 0.1;

/// An error law: name, one value, mean of the law.
type Law = (&'static str, fn(&mut Stream, f64) -> f64, f64);

const LAWS: [Law; 3] = [
    ("normal", |stream, cv| 100.0 * (1.0 + cv * stream.normal()), 100.0),
    ("lognormal", |stream, cv| 100.0 * (cv * stream.normal() - cv * cv / 2.0).exp(), 100.0),
    (
        "slow runs",
        |stream, cv| {
            let slow = if stream.uniform() < 0.1 { 0.9 } else { 1.0 };
            100.0 * slow * (1.0 + cv * stream.normal())
        },
        99.0,
    ),
];

fn runs(stream: &mut Stream, law: fn(&mut Stream, f64) -> f64, cv: f64, n: usize) -> Vec<f64> {
    (0..n).map(|_| law(stream, cv)).collect()
}

pub(crate) fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, (name, law, mean)) in LAWS.into_iter().enumerate() {
        let label = 300 + 10 * at as u64;
        for (more, n) in [(0, 5), (1, 10)] {
            let covered = share(label + more, SETS, |stream| {
                mean_interval(&runs(stream, law, CV, n), 0.95).is_ok_and(|mean_of| mean_of.interval.contains(mean))
            });
            lines.push(line(format!("{name}, cv 10 %, {n} runs fixed"), covered, Some(COVERS_95), String::new()));
        }
        let [covered, capped] = shares(label + 2, SETS, |stream| {
            let mut all = runs(stream, law, CV, 10);
            let plan = stein_plan(&all, 0.05, 0.95, 1000).expect("a pilot of ten");
            all.extend(runs(stream, law, CV, plan.total - 10));
            let found = stein_interval(&plan, &all).expect("as many as planned");
            [found.interval.contains(mean), plan.is_capped()]
        });
        let note = format!("capped {:.1} %", 100.0 * capped);
        lines.push(line(format!("{name}, cv 10 %, Stein, pilot 10, ± 5 %"), covered, Some(COVERS_95), note));
        // Sets of the cap's size: the interval is wider than asked, and still covers.
        let [covered, capped] = shares(label + 3, SETS, |stream| {
            let mut all = runs(stream, law, CV, 10);
            let plan = stein_plan(&all, 0.02, 0.95, 40).expect("a pilot of ten");
            all.extend(runs(stream, law, CV, plan.total - 10));
            let found = stein_interval(&plan, &all).expect("as many as planned");
            [found.interval.contains(mean), plan.is_capped()]
        });
        let note = format!("capped at 40 in {:.1} %", 100.0 * capped);
        lines.push(line(
            format!("{name}, cv 10 %, Stein, pilot 10, ± 2 %, at most 40"),
            covered,
            Some(COVERS_95),
            note,
        ));
    }
    let (_, law, mean) = LAWS[1];
    let ln = share(340, SETS, |stream| {
        // The geometric mean of the law is 100 exp(-cv²/2).
        let found = geometric_mean_interval(&runs(stream, law, CV, 10), 0.95).expect("ten positive values");
        found.interval.contains(mean * (-CV * CV / 2.0).exp())
    });
    lines.push(line("lognormal, cv 10 %, 10 runs, t of ln, geometric mean".into(), ln, Some(COVERS_95), String::new()));
    let peeking = share(341, SETS, |stream| {
        let (_, law, mean) = LAWS[0];
        let mut all = runs(stream, law, 0.04, 5);
        let mut found = mean_interval(&all, 0.95).expect("five values");
        while all.len() < 30 && found.interval.half_width() > 0.02 * found.value {
            all.push(law(stream, 0.04));
            found = mean_interval(&all, 0.95).expect("five values and more");
        }
        found.interval.contains(mean)
    });
    let note = "not offered: the notes have .92-.93 (section 8)".into();
    lines.push(line("normal, cv 4 %, first n of 5..30 within ± 2 %".into(), peeking, None, note));
    lines
}

fn line(what: String, share: f64, band: Option<(f64, f64)>, note: String) -> Line {
    Line { what, counted: "covers the mean", sets: SETS, share, band, note }
}
