//! What holds of every workload without heaps.

use crate::program::{answer, numalab, only_folder};
use crate::storms::{ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("heapless: a run of each that was ended goes on", resumed),
        test("heapless: --trace has every poll of each on gmp, and is refused where nobody is", traced),
    ]
}

const KINDS: &[&str] = &["storm", "requests", "strategy", "burst", "blocking", "cost", "observed", "counters"];

/// Four samples of one point of this kind; counters know only threads.
fn experiment(kind: &str) -> String {
    let subject = if kind == "counters" { "threads" } else { "gmp" };
    format!(
        "name = \"tiny\"\nquestion = \"What?\"\n[workload]\nkind = \"{kind}\"\n[sweep]\nprocs = [2]\noversubscribe = \"all\"\n\
         subject = \"{subject}\"\n[[arm]]\nname = \"unbound\"\n[measure]\nseconds = 0.02\nrepetitions = 4\n"
    )
}

fn traced() -> Result<(), Failed> {
    for kind in KINDS {
        let folder = tempfile::tempdir()?;
        let to = folder.path().join("traces");
        let ended = ran(folder.path(), &experiment(kind), &["--trace", &to.to_string_lossy(), "--repetitions", "1"])?;
        if *kind == "counters" {
            ended.expect_code(2)?;
            let says = "--trace: no point of this plan has subject gmp, which alone is traced; leave it out, or add gmp to subject";
            ensure(ended.err.contains(says) && !folder.path().join("results").exists(), || ended.err.clone())?;
            continue;
        }
        ended.expect_code(0)?;
        let read: serde_json::Value = serde_json::from_slice(&fs::read(to.join("p00.json"))?)?;
        let events = read["traceEvents"].as_array().ok_or("no events")?;
        let ends = |end: &&str| events.iter().filter(|event| event["args"]["end"] == **end).count() as u64;
        let polls: u64 = ["yielded", "waits", "finished", "panicked"].iter().map(&ends).sum();
        let (counted, lost) = (&read["otherData"]["counts"]["polls"], read["otherData"]["events_lost"].as_u64());
        ensure(lost > Some(0) || counted.as_u64() == Some(polls), || {
            format!("{kind}: {polls} of {counted}, {lost:?} lost")
        })?;
        let blocks = ends(&"blocks") > 0;
        ensure(blocks == (*kind == "blocking") || *kind == "strategy", || format!("{kind}: blocks {blocks}"))?;
        let readied = events.iter().filter(|event| event["ph"] == "i").count();
        ensure(readied > 0 || *kind == "observed", || format!("{kind}: nothing became ready"))?;
    }
    Ok(())
}

fn resumed() -> Result<(), Failed> {
    for kind in KINDS {
        let text = experiment(kind);
        let folder = tempfile::tempdir()?;
        ran(folder.path(), &text, &[])?.expect_code(0)?;
        let made = only_folder(&folder.path().join("results"))?;
        answer(numalab().arg("run").arg("--resume").arg(&made).output()?).expect_code(0)?;
        // As after kill -9: nothing was concluded, and the last rows were never committed.
        fs::remove_file(made.join("SHA256SUMS"))?;
        let path = made.join("samples.csv");
        let rows = fs::read_to_string(&path)?;
        let kept: Vec<&str> = rows.lines().take(3).collect();
        fs::write(&path, kept.join("\n") + "\n")?;
        let ended = answer(numalab().arg("run").arg("--resume").arg(&made).output()?);
        ensure(ended.code == Some(0), || format!("{kind}: {ended:?}"))?;
        answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
        let ids: Vec<String> = table(&path)?.iter().map(|row| row["sample_id"].clone()).collect();
        ensure(ids == ["0", "1", "2", "3"], || format!("{kind}: {ids:?}"))?;
    }
    Ok(())
}
