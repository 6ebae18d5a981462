//! The terminal's tables fit their width and say what they must.

use super::*;
use crate::fixture::{derived, golden};

#[test]
fn tables_fit_their_width() {
    let results = golden();
    let derived = derived(&results);
    for width in [80, 100, 200] {
        for table in [main_text(&results, &derived, width), claims_text(&results, &derived, width)] {
            let longest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(longest <= width, "{longest} > {width}:\n{table}");
        }
    }
}

#[test]
fn the_main_table_says_what_it_must() {
    let mut results = golden();
    results.plan.points[0].regime = plan::place::Regime::Oversubscribed;
    let derived = derived(&results);
    let table = main_text(&results, &derived, 100);
    let check = |text: &str| assert!(table.contains(text), "no \"{text}\" in\n{table}");
    check("close: placement close, private local, shared interleave:0");
    check("[85.7, 89.2] (c)");
    check("(c): by construction");
    check("k/s [");
    check("N D1");
    check("N: noisy");
    check("O: oversubscribed");
    check("no p99 of pauses");
    check("1 point skipped, for instance close at 12 procs: placement close: 12 workers asked");
    check("computed by a model, not measured");
    assert!(!table.contains("F:") && !table.contains('\x1b'), "{table}");
}

#[test]
fn every_verdict_stands_with_its_reason() {
    let results = golden();
    let derived = derived(&results);
    let table = claims_text(&results, &derived, 100);
    for verdict in plan::record::Verdict::ALL {
        assert!(table.contains(&format!(": {verdict}\n")), "no {verdict} in\n{table}");
        assert!(table.contains(&format!("because this is the {verdict} one")), "{table}");
    }
    assert!(table.contains("measured 87.5 % [87.0, 88.0] at 97.5 %, n = 3; supported by 75.0 to 77.0 %"), "{table}");
    assert!(table.contains("samples that would decide it: > 1000"), "{table}");
    let coloured = claims_text(&results, &derived, Look { width: 100, colour: true });
    assert!(coloured.contains("\x1b[31mrefuted\x1b[0m"), "{coloured}");
}
