//! Bad input of every kind: one clear line, the right exit code, nothing half written.

use crate::bench::EXPERIMENT;
use crate::program::{Answer, answer, numalab, run};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

/// `(name, line to replace, its replacement, what stderr must say)`; the file is read by `plan`.
const FILES: &[(&str, &str, &str, &str)] = &[
    ("unknown key", "procs = [1, 2]", "thread = [1, 2]", ":11: unknown key \"thread\" in [sweep]; known keys: procs"),
    ("unknown section", "[pauses]", "[pausen]", ":8: unknown key \"pausen\""),
    ("wrong type", "repetitions = 2", "repetitions = \"two\"", ":21:"),
    ("not TOML", "[measure]", "[measure", ":19:"),
    ("duplicate arm", "name = \"close\"", "name = \"unbound\"", ":15: "),
    ("empty sweep", "procs = [1, 2]", "procs = []", ":11: "),
    ("procs 0", "procs = [1, 2]", "procs = [0]", ":11: "),
    ("procs 10^9", "procs = [1, 2]", "procs = [1000000000]", ":11: "),
    ("negative seconds", "operations = 2000", "seconds = -1.0", ":20: "),
    ("NaN seconds", "operations = 2000", "seconds = nan", ":20: "),
    ("size that overflows", "\"256KiB\"\nshared", "\"99999999999GiB\"\nshared", ":6: "),
    ("local shared heap", "shared = \"interleave:workers\"", "shared = \"local\"", ":18: "),
    ("unknown policy", "private = \"local\"", "private = \"membind:0\"", ":17: "),
    ("unknown workload", "kind = \"serve\"", "kind = \"server\"", ":5: "),
    ("unknown subject", "procs = [1, 2]", "procs = [1, 2]\nsubject = \"java\"", ":12: "),
    ("bad pause", "every = \"5ms\"", "every = \"5 apples\"", ":9: "),
    (
        "a scan of more than all heaps",
        "every = \"5ms\"",
        "every = \"5ms\"\nstopped_work = \"scan:99TiB\"",
        "small.toml:10: stopped_work in [pauses]: scan:101376GiB cannot be; it must be at most ",
    ),
    ("ratio above 1", "private_bytes = \"256KiB\"", "shared_ratio = 1.5", "shared_ratio"),
    (
        "unknown metric in a claim",
        "seed = 1",
        "seed = 1\n[[claim]]\nid = \"c\"\ntext = \"t\"\narm = \"close\"\ntype = \"peak\"\nmetric = \"speed\"\nprocs = 2",
        "speed",
    ),
    (
        "unknown arm in a claim",
        "seed = 1",
        "seed = 1\n[[claim]]\nid = \"c\"\ntext = \"t\"\narm = \"far\"\ntype = \"peak\"\nmetric = \"throughput_per_s\"\nprocs = 2",
        "far",
    ),
];

