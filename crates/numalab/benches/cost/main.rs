//! What numalab costs, as paired ratios against its targets: `make bench`, or `scripts/bench ITEM…`. See ../README.md.

mod children;
mod grid;
mod observing;
mod pairs;
mod planning;
mod reporting;
mod starting;

use pairs::{Failed, Line, print_titles};
use std::process::ExitCode;

const ITEMS: [&str; 5] = ["observe", "topo", "samples", "plan", "report"];
const CHECK_SAID_NO: u8 = 3;

fn main() -> ExitCode {
    // Cargo hands on its own `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|item| !ITEMS.contains(&item.as_str())) {
        eprintln!("bench: no item \"{unknown}\"; known: {known}", known = ITEMS.join(", "));
        return ExitCode::from(2);
    }
    match all(&asked) {
        Ok(lines) if lines.iter().any(Line::fails) => ExitCode::from(CHECK_SAID_NO),
        Ok(_) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("bench: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what is asked, all where nothing is; the table is printed when all of it is known.
fn all(asked: &[String]) -> Result<Vec<Line>, Failed> {
    print_load();
    let mut lines = Vec::new();
    for item in ITEMS.into_iter().filter(|item| asked.is_empty() || asked.iter().any(|asked| asked == item)) {
        eprintln!("bench: {item}");
        lines.extend(match item {
            "observe" => observing::lines()?,
            "topo" => starting::lines()?,
            "samples" => {
                let children = children::children()?;
                let grid = grid::lines(&children)?;
                children.lines.into_iter().chain(grid).collect()
            }
            "plan" => planning::lines()?,
            _ => reporting::lines()?,
        });
    }
    print_load();
    print_titles();
    lines.iter().for_each(Line::print);
    Ok(lines)
}

/// A bench on a busy machine measures its neighbours.
fn print_load() {
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        println!("load average {load}", load = load.trim());
    }
}
