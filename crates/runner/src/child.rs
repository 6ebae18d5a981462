//! The process of one sample: a job in on stdin, frames out on fd 3.
//!
//! It decides nothing and never loads hwloc. In order: die with the parent, bind as numactl does, start and bind the
//! workers, map the heaps, write them, ask where they lie, run, ask again (unless no page of the host can have moved), draw
//! the same touches once more and count them. Of a workload without heaps: bind, run, check. Each phase is named in a frame before it begins, so that a death names its phase.

use crate::frame::{Says, write};
use crate::heapless::{Ground, Heapless};
use crate::heaps::Heaps;
use crate::measured::{Counted, measured};
use crate::pool::Pool;

use crate::sample::{Failure, Job, Measured};
use crate::subject::gmp::words;
use crate::subject::runtime::with_runtime;
use crate::told::{PROCESS_AGE_NS, SETTLED, SUBJECT_COUNTS};
use crate::workload::{Work, with_work};
use host::Granted;
use host::moves::Moves;
use plan::experiment::{GO, SUBJECTS};
use plan::place::Place;
use plan::set::CpuSet;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

/// Reads one job, runs it, and writes frames; the process's exit code: 0 when the last frame is a sample, else 1.
///
/// To be called on the main thread before any other is started: what it binds is inherited by the workers.
pub fn run(mut input: impl Read, frames: impl Write) -> u8 {
    let mut phases = Phases::new(frames);
    let outcome = phases.begin("start").and_then(|()| {
        let mut line = String::new();
        input.read_to_string(&mut line).map_err(|cause| format!("cannot read the job: {cause}"))?;
        let job: Job = serde_json::from_str(&line).map_err(|cause| format!("not a job of this program: {cause}"))?;
        let granted = host::child::enter(job.parent_pid, &job.allowed_pus, &job.allowed_nodes).map_err(text)?;
        measure(&granted, &job, &mut phases)
    });
    let (says, code) = match outcome {
        Ok(measured) => (Says::Sample(Box::new(measured)), 0),
        Err(cause) => (Says::Failure(Failure { phase: phases.current.clone(), cause }), 1),
    };
    // Without a parent to read it there is nobody left to tell.
    if write(&mut phases.frames, says).is_ok() { code } else { 1 }
}

/// Says which phase it is, and how long each took.
pub(crate) struct Phases<W> {
    frames: W,
    started: Instant,
    current: String,
    began: Instant,
    spent_ns: Vec<(String, u64)>,
}

impl<W: Write> Phases<W> {
    fn new(frames: W) -> Phases<W> {
        let now = Instant::now();
        Phases { frames, started: now, current: "start".into(), began: now, spent_ns: Vec::new() }
    }

    /// The phase before has ended, this one begins.
    pub(crate) fn begin(&mut self, phase: &str) -> Result<(), String> {
        self.end();
        self.current = phase.into();
        write(&mut self.frames, Says::Phase(phase.into())).map_err(|cause| format!("cannot write a frame: {cause}"))?;
        self.began = Instant::now();
        Ok(())
    }

    fn end(&mut self) {
        let ns = crate::timer::ns_since(self.began);
        match self.spent_ns.iter_mut().find(|(phase, _)| *phase == self.current) {
            Some((_, sum)) => *sum += ns,
            None => self.spent_ns.push((self.current.clone(), ns)),
        }
    }

    /// All but running, which is the experiment itself, and its warm-up.
    pub(crate) fn overhead_ns(&mut self) -> Vec<(String, u64)> {
        self.end();
        let all = std::mem::take(&mut self.spent_ns);
        all.into_iter().filter(|(phase, _)| !matches!(phase.as_str(), "settle" | "run")).collect()
    }
}

fn text(cause: impl std::fmt::Display) -> String {
    cause.to_string()
}

fn measure<W: Write>(granted: &Granted, job: &Job, phases: &mut Phases<W>) -> Result<Measured, String> {
    let subject = &job.point.subject;
    if !SUBJECTS.contains(&subject.as_str()) {
        let known = SUBJECTS.join(", ");
        return Err(format!("subject \"{subject}\" is not built in; known: {known}"));
    }
    if subject == GO && job.point.workload.has_heaps() {
        return crate::subject::go::measure(granted, job, phases);
    }
    phases.begin("bind")?;
    host::bind::bind_process(granted, &job.point.placement.process).map_err(text)?;
    with_work!(
        &job.point.workload,
        work => measure_work(work, granted, job, phases),
        whole => measure_heapless(whole, &Ground { granted, job }, phases)
    )
}

fn measure_heapless<W: Write>(
    workload: &impl Heapless,
    ground: &Ground<'_>,
    phases: &mut Phases<W>,
) -> Result<Measured, String> {
    let Ground { granted, job } = *ground;
    let places = &job.point.placement.workers;
    let inherited = host::bind::affinity().map_err(text)?;
    let pus = places.iter().fold(CpuSet::new(), |all, place| all.union(place.cpus.as_ref().unwrap_or(&inherited)));
    phases.begin("run")?;
    let host_before = HostCounts::read(&pus);
    let age_ns = crate::timer::ns_since(phases.started);
    let ran = workload.run(ground)?;
    let host = HostCounts::read(&pus).since(&host_before);
    phases.begin("check")?;
    host::child::check_still_allowed(granted).map_err(text)?;
    let mut measured = crate::heapless::measured(job, ran, host);
    measured.facts.push((PROCESS_AGE_NS.into(), age_ns.to_string()));
    measured.overhead_ns = phases.overhead_ns();
    Ok(measured)
}

