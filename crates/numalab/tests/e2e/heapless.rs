//! What holds of every workload without heaps.

use crate::program::{answer, numalab, only_folder};
use crate::storms::{ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;

pub(crate) fn trials() -> Vec<Trial> {
    vec![test("heapless: a run of each that was ended goes on", resumed)]
}

fn resumed() -> Result<(), Failed> {
    for kind in ["storm", "requests", "strategy", "burst", "blocking", "cost", "counters", "observed"] {
        let subject = if kind == "counters" { "threads" } else { "gmp" };
        let text = format!(
            "name = \"tiny\"\nquestion = \"What?\"\n[workload]\nkind = \"{kind}\"\n[sweep]\nprocs = [2]\noversubscribe = \"all\"\n\
             subject = \"{subject}\"\n[[arm]]\nname = \"unbound\"\n[measure]\nseconds = 0.02\nrepetitions = 4\n"
        );
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
