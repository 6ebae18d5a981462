//! Every reader of foreign text against mutated texts: no panic, no crash, no hang, no more memory than [`child::MEMORY_MOST`].
//!
//! `cargo test` runs a few seconds of it; `make fuzz` a million cases a parser. A parser runs in child processes, so that a
//! crash in C is seen and counted. A case is a pure function of parser, seed and number: what a failure prints
//! repeats it.
//!
//! Not bolero: a plain `cargo test` of it draws bytes and mutates no seed, and does not outlive a SIGSEGV in libhwloc.

mod child;
mod folder;
mod lists;
mod mutate;
mod parent;
mod texts;
mod xml;

use libtest_mimic::{Arguments, Trial};
use mutate::Draws;

/// Something that reads text which others wrote.
pub(crate) trait Parser {
    /// The text of a case.
    fn write(&self, draws: &mut Draws) -> Vec<u8>;

    /// Reads it as the product would, all the way to what uses it.
    fn read(&mut self, text: &[u8], draws: &mut Draws) -> Outcome;
}

/// What became of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Refused,
}

impl Outcome {
    pub(crate) fn of(accepted: bool) -> Outcome {
        if accepted { Outcome::Accepted } else { Outcome::Refused }
    }
}

/// Makes a parser that may use this folder.
type Make = fn(&std::path::Path) -> Box<dyn Parser>;

/// What libhwloc parses: its crashes are counted, and are no failure, since the product reads such texts in a child.
const IN_C: &[&str] = &["synthetic description", "hwloc XML"];

/// Every parser by name, with cases under plain `cargo test`: less than a second each, unoptimized.
const PARSERS: &[(&str, u64, Make)] = &[
    ("node and PU lists", 10_000, |_| Box::new(lists::Lists::new())),
    ("experiment TOML", 1_000, |_| Box::new(texts::Experiment::new())),
    ("audit and its table", 300, |_| Box::new(texts::Audits::new())),
    ("gathered machine", 500, |_| Box::new(texts::Gathered::new())),
    ("calibration", 200, |_| Box::new(texts::Calibrations::new())),
    ("synthetic description", 200, |_| Box::new(xml::Synthetic::new())),
    ("hwloc XML", 500, |folder| Box::new(xml::Xml::new(folder))),
    ("samples.csv", 100, |folder| Box::new(folder::Folder::new(folder, "samples.csv"))),
    ("pauses.csv", 100, |folder| Box::new(folder::Folder::new(folder, "pauses.csv"))),
    ("windows.csv", 100, |folder| Box::new(folder::Folder::new(folder, "windows.csv"))),
    ("workers.csv", 100, |folder| Box::new(folder::Folder::new(folder, "workers.csv"))),
    ("traffic.csv", 100, |folder| Box::new(folder::Folder::new(folder, "traffic.csv"))),
    ("facts.csv", 100, |folder| Box::new(folder::Folder::new(folder, "facts.csv"))),
    ("points.csv", 100, |folder| Box::new(folder::Folder::new(folder, "points.csv"))),
    ("manifest.json", 100, |folder| Box::new(folder::Folder::new(folder, "manifest.json"))),
    ("plan.toml", 100, |folder| Box::new(folder::Folder::new(folder, "plan.toml"))),
    ("topology.json", 100, |folder| Box::new(folder::Folder::new(folder, "topology.json"))),
    ("SHA256SUMS", 100, |folder| Box::new(folder::Folder::new(folder, "SHA256SUMS"))),
];

fn main() {
    if let Some(order) = child::order() {
        return child::run(&order);
    }
    let trials = PARSERS.iter().map(|&(name, cases, _)| Trial::test(name, move || parent::run(name, cases)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