/// Command lines: `(name, arguments, code, what stderr must say)`.
const ARGUMENTS: &[(&str, &[&str], i32, &str)] = &[
    ("missing file", &["plan", "no-such.toml"], 2, "no-such.toml"),
    ("directory instead of a file", &["plan", "experiments"], 2, "experiments"),
    ("missing folder", &["report", "no-such-folder"], 2, "no-such-folder"),
    ("verify of a folder without results", &["verify", "experiments"], 2, "experiments"),
    ("missing XML", &["topo", "--input", "no-such.xml"], 2, "no-such.xml"),
    ("synthetic with an error", &["topo", "--input", "synthetic:pack:2 nothing:3"], 2, "synthetic"),
    (
        "synthetic with too many PUs",
        &["topo", "--input", "synthetic:pack:2 numa:1 core:32 pu:100000"],
        2,
        "6400000 PUs",
    ),
    ("empty synthetic", &["topo", "--input", "synthetic:"], 2, "synthetic"),
    ("resume of nothing", &["run", "--resume", "no-such-folder"], 2, "no-such-folder"),
    ("run on a foreign machine", &["run", "experiments/numa-binding.toml", "--input", "x.xml"], 2, "--modelled"),
    ("NaN seconds", &["run", "experiments/numa-binding.toml", "--seconds", "nan"], 2, "--seconds"),
    ("no such arm", &["plan", "experiments/numa-binding.toml", "--arm", "far"], 2, "far"),
    ("procs 0", &["plan", "experiments/numa-binding.toml", "--procs", "0"], 2, "--procs"),
    ("no command", &[], 2, "Usage"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(name, line, replacement, says) in FILES {
        trials.push(test(format!("experiment file: {name}"), move || {
            let text = EXPERIMENT.replacen(line, replacement, 1);
            ensure(text != EXPERIMENT, || format!("\"{line}\" is not in the experiment"))?;
            refused_file(text.as_bytes(), says)
        }));
    }
    for &(name, arguments, code, says) in ARGUMENTS {
        trials.push(test(format!("arguments: {name}"), move || {
            let answer = run(arguments);
            answer.expect_code(code)?;
            ensure(answer.err.contains(says), || format!("stderr does not say {says:?}: {}", answer.err))?;
            // clap's own messages are a line and a usage; ours are one line.
            ensure(answer.err.contains("--help") || answer.err.lines().count() == 1, || {
                format!("more than a line: {}", answer.err)
            })
        }));
    }
    trials.push(test("experiment file: no arm", || {
        let text: String =
            EXPERIMENT.split("[[arm]]").next().unwrap_or_default().to_string() + "[measure]\nseconds = 1.0\n";
        refused_file(text.as_bytes(), "arm")
    }));
    trials.push(test("an experiment that this machine cannot hold at all is not testable", || {
        let text = EXPERIMENT.replacen("private_bytes = \"256KiB\"", "private_bytes = \"200TiB\"", 1);
        let folder = tempfile::tempdir()?;
        let answer = plan_file(folder.path(), text.as_bytes())?;
        answer.expect_code(77)?;
        one_line(&answer, "204800 GiB needed")
    }));
    trials.push(test("experiment file: invalid UTF-8", || refused_file(b"name = \"\xff\"\n", "UTF-8")));
    trials.push(test("experiment file: empty", || refused_file(b"", "empty")));
    trials.push(test("XML: truncated and foreign", || {
        let folder = tempfile::tempdir()?;
        for (name, text) in
            [("cut.xml", "<?xml version=\"1.0\"?>\n<topology><object type=\"Mach"), ("other.xml", "<html></html>")]
        {
            let path = folder.path().join(name);
            fs::write(&path, text)?;
            let answer = run(&["topo", "--input", &path.to_string_lossy()]);
            answer.expect_code(2)?;
            one_line(&answer, name)?;
        }
        Ok(())
    }));
    trials.push(test("arm on a node that does not exist is skipped with the reason", || {
        let text = EXPERIMENT.replacen("private = \"local\"", "private = \"bind:77\"", 1);
        let folder = tempfile::tempdir()?;
        let answer = plan_file(folder.path(), text.as_bytes())?;
        answer.expect_code(0)?;
        ensure(answer.out.contains("77"), || format!("the reason does not name node 77: {}", answer.out))
    }));
    trials.push(test("pages that the host lacks: nothing runs, and it says which there are", || {
        let text = EXPERIMENT.replacen("kind = \"serve\"", "kind = \"serve\"\npages = \"hugetlb:8MiB\"", 1);
        let folder = tempfile::tempdir()?;
        let answer = plan_file(folder.path(), text.as_bytes())?;
        answer.expect_code(77)?;
        one_line(&answer, "this kernel has no such page size; it has ")
    }));
    trials.push(test("results folder that cannot be made", || {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a-file");
        fs::write(&file, "")?;
        let experiment = folder.path().join("small.toml");
        fs::write(&experiment, EXPERIMENT)?;
        let answer = answer(numalab().arg("run").arg(&experiment).arg("--results").arg(&file).output()?);
        answer.expect_code(2)?;
        // What the machine is and what is about to run was said before; the refusal is one line.
        let refusals: Vec<&str> = answer.err.lines().filter(|line| line.starts_with("numalab: ")).collect();
        ensure(refusals.len() == 1 && refusals[0].contains("a-file: it is there and is no folder"), || {
            format!("not one line: {}", answer.err)
        })
    }));
    trials
}

fn plan_file(folder: &Path, text: &[u8]) -> Result<Answer, Failed> {
    let path = folder.join("small.toml");
    fs::write(&path, text)?;
    Ok(answer(numalab().arg("plan").arg(&path).output()?))
}

fn refused_file(text: &[u8], says: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let answer = plan_file(folder.path(), text)?;
    answer.expect_code(2)?;
    one_line(&answer, says)
}

fn one_line(answer: &Answer, says: &str) -> Result<(), Failed> {
    ensure(answer.err.contains(says), || format!("stderr does not say {says:?}: {}", answer.err))?;
    ensure(answer.err.lines().count() == 1, || format!("not one line: {}", answer.err))?;
    ensure(answer.out.is_empty(), || format!("something on stdout: {}", answer.out))
}
