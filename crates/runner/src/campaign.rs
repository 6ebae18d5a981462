//! The loop over blocks and points: new runs and resumed ones.
//!
//! Whole blocks only: a block holds every point once, so a run that ends between two of them compares like with like.
//! SIGHUP, SIGINT and SIGTERM end it between two samples; what is committed stays and can be resumed.

use crate::admit;
use crate::error::RunError;
use crate::executor::Executor;
use crate::folder;
use crate::journal::Journal;
use crate::lock::Lock;
use crate::manifest::Here;
use crate::progress::{Event, Progress, Step};
use crate::recover::{Committed, recover};
use crate::rows::{Context, Id, rows};
use crate::sample::{Outcome, Sample};
use crate::stages::Stages;
use crate::told::{Told, WALL_NS, fact_name};
use plan::point::{Plan, Slot};
use plan::record::{FactRow, Row, SampleRow};
use plan::schedule::{block_slots, sample_seed, samples_in};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Its folder.
    pub dir: PathBuf,
    /// Its name.
    pub run_id: String,
    /// All blocks are done and the raw files summed; else it can be resumed.
    pub complete: bool,
    /// It was ended by a signal.
    pub interrupted: bool,
    /// Samples committed in all, failed ones included.
    pub samples: u64,
    /// Samples that failed.
    pub failed: u64,
    /// Samples that were committed before this call.
    pub resumed: u64,
    /// Whole blocks done.
    pub blocks: u32,
    /// What a reader should know: what a budget did, what stage two asked for.
    pub notes: Vec<String>,
}

/// Runs a plan in a new folder `results_root/<experiment>/<host>/<utc>-<id>/`.
///
/// # Errors
/// [`RunError`]; what was committed before stays and can be resumed.
pub fn run(
    results_root: &Path,
    plan: &Plan,
    here: &Here,
    executor: &mut dyn Executor,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RunSummary, RunError> {
    Stages::check(plan)?;
    let run_id = folder::new_run_id();
    let dir = folder::create(results_root, plan, here, &run_id, executor)?;
    let _lock = Lock::take(&dir)?;
    go_on(&dir, &run_id, plan, here, (Vec::new(), Told::default()), false, executor, progress, interrupt)
}

/// How a run is resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResumeOptions<'a> {
    /// The plan that the caller would make now; refused where it is not the folder's. `None`: whatever the folder says.
    pub plan: Option<&'a Plan>,
    /// Makes failed samples again; their rows stay.
    pub retry_failed: bool,
}

/// Goes on with the run of a folder; one that is complete is left alone.
///
/// # Errors
/// [`RunError`], among them `Other` for another plan, machine or program, `Changed` where raw files were touched.
pub fn resume(
    dir: &Path,
    options: ResumeOptions<'_>,
    here: &Here,
    executor: &mut dyn Executor,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RunSummary, RunError> {
    let plan = admit::read_plan(dir)?;
    let _lock = Lock::take(dir)?;
    if let Some(now) = options.plan {
        admit::check_plan(dir, &plan, now)?;
    }
    let complete = folder::check_sums(dir)?;
    let manifest = admit::manifest_of(dir)?;
    admit::check_plan_file(dir, &manifest)?;
    admit::check_here(dir, &manifest, here, executor)?;
    let (committed, told) = recover(dir, &plan)?;
    let again = options.retry_failed && committed.iter().any(|sample| sample.row.error.is_some());
    if complete && !again {
        return Ok(summary(dir, &manifest.run_id, &plan, &committed, committed.len() as u64, true));
    }
    if complete {
        let path = dir.join(folder::SUMS);
        std::fs::remove_file(&path).map_err(|source| RunError::File { path, doing: "remove", source })?;
    }
    go_on(dir, &manifest.run_id, &plan, here, (committed, told), options.retry_failed, executor, progress, interrupt)
}

fn summary(dir: &Path, run_id: &str, plan: &Plan, committed: &[Committed], resumed: u64, complete: bool) -> RunSummary {
    let orders: BTreeSet<u32> = committed.iter().map(|sample| sample.row.order).collect();
    let whole = |block: u32| {
        let slots = block_slots(plan, block);
        !slots.is_empty() && slots.iter().all(|slot| orders.contains(&slot.order))
    };
    RunSummary {
        dir: dir.into(),
        run_id: run_id.into(),
        complete,
        interrupted: false,
        samples: committed.len() as u64,
        failed: committed.iter().filter(|sample| sample.row.error.is_some()).count() as u64,
        resumed,
        blocks: (0..u32::MAX).take_while(|block| whole(*block)).count() as u32,
        notes: Vec::new(),
    }
}

/// Everything a run carries from sample to sample.
struct Run<'a> {
    dir: &'a Path,
    plan: &'a Plan,
    context: Context<'a>,
    journal: Journal,
    committed: Vec<Committed>,
    /// Orders that need no sample any more.
    done: BTreeSet<u32>,
    progress: &'a mut dyn Progress,
    /// Up to when the time is accounted for: what comes after is the next sample's.
    accounted: Instant,
    told: Told,
    notes: Vec<String>,
    /// Sum and count by phase.
    overhead_ns: BTreeMap<String, (u64, u64)>,
}

