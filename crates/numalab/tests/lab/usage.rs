//! What `scripts/lab` refuses before a boot, and faults that are not the job's own.

use crate::program::{answer, root};
use crate::trial::{Needs, ensure, test_with};
use libtest_mimic::{Failed, Trial};
use std::fs::File;
use std::process::{Command, Stdio};

/// Words after `scripts/lab`, and what the refusal must name.
const REFUSED: &[(&[&str], &str)] = &[
    (&["run", "2x3", "--", "true"], "no machine \"2x3\""),
    (&["run", "2x2"], "a command behind --"),
    (&["run", "2x2", "--script", "/"], "--script /: Is a directory"),
    (&["run", "2x2", "--qemu", "a \"b", "--", "true"], "No closing quotation"),
    (&["run", "2x2", "--get", "out", "--to", "/etc/passwd", "--", "true"], "--to /etc/passwd: File exists"),
    (&["run", "2x2", "--timeout", "nan", "--", "true"], "nan is not above 0"),
    (&["run", "2x2", "--timeout", "inf", "--", "true"], "inf is not above 0"),
    (&["run", "2x2", "--timeout", "0", "--", "true"], "0 is not above 0"),
    (&["run", "2x2", "--timeout=-1", "--", "true"], "-1 is not above 0"),
    // Of a machine that is booted so nothing is saved.
    (&["save", "1x2", "--cold"], "unrecognized arguments: --cold"),
    (&["save", "1x2", "--append", "a"], "unrecognized arguments: --append"),
    (&["powercut", "1x2", "--times", "0"], "0 is not at least 1"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let refused = REFUSED.iter().map(|&(words, named)| {
        test_with(format!("refused: {}", words.join(" ")), Needs::Lab, move || expect(&mut lab(words), 2, named))
    });
    let full = [&["list"] as &[&str], &["run", "2x2", "--", "seq 200000; sleep 1000"]].map(|words| {
        test_with(format!("a full disk under the output of {}", words[0]), Needs::Lab, || {
            expect(lab(words).stdout(File::create("/dev/full")?), 125, "standard output: No space left")
        })
    });
    let missing = [("true", 125), ("exit 3", 3)].map(|(job, code)| {
        test_with(format!("nothing left to get by {job}"), Needs::Lab, move || {
            expect(&mut lab(&["run", "2x2", "--get", "nope", "--", job]), code, "nope: the job left no such file")
        })
    });
    refused.chain(full).chain(missing).collect()
}

fn lab(words: &[&str]) -> Command {
    let mut lab = Command::new(root().join("scripts/lab"));
    lab.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    lab
}

/// One exit code, and words on stderr without a traceback.
fn expect(lab: &mut Command, code: i32, named: &str) -> Result<(), Failed> {
    let answer = answer(lab.spawn()?.wait_with_output()?);
    answer.expect_code(code)?;
    ensure(answer.err.contains(named) && !answer.err.contains("Traceback"), || answer.err.clone())
}
