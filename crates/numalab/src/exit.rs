//! Errors become one line on stderr and an exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why the program ends with something else than 0.
#[derive(Debug)]
pub(crate) struct Exit {
    /// The code, as design and `--help` list them.
    pub(crate) code: u8,
    /// One line; empty where everything was said already.
    pub(crate) message: String,
}

/// Failed.
pub(crate) const FAILED: u8 = 1;
/// Usage or a bad file.
pub(crate) const USAGE: u8 = 2;
/// A check said no.
pub(crate) const CHECK: u8 = 3;
/// Not testable on this machine.
pub(crate) const NOT_TESTABLE: u8 = 77;

impl Exit {
    pub(crate) fn new(code: u8, message: impl fmt::Display) -> Exit {
        // A message is one line whatever a library put into it.
        let message = message.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Exit { code, message }
    }

    /// An error with its causes, in one line.
    pub(crate) fn of(code: u8, error: &dyn std::error::Error) -> Exit {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            // Many libraries repeat their cause in their own text.
            if !line.contains(&text) {
                line = format!("{line}: {text}");
            }
            cause = inner.source();
        }
        Exit::new(code, line)
    }

    /// Says the line and gives the code to the system.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            say(&format!("numalab: {message}", message = self.message));
        }
        ExitCode::from(self.code)
    }
}

/// The program as it was called, for hints that can be typed as they are.
pub(crate) fn as_called() -> String {
    std::env::args().next().unwrap_or_else(|| "numalab".into())
}

/// Gives an error of a library its exit code.
pub(crate) trait WithCode<T> {
    /// The error's chain in one line, with this code.
    fn code(self, code: u8) -> Result<T, Exit>;
}

impl<T, E: std::error::Error> WithCode<T> for Result<T, E> {
    fn code(self, code: u8) -> Result<T, Exit> {
        self.map_err(|error| Exit::of(code, &error))
    }
}

/// A line on stderr, in one write. Nothing can be done about one that takes none, and nothing need be: `eprintln!` would
/// panic on a full disk.
pub(crate) fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints on stdout. A reader that went away (`| head`) is no failure: the rest is not wanted.
///
/// # Errors
/// As `printed`.
pub(crate) fn print(text: &str) -> Result<(), Exit> {
    printed(io::stdout().write_all(text.as_bytes()))
}

/// What became of printing on stdout, for all that prints.
///
/// # Errors
/// `FAILED` where stdout cannot take it: a full disk.
pub(crate) fn printed(written: io::Result<()>) -> Result<(), Exit> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let advice = plan::remedy::advice(plan::remedy::remedy(&error));
            Err(Exit::new(FAILED, format!("cannot write to stdout: {error}{advice}")))
        }
        _ => Ok(()),
    }
}