/// Binds the calling worker where its place says; its affinity as read back.
pub(crate) fn bind_worker(granted: &Granted, place: &Place) -> Result<CpuSet, host::HostError> {
    match &place.cpus {
        None => host::bind::affinity(),
        Some(pus) => match (pus.first(), pus.len()) {
            (Some(pu), 1) => host::bind::pin(granted, pu),
            _ => host::bind::bind_thread(granted, pus),
        },
    }
}

fn measure_work<K: Work, W: Write>(
    work: &K,
    granted: &Granted,
    job: &Job,
    phases: &mut Phases<W>,
) -> Result<Measured, String> {
    let places = &job.point.placement.workers;
    let pool = &Pool::start(places.len())?;
    let bound = &pool.each(|worker| bind_worker(granted, &places[worker]).map_err(text))?;
    let (mut notes, mut facts) = (Vec::new(), Vec::new());
    let point = &job.point;
    phases.begin("allocate")?;
    let heaps = Arc::new(Heaps::allocate(granted, pool, point, &mut notes)?);
    phases.begin("touch")?;
    heaps.touch(pool, work, point.placement.shared.toucher)?;
    if point.settle {
        phases.begin("settle")?;
        let settling = crate::settle::settle(pool, work, job.seed.0, &heaps)?;
        notes.push(settling.note);
        facts.push((SETTLED.into(), settling.settled.to_string()));
    }
    phases.begin("locate")?;
    let moves = Moves::now();
    let before = heaps.locate(pool, &mut notes)?;
    before.check_bound(point)?;
    let pus = bound.iter().fold(CpuSet::new(), |all, pus| all.union(pus));
    phases.begin("run")?;
    let host_before = HostCounts::read(&pus);
    // NUMA balancing leaves a process alone that is younger than about 2 s.
    facts.push((PROCESS_AGE_NS.into(), crate::timer::ns_since(phases.started).to_string()));
    let timed = with_runtime!(
        point.subject.as_str(),
        R => crate::subject::tasks::run::<_, R>(granted, work, job, &heaps, &pus),
        _threads => crate::sampling::run(pool, work, job, &heaps, &pus)
    )?;
    let counts = timed.process.as_ref().and_then(|process| process.counts.as_ref()).map(words);
    notes.extend(timed.notes.iter().cloned());
    facts.extend(counts.map(|counts| (SUBJECT_COUNTS.into(), counts)));
    let host = HostCounts::read(&pus).since(&host_before);
    phases.begin("check")?;
    host::child::check_still_allowed(granted).map_err(text)?;
    check_bindings(pool, bound)?;
    heaps.check_policies()?;
    phases.begin("locate")?;
    let after = match moves.none_until(&Moves::now()) {
        true => before.clone(),
        false => heaps.locate(pool, &mut notes)?,
    };
    let huge_ratio = heaps.huge_ratio(&mut notes);
    phases.begin("replay")?;
    let pages_spilled = before.spilled(point, granted.memory_nodes());
    let counted = Counted { before, after, timed, host, huge_ratio, pages_spilled };
    let replayed = measured(pool, work, job, counted, &mut notes)?;
    let mut measured = replayed.measured;
    phases.begin("release")?;
    Arc::into_inner(heaps).expect("the tasks that used them have ended").release(pool)?;
    phases.begin("check")?;
    if let Some(wrong) = replayed.wrong_checksum {
        return Err(wrong);
    }
    measured.overhead_ns = phases.overhead_ns();
    measured.notes = notes;
    measured.facts = facts;
    Ok(measured)
}

/// Whether every worker is still bound as it was before the run: a PU that went offline widens a mask for good.
fn check_bindings(pool: &Pool, bound: &[CpuSet]) -> Result<(), String> {
    pool.each(|worker| {
        let (asked, found) = (&bound[worker], host::bind::affinity().map_err(text)?);
        if found == *asked { Ok(()) } else { Err(format!("was bound to PUs {asked} and is on {found} after the run")) }
    })?;
    Ok(())
}

/// What the whole host counted, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostCounts {
    /// NUMA hinting faults.
    pub(crate) hint_faults: Option<u64>,
    /// Steal and all ticks of the PUs in use.
    pub(crate) steal_ticks: Option<(u64, u64)>,
    /// Periods in which a quota stopped us.
    pub(crate) throttled_periods: Option<u64>,
}

impl HostCounts {
    pub(crate) fn read(pus: &CpuSet) -> HostCounts {
        const HINT_FAULTS: &str = "numa_hint_faults";
        HostCounts {
            hint_faults: host::proc::vmstat(&[HINT_FAULTS]).get(HINT_FAULTS).copied(),
            steal_ticks: host::proc::steal_ticks(pus),
            throttled_periods: host::proc::throttled_periods(),
        }
    }

    pub(crate) fn since(&self, before: &HostCounts) -> HostCounts {
        let less = |now: Option<u64>, then: Option<u64>| now.zip(then).map(|(now, then)| now.saturating_sub(then));
        let pair = self.steal_ticks.zip(before.steal_ticks);
        HostCounts {
            hint_faults: less(self.hint_faults, before.hint_faults),
            steal_ticks: pair.map(|(now, then)| (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1))),
            throttled_periods: less(self.throttled_periods, before.throttled_periods),
        }
    }
}