#[allow(clippy::too_many_arguments, reason = "the two public ways in, joined; nothing of it belongs together")]
fn go_on(
    dir: &Path,
    run_id: &str,
    plan: &Plan,
    here: &Here,
    (committed, told): (Vec<Committed>, Told),
    retry_failed: bool,
    executor: &mut dyn Executor,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RunSummary, RunError> {
    catch_file_size_signal();
    let context = Context {
        run_id,
        plan,
        topology: &here.topology,
        host: &here.host,
        source: executor.source(),
        timing: here.timing,
    };
    let counts = |sample: &&Committed| !(retry_failed && sample.row.error.is_some());
    let done = committed.iter().filter(counts).map(|sample| sample.row.order).collect();
    let resumed = committed.len() as u64;
    let journal = Journal::open(dir)?;
    let mut run = Run {
        dir,
        plan,
        context,
        journal,
        committed,
        done,
        progress,
        accounted: Instant::now(),
        told,
        notes: Vec::new(),
        overhead_ns: BTreeMap::new(),
    };
    let ended = run.all(executor, interrupt)?;
    if ended {
        run.check_files()?;
        folder::write_sums(run.dir)?;
    }
    let mut summary = summary(dir, run_id, plan, &run.committed, resumed, ended);
    summary.interrupted = !ended;
    summary.notes = run.notes;
    Ok(summary)
}

impl Run<'_> {
    /// Runs blocks until there are enough, or the budget ends, and looks back; `false` when a signal ended it.
    fn all(&mut self, executor: &mut dyn Executor, interrupt: &AtomicBool) -> Result<bool, RunError> {
        let Some(blocks) = self.blocks(executor, interrupt)? else { return Ok(false) };
        if let Some(note) = self.told.unsettled(&self.committed) {
            self.note(blocks, note)?;
        }
        Ok(true)
    }

    /// Runs blocks until there are enough, or the budget ends; how many, `None` when a signal ended it.
    fn blocks(&mut self, executor: &mut dyn Executor, interrupt: &AtomicBool) -> Result<Option<u32>, RunError> {
        let mut stages = Stages::new(self.plan)?;
        let mut block = 0;
        loop {
            if block >= stages.blocks() {
                match stages.second_stage(&self.committed) {
                    Some(note) => {
                        self.note(block, note)?;
                        continue;
                    }
                    None => return Ok(Some(block)),
                }
            }
            let slots = block_slots(self.plan, block);
            let open: Vec<Slot> = slots.iter().copied().filter(|slot| !self.done.contains(&slot.order)).collect();
            let untouched = open.len() == slots.len();
            if untouched
                && block > 0
                && let Some(note) = self.over_budget(&stages, block, slots.len())
            {
                self.note(block, note)?;
                return Ok(Some(block));
            }
            if !open.is_empty() {
                self.facts(block, executor.facts())?;
            }
            for slot in open {
                if interrupt.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                self.sample(slot, &stages, executor)?;
            }
            let overhead = self.overhead();
            self.facts(block, overhead)?;
            block += 1;
        }
    }

    /// Makes and commits one sample.
    fn sample(&mut self, slot: Slot, stages: &Stages, executor: &mut dyn Executor) -> Result<(), RunError> {
        let plan = self.plan;
        let (done, total, left) = (self.done.len() as u64, self.total(stages), self.left(stages));
        let step = Step { point: &plan.points[slot.point], block: slot.block, done, total, left };
        self.progress.tell(&Event::Started(step));
        let seed = sample_seed(plan, slot);
        let sample = executor.sample(&plan.points[slot.point], &plan.measure, seed)?;
        let id = Id { sample_id: self.committed.len() as u64, slot, seed };
        let rows = rows(&self.context, id, &sample);
        // Before it, too: behind a file that was cut short, rows would end where they should.
        self.check_files()?;
        self.journal.commit(&rows)?;
        self.check_files()?;
        self.heard(slot.block, id.sample_id, &sample)?;
        self.done.insert(slot.order);
        let (done, total, left) = (self.done.len() as u64, self.total(stages), self.left(stages));
        let step = Step { done, total, left, ..step };
        let (error, throughput_per_s) = (rows.sample.error.as_deref(), rows.sample.throughput_per_s);
        self.progress.tell(&Event::Finished { step, error, throughput_per_s });
        self.committed.push(Committed { row: rows.sample, extra: rows.extra });
        Ok(())
    }

    /// Refuses to go on where the open files are no longer those of the folder: they take rows even then, and nobody would
    /// ever see them.
    fn check_files(&self) -> Result<(), RunError> {
        if !self.dir.join(SampleRow::FILE).exists() {
            return Err(RunError::Gone { dir: self.dir.into() });
        }
        self.journal.check_files()
    }

    /// Samples in all, as far as time and stages allow.
    fn total(&self, stages: &Stages) -> u64 {
        let in_blocks = |blocks: u32| samples_in(self.plan, blocks);
        let blocks = stages.blocks();
        let wanted = in_blocks(blocks);
        let affordable = self.plan.measure.budget_seconds.zip(self.told.per_sample()).map(|(budget, each)| {
            let samples = (budget / each.as_secs_f64()).floor() as u64;
            // Whole blocks of them, one at least.
            let fit = |block: &u32| in_blocks(*block) <= samples;
            if wanted <= samples { wanted } else { in_blocks((2..=blocks).take_while(fit).last().unwrap_or(1)) }
        });
        wanted.min(affordable.unwrap_or(u64::MAX)).max(self.done.len() as u64)
    }

    fn left(&self, stages: &Stages) -> Option<Duration> {
        let open = self.total(stages).saturating_sub(self.done.len() as u64);
        // facts.csv may tell of a sample that took centuries.
        let seconds = self.told.per_sample()?.as_secs_f64() * open as f64;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// A note, when one more block would not end within the budget of the run, whoever spent it.
    fn over_budget(&self, stages: &Stages, block: u32, samples: usize) -> Option<String> {
        let budget = self.plan.measure.budget_seconds?;
        let block_seconds = self.told.per_sample()?.as_secs_f64() * samples as f64;
        let ends = self.told.spent().as_secs_f64() + block_seconds;
        (ends > budget).then(|| stages.cut_short(block, budget, block_seconds))
    }

    fn facts(&mut self, block: u32, facts: Vec<(String, Option<String>)>) -> Result<(), RunError> {
        let at_utc = host::clock::utc_now();
        let row =
            |(fact, value)| FactRow { run_id: self.context.run_id.into(), block, at_utc: at_utc.clone(), fact, value };
        let rows: Vec<FactRow> = facts.into_iter().map(row).collect();
        self.journal.note(&rows)
    }

    /// Time and notes of a sample, under its number; and what its child took beside touching and running.
    fn heard(&mut self, block: u32, sample_id: u64, sample: &Sample) -> Result<(), RunError> {
        let now = Instant::now();
        let wall_ns = (now - self.accounted).as_nanos();
        self.accounted = now;
        let mut told = vec![(WALL_NS, wall_ns.to_string())];
        if let Outcome::Measured(measured) = &sample.outcome {
            for (phase, ns) in &measured.overhead_ns {
                let (sum, count) = self.overhead_ns.entry(phase.clone()).or_insert((0, 0));
                (*sum, *count) = (*sum + ns, *count + 1);
            }
            told.extend(measured.facts.iter().map(|(what, value)| (what.as_str(), value.clone())));
            told.extend(measured.notes.iter().map(|note| ("note", note.clone())));
        }
        told.iter().for_each(|(what, value)| self.told.take(sample_id, what, value));
        self.facts(block, told.into_iter().map(|(what, value)| (fact_name(sample_id, what), Some(value))).collect())
    }

    /// Mean time of each phase of a child beside touching and running, of the samples since the last call.
    fn overhead(&mut self) -> Vec<(String, Option<String>)> {
        let means = std::mem::take(&mut self.overhead_ns).into_iter();
        means.map(|(phase, (sum, count))| (format!("overhead_ns_{phase}"), Some((sum / count).to_string()))).collect()
    }

    /// A note for the summary, for who watches, and for facts.csv, where `report` finds it.
    fn note(&mut self, block: u32, note: String) -> Result<(), RunError> {
        self.progress.tell(&Event::Note(&note));
        self.facts(block, vec![("note".into(), Some(note.clone()))])?;
        self.notes.push(note);
        Ok(())
    }
}

/// Writing beyond the file size limit then answers EFBIG instead of killing the run.
fn catch_file_size_signal() {
    // Its own failure only brings back the default.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
