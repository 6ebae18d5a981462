//! kill -9 at random moments, and resume: nothing that was committed is lost, nothing is there twice.

use crate::bench::{Bench, bench, check_whole, wait_until};
use crate::bounded::{living, mark, marked, nothing_left};
use crate::program::{answer, only_folder, rows};
use crate::trial::{ensure, test};
use crate::{figure, is_long};
use libtest_mimic::{Failed, Trial};
use plan::random::{below, draw};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Samples of each of the four points of the experiment.
const REPETITIONS: u32 = 6;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("kill -9 at random moments, resumed each time", kill_and_resume),
        test("kill -9 in the middle of a long sample leaves no child behind", no_orphan),
    ]
}

fn kill_and_resume() -> Result<(), Failed> {
    let wanted = if is_long() { 200 } else { 20 };
    let whole = bench(REPETITIONS)?;
    let start = Instant::now();
    answer(whole.run().output()?).expect_code(0)?;
    let lasts = start.elapsed();
    let expect = slots(&whole)?;
    let bench = bench(REPETITIONS)?;
    let (mut kills, mut runs, mut calls) = (0, 0, 0);
    while kills < wanted {
        calls += 1;
        ensure(calls < 10 * wanted, || "it ends by itself, again and again, before it can be killed".into())?;
        let committed = committed(&bench);
        // Killed before there was a folder: nothing was begun.
        let mut command = bench.resume().unwrap_or_else(|_| bench.run());
        let mark = mark();
        let mut child = marked(&mut command, &mark).stderr(Stdio::null()).spawn()?;
        if is_due(&bench, &mut child, kills, lasts)? {
            child.kill()?;
            kills += 1;
        }
        let status = child.wait()?;
        nothing_left(&mark)?;
        ensure(self::committed(&bench).starts_with(&committed), || format!("kill {kills}: a committed row is gone"))?;
        if status.success() {
            ends_whole(&bench, &expect)?;
            fs::remove_dir_all(&bench.results)?;
            runs += 1;
        }
    }
    answer(bench.resume().unwrap_or_else(|_| bench.run()).output()?).expect_code(0)?;
    ends_whole(&bench, &expect)?;
    figure(&format!("kill -9: {kills} kills, {all} runs ended whole, nothing lost, nothing twice", all = runs + 1));
    Ok(())
}

/// Waits for a random moment: until the folder has grown by so many bytes, or so much time has gone. `false` where it ended.
fn is_due(bench: &Bench, child: &mut Child, kill: u64, lasts: Duration) -> Result<bool, Failed> {
    if kill.is_multiple_of(2) {
        let target = bench.bytes() + 1 + below(draw(7, kill), 24_000);
        return wait_until(child, || bench.bytes() >= target);
    }
    let wait = Duration::from_micros(below(draw(7, kill), lasts.as_micros() as u64 / 2));
    let start = Instant::now();
    wait_until(child, || start.elapsed() >= wait)
}

/// The whole lines of samples.csv.
fn committed(bench: &Bench) -> Vec<u8> {
    let text = only_folder(&bench.results).and_then(|folder| Ok(fs::read(folder.join("samples.csv"))?));
    let mut text = text.unwrap_or_default();
    text.truncate(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
    text
}

/// Which samples a folder holds: `(point, place in the order)`.
fn slots(bench: &Bench) -> Result<BTreeSet<(String, String)>, Failed> {
    let samples = rows(&only_folder(&bench.results)?.join("samples.csv"))?;
    Ok(samples.into_iter().map(|row| (row[2].clone(), row[15].clone())).collect())
}

fn ends_whole(bench: &Bench, expect: &BTreeSet<(String, String)>) -> Result<(), Failed> {
    let found = slots(bench)?;
    ensure(found == *expect, || format!("samples {found:?} instead of {expect:?}"))?;
    check_whole(bench, REPETITIONS as usize)
}

/// A child that would run on for a minute dies with its parent.
fn no_orphan() -> Result<(), Failed> {
    let bench = bench(1)?;
    let mark = mark();
    let mut command = bench.run();
    command.args(["--seconds", "60"]);
    let mut child = marked(&mut command, &mark).stderr(Stdio::null()).spawn()?;
    let begun = || living(&mark).iter().any(|line| line.contains("__sample"));
    ensure(wait_until(&mut child, begun)?, || "it ended too early".into())?;
    child.kill()?;
    child.wait()?;
    nothing_left(&mark)
}
