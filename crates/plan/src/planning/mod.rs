//! From an experiment file to a plan: `ExperimentFile` + `Topology` + `Conditions` -> `Plan`.

mod arms;
mod budget;
mod grid;
mod hit_ratio;
mod memory;
mod notes;
mod pair;
mod reason;
mod whole;

use crate::experiment::{
    ExperimentFile, Extent, Factor, GMP, GO, Measure, Overrides, Repetitions, Settings, StoppedWork, THREADS,
    Thresholds,
};
use crate::keys::level_text;
use crate::placement::Placed;
use crate::point::{Plan, Point, Skipped};
use crate::quantity::{print_bytes, show_bytes};
use crate::record::Seed;
use crate::scheduler::{is_seated, seated};
use crate::topology::{Conditions, RuntimeProgram, Topology};
use crate::workload::{Scope, Workload, WorkloadFile};
use arms::{Group, Outcome, groups};
use grid::{Level, levels, procs_listed};
use reason::Reason;
use std::collections::BTreeMap;

/// Slices of a sample in windows.csv: at least 100, so that a change point is seen to 1 %, and some to spare, since the
/// slices that a crowded timer sleeps over are merged.
const WINDOWS: u32 = 128;

/// More points than this are a typing error: at a second each and ten repetitions they take more than two days.
const POINTS_MOST: usize = 20_000;

/// Why no plan can be made. Points that do not fit are not errors: they are listed as skipped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A value that can never work.
    #[error("{key} in [{section}]: {found} cannot be; it must {must}")]
    Impossible {
        /// Section of the experiment file.
        section: &'static str,
        /// Key in it.
        key: String,
        /// The value.
        found: String,
        /// What it must be.
        must: String,
    },
    /// A level of a factor that the workload refuses.
    #[error("{key} in [sweep]: {cause}")]
    Level {
        /// The factor.
        key: String,
        /// Why.
        cause: String,
    },
    /// A scan that reads the same bytes again and again: no collector does, and every sample would hang.
    #[error(
        "{path}:{line}: stopped_work in [pauses]: scan:{asked} cannot be; it must be at most {most}, all heaps of the \
         largest point, of {procs} workers",
        asked = print_bytes(*asked), most = print_bytes(*most)
    )]
    ScanTooLarge {
        /// The experiment file.
        path: String,
        /// Its line.
        line: usize,
        /// Bytes of the scan.
        asked: u64,
        /// Bytes of all heaps of the largest point.
        most: u64,
        /// Its workers.
        procs: u32,
    },
    /// `--arm` names an arm that the file does not have.
    #[error("arm \"{name}\" is not in the experiment; it has {known}")]
    UnknownArm {
        /// As asked.
        name: String,
        /// Those of the file.
        known: String,
    },
    /// `--subject` names a subject that the file does not have.
    #[error("subject \"{name}\" is not in the experiment; it has {known}")]
    UnknownSubject {
        /// As asked.
        name: String,
        /// Those of the file.
        known: String,
    },
    /// More points than anybody means.
    #[error("{points} points (arms x procs x subjects x levels); at most {POINTS_MOST}: take values out of [sweep]")]
    TooManyPoints {
        /// How many.
        points: usize,
    },
    /// This machine can hold no point of the experiment.
    #[error("no point of this experiment can run here: {reasons}")]
    NothingToRun {
        /// The first reason of each arm, `arm: reason`, joined by `; `.
        reasons: String,
    },
}

