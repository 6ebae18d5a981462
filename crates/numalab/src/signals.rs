//! Signals that end a run: the sample at hand is finished first. A second one ends it at once. What was ignored from the
//! start stays so, as nohup wants it of SIGHUP.

use crate::exit::{Exit, FAILED};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What arrived.
pub(crate) struct Signals {
    /// Set by SIGHUP, SIGINT and SIGTERM.
    pub(crate) interrupt: Arc<AtomicBool>,
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Signals, Exit> {
        let signals = Signals { interrupt: Arc::default(), last: Arc::default() };
        signals.register().map_err(|error| Exit::new(FAILED, format!("cannot listen to signals: {error}")))?;
        Ok(signals)
    }

    fn register(&self) -> io::Result<()> {
        let ignored = ignored();
        let heard = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        for signal in heard {
            // In this order: the shutdown acts only if the flag was set by an earlier signal.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&self.interrupt))?;
            flag::register(signal, Arc::clone(&self.interrupt))?;
            flag::register_usize(signal, Arc::clone(&self.last), signal as usize)?;
        }
        // A file that may not grow must be an error of that write, not the end of the process.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(())
    }

    /// 128 + the signal that arrived.
    pub(crate) fn exit_code(&self) -> u8 {
        128 + u8::try_from(self.last.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Signals that this process ignores, the first in bit 0; none where /proc does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}
