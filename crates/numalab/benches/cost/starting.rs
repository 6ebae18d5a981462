//! Starting `numalab topo`, against lstopo, which does the same with the same library.

use crate::pairs::{Failed, Line, Unit, measure};
use std::process::{Command, Stdio};
use std::time::Instant;

const PAIRS: usize = 201;
const LSTOPO: &str = "lstopo-no-graphics";

pub(crate) fn lines() -> Result<Vec<Line>, Failed> {
    if Command::new(LSTOPO).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("start-up of topo: not testable, no {LSTOPO} here (package hwloc-nox, or hwloc)");
        return Ok(Vec::new());
    }
    let topo = || run_ms(env!("CARGO_BIN_EXE_numalab"), &["topo"]);
    let lstopo = || run_ms(LSTOPO, &["--no-io"]);
    let found = measure(PAIRS, topo, lstopo)?;
    // <= 1.0 is met where the interval ends at 1.
    let target = Some(1.0_f64.next_up());
    Ok(vec![found.line("start to end: numalab topo / lstopo-no-graphics --no-io", Unit::Ms, target)?])
}

fn run_ms(program: &str, args: &[&str]) -> Result<f64, Failed> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let elapsed = start.elapsed();
    if !status.success() {
        return Err(format!("{program} ended with {status}").into());
    }
    Ok(elapsed.as_secs_f64() * 1e3)
}
