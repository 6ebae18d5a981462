//! Two builds, two settings, two arms: faster, slower, the same or undecided, point by point.
//!
//! Arms of one run are paired by block. Runs are compared by sessions, three of each side at least, taking turns: what
//! differs between two single sessions is as much the hour as the build. All contrasts of one call are one family, which
//! errs in at most 5 of 100 calls; the rules are those of [`stats::contrast`]. [`sides`] opens what is to be compared,
//! [`compare`] judges it.

mod alike;
mod judge;
mod metrics;
mod sides;
#[cfg(test)]
mod tests;

pub use metrics::{Asked, Better};
pub use sides::{Compared, Side, sides};

use crate::error::ReportError;
use crate::results::Results;
use alike::{differences, not_in_turn};
use judge::{Place, Question, answer};
use plan::point::{Point, is_arm};
use plan::record::{ContrastRow, Judgement, Replicate};
use sides::program_name;
use stats::contrast::Family;
use std::path::PathBuf;

/// What is asked of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is compared.
    pub metrics: Vec<Asked>,
    /// Relative change that counts as noise, 0..1.
    pub noise: f64,
    /// Among arms, the one that others are compared with; the first if not given.
    pub baseline: Option<String>,
    /// Compares what is not alike, and marks it.
    pub anyway: bool,
}

/// All contrasts of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The experiment.
    pub experiment: String,
    /// What is compared: the sides' names, the baseline first.
    pub sides: Vec<Named>,
    /// One row for each contrast: by metric, by candidate, in plan order.
    pub rows: Vec<ContrastRow>,
    /// What a reader must know, one line each.
    pub notes: Vec<String>,
}

/// A side as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its program; empty for an arm.
    pub program: String,
    /// Its sessions; 1 for an arm.
    pub sessions: usize,
}

/// Why nothing is compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A folder cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// No folder was named.
    #[error("nothing to compare; name results folders")]
    Nothing,
    /// There are no results.
    #[error("{dir}: no results folder there or below", dir = dir.display())]
    NoRun {
        /// What was named.
        dir: PathBuf,
    },
    /// One run was named twice.
    #[error("{dir}: named twice; each run belongs to one side", dir = dir.display())]
    Twice {
        /// The run.
        dir: PathBuf,
    },
    /// All runs are of one program, so that nothing tells their sides.
    #[error("{dir}: {runs} run(s), all of one program; name the folders of each side as an argument of its own", dir = dir.display())]
    OneProgram {
        /// The first of them.
        dir: PathBuf,
        /// How many.
        runs: usize,
    },
    /// Runs of different machines, timing classes or experiments.
    #[error("{difference}; --anyway compares all the same and marks it")]
    NotAlike {
        /// What differs, one line.
        difference: String,
    },
    /// The baseline is no arm of the run.
    #[error("{dir}: no arm {arm}; it has {known}", dir = dir.display())]
    NoArm {
        /// The run.
        dir: PathBuf,
        /// What was asked.
        arm: String,
        /// Its arms.
        known: String,
    },
    /// A metric that no run has.
    #[error("{metric} is no metric of this experiment; it has {known}")]
    NoMetric {
        /// What was asked.
        metric: String,
        /// Those it has.
        known: String,
    },
    /// No point of the sides has its like.
    #[error("nothing to compare: {why}")]
    NoPoint {
        /// Why.
        why: String,
    },
}

impl Comparison {
    /// How many contrasts came out so.
    pub fn count(&self, judgement: Judgement) -> usize {
        self.rows.iter().filter(|row| row.verdict == judgement).count()
    }
}

/// Fewest sessions of a side; below, nobody can tell a build from an hour.
pub const SESSIONS_LEAST: usize = *plan::session::SESSIONS.start() as usize;

/// Judges every contrast.
///
/// # Errors
/// `CompareError`.
pub fn compare(compared: &Compared, settings: &Settings) -> Result<Comparison, CompareError> {
    match compared {
        Compared::Arms(results) => arms(results, settings),
        Compared::Sides(sides) => sessions(sides, settings),
    }
}

fn arms(results: &Results, settings: &Settings) -> Result<Comparison, CompareError> {
    let points = &results.plan.points;
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&point.arm.as_str()) {
            names.push(&point.arm);
        }
    }
    let asked = settings.baseline.as_deref();
    let baseline = match asked {
        None => names.first().copied().unwrap_or_default(),
        Some(arm) => names.iter().copied().find(|name| is_arm(name, arm)).ok_or_else(|| CompareError::NoArm {
            dir: results.dir.clone(),
            arm: arm.into(),
            known: names.join(", "),
        })?,
    };
    let mut pairs = Vec::new();
    for (at, point) in points.iter().enumerate().filter(|(_, point)| point.arm != baseline) {
        let like = |other: &Point| other.arm == baseline && other.same_levels(point);
        if let Some(other) = points.iter().position(like) {
            let name = point.arm.clone();
            pairs.push(Pair { candidate: name, baseline: vec![(results, other)], other: vec![(results, at)] });
        }
    }
    if pairs.is_empty() {
        let one = "one run has one arm here; name a second run, or sides of three sessions each";
        let why = if names.len() < 2 { one } else { "no two arms have a point of the same procs" };
        return Err(CompareError::NoPoint { why: why.into() });
    }
    let shown = |name: &&str| Named { name: name.to_string(), program: String::new(), sessions: 1 };
    let sides = [baseline].iter().chain(names.iter().filter(|name| **name != baseline)).map(shown).collect();
    judged(results, sides, Replicate::Block, &pairs, &Marks::default(), Vec::new(), settings)
}

