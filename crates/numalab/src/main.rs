//! The numalab command: the command line in, one call, its answer printed. What is decided is decided elsewhere.

#![deny(clippy::print_stderr, reason = "eprintln! panics where stderr takes nothing; exit::say does not")]

mod against;
mod apart;
mod args;
mod compare;
mod doctor;
mod exit;
mod fit;
mod gather;
mod machine;
mod other;
mod pilot;
mod planning;
mod predict;
mod progress;
mod report;
mod run;
mod sample;
mod signals;
mod tables;
mod topo;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use exit::{Exit, FAILED, print};
use std::process::ExitCode;

fn main() -> ExitCode {
    let answered = match Cli::try_parse() {
        Ok(cli) => answer(&cli.command),
        Err(usage) if usage.use_stderr() => usage.exit(),
        Err(help) => exit::printed(help.print()).map(|()| ExitCode::SUCCESS),
    };
    answered.unwrap_or_else(Exit::report)
}

fn answer(command: &Command) -> Result<ExitCode, Exit> {
    match command {
        Command::Topo(args) => topo::topo(args)?,
        Command::Doctor(args) => doctor::doctor(args)?,
        Command::Plan(args) => planning::planning(args)?,
        Command::Run(args) => return run::run(args),
        Command::Predict(args) => predict::predict(args)?,
        Command::Report(args) => report::report(args)?,
        Command::Verify(args) => report::verify(args)?,
        Command::Claims(args) => report::claims(args)?,
        Command::Tables(args) => tables::tables(args)?,
        Command::Compare(args) => compare::compare(args)?,
        Command::Fit(args) => fit::fit(args)?,
        Command::Gather(args) => gather::gather(args)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "numalab", &mut script);
            print(&String::from_utf8_lossy(&script))?;
        }
        Command::Man => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|error| Exit::new(FAILED, format!("cannot write the manual page: {error}")))?;
            print(&String::from_utf8_lossy(&page))?;
        }
        Command::Sample => return Ok(sample::sample()),
        Command::Build => against::build()?,
        Command::Topology { input } => machine::topology_child(input)?,
    }
    Ok(ExitCode::SUCCESS)
}
