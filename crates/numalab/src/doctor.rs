//! `numalab doctor`: what this host allows and what will disturb a measurement.

use crate::args::{Doctor, Format};
use crate::exit::{Exit, FAILED, WithCode, print};
use host::doctor::{Finding, Judgement};
use std::fmt::Write;

pub(crate) fn doctor(args: &Doctor) -> Result<(), Exit> {
    let machine = host::probe().code(FAILED)?;
    let findings = host::doctor::examine(&machine);
    match args.format {
        Format::Text => print(&text(&findings)),
        Format::Json => {
            let json = serde_json::to_string_pretty(&findings).expect("a finding has text keys only");
            print(&format!("{json}\n"))
        }
        Format::Csv => print(&csv(&findings)),
    }
}

/// Columns that the remedy is wrapped to.
const WIDTH: usize = 98;

fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    for finding in findings {
        let Finding { name, value, .. } = finding;
        writeln!(out, "{mark:<9} {name:<width$}  {value}", mark = finding.verdict.to_string()).expect("a string takes every line");
        if let Some(remedy) = &finding.remedy {
            for line in crate::wrap::wrap(remedy, WIDTH - width - 12) {
                writeln!(out, "{empty:>indent$}{line}", empty = "", indent = width + 12).expect("a string takes every line");
            }
        }
    }
    let count = |judgement: Judgement| findings.iter().filter(|finding| finding.verdict == judgement).count();
    let (disturbs, forbidden) = (count(Judgement::Disturbs), count(Judgement::Forbidden));
    writeln!(out, "\n{disturbs} will disturb a measurement, {forbidden} forbidden here").expect("a string takes every line");
    out
}
