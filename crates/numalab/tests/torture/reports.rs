//! The N-th call on the files of a finished folder fails, while it is redrawn or verified.
//!
//! Only calls on these files are failed, or the loader's would hide those of the threads that read them.

use crate::after::{is_out_of_memory, is_whole, words};
use crate::bench::{Bench, bench_of};
use crate::bounded;
use crate::calls::{Count, Fault, injected, is_before_main, strace, until_none_fails};
use crate::program::{Answer, answer, numalab, only_folder};
use crate::runs::SMALL;
use crate::trial::{Needs, ensure, test_with};
use libtest_mimic::{Failed, Trial};
use std::fs;

/// Verb, call, answer, and whether only calls on the folder's files are meant.
const FAULTS: &[(&str, Fault, bool)] = &[
    ("report", Fault { call: "openat", errno: "EMFILE" }, true),
    ("report", Fault { call: "read", errno: "EIO" }, true),
    ("report", Fault { call: "write", errno: "ENOSPC" }, false),
    ("report", Fault { call: "fsync", errno: "EIO" }, false),
    ("report", Fault { call: "rename", errno: "EIO" }, false),
    ("report", Fault { call: "mkdir", errno: "ENOSPC" }, false),
    ("report", Fault { call: "clone3", errno: "EAGAIN" }, false),
    ("verify", Fault { call: "openat", errno: "EMFILE" }, true),
    ("verify", Fault { call: "read", errno: "EIO" }, true),
    ("verify", Fault { call: "clone3", errno: "EAGAIN" }, false),
];

pub(crate) fn trials() -> Vec<Trial> {
    let one = |&(verb, fault, files): &(&'static str, Fault, bool)| {
        let Fault { call, errno } = fault;
        test_with(format!("{verb} whose N-th {call} answers {errno}"), Needs::Strace, move || {
            let bench = bench_of(SMALL)?;
            answer(bench.run().output()?).expect_code(0)?;
            until_none_fails(|nth, count| call_fails(&bench, verb, fault, files, nth, count))?.conclude(verb, fault)
        })
    };
    FAULTS.iter().map(one).collect()
}

/// One call of the program; `false` where nothing was left to fail.
fn call_fails(
    bench: &Bench,
    verb: &str,
    fault: Fault,
    files: bool,
    nth: u32,
    count: &mut Count,
) -> Result<bool, Failed> {
    let dir = only_folder(&bench.results)?;
    let trace = bench.folder.path().join("trace");
    let mut traced = strace(fault, nth, &trace);
    for file in fs::read_dir(&dir)?.flatten().filter(|_| files) {
        traced.arg("-P").arg(file.path().canonicalize()?);
    }
    traced.arg(env!("CARGO_BIN_EXE_numalab")).arg(verb).arg(&dir);
    let ended = bounded::run(&mut traced, bench.folder.path())?;
    let calls = injected(&trace)?;
    if calls.is_empty() {
        return Ok(false);
    }
    let judged = judge(bench, &ended, fault, &calls, count);
    if let Err(failed) = judged {
        let why = failed.message().unwrap_or_default().to_string();
        count.wrong.push(format!(
            "N = {nth}: {why}\n  code {code:?}: {err}\n  {calls:?}",
            code = ended.code,
            err = ended.err
        ));
    }
    // Undisturbed, the same folder is whole again.
    let again = bounded::run(numalab().arg("report").arg(&dir), bench.folder.path())?;
    again.expect_code(0)?;
    ensure(is_whole(bench, &dir)?, || "it cannot be redrawn".into())?;
    Ok(true)
}

fn judge(bench: &Bench, ended: &Answer, fault: Fault, calls: &[String], count: &mut Count) -> Result<(), Failed> {
    let Answer { code, err, .. } = ended;
    let whole = is_whole(bench, &only_folder(&bench.results)?)?;
    match *code {
        Some(0) => {
            ensure(whole, || "it says that it is done, and is not".into())?;
            count.did_without += 1;
        }
        _ if is_before_main(*code, err) => count.before_main += 1,
        None if is_out_of_memory(err) => count.refused += 1,
        Some(1..=3) => {
            count.refused += 1;
            let unsaid = calls.iter().any(|call| call.contains("write(2<"));
            if !unsaid {
                words(err, fault)?;
            }
        }
        _ => return Err("no listed exit code".into()),
    }
    ensure(!err.contains("panicked at"), || "it panicked".into())
}
