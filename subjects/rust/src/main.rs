//! What a task costs on different schedulers: `subjects SUBJECT OPERATION PROCESSORS TASKS` prints nanoseconds an operation
//! (bytes a task for `memory`; p50 and p99 for `stop`), once for each repetition, on lines of their own.
//!
//! The same operations as `subjects/go/tasks`. `scripts/bench-tasks` runs all of them in turn.

mod asynchronous;
mod gmp_;
mod may_;
mod operation;
mod polls;
mod rayon_;
mod smol_;
mod tokio_;

use gmp::scheduler::YieldTo;
use operation::Order;
use std::process::ExitCode;

const USAGE: &str =
    "subjects gmp|gmp-global|tokio|smol|rayon|may|polls storm|pingpong|spawnjoin|spawn|wake|memory|stop PROCESSORS TASKS";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((subject, order)) = read(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let lines = match subject {
        "gmp" => gmp_::run(&order, YieldTo::Local),
        // As Go's: behind all others.
        "gmp-global" => gmp_::run(&order, YieldTo::Global),
        "tokio" => tokio_::run(&order),
        "smol" => smol_::run(&order),
        "rayon" => rayon_::run(&order),
        "may" => may_::run(&order),
        "polls" => polls::run(&order),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match lines {
        Some(lines) => lines.iter().for_each(|line| println!("{line}")),
        // Not every subject has every operation.
        None => println!("none"),
    }
    ExitCode::SUCCESS
}

fn read(arguments: &[String]) -> Option<(&str, Order)> {
    let [subject, operation, processors, tasks] = arguments else { return None };
    let number = |text: &String| text.parse::<usize>().ok().filter(|&number| number > 0);
    Some((
        subject,
        Order { operation: operation.parse().ok()?, processors: number(processors)?, tasks: number(tasks)? },
    ))
}