/// Decides everything about an experiment on one machine.
///
/// # Errors
/// [`PlanError`] where no point can be planned at all or a value can never work.
pub fn plan(
    file: &ExperimentFile,
    overrides: &Overrides,
    topology: &Topology,
    conditions: &Conditions,
) -> Result<Plan, PlanError> {
    let mut measure = measure(file, overrides)?;
    let procs = procs_listed(overrides.procs.as_ref().unwrap_or(&file.sweep.procs), topology);
    let levels = levels(file)?;
    let oversubscribe = overrides.oversubscribe.unwrap_or(file.sweep.oversubscribe);
    let arms = arms::chosen(file, &overrides.arms)?;
    let subjects = subjects_chosen(file, &overrides.subjects)?;
    let points = arms.len() * procs.len() * subjects.len() * levels.len();
    if points > POINTS_MOST {
        return Err(PlanError::TooManyPoints { points });
    }
    let groups = groups(&arms, &procs, oversubscribe, topology, conditions);
    let procs_max = groups.iter().flat_map(Group::runnable).max().or(procs.last().copied()).unwrap_or(1);
    let workloads = levels
        .iter()
        .map(|level| level.workload.resolve(Scope { topology, procs_max }))
        .collect::<Result<Vec<_>, _>>()?;
    if workloads.iter().any(|workload| !workload.has_heaps()) {
        // There are no request boundaries at which we could stop the world.
        (measure.pause_every_ns, measure.stopped_work) = (0, StoppedWork::None);
    }
    let ways: Vec<Way<'_>> = subjects
        .into_iter()
        .flat_map(|subject| {
            let all = levels.iter().zip(&workloads).map(move |(level, workload)| Way { subject, level, workload });
            all.filter(|way| way.is_new_to_its_subject(file))
        })
        .collect();
    let stopped_work = measure.stopped_work;
    let mut expansion = Expansion { topology, conditions, stopped_work, points: Vec::new(), skipped: Vec::new() };
    for mut group in groups {
        for (procs, placed) in std::mem::take(&mut group.points) {
            // The last of the copies is the original: one placement of thousands of workers is large.
            for (way, placed) in ways.iter().zip(std::iter::repeat_n(placed, ways.len())) {
                expansion.add(&group, procs, way, placed)?;
            }
        }
    }
    let Expansion { mut points, mut skipped, .. } = expansion;
    if points.is_empty() {
        return Err(nothing_to_run(&skipped));
    }
    budget::fit(&mut points, &mut skipped, &measure);
    check_scan(file, &measure, &points)?;
    number(&mut points);
    let notes = notes::notes(&points, &skipped, &file.sweep.axis, topology, conditions);
    Ok(Plan {
        experiment: file.name.clone(),
        question: file.question.clone(),
        expect: file.expect.clone(),
        published: file.published.clone(),
        printed: file.printed.clone(),
        audit: file.audit.clone(),
        measure,
        axis: file.sweep.axis.clone(),
        factors: file.sweep.factors.iter().map(|factor| factor.key.clone()).collect(),
        metrics: metrics(file),
        points,
        skipped,
        notes,
        claims: file.claims.clone(),
        knee: file.knee.clone(),
    })
}

/// The workload's own columns. Those of `serve` are the suite's scheduler's alone: without it they are none.
fn metrics(file: &ExperimentFile) -> Vec<String> {
    let told = !matches!(file.workload, WorkloadFile::Serve(_)) || file.sweep.subjects.iter().any(|name| name == GMP);
    let columns = if told { file.workload.metrics() } else { &[] };
    columns.iter().map(|column| column.name.into()).collect()
}

/// A subject with a level of each further factor.
struct Way<'a> {
    subject: &'a str,
    level: &'a Level,
    workload: &'a Workload,
}

impl Way<'_> {
    /// Levels of all factors that the subject has.
    fn factors(&self) -> BTreeMap<String, String> {
        let mut factors = self.level.factors.clone();
        factors.retain(|key, _| self.has(key));
        factors
    }

    fn has(&self, key: &str) -> bool {
        Settings::subject_of(key).is_none_or(|owner| owner == self.subject)
    }

    /// Whether the factors that the subject does not have are at their first level: it runs once, not once for each.
    fn is_new_to_its_subject(&self, file: &ExperimentFile) -> bool {
        let foreign = file.sweep.factors.iter().filter(|factor| !self.has(&factor.key));
        let is_first = |factor: &Factor| self.level.factors.get(&factor.key) == Some(&level_text(&factor.levels[0]));
        foreign.into_iter().all(is_first)
    }
}

/// Points and skipped points, as they are found.
struct Expansion<'a> {
    topology: &'a Topology,
    conditions: &'a Conditions,
    stopped_work: StoppedWork,
    points: Vec<Point>,
    skipped: Vec<Skipped>,
}

