//! The LaTeX tables compile with a real LaTeX.
//!
//! Where pdflatex or booktabs is absent this is NOT TESTABLE and reported as ignored with the reason, unless
//! `NUMALAB_REQUIRE` contains `latex`: then it fails.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const TABLES: [&str; 4] = ["published.tex", "unmeasured.tex", "printed.tex", "summary.tex"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required =
        std::env::var("NUMALAB_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name.trim() == "latex"));
    let missing = missing_tool();
    let trial = |table: &'static str| {
        let missing = missing.clone();
        let name = match &missing {
            Some(why) if !required => format!("compiles::{table} NOT TESTABLE: {why}"),
            _ => format!("compiles::{table}"),
        };
        let ignored = missing.is_some() && !required;
        Trial::test(name, move || compile(table, missing)).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&arguments, TABLES.map(trial).into()).exit_code()
}

fn missing_tool() -> Option<String> {
    let runs = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !runs("pdflatex", "--version") {
        return Some("pdflatex is not installed; install texlive-latex-base".into());
    }
    (!runs("kpsewhich", "booktabs.sty"))
        .then(|| "booktabs.sty is not installed; install texlive-latex-recommended".into())
}

fn compile(table: &str, missing: Option<String>) -> Result<(), Failed> {
    if let Some(why) = missing {
        return Err(format!("NUMALAB_REQUIRE asks for latex: {why}").into());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(table);
    let folder = tempfile::tempdir()?;
    let pdf: PathBuf = folder.path().join(table).with_extension("pdf");
    let output = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"])
        .arg(format!("-output-directory={}", folder.path().display()))
        .arg(&source)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()?;
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || !pdf.is_file() {
        return Err(format!("{table} does not compile:\n{log}").into());
    }
    // A table that runs off the page compiles too.
    match log.lines().find(|line| line.starts_with("Overfull \\hbox")) {
        Some(line) => Err(format!("{table} is wider than its page: {line}").into()),
        None => Ok(()),
    }
}
