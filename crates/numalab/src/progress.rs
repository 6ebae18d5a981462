//! Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere.

use crate::exit::say;
use indicatif::{ProgressBar, ProgressStyle};
use runner::progress::{Event, Progress, Step};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A plain line at most this often: a log must stay readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Chooses by what stderr is.
pub(crate) fn progress() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::new(0);
        // The last part is cut where the terminal ends.
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len} samples  {wide_msg}");
        bar.set_style(style.expect("the template is constant"));
        Box::new(Bar { bar })
    } else {
        Box::new(Lines { last: None })
    }
}

struct Bar {
    bar: ProgressBar,
}

impl Progress for Bar {
    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(step) => {
                self.bar.set_length(step.total);
                self.bar.set_position(step.done);
                self.bar.set_message(format!("{left}  {what}", left = left(step), what = what(step)));
            }
            Event::Finished { step, error, .. } => {
                self.bar.set_position(step.done);
                if let Some(error) = error {
                    self.bar.println(format!("failed: {what}: {error}", what = what(step)));
                }
                if step.done == step.total {
                    self.bar.finish_and_clear();
                }
            }
            Event::Note(note) => self.bar.println(*note),
        }
    }
}

struct Lines {
    last: Option<Instant>,
}

impl Progress for Lines {
    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(_) => {}
            Event::Finished { step, error: Some(error), .. } => {
                say(&format!("failed: {what}: {error}", what = what(step)));
            }
            Event::Finished { step, .. } => {
                let due = self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY) || step.done == step.total;
                if due {
                    self.last = Some(Instant::now());
                    let (done, total, left) = (step.done, step.total, left(step));
                    say(&format!("{done}/{total} samples, {left}"));
                }
            }
            Event::Note(note) => say(note),
        }
    }
}

fn what(step: &Step<'_>) -> String {
    format!("{arm} x {procs}", arm = step.point.arm, procs = step.point.procs)
}

fn left(step: &Step<'_>) -> String {
    match step.left {
        Some(left) if left.as_secs() >= 60 => format!("{minutes} min left", minutes = left.as_secs().div_ceil(60)),
        Some(left) => format!("{seconds} s left", seconds = left.as_secs()),
        None => String::new(),
    }
}
