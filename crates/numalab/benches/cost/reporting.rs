//! `report` of very many samples, by `crates/report/examples/million_rows.rs` in a process of its own, since the most
//! memory a process ever held is asked of the process.

use crate::pairs::{Failed, Line, Pairs, Unit};
use std::process::Command;

const PAIRS: usize = 9;
const ROWS: usize = 1_000_000;
const FEWER: usize = ROWS / 10;
const LIMIT_SECONDS: f64 = 2.0;
const LIMIT_MB: f64 = 200.0;
/// Above it ten times the rows take more than ten times the time: not linear. Below it nothing is said.
const LINEAR: f64 = 1.2;

struct Cost {
    seconds: f64,
    peak_mb: f64,
}

pub(crate) fn lines() -> Result<Vec<Line>, Failed> {
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        if pair % 2 == 0 {
            many.push(report(ROWS)?);
            few.push(report(FEWER)?);
        } else {
            few.push(report(FEWER)?);
            many.push(report(ROWS)?);
        }
    }
    let seconds = Pairs::against(LIMIT_SECONDS, many.iter().map(|cost| cost.seconds));
    let peak = Pairs::against(LIMIT_MB, many.iter().map(|cost| cost.peak_mb));
    let ten_times = Pairs::of(many.iter().zip(&few).map(|(many, few)| (many.seconds, few.seconds * 10.0)));
    Ok(vec![
        seconds.line(&format!("report of {ROWS} samples"), Unit::Seconds, Some(1.0))?,
        peak.line(&format!("report of {ROWS} samples, most memory held"), Unit::Megabytes, Some(1.0))?,
        ten_times.line(&format!("report of {ROWS} samples / 10 x of {FEWER}: linear"), Unit::Seconds, Some(LINEAR))?,
    ])
}

fn report(rows: usize) -> Result<Cost, Failed> {
    // Cargo puts examples beside the folder of benches.
    let bench = std::env::current_exe()?;
    let program = bench.parent().and_then(|deps| deps.parent()).ok_or("a program lies in a folder")?;
    let program = program.join("examples/million_rows");
    let output = Command::new(&program).arg(rows.to_string()).output().map_err(|error| {
        format!(
            "{program}: {error}; cargo build --release -p report --example million_rows",
            program = program.display()
        )
    })?;
    let text = String::from_utf8(output.stdout)?;
    let words: Vec<&str> = text.lines().find(|line| line.starts_with("update ")).unwrap_or("").split(' ').collect();
    let figure = |name: &str| {
        let at = words.iter().position(|word| *word == name).ok_or(format!("{rows} rows: no {name} in {text:?}"))?;
        words.get(at + 1).unwrap_or(&"").parse::<f64>().map_err(|error| format!("{name}: {error}"))
    };
    Ok(Cost { seconds: figure("seconds")?, peak_mb: figure("peak_mb")? })
}
