//! The N-th call of a whole run fails, parent and children alike.

use crate::after::{Took, look};
use crate::bench::bench_of;
use crate::bounded;
use crate::calls::{Count, FAULTS, Fault, injected, strace, until_none_fails};
use crate::trial::{Needs, test_with};
use libtest_mimic::{Failed, Trial};

/// As small as a run can be: two points, one sample each, operations counted.
pub(crate) const SMALL: &str = r#"name = "small"
question = "Does it survive?"
[workload]
kind = "serve"
private_bytes = "64KiB"
shared_bytes = "64KiB"
[pauses]
every = "5ms"
[sweep]
procs = [1, 2]
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
[measure]
operations = 50
repetitions = 1
seed = 1
"#;

pub(crate) fn trials() -> Vec<Trial> {
    let one = |&fault: &Fault| {
        let Fault { call, errno } = fault;
        test_with(format!("a run whose N-th {call} answers {errno}"), Needs::Strace, move || {
            until_none_fails(|nth, count| run(fault, nth, count))?.conclude("run", fault)
        })
    };
    FAULTS.iter().map(one).collect()
}

/// One run; `false` where nothing was left to fail.
fn run(fault: Fault, nth: u32, count: &mut Count) -> Result<bool, Failed> {
    let bench = bench_of(SMALL)?;
    let trace = bench.folder.path().join("trace");
    let run = bench.run();
    let mut traced = strace(fault, nth, &trace);
    traced.current_dir(run.get_current_dir().expect("numalab() sets it")).arg(run.get_program()).args(run.get_args());
    let ended = bounded::run(&mut traced, bench.folder.path());
    let calls = injected(&trace)?;
    if calls.is_empty() {
        return Ok(false);
    }
    let took = ended.and_then(|ended| {
        look(&bench, &ended, fault, &calls).map_err(|failed| {
            let why = failed.message().unwrap_or_default();
            Failed::from(format!("{why}\n  code {code:?}: {err}", code = ended.code, err = ended.err))
        })
    });
    match took {
        Ok(Took::Refused) => count.refused += 1,
        Ok(Took::DidWithout) => count.did_without += 1,
        Ok(Took::BeforeMain) => count.before_main += 1,
        Err(failed) => {
            count.wrong.push(format!("N = {nth}: {why}\n  {calls:?}", why = failed.message().unwrap_or_default()))
        }
    }
    Ok(true)
}
