//! `numalab __sample`: the child process of one sample. It loads no hwloc and prints nothing on stdout.

use std::fs::OpenOptions;
use std::process::ExitCode;

/// Where the parent reads frames: file descriptor 3, opened by name so that no descriptor is made from a number.
const FRAMES: &str = "/proc/self/fd/3";

pub(crate) fn sample() -> ExitCode {
    match OpenOptions::new().write(true).open(FRAMES) {
        Ok(frames) => ExitCode::from(runner::child::run(std::io::stdin().lock(), frames)),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let remedy = plan::remedy::remedy(&error).unwrap_or("is /proc mounted?");
            crate::exit::say(&format!("numalab: cannot open {FRAMES}: {error}; {remedy}"));
            ExitCode::from(crate::exit::FAILED)
        }
        Err(error) => {
            crate::exit::say(&format!("numalab: __sample is for `numalab run` alone: {FRAMES}: {error}"));
            ExitCode::from(crate::exit::USAGE)
        }
    }
}