fn sessions(sides: &[Side], settings: &Settings) -> Result<Comparison, CompareError> {
    let (baseline, candidates) = match sides {
        [baseline, candidates @ ..] if !candidates.is_empty() => (baseline, candidates),
        _ => return Err(CompareError::Nothing),
    };
    if let Some(arm) = &settings.baseline {
        let why = format!("--baseline {arm} chooses among the arms of one run; of several, the first side is it");
        return Err(CompareError::NoPoint { why });
    }
    let marks = differences(sides);
    if let (false, Some(first)) = (settings.anyway, marks.first()) {
        return Err(CompareError::NotAlike { difference: first.clone() });
    }
    let first = &baseline.sessions[0];
    let at = |side: &Side, point: &Point| {
        let of = |session: &Results| session.plan.points.iter().position(|other| point.same_point(other));
        side.sessions.iter().map(of).collect::<Vec<_>>()
    };
    let mut pairs = Vec::new();
    let (mut left_out, mut in_turn) = (0, Vec::new());
    for candidate in candidates {
        in_turn.push((candidate.name.clone(), not_in_turn(baseline, candidate)));
        for point in &first.plan.points {
            let [one, other] = [baseline, candidate].map(|side| {
                let found = side.sessions.iter().zip(at(side, point));
                found.filter_map(|(session, at)| Some((session, at?))).collect::<Vec<_>>()
            });
            match other.is_empty() {
                true => left_out += 1,
                false => pairs.push(Pair { candidate: candidate.name.clone(), baseline: one, other }),
            }
        }
    }
    if pairs.is_empty() {
        return Err(CompareError::NoPoint { why: "no point is on both sides".into() });
    }
    let turns = in_turn.iter().all(|(_, why)| why.is_none());
    let mut notes = notes_of(sides, turns, &marks);
    if left_out > 0 {
        notes.push(format!("{left_out} point(s) of {name} have no like on the other side", name = baseline.name));
    }
    let shown = |side: &Side| Named {
        name: side.name.clone(),
        program: program_name(&side.sessions[0].manifest.program),
        sessions: side.sessions.len(),
    };
    let shown = sides.iter().map(shown).collect();
    let marks = Marks { all: marks, in_turn };
    judged(first, shown, Replicate::Session, &pairs, &marks, notes, settings)
}

/// What a reader must know of the sides; `turns` says whether their sessions took turns.
fn notes_of(sides: &[Side], turns: bool, marks: &[String]) -> Vec<String> {
    let (baseline, first) = (&sides[0], &sides[0].sessions[0]);
    let same = |side: &&Side| side.sessions[0].manifest.program.sha256 == first.manifest.program.sha256;
    let same = sides[1..].iter().filter(same);
    let mut notes: Vec<String> =
        same.map(|side| format!("{a} and {b} are the same program", a = baseline.name, b = side.name)).collect();
    let few = sides.iter().any(|side| side.sessions.len() < SESSIONS_LEAST);
    if let (true, Some(_)) = (few, &first.manifest.session) {
        let dir = first.dir.display();
        notes.push(format!("{dir} is a session of a series, all of which are compared by: numalab compare {dir}"));
    } else if few || !turns {
        let file = first.manifest.command.iter().find(|word| word.ends_with(".toml"));
        let file = file.map_or("FILE", String::as_str);
        notes.push(format!("sessions that take turns: numalab run {file} --against OTHER_BINARY --sessions 5"));
    }
    let unfinished = sides.iter().flat_map(|side| &side.sessions).filter(|session| !session.complete);
    notes.extend(unfinished.map(|session| format!("{dir}: unfinished", dir = session.dir.display())));
    notes.extend(marks.iter().map(|mark| format!("marked, not plain: {mark}")));
    notes
}

/// A point of one side and its like on the other, in each session that has it.
struct Pair<'a> {
    candidate: String,
    baseline: Vec<(&'a Results, usize)>,
    other: Vec<(&'a Results, usize)>,
}

/// What stands in the way of a plain verdict.
#[derive(Default)]
struct Marks {
    /// Of all contrasts.
    all: Vec<String>,
    /// By candidate: why its sessions did not take turns with the baseline's.
    in_turn: Vec<(String, Option<String>)>,
}

fn judged(
    first: &Results,
    sides: Vec<Named>,
    replicate: Replicate,
    pairs: &[Pair<'_>],
    marks: &Marks,
    notes: Vec<String>,
    settings: &Settings,
) -> Result<Comparison, CompareError> {
    let known = || first.samples.metrics().iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(asked) = settings.metrics.iter().find(|asked| first.samples.metric(&asked.name).is_none()) {
        return Err(CompareError::NoMetric { metric: asked.name.clone(), known: known() });
    }
    let family = Family { contrasts: settings.metrics.len() * pairs.len(), noise: settings.noise };
    let mut rows = Vec::new();
    for metric in &settings.metrics {
        for pair in pairs {
            let turns = marks.in_turn.iter().find(|(name, _)| *name == pair.candidate).and_then(|(_, why)| why.clone());
            let question = Question {
                metric,
                replicate,
                family,
                baseline_name: &sides[0].name,
                candidate_name: &pair.candidate,
                baseline: places(&pair.baseline),
                candidate: places(&pair.other),
                not_in_turn: turns,
                marks: &marks.all,
                anyway: settings.anyway,
            };
            rows.push(answer(&question));
        }
    }
    Ok(Comparison { experiment: first.manifest.experiment.clone(), sides, rows, notes })
}

fn places<'a>(side: &[(&'a Results, usize)]) -> Vec<Place<'a>> {
    side.iter().map(|&(results, point)| Place { results, point }).collect()
}