impl Expansion<'_> {
    fn add(&mut self, group: &Group, procs: u32, way: &Way<'_>, placed: Outcome) -> Result<(), PlanError> {
        let need = way.workload.need();
        let bytes = memory::all_bytes(need, procs).ok_or_else(|| PlanError::Impossible {
            section: "workload",
            key: "private_bytes".into(),
            found: format!("{procs} heaps of {bytes}", bytes = show_bytes(need.private_bytes)),
            must: "fit 63 bits together".into(),
        })?;
        match placed.and_then(|placed| self.fit(group, way, placed, bytes)) {
            Ok((placed, changed)) => {
                let mut point = self.point(group, procs, way, placed, bytes);
                point.placement_name += changed;
                self.points.push(point);
            }
            Err(reason) => self.skipped.push(Skipped {
                arm: group.name.clone(),
                procs,
                subject: way.subject.into(),
                factors: way.factors(),
                axis_level: way.level.on_axis,
                reason: reason.to_string(),
            }),
        }
        Ok(())
    }

    /// The places as the subject can have them and the workload needs them, and what follows the placement's name where these are
    /// not the arm's.
    fn fit(&self, group: &Group, way: &Way<'_>, placed: Placed, bytes: u64) -> Result<(Placed, &'static str), Reason> {
        let Way { subject, workload, .. } = *way;
        let procs = placed.placement.workers.len() as u32;
        if let Some(why) = workload.refuses(subject).or_else(|| workload.at(placed.busy_pus).refuses_procs(procs)) {
            return Err(Reason::Refused { workload: workload.kind(), subject: subject.into(), why });
        }
        if group.settle && !workload.has_heaps() {
            return Err(Reason::NothingSettles { workload: workload.kind() });
        }
        if self.stopped_work != StoppedWork::None && subject != THREADS {
            return Err(Reason::NoStoppedWork { subject: subject.into() });
        }
        if let Some(RuntimeProgram::Absent(why)) = self.conditions.programs.get(subject) {
            return Err(Reason::NoProgram(why.clone()));
        }
        let (placed, changed) = match (whole::is_whole(subject), workload.distance()) {
            (true, _) => whole::placed(subject, group.settle, workload, placed, self.topology)?,
            (false, Some(distance)) => {
                let why = |why: String| {
                    let why = format!("no {what} here: {why}", what = distance.what());
                    Reason::Refused { workload: workload.kind(), subject: subject.into(), why }
                };
                (pair::placed(distance, placed, self.topology).map_err(why)?, pair::IN_A_PAIR)
            }
            (false, None) => (placed, ""),
        };
        if subject == GMP && way.level.settings.scheduler.needs_seats() && !is_seated(&placed) {
            return Err(Reason::NoSeats);
        }
        memory::check_fit(&placed.placement, workload.need(), bytes, self.topology)?;
        memory::check_pages(workload, &placed.placement, self.topology, self.conditions)?;
        Ok((placed, changed))
    }

    fn point(&self, group: &Group, procs: u32, way: &Way<'_>, placed: Placed, bytes: u64) -> Point {
        let bytes_on_node = memory::bytes_on_node(&placed.placement, way.workload.need());
        // A scheduler decides where its tasks run: only where all is on one node does a ratio follow from the plan.
        let decided = way.workload.has_heaps() && (way.subject == THREADS || placed.nodes.len() == 1);
        let by_construction =
            || hit_ratio::by_construction(way.workload, &placed, &bytes_on_node, self.topology, self.conditions);
        let hit_ratio = decided.then(by_construction).flatten();
        let scheduler = (way.subject == GMP).then(|| seated(&way.level.settings.scheduler, &placed, self.topology));
        Point {
            id: String::new(),
            arm: group.name.clone(),
            procs,
            subject: way.subject.into(),
            factors: way.factors(),
            axis_level: way.level.on_axis,
            regime: placed.regime,
            placement_name: group.placement_name.clone(),
            memory_policy: arms::policy_in_words(&placed.placement),
            nodes_spanned: placed.nodes.len() as u32,
            workload: way.workload.at(placed.busy_pus),
            placement: placed.placement,
            settle: group.settle,
            hit_ratio_by_construction: hit_ratio,
            bytes_on_node,
            bytes,
            go: (way.subject == GO).then_some(way.level.settings.go),
            scheduler,
        }
    }
}

