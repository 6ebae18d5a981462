//! `numalab run --against`: this program and another build of it, session by session in turn.
//!
//! Both builds run one plan: this program makes it, runs the loop and writes the files; only the process of each sample is
//! the build's own. So nothing differs between two sessions but what is measured. Each session is a results folder of its
//! own, whose manifest.json names series, session and build; any of them is enough to go on with the whole series.

use crate::args::Run;
use crate::compare::of_series;
use crate::exit::{Exit, FAILED, USAGE, as_called, print, say};
use crate::other::Other;
use crate::planning::plan_file;
use crate::progress::progress;
use crate::run::{child, command, introduce, probed, program};
use crate::signals::Signals;
use plan::manifest::Program;
use plan::point::Plan;
use plan::record::Seed;
use plan::session::{Build, Session, session_at, session_seed};
use runner::live::Live;
use runner::{Here, ResumeOptions, RunError, RunSummary};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A series that begins, or one that goes on.
pub(crate) struct Series {
    other: Other,
    from: From,
}

enum From {
    /// The experiment file.
    File(PathBuf),
    /// One of its folders, and the session that it holds.
    Folder(PathBuf, Box<Session>),
}

/// `numalab __build`: what [`Other::open`] asks of the other build.
pub(crate) fn build() -> Result<(), Exit> {
    print(&crate::other::told(program()?))
}

/// The series that is asked for: by --against, or by --resume of one of its folders; `None` for a run of its own.
pub(crate) fn series(args: &Run) -> Result<Option<Series>, Exit> {
    if let (Some(path), Some(file)) = (&args.against, &args.file) {
        let other = Other::open(path)?;
        return Ok(Some(Series { other, from: From::File(file.clone()) }));
    }
    let Some(dir) = &args.resume else { return Ok(None) };
    let Some(session) = runner::session_of(dir).map_err(exit_of)? else { return Ok(None) };
    if !session.is_sound() {
        let dir = dir.display();
        return Err(Exit::new(USAGE, format!("{dir}/manifest.json: no session of any series; restore the file")));
    }
    let other = Other::open(Path::new(&session.b_path))?;
    Ok(Some(Series { other, from: From::Folder(dir.clone(), Box::new(session)) }))
}

/// Everything that the sessions of a series share.
struct Stage<'a> {
    args: &'a Run,
    signals: &'a Signals,
    root: PathBuf,
    here: Here,
    plan: Plan,
    /// Any session of the series: the others follow from it.
    session: Session,
    /// Folders that are there, by place.
    begun: BTreeMap<u32, PathBuf>,
}

/// Runs all sessions that are not complete yet, and compares the builds.
pub(crate) fn run(args: &Run, signals: &Signals, series: Series) -> Result<ExitCode, Exit> {
    let Series { other, from } = series;
    let machine = probed()?;
    let mut here = Here::live(&machine, program()?, command());
    if let Some(asked) = args.timing {
        here.lower_timing(asked);
    }
    let stage = match from {
        From::File(file) => {
            let plan = plan_file(&file, &args.changes.overrides(), &mut here)?;
            let session = first_session(args, plan.measure.seed, &here.program, &other);
            introduce(&plan, &here);
            Stage { args, signals, root: args.results.clone(), here, plan, session, begun: BTreeMap::new() }
        }
        From::Folder(dir, session) => {
            same_builds(&dir, &session, &here.program, &other)?;
            let plan = runner::read_plan(&dir).map_err(exit_of)?;
            let root = runner::root_of(&dir).map_err(exit_of)?;
            let whole = dir.canonicalize().unwrap_or_else(|_| dir.clone());
            let begun = runner::sessions_in(whole.parent().unwrap_or(&whole), &session.series).map_err(exit_of)?;
            Stage { args, signals, root, here, plan, session: *session, begun }
        }
    };
    let mut a = Live::new(&machine, child("/proc/self/exe"));
    let mut b = Live::new(&machine, child(&other.program_path()));
    say(&format!("a is {a}, b is {b}", a = named(&stage.session.a), b = named(&stage.session.b)));
    let mut last = None;
    for place in 0..2 * stage.session.sessions {
        let session = stage.session.at(place);
        let executor = if session.build == Build::A { &mut a } else { &mut b };
        last = Some(stage.session_at(session, executor)?);
    }
    let dir = last.expect("a series has three sessions of each build at least");
    print(&of_series(&dir, args.format)?)?;
    say(&format!("again, with other settings: {program} compare {dir}", program = as_called(), dir = dir.display()));
    Ok(ExitCode::SUCCESS)
}

impl Stage<'_> {
    /// Runs one session, or goes on with it, and reports it; its folder.
    fn session_at(&self, session: Session, executor: &mut Live) -> Result<PathBuf, Exit> {
        let (number, of, build) = (session.number, session.sessions, session.build);
        let name = format!("session {number} of {of}, build {build}");
        let seed = session_seed(session.seed, number);
        let here = self.here.in_session(session.clone());
        let mut progress = progress();
        let interrupt = &self.signals.interrupt;
        let done = match self.begun.get(&session.place) {
            Some(dir) => {
                let options = ResumeOptions { plan: None, retry_failed: self.args.retry_failed };
                runner::resume(dir, options, &here, executor, progress.as_mut(), interrupt)
            }
            None => {
                let mut plan = self.plan.clone();
                plan.measure.seed = seed;
                runner::run(&self.root, &plan, &here, executor, progress.as_mut(), interrupt)
            }
        };
        drop(progress);
        let RunSummary { dir, interrupted, samples, failed, resumed, notes, .. } = done.map_err(exit_of)?;
        if interrupted {
            let go_on = format!("go on with: {program} run --resume {dir}", program = as_called(), dir = dir.display());
            let message = format!("stopped after {samples} samples of {name}; {go_on}");
            return Err(Exit::new(self.signals.exit_code(), message));
        }
        if resumed < samples {
            say(&format!("{name}: {dir}", dir = dir.display()));
            notes.iter().for_each(|note| say(&format!("note: {note}")));
            crate::report::update_and_show(&dir, crate::args::Format::Text)?;
        }
        // The next session of this build would fail as well.
        if samples > 0 && failed == samples {
            let at = dir.join("samples.csv");
            return Err(Exit::new(
                FAILED,
                format!("all {failed} samples of {name} failed; causes: {at}", at = at.display()),
            ));
        }
        Ok(dir)
    }
}

fn first_session(args: &Run, seed: Seed, a: &Program, other: &Other) -> Session {
    let (number, build) = session_at(seed, 0);
    Session {
        series: runner::new_series(),
        number,
        sessions: args.sessions,
        place: 0,
        build,
        seed,
        a: a.clone(),
        b: other.program.clone(),
        b_path: other.path.to_string_lossy().into_owned(),
    }
}

/// A series of other builds than it began with would compare four.
fn same_builds(dir: &Path, session: &Session, a: &Program, other: &Other) -> Result<(), Exit> {
    for (build, then, now) in [(Build::A, &session.a, a), (Build::B, &session.b, &other.program)] {
        if then.sha256 != now.sha256 {
            let (then, now) = (named(then), named(now));
            let message = format!(
                "{dir}: cannot resume, build {build} is another: it was {then} and is {now}",
                dir = dir.display()
            );
            return Err(Exit::new(USAGE, message));
        }
    }
    Ok(())
}

fn named(program: &Program) -> String {
    let sum: String = program.sha256.chars().take(12).collect();
    format!("{version} of commit {commit} ({sum}…)", version = program.version, commit = program.commit)
}

fn exit_of(error: RunError) -> Exit {
    Exit::of(error.exit_code(), &error)
}
