//! The part of an axis that a claim about a curve is about; its ends may be in units of procs.

use crate::claim::times_procs;
use serde::{Deserialize, Serialize};

/// From one level of the axis to another; an end that is not written is that of the sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reach {
    /// The first level, a number or so many times procs: `4`, `1 procs`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The last level, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
}

impl Reach {
    /// Whether it is the whole sweep.
    pub fn is_all(&self) -> bool {
        *self == Reach::default()
    }

    /// Whether a level lies in it, on a curve of so many procs.
    pub fn holds(&self, x: u32, procs: u32) -> bool {
        let x = f64::from(x);
        let end = |end: &Option<String>| end.as_deref().and_then(|end| level_of(end, procs));
        end(&self.from).is_none_or(|from| x >= from) && end(&self.to).is_none_or(|to| x <= to)
    }

    /// `from 1 procs to 25 procs`, `from 10 tasks on`; empty for the whole sweep.
    pub fn in_words(&self, axis: &str) -> String {
        let end = |end: &str| if times_procs(end).is_some() { end.to_string() } else { format!("{end} {axis}") };
        match (&self.from, &self.to) {
            (None, None) => String::new(),
            (Some(from), None) => format!("from {from} on", from = end(from)),
            (None, Some(to)) => format!("up to {to}", to = end(to)),
            (Some(from), Some(to)) => format!("from {from} to {to}", from = end(from), to = end(to)),
        }
    }
}

/// A level of the axis: a number, or so many times procs.
pub fn level_of(written: &str, procs: u32) -> Option<f64> {
    written.parse().ok().or_else(|| times_procs(written).map(|factor| factor * f64::from(procs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_may_be_in_units_of_procs() {
        let reach = |from: Option<&str>, to: Option<&str>| Reach { from: from.map(Into::into), to: to.map(Into::into) };
        let check = |reach: Reach, procs: u32, inside: &[u32], words: &str| {
            let found: Vec<u32> = [1, 4, 10, 50, 100, 101].into_iter().filter(|x| reach.holds(*x, procs)).collect();
            assert_eq!((found.as_slice(), reach.in_words("tasks").as_str()), (inside, words));
        };
        check(Reach::default(), 4, &[1, 4, 10, 50, 100, 101], "");
        check(reach(Some("1 procs"), Some("25 procs")), 4, &[4, 10, 50, 100], "from 1 procs to 25 procs");
        check(reach(Some("1 procs"), Some("25 procs")), 2, &[4, 10, 50], "from 1 procs to 25 procs");
        check(reach(Some("10"), None), 4, &[10, 50, 100, 101], "from 10 tasks on");
        check(reach(None, Some("10")), 4, &[1, 4, 10], "up to 10 tasks");
    }
}