/// The subjects that are asked for, in file order.
fn subjects_chosen<'a>(file: &'a ExperimentFile, only: &[String]) -> Result<Vec<&'a str>, PlanError> {
    let all = &file.sweep.subjects;
    if let Some(name) = only.iter().find(|name| !all.contains(name)) {
        return Err(PlanError::UnknownSubject { name: name.clone(), known: all.join(", ") });
    }
    Ok(all.iter().filter(|subject| only.is_empty() || only.contains(subject)).map(String::as_str).collect())
}

/// Names points `p00`, `p01`, …, all equally long.
fn number(points: &mut [Point]) {
    let digits = (points.len() - 1).to_string().len().max(2);
    for (number, point) in points.iter_mut().enumerate() {
        point.id = format!("p{number:0digits$}");
    }
}

fn check_scan(file: &ExperimentFile, measure: &Measure, points: &[Point]) -> Result<(), PlanError> {
    let StoppedWork::Scan { bytes: asked } = measure.stopped_work else { return Ok(()) };
    match points.iter().max_by_key(|point| point.bytes) {
        Some(largest) if asked > largest.bytes && measure.pause_every_ns > 0 => Err(PlanError::ScanTooLarge {
            path: file.path.clone(),
            line: file.pauses.stopped_work_line,
            asked,
            most: largest.bytes,
            procs: largest.procs,
        }),
        _ => Ok(()),
    }
}

fn nothing_to_run(skipped: &[Skipped]) -> PlanError {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for point in skipped {
        first.entry(&point.arm).or_insert(&point.reason);
    }
    let reasons: Vec<_> = first.iter().take(3).map(|(arm, reason)| format!("{arm}: {reason}")).collect();
    PlanError::NothingToRun { reasons: reasons.join("; ") }
}

fn measure(file: &ExperimentFile, overrides: &Overrides) -> Result<Measure, PlanError> {
    let written = &file.measure;
    let impossible = |key: &str, found: String, must: &str| PlanError::Impossible {
        section: "measure",
        key: key.into(),
        found,
        must: must.into(),
    };
    let extent = overrides.extent.unwrap_or(written.extent);
    match extent {
        Extent::Seconds(seconds) if !(0.001..=86_400.0).contains(&seconds) => {
            return Err(impossible("seconds", seconds.to_string(), "be a number from 0.001 to 86400"));
        }
        Extent::Operations(0) => return Err(impossible("operations", "0".into(), "be 1 or more")),
        _ => {}
    }
    let budget_seconds = overrides.budget_seconds.or(written.budget_seconds);
    if let Some(budget) = budget_seconds.filter(|budget| !(budget.is_finite() && *budget > 0.0)) {
        return Err(impossible("budget", budget.to_string(), "be a number of seconds above 0"));
    }
    let repetitions = overrides.repetitions.map_or(written.repetitions.clone(), Repetitions::Fixed);
    if repetitions == Repetitions::Fixed(0) {
        return Err(impossible("repetitions", "0".into(), "be 1 or more"));
    }
    // Whoever asks for so many of every point asks for no more of some.
    let pause_repetitions = written.pause_repetitions.filter(|_| overrides.repetitions.is_none());
    Ok(Measure {
        extent,
        repetitions,
        pause_repetitions,
        budget_seconds,
        order: "random-blocks".into(),
        seed: Seed(overrides.seed.unwrap_or(written.seed)),
        pause_every_ns: overrides.pause_every_ns.unwrap_or(file.pauses.every_ns).unwrap_or(0),
        stopped_work: file.pauses.stopped_work,
        windows: WINDOWS,
        thresholds: Thresholds::DEFAULT,
        grace_seconds: written.grace_seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_of_the_command_line_are_those_of_every_point() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/numa-binding.toml");
        let file = crate::experiment::read_experiment(&path).expect("the experiment is sound");
        let of = |repetitions| {
            let measure = measure(&file, &Overrides { repetitions, ..Overrides::default() }).expect("it is possible");
            (measure.repetitions, measure.pause_repetitions)
        };
        assert_eq!(of(None), (Repetitions::Fixed(10), Some(20)));
        assert_eq!(of(Some(3)), (Repetitions::Fixed(3), None));
    }
}
