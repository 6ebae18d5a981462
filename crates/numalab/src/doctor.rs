//! `numalab doctor`: what this host allows and what will disturb a measurement.

use crate::args::{Doctor, Format};
use crate::exit::{Exit, FAILED, WithCode, print};
use host::doctor::{Finding, Verdict};
use report::tables::wrap;
use std::fmt::Write;

pub(crate) fn doctor(args: &Doctor) -> Result<(), Exit> {
    let machine = host::probe().code(FAILED)?;
    let findings = host::doctor::examine(&machine);
    match args.format {
        Format::Text => print(&text(&findings)),
        Format::Json => {
            let json: serde_json::Value = findings.iter().map(object).collect();
            print(&format!("{json:#}\n"))
        }
        Format::Csv => print(&csv(&findings)),
    }
}

/// Columns of the widest line.
const WIDTH: usize = 100;

fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    let width = findings.iter().map(|finding| finding.name.chars().count()).max().unwrap_or(0);
    let indent = width + 12;
    for finding in findings {
        let Finding { name, value, verdict, remedy } = finding;
        let value = wrap(value, indent, WIDTH);
        write!(out, "{verdict:<9}  {name:<width$} {value}", value = value.trim_start())
            .expect("a string takes every line");
        out.push_str(&remedy.as_deref().map(|remedy| wrap(remedy, indent, WIDTH)).unwrap_or_default());
    }
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (disturbs, forbidden) = (count(Verdict::Disturbs), count(Verdict::Forbidden));
    writeln!(out, "\n{disturbs} will disturb a measurement, {forbidden} forbidden here")
        .expect("a string takes every line");
    out
}

fn object(finding: &Finding) -> serde_json::Value {
    let Finding { name, value, verdict, remedy } = finding;
    serde_json::json!({ "name": name, "value": value, "verdict": verdict.word(), "remedy": remedy })
}

fn csv(findings: &[Finding]) -> String {
    let mut out = String::from("name,value,verdict,remedy\n");
    for finding in findings {
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        let cells = [finding.name.as_str(), &finding.value, finding.verdict.word(), remedy];
        let cells = cells.map(|cell| format!("\"{cell}\"", cell = cell.replace('"', "\"\"")));
        writeln!(out, "{row}", row = cells.join(",")).expect("a string takes every line");
    }
    out
}
